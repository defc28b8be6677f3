package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

func (c *Cluster) mark(q *Queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty[q] = struct{}{}
}

// Flush writes the cursors that have changed. What could not be written is
// delivered again some day.
func (c *Cluster) Flush(ctx context.Context) error {
	c.mu.Lock()
	dirty := c.dirty
	c.dirty = make(map[*Queue]struct{})
	c.mu.Unlock()
	var mu sync.Mutex // guards all
	var all error
	var writers errgroup.Group
	writers.SetLimit(flushers)
	for q := range dirty {
		writers.Go(func() error {
			err := q.write(ctx)
			if errors.Is(err, ErrAway) {
				c.mark(q)
			}
			mu.Lock()
			defer mu.Unlock()
			all = errors.Join(all, err)
			return nil
		})
	}
	_ = writers.Wait() // the errors are in all
	return all
}

// flushers is how many cursors are written at a time: each waits for disks.
const flushers = 64

// write writes what has changed.
func (q *Queue) write(ctx context.Context) error {
	q.flushing <- struct{}{}
	defer func() { <-q.flushing }()
	if err := q.writeReaders(ctx); err != nil {
		return err
	}
	for range 3 {
		err := q.writeCursor(ctx)
		if !errors.Is(err, ErrRevision) {
			return err
		}
		if err := q.catchUp(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: write a cursor", ErrAway)
}

// writeCursor writes the cursor, if it has changed and nobody else has written
// it.
func (q *Queue) writeCursor(ctx context.Context) error {
	q.mu.Lock()
	now, revision := q.nowLocked(), q.revision
	same := now.Offset == q.cursor.Offset && slices.Equal(now.Done, q.cursor.Done)
	q.mu.Unlock()
	if same {
		return nil
	}
	b, err := json.Marshal(now)
	if err != nil {
		return err
	}
	if revision, err = q.places.Update(ctx, q.label, b, revision); err != nil {
		return err
	}
	q.mu.Lock()
	q.cursor, q.revision = now, revision
	for offset := range q.done {
		if offset <= now.Offset {
			delete(q.done, offset)
		}
	}
	many := q.counts.Acked-q.droppedAt >= dropEvery || len(q.events) == 0 && q.c.purges.Add(-1) >= 0
	q.mu.Unlock()
	if many {
		return q.drop(ctx)
	}
	return nil
}

// catchUp looks at a cursor that somebody else has written: a later owner, or
// one before that had not written all it knew.
func (q *Queue) catchUp(ctx context.Context) error {
	value, revision, err := q.places.Get(ctx, q.label)
	if err != nil {
		return err
	}
	var theirs cursor
	q.mu.Lock()
	defer q.mu.Unlock()
	if value != nil && json.Unmarshal(value, &theirs) == nil && theirs.Generation > q.generation {
		return ErrMoved
	}
	q.revision = revision
	return nil
}
