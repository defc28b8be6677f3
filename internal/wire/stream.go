package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// ErrReset is wrapped by the error that a stream's methods return after RESET.
var ErrReset = errors.New("stream reset")

// Error says who gave up and why.
func (r Reset) Error() string {
	if r.Reason == "" {
		return fmt.Sprintf("stream reset: code %d", r.Code)
	}
	return "stream reset: " + r.Reason
}

// Is makes errors.Is(err, ErrReset) true.
func (r Reset) Is(target error) bool { return target == ErrReset }

// A Stream is one exchange. At the relay it sends the request's body and
// receives the response; at the client the reverse. One goroutine may read
// and another write at the same time.
type Stream struct {
	l  *Link
	id uint32

	outSum, inSum digest // of the writer and of the reader
	stored        bool   // an event, whose head has its digest; set before it is read

	// The link's lock guards the following.
	canRead, canWrite sync.Cond
	heads             []infoHead
	in                chunks
	recv              recvWindow
	send              sendWindow
	out               []byte // lent by the writer that waits
	tail              []byte // the payload of END
	tailFlags         Flags
	want              *[32]byte // what END says of the body that came
	trailer           http.Header
	got, sent         uint64
	infos             int
	unsent            int // of out, when the stream failed
	headSeen          bool
	queued            bool
	outFin            bool
	localDone         bool // we send nothing more
	remoteDone        bool // the other end sends nothing more
	discard           bool // nobody reads what still comes
	onFail            func()
	err               error
}

type infoHead struct {
	*ResponseHead
	info bool
}

// NextHead waits for the next head of the response. info says that it is a
// 1xx one and that another follows.
func (s *Stream) NextHead() (h *ResponseHead, info bool, err error) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	for len(s.heads) == 0 {
		if s.err != nil {
			return nil, false, s.err
		}
		s.canRead.Wait()
	}
	h, info = s.heads[0].ResponseHead, s.heads[0].info
	s.heads = s.heads[1:]
	if !info {
		s.inSum.expect(h.Header)
	}
	return h, info, nil
}

// Read reads body bytes as they come; io.EOF after the last. Reading is what
// grants the other end more.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.read(p)
	if err == io.EOF {
		return 0, s.checked(err)
	}
	if !s.stored {
		s.inSum.add(p[:n])
	}
	return n, err
}

func (s *Stream) read(p []byte) (int, error) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if err := s.waitReadLocked(); err != nil {
		return 0, err
	}
	n := s.in.read(&s.l.pools.chunks, p)
	s.consumedLocked(n)
	return n, nil
}

// WriteTo writes the body to w as it comes. A w that can flush is flushed
// before the stream waits for more.
func (s *Stream) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		c, err := s.nextChunk(w)
		if err != nil {
			if err = s.checked(err); errors.Is(err, io.EOF) {
				return total, nil
			}
			return total, err
		}
		s.inSum.add(c.buf[c.r:c.w])
		n, err := w.Write(c.buf[c.r:c.w])
		total += int64(n)
		held := c.w - c.r
		s.l.pools.chunks.Put(c)
		s.l.mu.Lock()
		s.consumedLocked(held)
		s.l.mu.Unlock()
		if err != nil {
			return total, err
		}
	}
}

// nextChunk takes the next chunk out, which is the caller's then.
func (s *Stream) nextChunk(w io.Writer) (*chunk, error) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if s.in.empty() && !s.remoteDone && s.err == nil {
		if f, ok := w.(flusher); ok {
			s.l.mu.Unlock()
			f.Flush()
			s.l.mu.Lock()
		}
	}
	if err := s.waitReadLocked(); err != nil {
		return nil, err
	}
	return s.in.pop(), nil
}

// A flusher is a writer that is told when nothing more is at hand.
type flusher interface{ Flush() }

// waitReadLocked waits for bytes; io.EOF when none will come.
func (s *Stream) waitReadLocked() error {
	for s.in.empty() {
		switch {
		case s.err != nil:
			return s.err
		case s.remoteDone:
			return io.EOF
		}
		s.canRead.Wait()
	}
	return nil
}

// consumedLocked grants again what the reader beyond has taken.
func (s *Stream) consumedLocked(n int) {
	if s.l.err != nil || n == 0 {
		return
	}
	s.l.consumedLocked(n)
	if !s.remoteDone {
		if grant := s.recv.consume(n); grant > 0 {
			s.l.creditLocked(s.id, grant+uint32(s.growLocked()))
		}
	}
	s.l.kickLocked(true)
}

// growLocked doubles the window of a stream that it holds up, as long as the
// windows of all streams together fit into the link's. It returns by how much.
func (s *Stream) growLocked() int {
	l := s.l
	if !s.recv.hurry(time.Since(l.born), l.RTT()) {
		return 0
	}
	more := min(s.recv.size, maxWindow-s.recv.size)
	if more <= 0 || len(l.streams)*l.recvOf.Stream+l.grown+more > l.recvOf.Link {
		return 0
	}
	s.recv.grow(more)
	l.grown += more
	return more
}

// Unread lists the streams that hold bytes which nobody has read yet.
func (l *Link) Unread() map[*Stream]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	var held map[*Stream]int
	for _, s := range l.streams {
		if n := s.recv.held(); n > 0 {
			if held == nil {
				held = make(map[*Stream]int)
			}
			held[s] = n
		}
	}
	return held
}

// Empty says that nothing is left to be read and nothing will come: the
// stream has no body, or its end was reached.
func (s *Stream) Empty() bool {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.remoteDone && s.in.empty()
}

// OnFail calls f, once, when the stream ends before its time, at once if it
// has. f must not block and must not use the stream.
func (s *Stream) OnFail(f func()) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if s.err != nil {
		f()
		return
	}
	s.onFail = f
}

// Trailer is what END brought; it is complete after Read gave io.EOF.
func (s *Stream) Trailer() http.Header {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.trailer
}

// SendHead sends a response head with the first part of the body and, with
// fin, the whole of it. A head that cannot be carried is an error that wraps
// ErrFrame; nothing was sent then, and another head may be.
func (s *Stream) SendHead(h *ResponseHead, body []byte, fin bool) error {
	flags := Flags(0)
	if fin && len(body) == 0 {
		flags = FlagFin
	}
	return s.sendHead(h, flags, body, fin)
}

// SendInfo sends a 1xx head.
func (s *Stream) SendInfo(h *ResponseHead) error { return s.sendHead(h, FlagInfo, nil, false) }

func (s *Stream) sendHead(h *ResponseHead, flags Flags, body []byte, fin bool) error {
	l := s.l
	if flags&FlagInfo == 0 {
		s.outSum.expect(h.Header)
	}
	s.outSum.add(body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.localDone {
		return io.ErrClosedPipe
	}
	start := len(l.headq)
	q, err := AppendResponseHead(beginFrame(l.headq, TypeHead, flags, s.id), h)
	if err == nil && len(q)-start-HeaderLen > MaxPayload {
		err = malformed("head of %d bytes", len(q)-start-HeaderLen)
	}
	if err != nil {
		return err
	}
	l.headq = endFrame(q, start)
	if flags&FlagFin != 0 {
		s.localDone = true
		s.closeIfDoneLocked()
	} else if len(body) > 0 || fin {
		if err := s.offerLocked(body, fin); err != nil {
			return err
		}
	}
	l.kickLocked(true)
	return s.drainLocked()
}

// Write sends p and returns when it has been put into messages: p is the
// caller's again. It waits while the other end grants nothing.
func (s *Stream) Write(p []byte) (int, error) { return s.write(p, false) }

// Finish sends p as the last bytes of the body.
func (s *Stream) Finish(p []byte) error {
	_, err := s.write(p, true)
	return err
}

// offerLocked puts the next part of the body up for sending. The digest has
// taken it in already.
func (s *Stream) offerLocked(p []byte, fin bool) error {
	if fin && s.tail == nil {
		if err := s.sealLocked(len(p), nil); err != nil {
			return err
		}
	}
	s.out, s.outFin = p, fin
	s.l.readyLocked(s)
	return nil
}

func (s *Stream) write(p []byte, fin bool) (int, error) {
	l := s.l
	s.outSum.add(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if s.localDone || s.outFin {
		return 0, io.ErrClosedPipe
	}
	if len(p) == 0 && !fin {
		return 0, nil
	}
	if err := s.offerLocked(p, fin); err != nil {
		return 0, err
	}
	l.kickLocked(true)
	if err := s.drainLocked(); err != nil {
		return len(p) - s.unsent, err
	}
	return len(p), nil
}

// FinishWithTrailer ends the body with trailers.
func (s *Stream) FinishWithTrailer(trailer http.Header) error {
	s.l.mu.Lock()
	err := s.sealLocked(0, trailer)
	s.l.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Finish(nil)
}

// drainLocked waits until what was lent has been sent, or never will be.
func (s *Stream) drainLocked() error {
	for s.err == nil && (len(s.out) > 0 || (s.outFin && !s.localDone)) {
		s.canWrite.Wait()
	}
	return s.err
}

// drainedLocked is called by the writer when out is empty.
func (s *Stream) drainedLocked() {
	s.out = nil
	if s.outFin {
		if s.tail != nil {
			tail := s.tail
			s.l.frameLocked(&s.l.headq, TypeEnd, s.tailFlags, s.id, func(b []byte) []byte { return append(b, tail...) })
			s.tail = nil
		}
		s.localDone = true
		s.closeIfDoneLocked()
	}
	s.canWrite.Broadcast()
}

// Reset ends both directions at once. It does nothing on a stream that is
// over.
func (s *Stream) Reset(code ResetCode, reason string) {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.err == nil && !(s.localDone && s.remoteDone) {
		s.dropLocked(Reset{code, reason})
		l.forgetLocked(s)
		l.resetLocked(s.id, Reset{code, reason})
	}
	s.abandonLocked()
}

// Discard says that nobody reads what still comes: it is thrown away and does
// not hold up other streams. What we send goes on.
func (s *Stream) Discard() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.abandonLocked()
	s.l.kickLocked(true)
}

func (s *Stream) abandonLocked() {
	s.discard = true
	if n := s.in.drop(&s.l.pools.chunks); n > 0 && s.l.err == nil {
		s.l.consumedLocked(n)
	}
}

// ResetOn resets the stream when ctx is done. The returned function ends the
// watch.
func (s *Stream) ResetOn(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { s.Reset(ResetCancel, "cancelled") })
}

// headLocked takes a response head.
func (s *Stream) headLocked(h Header, head *ResponseHead) error {
	if s == nil {
		return nil
	}
	if s.l.role != Relay {
		return malformed("HEAD from this end")
	}
	info := h.Flags&FlagInfo != 0
	switch {
	case s.headSeen || s.remoteDone:
		return malformed("second HEAD on stream %d", s.id)
	case info && (h.Flags&FlagFin != 0 || head.Status > 199):
		return malformed("HEAD %d is not one of information", head.Status)
	case !info && head.Status < 200:
		return malformed("HEAD %d is not final", head.Status)
	}
	if info {
		if s.infos++; s.infos > MaxInfoHeads {
			return malformed("too many 1xx heads")
		}
	}
	s.headSeen = !info
	s.heads = append(s.heads, infoHead{head, info})
	if h.Flags&FlagFin != 0 {
		s.remoteDone = true
		s.closeIfDoneLocked()
	}
	s.canRead.Broadcast()
	return nil
}

// endLocked takes END. A length that does not fit means that bytes are
// missing: the body must not look whole.
func (s *Stream) endLocked(e *End) error {
	if s == nil {
		return nil
	}
	if s.remoteDone {
		return malformed("END after the end of stream %d", s.id)
	}
	if s.l.role == Relay && !s.headSeen {
		return malformed("END before HEAD on stream %d", s.id)
	}
	if e.Length != s.got && !s.discard {
		return malformed("END of %d bytes after %d", e.Length, s.got)
	}
	s.trailer = e.Trailer
	if !e.NoDigest {
		s.want = &e.Digest
	}
	s.remoteDone = true
	s.closeIfDoneLocked()
	s.canRead.Broadcast()
	return nil
}

func (s *Stream) resetByPeerLocked(r Reset) {
	if s == nil {
		return
	}
	s.dropLocked(r)
	s.l.forgetLocked(s)
	s.abandonLocked()
}

// dropLocked ends the stream with err; what was queued is not sent.
func (s *Stream) dropLocked(err error) {
	if s.queued {
		for i, r := range s.l.ready {
			if r == s {
				s.l.ready = append(s.l.ready[:i], s.l.ready[i+1:]...)
				break
			}
		}
		s.queued = false
	}
	s.failLocked(err)
}

func (s *Stream) failLocked(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	if s.onFail != nil {
		s.onFail()
	}
	s.unsent, s.out = len(s.out), nil
	s.canRead.Broadcast()
	s.canWrite.Broadcast()
}

// closeIfDoneLocked forgets a stream that has ended in both directions. What
// arrived can still be read.
func (s *Stream) closeIfDoneLocked() {
	if s.localDone && s.remoteDone {
		s.l.forgetLocked(s)
	}
}
