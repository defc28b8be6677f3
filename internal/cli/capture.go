package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

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
