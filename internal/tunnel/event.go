package tunnel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A Stored is a request that the relay kept for us.
type Stored struct {
	*wire.Event
	Body []byte // Length bytes whose SHA-256 is Digest
	URL  string // the public address that the sender called
}

// Later is what a Config.Deliver returns for an event that it did not take:
// the relay keeps it and sends it again.
type Later struct {
	After time.Duration
	Why   wire.NackWhy
	Err   error
}

// Error says why.
func (l *Later) Error() string {
	if l.Err == nil {
		return "deliver later"
	}
	return l.Err.Error()
}

// Unwrap returns the reason.
func (l *Later) Unwrap() error { return l.Err }

// ToHandler returns a Config.Deliver that gives stored requests to the handler
// that live ones go to, as capture wants them: each with the id that ids makes
// and the time at which it came to the relay. Any answer completes an event,
// but for one that later says means that it was not taken.
func ToHandler(h http.Handler, ids IDs, later func(status int, h http.Header, body []byte) (wire.NackWhy, bool)) func(context.Context, *Stored) error {
	return func(ctx context.Context, e *Stored) error {
		r := requestOf(e)
		r.Body = io.NopCloser(bytes.NewReader(e.Body))
		w := &note{header: make(http.Header)}
		ctx = context.WithValue(ctx, publicKey{}, e.URL)
		ctx = capture.WithOrigin(ctx, capture.Origin{ID: ids.Of(e.ID.String(), e.ReceivedAt), At: e.ReceivedAt})
		h.ServeHTTP(w, r.WithContext(ctx))
		if ctx.Err() != nil {
			return context.Canceled
		}
		if why, ok := later(w.status, w.header, w.body); ok {
			return &Later{After: patience(e.Attempt), Why: why}
		}
		return nil
	}
}

// note is a ResponseWriter that nobody reads from but the one who asked.
type note struct {
	header http.Header
	status int
	body   []byte
}

// Header is the header of the answer.
func (n *note) Header() http.Header { return n.header }

// WriteHeader notes the status.
func (n *note) WriteHeader(status int) {
	if n.status == 0 && status >= 200 {
		n.status = status
	}
}

// Write keeps the beginning.
func (n *note) Write(p []byte) (int, error) {
	n.WriteHeader(http.StatusOK)
	n.body = append(n.body, p[:min(len(p), 256-min(256, len(n.body)))]...)
	return len(p), nil
}

// retryAfter is for an event that failed without saying for how long.
const retryAfter = 5 * time.Second

// maxEvent is the largest body of an event that is taken: the relay's word is
// not enough to reserve memory for more.
const maxEvent = 32 << 20

// event takes a stored request. The link's reader calls it.
func (s *session) event(st *wire.Stream, e *wire.Event) {
	s.ledger.Got(e.Offset)
	s.running.Go(func() {
		s.busy.Add(1)
		defer s.busy.Add(-1)
		defer st.Discard()
		s.serveEvent(st, e)
	})
}

func (s *session) serveEvent(st *wire.Stream, e *wire.Event) {
	if e.Length > maxEvent {
		s.link.Close(wire.CloseProtocol, "")
		return
	}
	body, err := io.ReadAll(io.LimitReader(st, int64(e.Length)+1))
	if err != nil {
		return // the link is lost; the relay sends it again
	}
	if uint64(len(body)) != e.Length || sha256.Sum256(body) != e.Digest {
		s.c.observe(State{Phase: Connected, Err: errors.New("an event came damaged and was asked for again")})
		s.link.SendNack(wire.Nack{Offset: e.Offset, Why: wire.NackDigest})
		return
	}
	if body, err = s.unseal(e, body); err != nil {
		s.c.observe(State{Phase: Connected, Err: fmt.Errorf("an event that the relay kept cannot be read: %w", err)})
		s.link.SendNack(wire.Nack{Offset: e.Offset, Delay: maxPause, Why: wire.NackWait})
		return
	}
	err = s.c.inbox.once(e.ID, func() error {
		return s.c.cfg.Deliver(s.c.work, &Stored{Event: e, Body: body, URL: s.publicURL(e.Head.Target)})
	})
	var later *Later
	switch {
	case err == nil:
		s.link.SendAck(s.ledger.Done(e.Offset))
	case errors.As(err, &later):
		s.link.SendNack(wire.Nack{Offset: e.Offset, Delay: later.After, Why: max(later.Why, wire.NackAppDown)})
	case errors.Is(err, context.Canceled):
		// We are leaving: the relay keeps what was not acknowledged.
	default:
		s.link.SendNack(wire.Nack{Offset: e.Offset, Delay: retryAfter, Why: wire.NackWait})
	}
}

// unseal gives the body of an event as it was sent.
func (s *session) unseal(e *wire.Event, body []byte) ([]byte, error) {
	switch e.Head.Header.Get(wire.SealedHeader) {
	case "":
		return body, nil
	case wire.SealedValue:
		if s.c.cfg.Key == nil {
			return nil, wire.ErrSealed
		}
		delete(e.Head.Header, wire.SealedHeader)
		return s.c.cfg.Key.Open(e.ID, body)
	}
	return nil, errors.New("sealed in a way that this version does not know")
}

// A Ledger knows which events of a link are done with, for acknowledging. It
// is safe for concurrent use.
type Ledger struct {
	Shared bool // others have events of the same name: only single ones are ours to name

	mu  sync.Mutex // guards the following
	top uint64     // highest offset that came
	out map[uint64]struct{}
}

// Got notes that an event came. Events come in the order of their offsets,
// those apart that come again.
func (l *Ledger) Got(offset uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		l.out = make(map[uint64]struct{})
	}
	l.out[offset] = struct{}{}
	l.top = max(l.top, offset)
}

// Done notes that an event is done with and says what to acknowledge.
func (l *Ledger) Done(offset uint64) wire.Ack {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.out, offset)
	if l.Shared {
		return wire.Ack{Singles: []uint64{offset}}
	}
	low := l.top
	for o := range l.out {
		low = min(low, o-1)
	}
	if offset <= low {
		return wire.Ack{Cumulative: low}
	}
	return wire.Ack{Cumulative: low, Singles: []uint64{offset}}
}

// Resume is the offset up to which everything that came is done with.
func (l *Ledger) Resume() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	low := l.top
	for o := range l.out {
		low = min(low, o-1)
	}
	return low
}

// An inbox sees to it that an event which comes twice is delivered once, as
// far as this process can know.
type inbox struct {
	mu   sync.Mutex // guards the following
	runs map[wire.EventID]*run
	done [2]map[wire.EventID]struct{} // the newer half and the older one
}

type run struct {
	ended chan struct{}
	err   error
}

// remembered is how many ids a half holds.
const remembered = 4096

// once runs f, unless it has succeeded for this id before; a second caller
// waits for the first.
func (b *inbox) once(id wire.EventID, f func() error) error {
	b.mu.Lock()
	for _, half := range b.done {
		if _, ok := half[id]; ok {
			b.mu.Unlock()
			return nil
		}
	}
	if r := b.runs[id]; r != nil {
		b.mu.Unlock()
		<-r.ended
		return r.err
	}
	r := &run{ended: make(chan struct{})}
	if b.runs == nil {
		b.runs = make(map[wire.EventID]*run)
	}
	b.runs[id] = r
	b.mu.Unlock()
	r.err = f()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.runs, id)
	if r.err == nil {
		if b.done[0] == nil || len(b.done[0]) >= remembered {
			b.done[1], b.done[0] = b.done[0], make(map[wire.EventID]struct{})
		}
		b.done[0][id] = struct{}{}
	}
	close(r.ended)
	return r.err
}
