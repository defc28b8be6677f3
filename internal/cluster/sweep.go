package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// sweepMost is how many keys of a bucket one sweep removes. The rest waits for
// the next.
const sweepMost = 10_000

// markerAge is how long the servers keep of a key that it is gone: until then a
// node may still act on what it knew.
const markerAge = 10 * time.Minute

// A leftover is a key that may go, or what the servers keep of one that is gone.
type leftover struct {
	key      string
	revision uint64
	marker   bool
}

// Sweep gives up the names that nobody has used since unused and whose owner is
// gone, for an owner gives up only its own, and removes what the servers keep of
// keys that are gone. It returns how many names it gave up. It reads the entries
// of all names: once a day is enough.
func (c *Cluster) Sweep(ctx context.Context, unused time.Time) (int, error) {
	names := 0
	list, err := c.leftovers(ctx, c.own, func(value []byte) bool {
		var o Owner
		return json.Unmarshal(value, &o) == nil && !c.Alive(&o) && o.UsedAt.Before(unused)
	})
	for i := 0; err == nil && i < len(list); i++ {
		if l := list[i]; l.marker {
			err = c.unmark(ctx, c.own, l)
		} else if err = c.Release(ctx, l.key, l.revision); err == nil {
			names++
		}
		if errors.Is(err, ErrRevision) { // somebody has claimed it meanwhile
			err = nil
		}
	}
	if err != nil {
		return names, err
	}
	list, err = c.leftovers(ctx, c.cursors, func([]byte) bool { return false })
	for i := 0; err == nil && i < len(list); i++ {
		err = c.unmark(ctx, c.cursors, list[i])
	}
	return names, err
}

// leftovers lists the keys of a bucket that may go by their values, and those
// that have been gone for a while.
func (c *Cluster) leftovers(ctx context.Context, kv jetstream.KeyValue, may func(value []byte) bool) ([]leftover, error) {
	watch, err := kv.WatchAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrAway, kv.Bucket(), err)
	}
	defer func() { _ = watch.Stop() }()
	var list []leftover
	for len(list) < sweepMost {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return nil, fmt.Errorf("%w: read %s", ErrAway, kv.Bucket())
			case e == nil: // that was all
				return list, nil
			case e.Operation() == jetstream.KeyValuePut:
				if may(e.Value()) {
					list = append(list, leftover{e.Key(), e.Revision(), false})
				}
			case c.cfg.Now().Sub(e.Created()) > markerAge:
				list = append(list, leftover{e.Key(), e.Revision(), true})
			}
		}
	}
	return list, nil
}

// unmark removes what is kept of a key that is gone, and nothing newer.
func (c *Cluster) unmark(ctx context.Context, kv jetstream.KeyValue, l leftover) error {
	stream, err := c.js.Stream(ctx, "KV_"+kv.Bucket())
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject("$KV."+kv.Bucket()+"."+l.key), jetstream.WithPurgeSequence(l.revision+1))
	}
	if err != nil {
		return fmt.Errorf("%w: clear %s: %w", ErrAway, kv.Bucket(), err)
	}
	return nil
}

// clear removes what is left of a name that nobody owns any more: its events and
// its cursors. If it has been claimed meanwhile, they may be the new owner's.
func (c *Cluster) clear(ctx context.Context, label string) error {
	s := c.ground.StreamOf(label)
	end, err := s.Last(ctx, label)
	if err != nil {
		return err
	}
	if o, _, err := c.ask(ctx, label); err != nil || o != nil {
		return err
	}
	if end > 0 {
		if err := s.Drop(ctx, label, end); err != nil {
			return err
		}
	}
	cursors := c.ground.Cursors()
	keys, err := cursors.Below(ctx, label)
	if err != nil {
		return err
	}
	switch value, _, err := cursors.Get(ctx, label); {
	case err != nil:
		return err
	case value != nil:
		keys = append(keys, label)
	}
	for _, key := range keys {
		if err := cursors.Put(ctx, key, nil); err != nil {
			return err
		}
	}
	return nil
}
