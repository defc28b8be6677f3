package cli

import (
	"context"
	"errors"
	"fmt"

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
