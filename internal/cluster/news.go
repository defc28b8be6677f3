package cluster

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// newsEvery is how soon an owner looks for events of which it has only heard.
const newsEvery = 200 * time.Millisecond

// hear follows what is stored in a shard, without the bodies. Notes between
// nodes may be lost; this may not: after a break it goes on where it was.
func (c *Cluster) hear(ctx context.Context, s *shard) {
	for ctx.Err() == nil {
		var consuming jetstream.ConsumeContext
		err := patiently(ctx, func(ctx context.Context) error {
			consumer, err := s.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
				FilterSubjects: []string{s.events("*")}, DeliverPolicy: jetstream.DeliverNewPolicy, HeadersOnly: true,
			})
			if err != nil {
				return err
			}
			consuming, err = consumer.Consume(c.stored)
			return err
		})
		if err != nil {
			pause(ctx, time.Second)
			continue
		}
		select {
		case <-ctx.Done():
			consuming.Stop()
		case <-consuming.Closed():
		}
		c.suspect(s) // nobody heard for a moment
	}
}

func (c *Cluster) stored(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return
	}
	c.Heard(m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:], meta.Sequence.Stream)
}

// Heard notes that an event lies in a stream.
func (c *Cluster) Heard(label string, offset uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.queues[label]; q != nil {
		c.news[q] = append(c.news[q], offset)
	}
}

// Suspect has the name looked after: an event may have been stored that could
// not be read.
func (q *Queue) Suspect() {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	if q.c.queues[q.label] == q {
		q.c.news[q] = append(q.c.news[q], 1<<63)
	}
}

// suspect has all names of a shard looked after: events may have been stored
// that nobody has heard of.
func (c *Cluster) suspect(s *shard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.queues {
		if q.s == s {
			c.news[q] = append(c.news[q], 1<<63)
		}
	}
}

// Spread has events looked for that were heard of and are not known.
func (c *Cluster) Spread() {
	c.mu.Lock()
	news, note := c.news, c.onNote
	c.news = make(map[*Queue][]uint64)
	c.mu.Unlock()
	if note == nil {
		return
	}
	for q, offsets := range news {
		q.mu.Lock()
		missed := slices.ContainsFunc(offsets, func(offset uint64) bool { return !q.knowsLocked(offset) })
		q.mu.Unlock()
		if missed {
			note(q.label, nil)
		}
	}
}

// pause waits.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
