package capture

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Kind says what an Event tells.
type Kind int

// The kinds of events.
const (
	Stored    Kind = iota // a delivery is in the store
	Attempted             // it was handed to an app, or that failed
	Refused               // a request was not taken
	Noted                 // something else that a person should know
)

// An Event is something that happened. The delivery and everything below it
// belong to the pipeline and are only read; they stay valid.
type Event struct {
	Kind     Kind
	Delivery *webhook.Delivery // Stored, Attempted

	// Of a delivery that was stored.
	Outcome    judge.Outcome
	Selected   bool            // by pattern and filter: to be shown
	OutOfOrder bool            // an event of this provider that was created later came before
	Handshake  *judge.Greeting // the request was answered as this handshake; nil for none

	Attempt *webhook.Attempt // Attempted
	Waiting time.Time        // when the attempt that follows is due, if one does

	Refusal intake.Refusal // Refused
	Note    string         // Noted: one line

	// Behind is how many events wait to be told after this one: an observer
	// that shows each at length may want to be brief.
	Behind int

	asked bool // Selected has been decided
}

// queue hands events to the observer in the order in which they happened, from
// one goroutine. It is bounded: when it is full, the request that has something
// to tell waits, after its delivery was stored and mostly after it was answered.
// So an observer that stands still slows senders down and loses nothing. Once
// ctx has ended nobody waits any more, and what does not fit is not told.
type queue struct {
	ctx    context.Context
	events chan queued
	done   chan struct{}

	mu     sync.RWMutex // held for reading while something is added
	closed bool
}

type queued struct {
	Event
	release func()
}

const queueSize = 256

func newQueue(ctx context.Context, observe func(Event)) *queue {
	q := &queue{ctx: ctx, events: make(chan queued, queueSize), done: make(chan struct{})}
	go func() {
		defer close(q.done)
		for e := range q.events {
			e.Behind = len(q.events)
			observe(e.Event)
			e.release()
		}
	}()
	return q
}

// add queues e and calls release when the observer is done with it. What comes
// after close is not told any more.
func (q *queue) add(e Event, release func()) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		release()
		return
	}
	select {
	case q.events <- queued{e, release}:
	case <-q.ctx.Done():
		release()
	}
}

// offer is add for what may be left out: it never waits.
func (q *queue) offer(e Event) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return
	}
	select {
	case q.events <- queued{e, func() {}}:
	default:
	}
}

// close waits until everything has been told, or ctx has ended.
func (q *queue) close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.events)
	}
	q.mu.Unlock()
	select {
	case <-q.done:
	case <-q.ctx.Done():
	}
}

// lease counts who still needs a body and gives its memory back when nobody
// does.
type lease struct {
	users   atomic.Int32
	release func()
}

func newLease(release func()) *lease {
	l := &lease{release: release}
	l.users.Store(1)
	return l
}

func (l *lease) take() { l.users.Add(1) }

func (l *lease) drop() {
	if l.users.Add(-1) == 0 {
		l.release()
	}
}
