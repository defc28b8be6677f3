package intake

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A conn stands between net/http and the network. It hands on a head only when
// it has judged the whole of it, follows the body to know where the next head
// begins, and keeps the time-outs that net/http does not have.
//
// Reads come from one goroutine at a time: the server's, or while a handler
// runs the one that waits for the peer to leave. The latter asks for a single
// byte, and nothing is judged for it, because no answer may be written while
// another is under way.
type conn struct {
	net.Conn
	server   *Server
	peer     netip.Addr // zero if unknown
	loopback bool
	unbound  bool // by the cap of its address

	// reading is held by Read: net/http may end a connection while its own
	// look-out for the peer's leaving is still in there with the buffer.
	reading sync.Mutex

	buf        []byte // nil when nothing needs it
	start, end int    // what of buf has not been handed on
	held       int64  // what of the server's memory buf has

	state    connState
	scanned  int // of the head in buf
	released int // bytes of the head handed on before it was judged
	body     framing
	left     int64 // of a body with a length
	chunks   chunks
	target   string        // see Target
	waited   time.Duration // for the bytes of this body
	window   time.Duration // of waited, since the rate was last judged
	arrived  int64         // bytes within window
	fault    *Refusal      // the body cannot be read: what the handler is told

	refused atomic.Bool // an answer was written here: nothing else may follow
	raw     atomic.Bool // the handler has taken the connection over
	heard   atomic.Bool // something has arrived
	unread  atomic.Bool // there may be more to come that nobody wants
	idle    atomic.Int64
	once    sync.Once
}

// connState is what the next byte to hand on belongs to.
type connState uint8

const (
	inHead   connState = iota // the head in buf is not judged, or not even whole
	passHead                  // the head that stands first in buf is good
	inBody
)

const (
	bufSize = 4 << 10
	// A head is known to begin when this many bytes have come: net/http waits
	// for them with the patience of an idle connection.
	peekSize = 4
)

func (c *conn) Read(p []byte) (int, error) {
	if c.raw.Load() {
		return c.readRaw(p)
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	switch {
	case c.fault != nil:
		return 0, c.fault
	case c.refused.Load():
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	switch c.state {
	case inBody:
		return c.readBody(p)
	case passHead:
		return c.pass(p), nil
	}
	return c.readHead(p)
}

// readRaw gives a handler that took the connection what is left here, then the
// network.
func (c *conn) readRaw(p []byte) (int, error) {
	if c.start < c.end {
		n := copy(p, c.buf[c.start:c.end])
		c.start += n
		return n, nil
	}
	c.dropBuffer()
	return c.Conn.Read(p)
}

// readFresh waits for a message where nothing of it has come. A head that comes
// whole, and what comes with it of its body, is judged where net/http wants it;
// so an idle connection has no buffer of its own. Everything else goes the long
// way.
func (c *conn) readFresh(p []byte) (int, error) {
	p = p[:min(len(p), bufSize)]
	n, err := c.Conn.Read(p)
	if n == 0 {
		return 0, err
	}
	c.heard.Store(true)
	length, _, refusal := scanHead(p[:n], 0)
	var h head
	if refusal == nil && length > 0 && length <= c.server.limits.Head && p[0] != '\r' {
		h, refusal = parseHead(p[:length], &c.server.limits)
	}
	if refusal != nil || h.bytes != nil || length == 0 || length > c.server.limits.Head || p[0] == '\r' {
		c.takeBuffer()
		c.end = copy(c.buf, p[:n])
		return c.readHead(p)
	}
	c.begin(h, 0)
	c.state, c.left = inBody, h.length
	return length + c.takeBody(p[length:n]), nil
}

// takeBody follows the message through rest, which has come with its head, and
// keeps what belongs to the next one. It returns how much belongs to this one.
func (c *conn) takeBody(rest []byte) int {
	mine, done := 0, false
	var refusal *Refusal
	if c.body.chunked {
		mine, done, refusal = c.chunks.next(rest)
	} else {
		mine = int(min(c.left, int64(len(rest))))
		c.left -= int64(mine)
		done = c.left == 0
	}
	switch {
	case refusal != nil:
		_ = c.fail(refusal) // for the next read
		return mine
	case done:
		c.endMessage()
	}
	if mine < len(rest) {
		c.takeBuffer()
		c.end = copy(c.buf, rest[mine:])
	}
	return mine
}

func (c *conn) readHead(p []byte) (int, error) {
	if c.released == 0 && c.start == c.end {
		return c.readFresh(p)
	}
	if err := c.skipEmptyLines(); err != nil {
		return 0, err
	}
	// The first bytes go ahead, so that net/http sees that a request begins
	// and starts its clock.
	if len(p) == 1 && c.released < peekSize {
		return c.release(p), nil
	}
	first := c.released < peekSize
	for {
		length, refusal := c.judge()
		switch {
		case refusal != nil && first, refusal == nil && length == 0 && first && c.start < c.end:
			return c.release(p[:min(len(p), peekSize-c.released)]), nil
		case refusal != nil:
			return 0, c.refuse(refusal)
		case length > 0:
			return c.pass(p), nil
		}
		first = false
		if err := c.fillHead(); err != nil {
			return 0, err
		}
	}
}

// skipEmptyLines waits for a head to begin. Some senders end a body with a line
// break that they do not count.
func (c *conn) skipEmptyLines() error {
	for skipped := 0; c.released == 0; skipped++ {
		for c.start == c.end {
			if err := c.fill(); err != nil {
				return err
			}
		}
		if b := c.buf[c.start]; b != '\r' && b != '\n' || skipped >= peekSize {
			return nil
		}
		c.start++
	}
	return nil
}

// judge looks at the head as far as it has come. A length above zero means
// that it is whole and good; buf then begins with what net/http has still to
// get of it.
func (c *conn) judge() (int, *Refusal) {
	b := c.buf[c.start-c.released : c.end]
	limits := &c.server.limits
	length, next, refusal := scanHead(b, c.scanned)
	if length == 0 && refusal == nil {
		c.scanned = next // of what is looked at again, all is looked at again
	}
	switch {
	case refusal != nil:
		return 0, refusal
	case length > limits.Head, length == 0 && len(b) >= limits.Head:
		return 0, headTooLarge(limits.Head)
	case length == 0 && len(b) > limits.Target+128 && bytes.IndexByte(b, '\n') < 0:
		return 0, targetTooLong(limits.Target)
	case length == 0:
		return 0, nil
	}
	h, refusal := parseHead(b[:length], limits)
	if refusal != nil {
		return 0, refusal
	}
	if h.bytes != nil {
		rest := append([]byte(nil), c.buf[c.start-c.released+length:c.end]...)
		c.buf = append(h.bytes, rest...)
		c.start, c.end = c.released, len(c.buf)
		length = len(h.bytes)
	}
	c.begin(h, length-c.released)
	return length, nil
}

// begin sets the conn up for the message whose head has left bytes to hand on.
func (c *conn) begin(h head, left int) {
	c.state, c.left, c.body, c.target = passHead, int64(left), h.framing, h.target
	if h.chunked {
		c.chunks = chunks{limit: c.server.limits.Body}
	}
	c.waited, c.window, c.arrived = 0, 0, 0
	c.unread.Store(h.chunked || h.length > 0)
}

// pass hands on bytes of a head that is good.
func (c *conn) pass(p []byte) int {
	n := copy(p[:min(int64(len(p)), c.left)], c.buf[c.start:])
	c.start += n
	c.left -= int64(n)
	if c.left == 0 {
		c.left = c.body.length
		c.state = inBody
		if !c.body.chunked && c.left == 0 {
			c.endMessage()
		}
	}
	return n
}

// release hands on bytes of a head before it is judged: too few to be one.
func (c *conn) release(p []byte) int {
	n := copy(p[:min(len(p), peekSize-c.released)], c.buf[c.start:c.end])
	c.start += n
	c.released += n
	return n
}

func (c *conn) endMessage() {
	c.state, c.scanned, c.released = inHead, 0, 0
	c.unread.Store(false)
	switch {
	case c.start == c.end:
		c.dropBuffer()
	case len(c.buf) != bufSize && c.end-c.start <= bufSize:
		rest := c.buf[c.start:c.end]
		c.dropBuffer()
		c.takeBuffer()
		c.end = copy(c.buf, rest)
	}
}

// fillHead reads more of a head, in a larger buffer if need be.
func (c *conn) fillHead() error {
	base := c.start - c.released
	if base > 0 { // what was released stays before start: judge wants the whole
		copy(c.buf, c.buf[base:c.end])
		c.start, c.end = c.released, c.end-base
	}
	if c.end == len(c.buf) {
		more := min(int64(len(c.buf))*4, int64(c.server.limits.Head)+bufSize) - int64(len(c.buf))
		// The larger buffer counts as memory of bodies: thousands of great
		// heads at once are no cheaper than great bodies.
		if !c.server.memory.TryAcquire(more) {
			return c.refuse(busy())
		}
		c.held += more
		c.buf = append(c.buf, make([]byte, more)...)
	}
	return c.fill()
}

// fill reads what there is into the free end of buf.
func (c *conn) fill() error {
	c.takeBuffer()
	if c.start == c.end && c.released == 0 {
		c.start, c.end = 0, 0
	}
	n, err := c.Conn.Read(c.buf[c.end:])
	if n > 0 {
		c.heard.Store(true)
		c.end += n
		return nil
	}
	if err != nil && timedOut(err) && (c.released > 0 || c.start < c.end) {
		_ = c.refuse(tooSlow("the head of the request took too long"))
	}
	return err
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// refuse answers on the connection itself: net/http knows of no request here.
func (c *conn) refuse(r *Refusal) error {
	if c.refused.Load() {
		return io.EOF
	}
	_, _ = c.Write(r.raw()) // the peer may have left
	c.refused.Store(true)
	c.unread.Store(r.Reason != TooSlow)
	c.server.count(r, c.Conn)
	return io.EOF
}

func (c *conn) takeBuffer() {
	if c.buf == nil {
		c.buf = *c.server.buffers.Get().(*[]byte)
		c.start, c.end = 0, 0
	}
}

func (c *conn) dropBuffer() {
	if c.held > 0 {
		c.server.memory.Release(c.held)
		c.held = 0
	}
	if b := c.buf; len(b) == bufSize {
		c.server.buffers.Put(&b)
	}
	c.buf, c.start, c.end = nil, 0, 0
}

// closed gives the buffer back. The network has ended, so a Read does not keep
// it waiting.
func (c *conn) closed() {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.dropBuffer()
}

// hijacked makes the conn a plain connection: the handler has taken it over.
func (c *conn) hijacked() {
	c.raw.Store(true)
	c.server.peers.take(c)
	c.unread.Store(false)
	if c.held > 0 {
		c.server.memory.Release(c.held)
		c.held = 0
	}
	if c.start == c.end {
		c.dropBuffer()
	}
}
