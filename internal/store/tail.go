package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// TailOptions say where a Tail begins and what it shows. Without After, From and
// Query.Since it begins with what is stored after the call of Tail.
type TailOptions struct {
	Query           // what is shown; Before, Oldest and Limit do not matter
	After string    // id of a delivery: begin with what was stored after it
	From  *Position // begin with what was stored after it
}

// A Position is a place in the order in which deliveries are stored. It stays
// good when deliveries are deleted.
type Position int64

// Position returns the place behind all that has been stored so far.
func (s *Store) Position(ctx context.Context) (Position, error) {
	st, err := s.state(ctx)
	return Position(st.seq), err
}

// A Tail follows what any process stores, in the order in which it was stored.
// It is used by one goroutine at a time and must be closed.
type Tail struct {
	s      *Store
	opts   TailOptions
	seq, n int64 // up to where deliveries and attempts have been seen
	ready  []seen
	leave  func()
}

// seen is what Next returns.
type seen struct {
	delivery *webhook.Delivery
	err      error
}

// Tail begins to follow the store. With Query.Failed it shows a delivery
// whenever an attempt or answer made it fail. An unknown After is ErrNotFound.
func (s *Store) Tail(ctx context.Context, o TailOptions) (*Tail, error) {
	st, err := s.state(ctx)
	if err != nil {
		return nil, err
	}
	t := &Tail{s: s, opts: o, seq: st.seq, n: st.attempt}
	switch {
	case o.After != "":
		err = t.after(ctx, o.After)
	case o.From != nil:
		t.seq = min(int64(*o.From), st.seq) // a store that was begun anew is behind it
	case !o.Since.IsZero():
		err = t.since(ctx)
	}
	if err != nil {
		return nil, err
	}
	t.leave = s.watch.join()
	return t, nil
}

func (t *Tail) after(ctx context.Context, id string) error {
	raw, err := ids.Parse(id)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	found, err := t.s.one(ctx, "SELECT seq FROM delivery WHERE id = ?", []any{raw[:]}, &t.seq)
	if err == nil && !found {
		err = fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return err
}

// since makes what is already there the first thing to be shown.
func (t *Tail) since(ctx context.Context) error {
	q := t.opts.Query
	q.Oldest, q.Limit, q.Before = true, 0, ""
	for d, err := range t.s.All(ctx, q) {
		if err != nil {
			if !isDamagedDelivery(err) {
				return err
			}
		}
		t.ready = append(t.ready, seen{d, err})
	}
	return nil
}

// Close ends the Tail.
func (t *Tail) Close() { t.leave() }

// Next waits for the next delivery and returns it. It returns the error of ctx
// when that ends, a *DamagedError for a delivery that cannot be read, after
// which it can be called again, and ErrClosed once the store is closed.
func (t *Tail) Next(ctx context.Context) (*webhook.Delivery, error) {
	for {
		beat := t.s.pulse.wait()
		if d, err := t.Poll(ctx); d != nil || err != nil {
			return d, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-beat:
		}
	}
}

// Poll is Next that does not wait: nil if there is nothing new.
func (t *Tail) Poll(ctx context.Context) (*webhook.Delivery, error) {
	if len(t.ready) == 0 {
		if err := t.look(ctx); err != nil {
			return nil, err
		}
	}
	if len(t.ready) == 0 {
		return nil, nil
	}
	first := t.ready[0]
	t.ready = t.ready[1:]
	return first.delivery, first.err
}

// look reads what is new into ready. Where it fails it has seen nothing: the
// next look finds all of it.
func (t *Tail) look(ctx context.Context) error {
	seq, n := t.seq, t.n
	err := t.read(ctx)
	if err != nil {
		t.seq, t.n, t.ready = seq, n, nil
	}
	return err
}

func (t *Tail) read(ctx context.Context) error {
	fresh, err := t.places(ctx, "SELECT id, seq, seq FROM delivery WHERE seq > ? ORDER BY seq LIMIT ?", &t.seq)
	if err != nil {
		return err
	}
	for _, p := range fresh {
		if err := t.show(ctx, p); err != nil {
			return err
		}
	}
	if !t.opts.Failed {
		return nil
	}
	updated, err := t.places(ctx, `SELECT delivery.id, delivery.seq, n FROM attempt JOIN delivery USING (seq)
		WHERE n > ? ORDER BY n LIMIT ?`, &t.n)
	if err != nil {
		return err
	}
	isFresh := func(p place) bool {
		return slices.ContainsFunc(fresh, func(f place) bool { return f.seq == p.seq })
	}
	for _, p := range updated {
		if isFresh(p) || p.seq > t.seq {
			continue // shown with it, now or later
		}
		if err := t.show(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tail) show(ctx context.Context, p place) error {
	d, err := t.s.load(ctx, p)
	if isGone(err) {
		return nil
	}
	if err == nil && t.opts.matches(d) || isDamagedDelivery(err) {
		t.ready = append(t.ready, seen{d, err})
		return nil
	}
	return err
}

// places reads where the next deliveries are and moves mark past them.
func (t *Tail) places(ctx context.Context, query string, mark *int64) ([]place, error) {
	var list []place
	err := t.s.each(ctx, query, []any{*mark, pageOf}, func(scan func(...any) error) error {
		var p place
		err := scan(&p.id, &p.seq, mark)
		list = append(list, p)
		return err
	})
	return list, err
}
