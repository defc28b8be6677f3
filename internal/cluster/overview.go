package cluster

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
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

// An Overview is how the store stands.
type Overview struct {
	Names   int   // those that were given up count too
	Waiting int64 // events, some of which are acknowledged
	Top     []Entry
}

// Overview counts the names and lists some: those with the most events first,
// then any. It reads no more of them than it lists, but counts the events of
// each name that has any.
func (c *Cluster) Overview(ctx context.Context, most int) (*Overview, error) {
	bucket, err := c.own.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: count the names: %w", ErrAway, err)
	}
	waiting, err := c.waiting(ctx)
	if err != nil {
		return nil, err
	}
	o := &Overview{Names: int(bucket.Values())}
	for _, n := range waiting {
		o.Waiting += n
	}
	byWaiting := func(a, b string) int { return cmp.Or(cmp.Compare(waiting[b], waiting[a]), cmp.Compare(a, b)) }
	labels := slices.SortedFunc(maps.Keys(waiting), byWaiting)
	for _, label := range labels[:min(len(labels), most)] {
		owner, _, err := c.ask(ctx, label)
		if err != nil {
			return nil, err
		}
		if owner != nil {
			o.Top = append(o.Top, c.entry(label, owner, waiting[label]))
		}
	}
	return o, c.fill(ctx, o, most, waiting)
}

// fill lists names without events where there is room.
func (c *Cluster) fill(ctx context.Context, o *Overview, most int, waiting map[string]int64) error {
	const prefix = "$KV.hk_own."
	busy := len(o.Top)
	for next := uint64(1); len(o.Top) < most; {
		m, err := c.leader(ctx, "KV_hk_own", ask{Seq: next, Next: prefix + "*"})
		if err != nil {
			return err
		}
		if m == nil {
			break
		}
		next = m.Seq + 1
		label := strings.TrimPrefix(m.Subject, prefix)
		var owner Owner
		if waiting[label] == 0 && !bytes.Contains(m.Header, []byte("KV-Operation")) && json.Unmarshal(m.Data, &owner) == nil {
			o.Top = append(o.Top, c.entry(label, &owner, 0))
		}
	}
	slices.SortFunc(o.Top[busy:], func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

func (c *Cluster) entry(label string, o *Owner, waiting int64) Entry {
	return Entry{label, o.Node, c.Alive(o), o.Mode, o.Share, waiting}
}

// waiting counts the events of each name that has any.
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
