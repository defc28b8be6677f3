package wire

import (
	"errors"
	"time"
)

// ErrFlow is returned for DATA or CREDIT beyond what was granted. The link is
// closed with CloseFlow.
var ErrFlow = errors.New("flow control violated")

// A sendWindow is what we may still send.
type sendWindow struct{ left int }

// grant adds n bytes. More than MaxCredit in hand is a fault of the other end.
func (w *sendWindow) grant(n uint32) error {
	if n == 0 || int64(n)+int64(w.left) > MaxCredit {
		return ErrFlow
	}
	w.left += int(n)
	return nil
}

// maxWindow is how large a stream's window may grow: what a fast reader takes
// in a round trip of 50 ms at 42 MB/s.
const maxWindow = 2 << 20

// A recvWindow is what the other end may still send, and what has been
// consumed but not yet granted again.
type recvWindow struct {
	size     int
	left     int
	consumed int
	granted  time.Duration // when something was granted last, since the link began
}

func newRecvWindow(size int) recvWindow { return recvWindow{size: size, left: size} }

// arrive spends n bytes of the window.
func (w *recvWindow) arrive(n int) error {
	if n > w.left {
		return ErrFlow
	}
	w.left -= n
	return nil
}

// consume notes that n bytes went on to the reader beyond. It returns what is
// to be granted now: nothing until half of the window has been consumed, so
// that a CREDIT is sent for many DATA frames.
func (w *recvWindow) consume(n int) uint32 {
	w.consumed += n
	if w.consumed < w.size/2 {
		return 0
	}
	grant := w.consumed
	w.consumed = 0
	w.left += grant
	return uint32(grant)
}

// held is how much arrived and was not consumed.
func (w *recvWindow) held() int { return w.size - w.left - w.consumed }

// hurry says whether the window holds the other end up: half of it has gone
// within a round trip, as is found when that half is granted again.
func (w *recvWindow) hurry(now, rtt time.Duration) bool {
	last := w.granted
	w.granted = now
	return last > 0 && now-last <= rtt
}

// grow makes the window larger by n.
func (w *recvWindow) grow(n int) {
	w.size += n
	w.left += n
}
