package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/gorilla/websocket"
)

// readBuffer is the size of the pooled buffer that a link holds while a
// message comes in.
const readBuffer = 32 << 10

// Serve reads the link until it ends and says why. It is called once.
func (l *Link) Serve() *CloseError {
	for {
		err := l.readMessage()
		if err == nil && l.swamped() {
			err = &CloseError{Code: CloseAbnormal, Reason: "the other end asks and does not listen"}
		}
		if err != nil {
			l.end(closeErrorOf(err))
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.writing { // farewell
		l.idle.Wait()
	}
	return l.err
}

// swamped says that the other end does not take what it is answered.
func (l *Link) swamped() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.linkq)+len(l.headq) > maxQueue
}

// hear notes a sign of life and moves the read deadline, at most once a
// second.
func (l *Link) hear() {
	now := time.Now()
	l.heard.Store(int64(now.Sub(l.born)))
	if now.Sub(l.deadlineAt) >= time.Second {
		l.deadlineAt = now
		_ = l.ws.SetReadDeadline(now.Add(DeadAfter))
	}
}

func (l *Link) readMessage() error {
	l.hear()
	kind, r, err := l.ws.NextReader()
	if err != nil {
		return err
	}
	if kind != websocket.BinaryMessage {
		return &CloseError{Code: CloseUnsupported}
	}
	l.hear()
	br, _ := l.pools.readers.Get().(*bufio.Reader)
	if br == nil {
		br = bufio.NewReaderSize(nil, readBuffer)
	}
	br.Reset(r)
	defer func() {
		br.Reset(nil)
		l.pools.readers.Put(br)
	}()
	for {
		more, err := l.readFrame(br)
		if err != nil || !more {
			return err
		}
	}
}

// readFrame reads one frame; false at the end of the message.
func (l *Link) readFrame(br *bufio.Reader) (bool, error) {
	p, err := br.Peek(HeaderLen)
	if err != nil {
		if errors.Is(err, io.EOF) {
			if len(p) == 0 {
				return false, nil
			}
			return false, malformed("message ends inside a frame")
		}
		return false, err
	}
	h, err := ParseHeader(p)
	if err != nil {
		return false, err
	}
	_, _ = br.Discard(HeaderLen)
	n := int(h.Length)
	l.read.Add(int64(HeaderLen + n))
	if n > br.Buffered() {
		l.hear() // a slow message is no silence
	}
	if !h.Type.Known() {
		_, err = br.Discard(n)
		return true, inFrame(err)
	}
	if n <= br.Size() {
		if p, err = br.Peek(n); err == nil {
			err = l.handle(h, p)
			_, _ = br.Discard(n)
		}
		return true, inFrame(err)
	}
	p = make([]byte, n)
	if _, err = io.ReadFull(br, p); err == nil {
		err = l.handle(h, p)
	}
	return true, inFrame(err)
}

// inFrame makes the end of a message inside a frame what it is.
func inFrame(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("message ends inside a frame")
	}
	return err
}

// handle acts on a frame. p is lent until it returns.
func (l *Link) handle(h Header, p []byte) error {
	switch h.Type {
	case TypeOpen, TypeEvent:
		return l.handleOpen(h, p)
	case TypeHead, TypeData, TypeEnd, TypeReset:
		return l.handleStream(h, p)
	case TypeCredit:
		return l.handleCredit(h.Stream, p)
	}
	return l.handleLink(h, p)
}

func (l *Link) handleLink(h Header, p []byte) error {
	switch {
	case h.Type == TypeAck && l.cb.Ack != nil:
		return pass(p, ParseAck, l.cb.Ack)
	case h.Type == TypeNack && l.cb.Nack != nil:
		return pass(p, ParseNack, l.cb.Nack)
	case h.Type == TypeSeek && l.cb.Seek != nil:
		return pass(p, ParseSeek, l.cb.Seek)
	case h.Type == TypeState && l.cb.State != nil:
		return pass(p, ParseState, l.cb.State)
	case h.Type == TypeGoAway && l.cb.GoAway != nil:
		return pass(p, ParseGoAway, l.cb.GoAway)
	}
	return malformed("type %#02x from this end", h.Type)
}

func pass[T any](p []byte, parse func([]byte) (T, error), to func(T)) error {
	v, err := parse(p)
	if err == nil {
		to(v)
	}
	return err
}

// handleOpen takes a new stream from the relay.
func (l *Link) handleOpen(h Header, p []byte) error {
	if l.role != Client || h.Stream%2 == 0 {
		return malformed("stream %d from this end", h.Stream)
	}
	s, err := l.accept(h)
	if err != nil || s == nil {
		return err
	}
	if h.Type == TypeEvent {
		e, err := ParseEvent(p)
		if err != nil {
			return err
		}
		l.mu.Lock()
		s.localDone, s.stored = true, true
		l.mu.Unlock()
		if l.cb.Event == nil {
			return malformed("EVENT was not asked for")
		}
		l.cb.Event(s, e)
		return nil
	}
	head, err := ParseRequestHead(p)
	if err != nil {
		return err
	}
	if l.cb.Open == nil {
		return malformed("OPEN was not asked for")
	}
	s.inSum.expect(head.Header)
	l.cb.Open(s, head, h.Flags&FlagExpect != 0)
	return nil
}

// accept adds the stream of h, or refuses it with RESET if there are too many.
func (l *Link) accept(h Header) (*Stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.Stream < l.nextID {
		return nil, malformed("stream %d again", h.Stream)
	}
	l.nextID = h.Stream + 2
	// Events come on top of live requests, at most as many again.
	if l.err != nil || len(l.streams) >= 2*l.recvOf.Streams {
		l.resetLocked(h.Stream, Reset{ResetBusy, "too many streams"})
		return nil, nil
	}
	s := l.addLocked(h.Stream)
	s.remoteDone = h.Flags&FlagFin != 0
	return s, nil
}

func (l *Link) resetLocked(id uint32, r Reset) {
	l.frameLocked(&l.headq, TypeReset, 0, id, func(b []byte) []byte { return AppendReset(b, r) })
	l.kickLocked(false)
}

// handleStream acts on a frame of a stream that exists, or once did.
func (l *Link) handleStream(h Header, p []byte) error {
	var head *ResponseHead
	var end *End
	var reset Reset
	var err error
	switch h.Type {
	case TypeHead:
		head, err = ParseResponseHead(p)
	case TypeEnd:
		end, err = ParseEnd(p, h.Flags)
	case TypeReset:
		reset, err = ParseReset(p)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.findLocked(h)
	if err != nil {
		return err
	}
	switch h.Type {
	case TypeHead:
		err = s.headLocked(h, head)
	case TypeData:
		err = l.dataLocked(s, h, p)
	case TypeEnd:
		err = s.endLocked(end)
	case TypeReset:
		s.resetByPeerLocked(reset)
	}
	l.kickLocked(false)
	return err
}

// findLocked gives the stream of h, nil for one that is over.
func (l *Link) findLocked(h Header) (*Stream, error) {
	if s := l.streams[h.Stream]; s != nil {
		return s, nil
	}
	if h.Stream%2 == 0 || h.Stream >= l.nextID {
		return nil, malformed("stream %d was never opened", h.Stream)
	}
	return nil, nil
}

// dataLocked takes body bytes. Bytes for a stream that is over still spent
// the link's window: they are granted again at once.
func (l *Link) dataLocked(s *Stream, h Header, p []byte) error {
	if err := l.recv.arrive(len(p)); err != nil {
		return err
	}
	if s == nil || s.err != nil || s.discard {
		l.consumedLocked(len(p))
		if s == nil {
			return nil
		}
		if h.Flags&FlagFin != 0 {
			s.remoteDone = true
			s.closeIfDoneLocked()
		}
		return nil
	}
	if s.remoteDone {
		return malformed("DATA after the end of stream %d", s.id)
	}
	if l.role == Relay && !s.headSeen {
		return malformed("DATA before HEAD on stream %d", s.id)
	}
	if err := s.recv.arrive(len(p)); err != nil {
		return err
	}
	s.got += uint64(len(p))
	s.in.write(&l.pools.chunks, p)
	if h.Flags&FlagFin != 0 {
		s.remoteDone = true
		s.closeIfDoneLocked()
	}
	s.canRead.Broadcast()
	return nil
}

// consumedLocked grants link window again when half is used.
func (l *Link) consumedLocked(n int) {
	if grant := l.recv.consume(n); grant > 0 {
		l.creditLocked(0, grant)
	}
}

func (l *Link) handleCredit(id uint32, p []byte) error {
	n, err := ParseCredit(p)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == 0 {
		if err := l.send.grant(n); err != nil {
			return err
		}
		l.kickLocked(false)
		return nil
	}
	s, err := l.findLocked(Header{Stream: id})
	if err != nil || s == nil {
		return err
	}
	if err := s.send.grant(n); err != nil {
		return err
	}
	if len(s.out) > 0 {
		l.readyLocked(s)
		l.kickLocked(false)
	}
	return nil
}

// onPing queues the answer. The reader does not write it: see kickLocked.
func (l *Link) onPing(data string) error {
	if err := l.control(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pong, l.hasPong = data, true
	l.kickLocked(false)
	return nil
}

func (l *Link) onPong(data string) error {
	if err := l.control(); err != nil {
		return err
	}
	if len(data) != 8 {
		return nil
	}
	sent := time.Duration(binary.BigEndian.Uint64([]byte(data)))
	if rtt := time.Since(l.born) - sent; sent >= 0 && rtt >= 0 && rtt < DeadAfter {
		l.rtt.Store(int64(rtt))
	}
	return nil
}

// control counts a websocket control frame: each costs us work that the other
// end does not pay for.
func (l *Link) control() error {
	l.hear()
	now := time.Now()
	l.ctlTokens = min(controlBurst, l.ctlTokens+controlBurst*now.Sub(l.ctlAt).Seconds())
	l.ctlAt = now
	if l.ctlTokens < 1 {
		return &CloseError{Code: CloseControl}
	}
	l.ctlTokens--
	return nil
}
