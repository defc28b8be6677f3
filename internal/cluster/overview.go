package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// An Entry is how one name stands.
type Entry struct {
	Name    string `json:"name"`
	Owner   string `json:"owner"` // the node
	Alive   bool   `json:"alive"` // the owner is heard of
	Mode    string `json:"mode"`
	Share   string `json:"share"`
	Waiting int64  `json:"waiting"` // its events in the store, some of which are acknowledged
}

// Overview lists all names, those with the most events first. It reads them
// all: it is for a person who looks, not for each request.
func (c *Cluster) Overview(ctx context.Context) ([]Entry, error) {
	waiting, err := c.waiting(ctx)
	if err != nil {
		return nil, err
	}
	watch, err := c.own.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("%w: read the names: %w", ErrAway, err)
	}
	defer func() { _ = watch.Stop() }()
	var list []Entry
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: read the names: %w", ErrAway, ctx.Err())
		case e, ok := <-watch.Updates():
			if !ok || e == nil {
				slices.SortFunc(list, func(a, b Entry) int { return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(a.Name, b.Name)) })
				return list, nil
			}
			var o Owner
			if json.Unmarshal(e.Value(), &o) == nil {
				list = append(list, Entry{e.Key(), o.Node, c.Alive(&o), o.Mode, o.Share, waiting[e.Key()]})
			}
		}
	}
}

// waiting counts the events of each name.
func (c *Cluster) waiting(ctx context.Context) (map[string]int64, error) {
	counts := make(map[string]int64)
	for _, s := range c.shards {
		prefix := s.events("")
		info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(prefix+"*"))
		if err != nil {
			return nil, fmt.Errorf("%w: count events: %w", ErrAway, err)
		}
		for subject, n := range info.State.Subjects {
			counts[strings.TrimPrefix(subject, prefix)] = int64(n)
		}
	}
	return counts, nil
}
