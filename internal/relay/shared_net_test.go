package relay

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A cable is one direction of a connection in memory: what is written comes
// out after a while, or never if the connection breaks.
type cable struct {
	lag  func() time.Time // when what is written now comes out
	hold func() time.Time // before that its reader reads nothing

	mu     sync.Mutex // guards the following
	parts  []part
	last   time.Time
	end    error // after the parts
	broken bool  // at once
	limit  time.Time
	wake   chan struct{}
}

type part struct {
	data []byte
	due  time.Time
}

func newCable(lag, hold func() time.Time) *cable {
	return &cable{lag: lag, hold: hold, wake: make(chan struct{}, 1)}
}

func (c *cable) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *cable) write(p []byte) (int, error) {
	due := c.lag()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken || c.end != nil {
		return 0, io.ErrClosedPipe
	}
	if due.Before(c.last) {
		due = c.last
	}
	c.last = due
	c.parts = append(c.parts, part{append([]byte(nil), p...), due})
	c.poke()
	return len(p), nil
}

func (c *cable) read(p []byte) (int, error) {
	for {
		n, wait, err := c.take(p)
		if n > 0 || err != nil {
			return n, err
		}
		if wait <= 0 {
			<-c.wake
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-c.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// take reads what has come out; wait is how long until something may change, 0
// if nobody knows.
func (c *cable) take(p []byte) (n int, wait time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	due := c.hold()
	if len(c.parts) > 0 && c.parts[0].due.After(due) {
		due = c.parts[0].due
	}
	switch {
	case c.broken:
		return 0, 0, errBrokenCable
	case !c.limit.IsZero() && !c.limit.After(now):
		return 0, 0, os.ErrDeadlineExceeded
	case len(c.parts) > 0 && !due.After(now):
		n = copy(p, c.parts[0].data)
		if c.parts[0].data = c.parts[0].data[n:]; len(c.parts[0].data) == 0 {
			c.parts = c.parts[1:]
		}
		return n, 0, nil
	case len(c.parts) == 0 && c.end != nil:
		return 0, 0, c.end
	}
	if len(c.parts) > 0 {
		wait = due.Sub(now)
	}
	if left := c.limit.Sub(now); !c.limit.IsZero() && (wait == 0 || left < wait) {
		wait = left
	}
	return 0, wait, nil
}

func (c *cable) close(broken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = c.broken || broken
	if c.end == nil {
		c.end = io.EOF
	}
	c.poke()
}

var errBrokenCable = errors.New("the connection broke")

// A plug is one end of a connection.
type plug struct {
	in, out *cable
	from    address
	closed  sync.Once
}

type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

// connection makes both ends of one. hold is when either reads again.
func connection(lag, holdA, holdB func() time.Time) (a, b *plug) {
	one, two := newCable(lag, holdA), newCable(lag, holdB)
	return &plug{in: one, out: two, from: "192.0.2.1:1"}, &plug{in: two, out: one, from: "192.0.2.2:2"}
}

func (p *plug) Read(b []byte) (int, error)  { return p.in.read(b) }
func (p *plug) Write(b []byte) (int, error) { return p.out.write(b) }

// Close lets what was written come out.
func (p *plug) Close() error {
	p.closed.Do(func() {
		p.in.close(true)
		p.out.close(false)
	})
	return nil
}

// cut loses what is under way.
func (p *plug) cut() {
	p.in.close(true)
	p.out.close(true)
}

func (p *plug) LocalAddr() net.Addr  { return address("127.0.0.1:4") }
func (p *plug) RemoteAddr() net.Addr { return p.from }

func (p *plug) SetDeadline(t time.Time) error      { return p.SetReadDeadline(t) }
func (p *plug) SetWriteDeadline(_ time.Time) error { return nil } // writing never waits

func (p *plug) SetReadDeadline(t time.Time) error {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.in.limit = t
	p.in.poke()
	return nil
}

// A port is where a server accepts connections.
type port struct {
	come   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPort() *port { return &port{come: make(chan net.Conn), closed: make(chan struct{})} }

func (p *port) Accept() (net.Conn, error) {
	select {
	case c := <-p.come:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *port) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *port) Addr() net.Addr { return address("192.0.2.3:3") }

// dial connects to whoever accepts.
func (p *port) dial(lag, holdHere, holdThere func() time.Time) (here, there *plug, err error) {
	here, there = connection(lag, holdHere, holdThere)
	select {
	case p.come <- there:
		return here, there, nil
	case <-p.closed:
		return nil, nil, net.ErrClosed
	}
}
