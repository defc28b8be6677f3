package expect

import (
	"context"
	"errors"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/presence"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// open opens where captures come from: a listener of our own, or the store of
// those that run.
func (x *expecting) open(ctx context.Context) error {
	if x.o.Listen == "" {
		return x.follow(ctx)
	}
	r, err := x.env.Receive(ctx, x.o.Listen, x.o.Provider, x.o.Secrets)
	if err != nil {
		return err
	}
	x.source, x.url, x.close = r, r.URL, r.Close
	x.gone = func() error { return nil } // its own errors say so
	return nil
}

// follow reads along in the store, from where the first listener began.
func (x *expecting) follow(ctx context.Context) error {
	running, err := x.env.Running()
	if err != nil {
		return err
	}
	if len(running) == 0 {
		return cli.Failed(errors.New("no listener runs on this store"),
			"start one first: hooks listen :3000", "or capture here: --listen :3000")
	}
	for _, l := range running {
		x.env.Verbose("a listener at %s, process %d, since %s", l.Address, l.PID, webhook.FormatTime(l.Since))
	}
	st, err := x.env.Workspace().Store(ctx)
	if err != nil {
		return err
	}
	from := store.Position(running[0].From)
	o := store.TailOptions{Query: store.Query{Direction: webhook.Received}, From: &from}
	switch {
	case x.o.After != "":
		d, err := x.env.Capture(ctx, x.o.After)
		if err != nil {
			return err
		}
		o.After, o.From = d.ID, nil
	case x.o.Since != "":
		if o.Since, err = units.ParseTime(x.o.Since, x.env.Now()); err != nil {
			return cli.Usagef("--since: %w", err)
		}
		o.From = nil
	}
	tail, err := st.Tail(ctx, o)
	if err != nil {
		return err
	}
	x.source, x.close = &followed{env: x.env, tail: tail, seen: map[string]bool{}}, tail.Close
	x.url = addresses(running)
	x.gone = x.allGone
	return nil
}

// addresses is where the listeners are: the one that is found by its URL.
func addresses(running []presence.Listener) string {
	for _, l := range running {
		if l.URL != "" {
			return l.URL
		}
	}
	return ""
}

func (x *expecting) allGone() error {
	running, err := x.env.Running()
	if err == nil && len(running) == 0 {
		err = errEnded
	}
	return err
}

// followed is the store as a source. A capture that was stored while the tail
// began may come twice and is passed on once.
type followed struct {
	env  *cli.Env
	tail *store.Tail
	seen map[string]bool
}

// Next waits for the next capture.
func (f *followed) Next(ctx context.Context) (*webhook.Delivery, error) {
	for {
		d, err := f.tail.Next(ctx)
		if d, err := f.fresh(d, err); d != nil || err != nil {
			return d, err
		}
	}
}

// Poll is Next that does not wait.
func (f *followed) Poll(ctx context.Context) (*webhook.Delivery, error) {
	for {
		d, err := f.tail.Poll(ctx)
		if d == nil && err == nil {
			return nil, nil // there is none
		}
		if d, err := f.fresh(d, err); d != nil || err != nil {
			return d, err
		}
	}
}

// fresh returns a delivery that was not seen before. One that cannot be read is
// told and passed over.
func (f *followed) fresh(d *webhook.Delivery, err error) (*webhook.Delivery, error) {
	var damaged *store.DamagedError
	switch {
	case errors.As(err, &damaged):
		f.env.Warn(damaged.Error())
		return nil, nil // what follows may be fine
	case err != nil:
		return nil, err
	case f.seen[d.ID]:
		return nil, nil // known
	}
	f.seen[d.ID] = true
	return d, nil
}
