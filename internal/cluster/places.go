package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hooks-cli/hooks/internal/spool"
)

// A Ground is what a node stands on. Connect makes one of NATS; a model of
// several nodes has one in memory, which can delay, lose and repeat.
type Ground interface {
	StreamOf(label string) Stream
	Owners() Places
	Nodes() Places // what is put there is forgotten after nodeDead
	Cursors() Places
	Connected() bool
	// Publish sends a message to all nodes that listen to subject; it may be
	// lost. Request waits until one of them has answered, unless none listens.
	Publish(subject string, data []byte) error
	Request(ctx context.Context, subject string, data []byte) error
}

// A Stream is where the events of names lie. A shard is one.
type Stream interface {
	// Store sets the offset of r. An event that is stored already, as its id
	// says, has the offset that it has.
	Store(ctx context.Context, label string, r *spool.Record) error
	// Read returns events in order, from offset on and without a gap: there is
	// none between offset and the last one returned that is not in the list. An
	// empty list means that there is none at all.
	Read(ctx context.Context, label string, offset uint64, count int, bytes int64) ([]*spool.Record, error)
	// Last is the offset of the newest event, 0 if there is none.
	Last(ctx context.Context, label string) (uint64, error)
	// Drop removes the events up to offset.
	Drop(ctx context.Context, label string, offset uint64) error
}

// Places keep small values. Each key has a revision, 0 while it is not there,
// which rises with each change of any key.
type Places interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Near is what Get was, maybe a while ago; a key that is not there is an error.
	Near(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Below lists the keys that begin with key and a dot.
	Below(ctx context.Context, key string) ([]string, error)
	// Update writes a key that is still at revision, else the error is
	// ErrRevision. With a nil value the key goes.
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	Put(ctx context.Context, key string, value []byte) error // nil: the key goes
}

// ErrRevision says that a key is at another revision.
var ErrRevision = errors.New("changed meanwhile")

// A natsGround is the one that Connect makes.
type natsGround struct{ c *Cluster }

func (g natsGround) StreamOf(label string) Stream { return g.c.shardOf(label) }
func (g natsGround) Owners() Places               { return bucket{g.c, g.c.own} }
func (g natsGround) Nodes() Places                { return bucket{g.c, g.c.nodes} }
func (g natsGround) Cursors() Places              { return bucket{g.c, g.c.cursors} }
func (g natsGround) Connected() bool              { return g.c.nc.IsConnected() }

func (g natsGround) Publish(subject string, data []byte) error { return g.c.nc.Publish(subject, data) }

func (g natsGround) Request(ctx context.Context, subject string, data []byte) error {
	_, err := g.c.nc.RequestWithContext(ctx, subject, data)
	return err
}

// A bucket is places in NATS.
type bucket struct {
	c  *Cluster
	kv jetstream.KeyValue
}

func (p bucket) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	m, err := p.c.leader(ctx, "KV_"+p.kv.Bucket(), ask{Last: "$KV." + p.kv.Bucket() + "." + key})
	switch {
	case err != nil || m == nil:
		return nil, 0, err
	case bytes.Contains(m.Header, []byte("KV-Operation")): // it is gone
		return nil, m.Seq, nil
	}
	return m.Data, m.Seq, nil
}

func (p bucket) Near(ctx context.Context, key string) ([]byte, uint64, error) {
	e, err := p.kv.Get(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	return e.Value(), e.Revision(), nil
}

func (p bucket) Below(ctx context.Context, key string) ([]string, error) {
	keys, err := p.kv.ListKeysFiltered(ctx, key+".*")
	if err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrAway, p.kv.Bucket(), err)
	}
	var list []string
	for k := range keys.Keys() {
		list = append(list, k)
	}
	return list, nil
}

func (p bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if value == nil {
		if err := p.kv.Delete(ctx, key, jetstream.LastRevision(revision)); err != nil {
			return 0, p.failed(key, err)
		}
		return revision, nil
	}
	rev, err := p.kv.Update(ctx, key, value, revision)
	if err != nil {
		return 0, p.failed(key, err)
	}
	return rev, nil
}

// failed says why a key could not be written.
func (p bucket) failed(key string, err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		return ErrRevision
	}
	return fmt.Errorf("%w: write %s in %s: %w", ErrAway, key, p.kv.Bucket(), err)
}

func (p bucket) Put(ctx context.Context, key string, value []byte) error {
	var err error
	if value == nil {
		err = p.kv.Delete(ctx, key)
	} else {
		_, err = p.kv.Put(ctx, key, value)
	}
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return p.failed(key, err)
	}
	return nil
}
