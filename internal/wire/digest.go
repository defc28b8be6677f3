package wire

import (
	"crypto/sha256"
	"errors"
	"hash"
	"net/http"
	"strconv"
)

// ErrDigest is returned at the end of a body whose bytes are not those that
// were sent.
var ErrDigest = errors.New("body damaged on the way")

// maxDigest is how long a live body may be that gets a digest. Webhooks are
// shorter; of a longer body its length is checked, for on both ends together
// the digest would cost half as much again as all else.
const maxDigest = 256 << 10

// A digest is the SHA-256 of a body so far, of either direction. It belongs to
// the one who writes, or reads, and needs no lock.
type digest struct {
	h hash.Hash
	n int // bytes, no more than it takes to know that they are too many
}

func (d *digest) add(p []byte) {
	if len(p) == 0 || d.n > maxDigest {
		return
	}
	if d.n += len(p); d.n > maxDigest {
		d.h = nil
		return
	}
	if d.h == nil {
		d.h = sha256.New()
	}
	_, _ = d.h.Write(p) // never fails
}

// expect spares the work for a body whose head says that it will be too long.
func (d *digest) expect(h http.Header) {
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n > maxDigest {
		d.n = maxDigest + 1
	}
}

func (d *digest) sum() (sum [sha256.Size]byte) {
	if d.h == nil {
		return sha256.Sum256(nil)
	}
	d.h.Sum(sum[:0])
	return sum
}

// sealLocked prepares END for a live body whose last bytes, of which there are
// n, are about to be sent. A body without any bytes needs none, and neither
// does one of which the end is all that is to be told.
func (s *Stream) sealLocked(n int, trailer http.Header) error {
	length := s.sent + uint64(n)
	if (length == 0 || length > maxDigest) && len(trailer) == 0 {
		return nil
	}
	e := &End{Length: length, Trailer: trailer}
	if s.tailFlags = FlagNoDigest; length <= maxDigest && s.outSum.n <= maxDigest {
		e.Digest, s.tailFlags = s.outSum.sum(), 0
	}
	tail, err := AppendEnd(nil, e)
	if err == nil && len(tail) > MaxPayload {
		err = malformed("trailers of %d bytes", len(tail))
	}
	if err == nil {
		s.tail = tail
	}
	return err
}

// checked gives the end of a body its meaning.
func (s *Stream) checked(end error) error {
	s.l.mu.Lock()
	want := s.want
	s.l.mu.Unlock()
	if want != nil && s.inSum.n <= maxDigest && *want != s.inSum.sum() {
		return ErrDigest
	}
	return end
}
