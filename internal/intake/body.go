package intake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// readBody hands on bytes of the message that has begun, never one beyond it.
func (c *conn) readBody(p []byte) (int, error) {
	if c.body.chunked {
		return c.readChunked(p)
	}
	p = p[:min(int64(len(p)), c.left)]
	n, err := 0, error(nil)
	if c.start < c.end {
		n = copy(p, c.buf[c.start:c.end])
		c.start += n
	} else {
		n, err = c.await(p)
	}
	if c.left -= int64(n); c.left == 0 {
		c.endMessage()
	}
	return n, err
}

func (c *conn) readChunked(p []byte) (int, error) {
	if c.start == c.end {
		c.takeBuffer()
		n, err := c.await(c.buf)
		if err != nil {
			return 0, err
		}
		c.start, c.end = 0, n
	}
	n := copy(p, c.buf[c.start:c.end])
	n, done, refusal := c.chunks.next(p[:n])
	c.start += n
	switch {
	case done:
		c.endMessage()
	case refusal != nil:
		err := c.fail(refusal)
		if n == 0 {
			return 0, err
		}
	}
	return n, nil
}

// fail makes the rest of the body unreadable; the handler is told why and
// answers.
func (c *conn) fail(r *Refusal) error {
	c.fault = r
	c.server.count(r, c.Conn)
	return r
}

// await reads bytes of a body from the network. Only the time that is spent
// waiting for the peer counts: a handler may take its own.
func (c *conn) await(p []byte) (int, error) {
	limits := &c.server.limits
	for {
		wait := limits.BodyTime - c.waited
		if !c.loopback {
			wait = min(wait, limits.RateTime-c.window)
		}
		began := time.Now()
		if err := c.Conn.SetReadDeadline(began.Add(wait)); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(p)
		slow := c.account(int64(n), time.Since(began))
		switch {
		case n > 0 && !slow:
			return n, nil
		case slow:
			c.unread.Store(false)
			return 0, c.fail(tooSlow("the body came too slowly"))
		case err != nil && !timedOut(err):
			return 0, err
		case c.waited >= limits.BodyTime:
			c.unread.Store(false)
			return 0, c.fail(tooSlow("the body took too long"))
		}
	}
}

// account adds n bytes that took spent and says whether the peer is too slow.
// The first window is for getting under way.
func (c *conn) account(n int64, spent time.Duration) (slow bool) {
	limits := &c.server.limits
	first := c.waited < limits.RateTime
	c.waited += spent
	c.window += spent
	c.arrived += n
	if c.loopback || c.window < limits.RateTime {
		return false
	}
	least := int64(limits.RateTime.Seconds() * float64(limits.MinRate))
	slow = !first && c.arrived < least
	c.window, c.arrived = 0, 0
	return slow
}

// Bodies are read in steps, and the share of memory that a step needs is taken
// before it is read: a peer that only announces a great body holds no more
// than the first steps.
const (
	firstStep  = 4 << 10
	secondStep = 64 << 10
	thirdStep  = 1 << 20 // of a body that does not say how long it is
)

// ReadBody reads the whole body of r into memory. The caller owns the bytes
// and calls release when it holds them no more; release is never nil and may
// be called more than once. The error is a *Refusal, which has been counted:
// answer with its Write.
func (s *Server) ReadBody(r *http.Request) (body []byte, release func(), err error) {
	s.prepare() // a request that came by another way may be the first
	share := &share{server: s}
	body, err = share.read(r)
	if err == nil {
		return body, share.release, nil
	}
	share.release()
	return nil, share.release, s.bodyRefusal(r, err)
}

// bodyRefusal is why the body of r could not be read: net/http has its own
// words for some of what the connection said.
func (s *Server) bodyRefusal(r *http.Request, err error) *Refusal {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok && c.fault != nil {
		return c.fault
	}
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		refusal = &Refusal{
			Status: http.StatusBadRequest, Reason: Interrupted, Text: "the connection ended within the body",
		}
		s.count(refusal, connOf(r))
	}
	return refusal
}

// A share is what one body has of the server's memory.
type share struct {
	server *Server
	n      int64
}

// grow raises the share to n bytes, waiting for its turn if it must.
func (s *share) grow(ctx context.Context, n int64) error {
	more := n - s.n
	if more <= 0 {
		return nil
	}
	if !s.server.memory.TryAcquire(more) {
		ctx, cancel := context.WithTimeout(ctx, s.server.limits.WaitTime)
		defer cancel()
		if err := s.server.memory.Acquire(ctx, more); err != nil {
			refusal := busy()
			s.server.count(refusal, nil)
			return refusal
		}
	}
	s.n = n
	return nil
}

func (s *share) release() {
	if s.n > 0 {
		s.server.memory.Release(s.n)
		s.n = 0
	}
}

func (s *share) read(r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 || r.Body == nil {
		return nil, nil
	}
	size := int64(firstStep)
	if r.ContentLength > 0 {
		size = min(size, r.ContentLength)
	}
	if err := s.grow(r.Context(), size); err != nil {
		return nil, err
	}
	body := make([]byte, 0, size+1) // one more, so that the end is seen without growing
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		case len(body) < cap(body):
			continue
		}
		if body, err = s.extend(r, body); err != nil {
			return nil, err
		}
	}
}

// extend returns body with room for more: first the second step, then all that
// was announced, or twice as much of a body that does not say how long it is.
func (s *share) extend(r *http.Request, body []byte) ([]byte, error) {
	have, size := int64(len(body)), r.ContentLength
	reserved := size
	switch {
	case have < secondStep && (size < 0 || size > secondStep):
		size, reserved = secondStep, secondStep
	case size < 0:
		size = min(2*have, s.server.limits.Body)
		reserved = size
		if size > thirdStep {
			reserved = s.server.limits.Body
		}
	}
	if err := s.grow(r.Context(), reserved); err != nil {
		return nil, err
	}
	larger := make([]byte, len(body), size+1)
	copy(larger, body)
	return larger, nil
}
