package cluster

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/hooks-cli/hooks/internal/spool"
)

// loadReaders reads the cursors of the name's single readers.
func (q *Queue) loadReaders(ctx context.Context) error {
	keys, err := q.places.Below(ctx, q.label)
	if err != nil {
		return err
	}
	for _, key := range keys {
		value, _, err := q.places.Get(ctx, key)
		if err != nil {
			return err
		}
		var c spool.Cursor
		if value != nil && json.Unmarshal(value, &c) == nil && c.Instance == strings.TrimPrefix(key, q.label+".") {
			q.readers = append(q.readers, c)
		}
	}
	return nil
}

// Cursors are those of the name's single readers, as they were when the queue
// was opened.
func (q *Queue) Cursors() []spool.Cursor { return q.readers }

// SetCursor notes how far a reader has come. It is written within a second.
func (q *Queue) SetCursor(c spool.Cursor) { q.move(c.Instance, &c) }

// DropCursor forgets a reader.
func (q *Queue) DropCursor(instance string) { q.move(instance, nil) }

func (q *Queue) move(instance string, c *spool.Cursor) {
	q.mu.Lock()
	if q.moved == nil {
		q.moved = make(map[string]*spool.Cursor)
	}
	q.moved[instance] = c
	q.mu.Unlock()
	q.c.mark(q)
}

// AckUpTo notes, like Ack, that all events up to offset are done with.
func (q *Queue) AckUpTo(offset uint64) {
	q.mu.Lock()
	q.ackLocked(offset)
	q.mu.Unlock()
	q.c.mark(q)
}

// ackLocked acknowledges the events up to offset and returns how many waited.
func (q *Queue) ackLocked(offset uint64) (n int) {
	for len(q.events) > 0 && q.events[0].offset <= offset {
		q.forgetLocked(q.events[0].offset)
		n++
	}
	q.counts.Acked += int64(n)
	return n
}

// Count returns how many events wait with offsets from first to last.
func (q *Queue) Count(_ context.Context, first, last uint64) (int64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var n int64
	for _, e := range q.events {
		if e.offset >= first && e.offset <= last {
			n++
		}
	}
	return n, nil
}

// Settle writes what is noted.
func (q *Queue) Settle(ctx context.Context) error { return q.write(ctx) }

// writeReaders writes the readers' cursors.
func (q *Queue) writeReaders(ctx context.Context) error {
	q.mu.Lock()
	moved := q.moved
	q.moved = nil
	q.mu.Unlock()
	for instance, c := range moved {
		key := q.label + "." + instance
		var err error
		var value []byte
		if c != nil {
			if value, err = json.Marshal(c); err != nil {
				return err
			}
		}
		if err = q.places.Put(ctx, key, value); err != nil {
			q.move(instance, c) // unless it has moved on, which only repeats events
			return err
		}
	}
	return nil
}
