package relay

import (
	"io"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/wire"
)

// An upload streams a request's body. It may outlive the handler by a moment:
// net/http waits for whoever still reads the body.
type upload struct {
	fan      *fanout
	patience *patience

	mu  sync.Mutex // guards err
	err *refusal
}

func (u *upload) start(x *exchange, st *wire.Stream) {
	b := &reader{x: x, failed: func(err error) { u.fail(st, err) }}
	b.freed.L = &b.mu
	go func() {
		defer b.end()
		defer u.fan.finish(false)
		for {
			p, err := b.next()
			u.fan.add(p)
			if err == io.EOF {
				u.fan.finish(true)
				_ = st.Finish(p) // a stream that failed fails the answer too
				u.patience.renew()
				return
			}
			if err != nil {
				u.fail(st, err)
				return
			}
			b.leave()
			if _, err := st.Write(p); err != nil {
				return
			}
			u.patience.renew()
		}
	}()
}

// fail gives the request up, whose body could not be read.
func (u *upload) fail(st *wire.Stream, err error) {
	u.mu.Lock()
	u.err = bodyRefusal(err)
	u.mu.Unlock()
	st.Reset(wire.ResetCancel, "the request ended early")
}

// failure is why the body could not be read, nil if that is not the reason.
func (u *upload) failure() *refusal {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// A reader reads a request's body in parts. When the client has not taken one for
// stalledAfter, it reads on, into memory: only who reads from a connection finds
// out that it has been closed, and what a sender who is gone has sent is of use
// to nobody. What may be read ahead is bounded, by Limits.HoldAll for one name
// and aheadAll for all; beyond it the sender's going shows when the client's
// patience ends.
type reader struct {
	x      *exchange
	failed func(error) // told when the body breaks off while it is read ahead
	pooled *[]byte
	timer  *time.Timer

	mu      sync.Mutex // guards the following
	freed   sync.Cond  // nobody reads any more
	parts   []piece    // read ahead
	held    int64      // bytes of memory for them
	reading bool
	wanted  bool // the next part is, so that nothing is to be read ahead
}

// A piece is what one Read returned.
type piece struct {
	p   []byte
	err error
}

const (
	stalledAfter = time.Second
	partSize     = 32 << 10
	aheadAll     = 64 << 20
)

// next returns the next part, which is valid until next is called again. The last
// one comes with an error, io.EOF if the body is whole.
func (b *reader) next() ([]byte, error) {
	if b.timer != nil {
		b.timer.Stop()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted = true
	for b.reading && len(b.parts) == 0 {
		b.freed.Wait()
	}
	if len(b.parts) > 0 {
		next := b.parts[0]
		b.parts = b.parts[1:]
		b.giveLocked(partSize)
		return next.p, next.err
	}
	if b.pooled == nil {
		if b.pooled, _ = b.x.s.buffers.Get().(*[]byte); b.pooled == nil {
			p := make([]byte, partSize)
			b.pooled = &p
		}
	}
	n, err := b.readLocked(*b.pooled)
	return (*b.pooled)[:n], err
}

// leave says that the next part is not wanted yet.
func (b *reader) leave() {
	b.mu.Lock()
	b.wanted = false
	b.mu.Unlock()
	if b.timer == nil {
		b.timer = time.AfterFunc(stalledAfter, b.ahead)
		return
	}
	b.timer.Reset(stalledAfter)
}

// ahead reads on as long as nobody wants the next part.
func (b *reader) ahead() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.wanted && !b.reading && b.takeLocked(partSize) {
		p := make([]byte, partSize)
		n, err := b.readLocked(p)
		b.parts = append(b.parts, piece{p[:n], err})
		if err == nil {
			continue
		}
		if err != io.EOF {
			b.failed(err)
		}
		return // whether the sender waits for the answer is now the server's to watch
	}
}

// readLocked reads. It gives the lock away meanwhile.
func (b *reader) readLocked(p []byte) (int, error) {
	b.reading = true
	b.mu.Unlock()
	n, err := b.x.r.Body.Read(p)
	b.mu.Lock()
	b.reading = false
	b.freed.Broadcast()
	return n, err
}

// end gives everything back.
func (b *reader) end() {
	if b.timer != nil {
		b.timer.Stop()
	}
	if b.pooled != nil {
		b.x.s.buffers.Put(b.pooled)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted, b.parts = true, nil
	b.giveLocked(b.held)
}

// takeLocked reserves memory for what is read ahead, if there is some.
func (b *reader) takeLocked(size int64) bool {
	s := b.x.s
	if s.ahead.Add(size) > aheadAll || s.tight.Load() || !b.x.n.reserve(size, s.cfg.Limits.HoldAll) {
		s.ahead.Add(-size)
		return false
	}
	b.held += size
	return true
}

func (b *reader) giveLocked(size int64) {
	b.held -= size
	b.x.s.ahead.Add(-size)
	b.x.n.unhold(size)
}
