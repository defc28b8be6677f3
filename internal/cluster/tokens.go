package cluster

import (
	"context"
	"fmt"
	"maps"

	"github.com/nats-io/nats.go/jetstream"
)

// Tokens are the records of the tokens that the relays accept, by their ids,
// and a number that rises with each change. The records are not the caller's
// to change.
func (c *Cluster) Tokens() (records map[string][]byte, version uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.records), c.version
}

// TokensVersion is the number that rises with each change of the tokens.
func (c *Cluster) TokensVersion() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// PutToken adds a record, or replaces it. All nodes have it within moments.
func (c *Cluster) PutToken(ctx context.Context, id string, record []byte) error {
	if _, err := c.tokens.Put(ctx, id, record); err != nil {
		return fmt.Errorf("%w: keep a token: %w", ErrAway, err)
	}
	return nil
}

// DeleteToken removes a record.
func (c *Cluster) DeleteToken(ctx context.Context, id string) error {
	if err := c.tokens.Delete(ctx, id); err != nil {
		return fmt.Errorf("%w: remove a token: %w", ErrAway, err)
	}
	return nil
}

// ReadTokens reads the records from the servers.
func (c *Cluster) ReadTokens(ctx context.Context) (map[string][]byte, error) {
	watch, err := c.tokens.WatchAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: read the tokens: %w", ErrAway, err)
	}
	defer func() { _ = watch.Stop() }()
	list := make(map[string][]byte)
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: read the tokens: %w", ErrAway, ctx.Err())
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return nil, fmt.Errorf("read the tokens: %w", ErrAway)
			case e == nil:
				return list, nil
			case e.Operation() == jetstream.KeyValuePut:
				list[e.Key()] = e.Value()
			}
		}
	}
}

// tokenChanged keeps the records fresh.
func (c *Cluster) tokenChanged(e jetstream.KeyValueEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Operation() == jetstream.KeyValuePut {
		c.records[e.Key()] = e.Value()
	} else {
		delete(c.records, e.Key())
	}
	c.version++
}
