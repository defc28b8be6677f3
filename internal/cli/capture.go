package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/replay"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// CaptureID returns the id of the delivery that ref means, an id as a person
// types it. Where an event id fits several, which one it is, is told.
func (e *Env) CaptureID(ctx context.Context, ref string) (string, error) {
	st, err := e.Workspace().Store(ctx)
	if err != nil {
		return "", err
	}
	id, others, err := st.Resolve(ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		return "", NoDelivery(ref)
	}
	if err != nil {
		return "", err
	}
	if len(others) > 0 {
		e.Say("%s is the newest of %d deliveries of this event", id, len(others)+1)
	}
	return id, nil
}

// Capture returns the delivery that ref means, as CaptureID finds it.
func (e *Env) Capture(ctx context.Context, ref string) (*webhook.Delivery, error) {
	id, err := e.CaptureID(ctx, ref)
	if err != nil {
		return nil, err
	}
	st, err := e.Workspace().Store(ctx)
	if err != nil {
		return nil, err
	}
	return st.Get(ctx, id)
}

// Delivery returns the delivery that ref means: the one request of a file if it
// is one, else what Capture returns.
func (e *Env) Delivery(ctx context.Context, ref string) (*webhook.Delivery, error) {
	if !e.IsFile(ref) {
		return e.Capture(ctx, ref)
	}
	data, err := e.File(ref)
	if err != nil {
		return nil, err
	}
	ds, err := e.Requests(ref, data)
	if err != nil {
		return nil, err
	}
	if len(ds) > 1 {
		return nil, Usage(fmt.Errorf("%s holds %d deliveries, and one is meant", ref, len(ds)), "hooks events import takes them into the store")
	}
	return ds[0], nil
}

// Requests reads the requests in data, in any form that hooks knows; name says
// where they are from. What a form does not tell, such as an id and a verdict,
// is filled in as of now.
func (e *Env) Requests(name string, data []byte) ([]*webhook.Delivery, error) {
	ds, err := httptext.ParseAll(data)
	if errors.Is(err, httptext.ErrNone) {
		return nil, NoBecause(fmt.Errorf("%s: %w", name, err))
	}
	if err != nil {
		return nil, Usage(fmt.Errorf("%s: %w", name, err))
	}
	now := e.Now()
	var gen ids.Generator
	for _, d := range ds {
		d.RemoteAddr = replay.ImportedAddr
		if _, err := ids.Parse(d.ID); err != nil {
			d.ID = gen.New(now)
		}
		if d.ReceivedAt.IsZero() {
			d.ReceivedAt = now
		}
		if d.Direction == "" {
			d.Direction = webhook.Received
		}
		if err := e.Describe(d); err != nil {
			return nil, err
		}
	}
	return ds, nil
}

// NoDelivery says that ref names no delivery of the store.
func NoDelivery(ref string) error {
	return NoBecause(fmt.Errorf("there is no delivery %q", ref), "hooks events list shows what there is")
}

// Describe finds out which event a request carries that comes from a file and
// does not say so itself. Unless it says otherwise, nobody has verified it.
func (e *Env) Describe(d *webhook.Delivery) error {
	if d.Verification.Status == "" {
		d.Verification.Status = webhook.Unverified
	}
	if d.Provider != "" {
		return nil
	}
	catalogue, err := e.Workspace().Catalogue()
	if err != nil {
		return err
	}
	m := &scheme.Message{Method: d.Method, URL: d.URL, Header: d.Header, Body: d.Body}
	if found := catalogue.Recognise(m); len(found) == 1 {
		info := found[0].Describe(m)
		d.Provider = found[0].ID
		d.EventID, d.EventType = cmp.Or(d.EventID, info.EventID), cmp.Or(d.EventType, info.EventType)
	}
	return nil
}
