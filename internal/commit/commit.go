// Package commit lets concurrent callers share the cost of making something
// durable.
//
// A [Group] has one goroutine that takes everything that is waiting, hands it
// to one Write, and answers all who waited with its outcome. It does not
// linger: what arrives during a Write is the next batch, so a single caller
// waits for nobody and many callers pay for one sync together.
//
// A Group knows nothing of what it writes. Whoever owns it decides in Write
// what a batch, a transaction and a recovery after a failure are.
package commit

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// The limits of a batch where a Config leaves them out.
const (
	DefaultItems = 512
	DefaultBytes = 4 << 20
)

// ErrClosed is returned by Do once the group is closed.
var ErrClosed = errors.New("closed")

// A Config says how a group writes.
type Config[T any] struct {
	// Write makes a batch durable and returns only when it is. It is called
	// by one goroutine at a time. An error, or a panic, is the answer to
	// every caller of the batch: nothing of it may then count as kept.
	Write func(batch []T) error

	// Size gives the bytes that an item adds to a batch.
	Size func(T) int

	// MaxItems and MaxBytes bound a batch; zero means the default. An item
	// that is larger than MaxBytes is written alone.
	MaxItems, MaxBytes int
}

// A Group shares writes between concurrent callers. Its queue holds as many
// items as two batches; when it is full, Do waits.
type Group[T any] struct {
	config Config[T]
	queue  chan *waiter[T]
	done   chan struct{} // closed when the goroutine has ended

	mu     sync.RWMutex // held for reading while sending, for writing to close
	closed bool
}

// A waiter is one caller of Do.
type waiter[T any] struct {
	ctx    context.Context
	item   T
	answer chan error // of size 1, written once
}

// New starts a group. It runs until Close.
func New[T any](c Config[T]) *Group[T] {
	if c.MaxItems <= 0 {
		c.MaxItems = DefaultItems
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultBytes
	}
	g := &Group[T]{
		config: c,
		queue:  make(chan *waiter[T], 2*c.MaxItems),
		done:   make(chan struct{}),
	}
	go g.run()
	return g
}

// Do has item written together with whatever else is waiting and returns when
// it is durable, or with the error of its batch. If ctx ends before the item
// has been taken into a batch, it is not written and Do returns the error of
// ctx; afterwards Do waits for the outcome, so that its answer is always true.
func (g *Group[T]) Do(ctx context.Context, item T) error {
	w := &waiter[T]{ctx: ctx, item: item, answer: make(chan error, 1)}
	if err := g.send(w); err != nil {
		return err
	}
	return <-w.answer
}

func (g *Group[T]) send(w *waiter[T]) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return ErrClosed
	}
	select {
	case g.queue <- w:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}

// Close refuses further items, writes those that are queued and returns when
// the last batch has been answered. It may be called more than once.
func (g *Group[T]) Close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.queue)
	}
	g.mu.Unlock()
	<-g.done
}

func (g *Group[T]) run() {
	defer close(g.done)
	var next *waiter[T] // taken from the queue, too large for the last batch
	for {
		if next == nil {
			w, ok := <-g.queue
			if !ok {
				return
			}
			next = w
		}
		var batch []*waiter[T]
		batch, next = g.gather(next)
		g.write(batch)
	}
}

// gather takes what is waiting behind first, up to the limits. It returns the
// item that did not fit, if there is one.
func (g *Group[T]) gather(first *waiter[T]) (batch []*waiter[T], rest *waiter[T]) {
	batch, size := []*waiter[T]{first}, g.config.Size(first.item)
	for len(batch) < g.config.MaxItems {
		select {
		case w, ok := <-g.queue:
			if !ok {
				return batch, nil
			}
			n := g.config.Size(w.item)
			if size+n > g.config.MaxBytes {
				return batch, w
			}
			batch, size = append(batch, w), size+n
		default:
			return batch, nil
		}
	}
	return batch, nil
}

// write writes the items whose callers still want them and answers everyone.
func (g *Group[T]) write(batch []*waiter[T]) {
	items := make([]T, 0, len(batch))
	wanted := batch[:0]
	for _, w := range batch {
		if err := w.ctx.Err(); err != nil {
			w.answer <- err
			continue
		}
		wanted, items = append(wanted, w), append(items, w.item)
	}
	if len(items) == 0 {
		return
	}
	err := g.guarded(items)
	for _, w := range wanted {
		w.answer <- err
	}
}

// guarded turns a panic of Write into an error: the callers that wait must get
// an answer whatever happens.
func (g *Group[T]) guarded(items []T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write: panic: %v", p)
		}
	}()
	return g.config.Write(items)
}
