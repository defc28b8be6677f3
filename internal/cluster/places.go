package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hooks-cli/hooks/internal/spool"
)

// A stream is where the events of names lie. A shard is one.
type stream interface {
	store(ctx context.Context, label string, r *spool.Record) error
	// read returns events in order, from offset on and without a gap: there is
	// none between offset and the last one returned that is not in the list. An
	// empty list means that there is none at all.
	read(ctx context.Context, label string, offset uint64, count int, bytes int64) ([]*spool.Record, error)
	last(ctx context.Context, label string) (uint64, error)
	drop(ctx context.Context, label string, offset uint64) error
}

// places keep cursors. Each key has a revision, 0 while it is not there.
type places interface {
	get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	below(ctx context.Context, key string) ([]string, error)
	// update writes a key that is still at revision, else the error is
	// errRevision.
	update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	put(ctx context.Context, key string, value []byte) error // nil: the key goes
}

// cursors are the places in a bucket.
type cursors struct{ c *Cluster }

func (p cursors) get(ctx context.Context, key string) ([]byte, uint64, error) {
	m, err := p.c.leader(ctx, "KV_hk_cur", ask{Last: "$KV.hk_cur." + key})
	switch {
	case err != nil || m == nil:
		return nil, 0, err
	case bytes.Contains(m.Header, []byte("KV-Operation")): // it is gone
		return nil, m.Seq, nil
	}
	return m.Data, m.Seq, nil
}

func (p cursors) below(ctx context.Context, key string) ([]string, error) {
	keys, err := p.c.cursors.ListKeysFiltered(ctx, key+".*")
	if err != nil {
		return nil, fmt.Errorf("%w: read the cursors: %w", ErrAway, err)
	}
	var list []string
	for k := range keys.Keys() {
		list = append(list, k)
	}
	return list, nil
}

func (p cursors) update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return update(ctx, p.c.cursors, key, value, revision)
}

func (p cursors) put(ctx context.Context, key string, value []byte) error {
	var err error
	if value == nil {
		err = p.c.cursors.Delete(ctx, key)
	} else {
		_, err = p.c.cursors.Put(ctx, key, value)
	}
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("%w: write a cursor: %w", ErrAway, err)
	}
	return nil
}
