package wire

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// Times of a link. They are the same at both ends.
const (
	HelloTimeout = 5 * time.Second  // for HELLO, from the upgrade
	WriteTimeout = 10 * time.Second // for one message to leave
	DeadAfter    = 25 * time.Second // without a byte
	closeTimeout = time.Second
)

// controlBurst is how many websocket control frames a link takes in a second.
const controlBurst = 20

// maxQueue is how many bytes of frames other than DATA may wait to be sent: a
// multiple of the largest heads that can be under way. More are answers to what
// comes from an end that does not read them.
const maxQueue = 16 << 20

// ErrGoingAway is returned by Open on a link that starts nothing new.
var ErrGoingAway = errors.New("link is going away")

// ErrEnded is returned by Open on a link that has ended: nothing was sent.
var ErrEnded = errors.New("link has ended")

// A Role says which end of a link this is.
type Role uint8

// The two ends.
const (
	Relay  Role = 1
	Client Role = 2
)

// Callbacks take what is not a stream's own business. The link's reader calls
// them one at a time, in the order of the frames: they must not block. A frame
// whose callback is nil is a protocol error: it came from the wrong end.
type Callbacks struct {
	Open   func(s *Stream, h *RequestHead, expect bool) // a request; the client answers on s
	Event  func(s *Stream, e *Event)                    // a stored request; its body is read from s
	Ack    func(Ack)
	Nack   func(Nack)
	Seek   func(Seek)
	State  func(State)
	GoAway func(GoAway)
}

// A CloseError is why a link ended.
type CloseError struct {
	Code   CloseCode
	Reason string
	Remote bool // the other end closed it
	Err    error
}

// Error says who closed the link and why.
func (e *CloseError) Error() string {
	s := e.Code.String()
	if e.Reason != "" {
		s = e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the error of the connection.
func (e *CloseError) Unwrap() error { return e.Err }

// Options are the parts of a Link.
type Options struct {
	Role      Role
	Send      Windows // what the other end granted
	Recv      Windows // what we granted
	Callbacks Callbacks
	Shared    *Shared

	// Held keeps everything that is sent in the queue until Release: a link
	// can be handed out while its greeting is still being written.
	Held bool
}

// Shared holds the buffers that the links of a process share. The zero value
// is ready; it must not be copied.
type Shared struct {
	pools   pools
	buffers sync.Pool // gorilla's write buffers
}

// A Link carries streams over one websocket. It has no standing goroutine but
// the one that calls Serve: who sends also writes, and hands over to a
// goroutine that ends with the queue. All methods may be called concurrently.
type Link struct {
	ws     *websocket.Conn
	role   Role
	cb     Callbacks
	pools  *pools
	recvOf Windows
	sendOf Windows
	born   time.Time

	heard   atomic.Int64 // ns since born when a message or control frame came last
	said    atomic.Int64 // the same of what was written
	asked   atomic.Int64 // the same of the last Ping that was due
	rtt     atomic.Int64 // ns, of the last ping
	written atomic.Int64 // bytes of messages
	read    atomic.Int64

	deadlineAt time.Time // reader only: when the read deadline was last moved
	ctlTokens  float64   // reader only
	ctlAt      time.Time // reader only

	mu      sync.Mutex // guards the following
	idle    sync.Cond  // the writer left
	streams map[uint32]*Stream
	grown   int    // what their windows have grown
	nextID  uint32 // relay: the next stream; client: the lowest one not seen
	away    bool
	send    sendWindow
	recv    recvWindow
	linkq   []byte    // whole frames of stream 0
	headq   []byte    // whole frames: heads, END, CREDIT, RESET
	ready   []*Stream // streams with DATA to send, in turn
	ping    bool
	pong    string
	hasPong bool
	writing bool
	most    int  // bytes of a message, as the connection takes them
	closed  bool // farewell was said
	late    *time.Timer
	err     *CloseError
}

// NewLink makes a link of a websocket whose greeting is done. The caller then
// calls Serve.
func NewLink(ws *websocket.Conn, o Options) *Link {
	l := &Link{
		ws: ws, role: o.Role, cb: o.Callbacks, pools: &o.Shared.pools,
		recvOf: o.Recv, sendOf: o.Send, born: time.Now(), ctlTokens: controlBurst,
		nextID: 1, send: sendWindow{o.Send.Link}, recv: newRecvWindow(o.Recv.Link),
		writing: o.Held, most: firstMessage,
	}
	l.idle.L = &l.mu
	ws.SetReadLimit(MaxMessage)
	ws.SetPingHandler(l.onPing)
	ws.SetPongHandler(l.onPong)
	ws.SetCloseHandler(func(int, string) error { return nil }) // Serve answers
	return l
}

// Release lets a link that was Held write.
func (l *Link) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
	if l.err != nil {
		l.writing = true
		go l.farewell()
		return
	}
	l.kickLocked(false)
}

// Err is why the link ended, nil while it lives.
func (l *Link) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		return nil
	}
	return l.err
}

// RTT is the round trip time that the last ping measured, 0 before.
func (l *Link) RTT() time.Duration { return time.Duration(l.rtt.Load()) }

// Traffic is how many bytes of messages were read and written.
func (l *Link) Traffic() (read, written int64) { return l.read.Load(), l.written.Load() }

// Streams is how many streams are open.
func (l *Link) Streams() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.streams)
}

// Ping asks for a sign of life if nothing came for idle, and gives one if
// nothing was written for idle: while much flows in one direction the other end
// may have to wait long for an answer. It does not block, and returns for how
// long the link has been quiet.
func (l *Link) Ping(idle time.Duration) time.Duration {
	now := time.Since(l.born)
	quiet := now - time.Duration(max(l.asked.Load(), min(l.heard.Load(), l.said.Load())))
	if quiet < idle {
		return quiet
	}
	l.asked.Store(int64(now))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ping = true
	l.kickLocked(false)
	return 0
}

// Close ends the link with code: what is queued still leaves, if it does within
// WriteTimeout; streams are cut. It does not block; Serve returns soon after.
func (l *Link) Close(code CloseCode, reason string) {
	l.end(&CloseError{Code: code, Reason: reason})
}

// end ends the link once; later reasons are forgotten.
func (l *Link) end(e *CloseError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endLocked(e)
}

func (l *Link) endLocked(e *CloseError) {
	if l.err != nil {
		return
	}
	l.err = e
	for id, s := range l.streams {
		s.failLocked(e)
		delete(l.streams, id)
	}
	l.ready = nil
	if e.Remote || e.Code == CloseAbnormal || e.Code == CloseHeartbeat {
		l.linkq, l.headq = nil, nil
		if l.writing {
			go l.ws.Close() // the writer waits for a connection that is gone
		}
	}
	l.kickLocked(false)
	if !l.writing {
		l.writing = true
		go l.farewell()
		return
	}
	// What is being written may be taken very slowly.
	l.late = time.AfterFunc(WriteTimeout, func() { _ = l.ws.Close() })
}

// farewell sends the close frame and closes the connection.
func (l *Link) farewell() {
	l.mu.Lock()
	e := l.err
	l.mu.Unlock()
	if e.Code != CloseAbnormal && e.Code != CloseHeartbeat {
		code, reason := e.Code, e.Reason
		if e.Remote {
			reason = ""
		}
		if len(reason) > 120 {
			reason = ""
		}
		p := websocket.FormatCloseMessage(int(code), reason)
		_ = l.ws.WriteControl(websocket.CloseMessage, p, time.Now().Add(closeTimeout))
	}
	_ = l.ws.Close()
	l.mu.Lock()
	l.writing, l.closed = false, true
	if l.late != nil {
		l.late.Stop()
	}
	l.idle.Broadcast()
	l.mu.Unlock()
}

// Flush waits until everything queued has been handed to the connection, or
// the link ended.
func (l *Link) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.err == nil && (l.writing || len(l.linkq)+len(l.headq) > 0) {
		l.idle.Wait()
	}
}

// GoAway sends g and starts nothing new on this link.
func (l *Link) GoAway(g GoAway) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = true
	l.frameLocked(&l.linkq, TypeGoAway, 0, 0, func(b []byte) []byte { return AppendGoAway(b, g) })
	l.kickLocked(false)
}

// SendState queues STATE.
func (l *Link) SendState(s State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frameLocked(&l.linkq, TypeState, 0, 0, func(b []byte) []byte { return AppendState(b, s) })
	l.kickLocked(false)
}

// SendAck queues ACK.
func (l *Link) SendAck(a Ack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frameLocked(&l.linkq, TypeAck, 0, 0, func(b []byte) []byte { return AppendAck(b, a) })
	l.kickLocked(true)
}

// SendNack queues NACK.
func (l *Link) SendNack(n Nack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frameLocked(&l.linkq, TypeNack, 0, 0, func(b []byte) []byte { return AppendNack(b, n) })
	l.kickLocked(true)
}

// SendSeek queues SEEK.
func (l *Link) SendSeek(s Seek) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frameLocked(&l.linkq, TypeSeek, 0, 0, func(b []byte) []byte { return AppendSeek(b, s) })
	l.kickLocked(true)
}

// frameLocked appends one frame to a queue.
func (l *Link) frameLocked(q *[]byte, t Type, f Flags, stream uint32, payload func([]byte) []byte) {
	if l.err != nil {
		return
	}
	start := len(*q)
	*q = endFrame(payload(beginFrame(*q, t, f, stream)), start)
}

// creditLocked queues CREDIT for a stream or, with 0, for the link.
func (l *Link) creditLocked(stream, n uint32) {
	q := &l.headq
	if stream == 0 {
		q = &l.linkq
	}
	l.frameLocked(q, TypeCredit, 0, stream, func(b []byte) []byte { return AppendCredit(b, n) })
}

// Open starts a stream for a live request. body is its first part, and with
// fin its whole; the bytes are not kept after Open returns. It waits while the
// client grants too little for body: if ctx ends meanwhile, the stream is reset.
// A head that cannot be carried is an error that wraps ErrFrame and costs the
// link nothing.
func (l *Link) Open(ctx context.Context, h *RequestHead, expect bool, body []byte, fin bool) (*Stream, error) {
	flags := Flags(0)
	if fin && len(body) == 0 {
		flags |= FlagFin
	}
	if expect {
		flags |= FlagExpect
	}
	var sum digest
	sum.expect(h.Header)
	sum.add(body)
	return l.start(ctx, TypeOpen, flags, sum, body, fin, func(b []byte) ([]byte, error) {
		start := len(b)
		b, err := AppendRequestHead(b, h)
		if err == nil && len(b)-start > MaxHead {
			err = malformed("head of %d bytes", len(b)-start)
		}
		return b, err
	})
}

// OpenEvent starts a stream for a stored request, whose head is as
// AppendRequestHead wrote it, with its whole body. It does not wait for flow
// control: body is sent from where it is and must not change any more.
func (l *Link) OpenEvent(e *Event, head, body []byte) error {
	_, err := l.start(context.Background(), TypeEvent, 0, digest{}, body, true, func(b []byte) ([]byte, error) {
		return AppendStoredEvent(b, e, head), nil
	})
	return err
}

func (l *Link) start(ctx context.Context, t Type, flags Flags, sum digest, body []byte, fin bool, payload func([]byte) ([]byte, error)) (*Stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnded, l.err)
	}
	if l.away || l.nextID > MaxStream-2 {
		return nil, ErrGoingAway
	}
	id, at := l.nextID, len(l.headq)
	q, err := payload(beginFrame(l.headq, t, flags, id))
	if err == nil && len(q)-at-HeaderLen > MaxPayload {
		err = malformed("head of %d bytes", len(q)-at-HeaderLen)
	}
	if err != nil {
		return nil, err
	}
	l.headq = endFrame(q, at)
	l.nextID += 2
	s := l.addLocked(id)
	s.localDone = flags&FlagFin != 0
	s.remoteDone = t == TypeEvent // it is answered on stream 0
	if !s.localDone && (len(body) > 0 || fin) {
		if t == TypeEvent {
			s.out, s.outFin = body, fin // its head has the digest
			l.readyLocked(s)
		} else {
			s.outSum = sum
			if err := s.offerLocked(body, fin); err != nil {
				return nil, err
			}
		}
	}
	l.kickLocked(true)
	if t == TypeOpen && len(s.out) > 0 {
		defer s.ResetOn(ctx)()
		if err := s.drainLocked(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (l *Link) addLocked(id uint32) *Stream {
	s := &Stream{l: l, id: id, send: sendWindow{l.sendOf.Stream}, recv: newRecvWindow(l.recvOf.Stream)}
	s.canRead.L, s.canWrite.L = &l.mu, &l.mu
	if l.streams == nil {
		l.streams = make(map[uint32]*Stream)
	}
	l.streams[id] = s
	return s
}

// forgetLocked removes a stream that is over.
func (l *Link) forgetLocked(s *Stream) {
	if _, known := l.streams[s.id]; known {
		delete(l.streams, s.id)
		l.grown -= s.recv.size - l.recvOf.Stream
	}
}

func closeErrorOf(err error) *CloseError {
	var ce *websocket.CloseError
	var own *CloseError
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, ErrFrame):
		return &CloseError{Code: CloseProtocol, Err: err}
	case errors.Is(err, ErrFlow):
		return &CloseError{Code: CloseFlow}
	case errors.As(err, &ce):
		return &CloseError{Code: CloseCode(ce.Code), Reason: ce.Text, Remote: true}
	case errors.Is(err, websocket.ErrReadLimit):
		return &CloseError{Code: CloseTooBig}
	case isTimeout(err):
		return &CloseError{Code: CloseHeartbeat, Err: err}
	}
	return &CloseError{Code: CloseAbnormal, Err: err}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// String names the link in a log.
func (l *Link) String() string { return fmt.Sprintf("link to %v", l.ws.RemoteAddr()) }
