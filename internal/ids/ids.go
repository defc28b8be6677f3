// Package ids makes the ids of deliveries: "dlv_" and 26 lower-case letters and
// digits, sorted by time.
//
// An id is made on this machine from the clock and random bits, never from
// anything that came over the network. It is a ULID: 48 bits of milliseconds,
// then 80 bits that are random for the first id of a millisecond and grow by a
// random step for those that follow.
package ids

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Prefix begins every id of a delivery.
const Prefix = "dlv_"

// Length is how long every id is.
const Length = len(Prefix) + ulid.EncodedSize

// ErrMalformed is returned by Parse for a text that New cannot have made.
var ErrMalformed = errors.New("not a delivery id")

// A Raw is an id in 16 bytes; comparing two as bytes compares the ids.
type Raw [16]byte

// A Generator makes ids that sort in the order in which they were made, also
// when the clock steps back: time then stands still until the clock has caught
// up. Ids of different generators never meet, whether in one process or in
// several. It is safe for concurrent use; the zero value is ready and takes its
// random bits from the system.
type Generator struct {
	// Entropy replaces the system's random source where a test wants the same
	// ids again; where it ends, the system's goes on. It must not be changed
	// after the first call.
	Entropy io.Reader

	mu     sync.Mutex // guards the following
	random *ulid.MonotonicEntropy
	last   ulid.ULID
}

// New returns an id for now, greater than every id that g returned before.
func (g *Generator) New(now time.Time) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.startLocked()
	ms := max(millis(now), g.last.Time())
	id, err := ulid.New(ms, g.random)
	for err != nil {
		if !errors.Is(err, ulid.ErrMonotonicOverflow) {
			g.random = ulid.Monotonic(rand.Reader, 0) // Entropy came to its end
		}
		// After an overflow the next id begins with new random bits.
		ms++
		id, err = ulid.New(ms, g.random)
	}
	g.last = id
	return text(id)
}

// At returns an id for a delivery that was made at t, somewhere else or long
// ago. It says nothing about the order of what New returns.
func (g *Generator) At(t time.Time) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.startLocked()
	var id ulid.ULID
	_ = id.SetTime(millis(t)) // millis gives nothing that SetTime refuses
	if _, err := io.ReadFull(g.source(), id[6:]); err != nil {
		_, _ = rand.Read(id[6:]) // never fails
	}
	return text(id)
}

func (g *Generator) startLocked() {
	if g.random == nil {
		g.random = ulid.Monotonic(g.source(), 0)
	}
}

func (g *Generator) source() io.Reader {
	if g.Entropy != nil {
		return g.Entropy
	}
	return rand.Reader
}

// millis is t in Unix milliseconds, kept within what an id can hold.
func millis(t time.Time) uint64 {
	ms := t.UnixMilli()
	if ms < 0 {
		return 0
	}
	return min(uint64(ms), ulid.MaxTime())
}

// Parse returns the bytes of an id. It accepts exactly what New returns and
// gives ErrMalformed for the rest.
func Parse(id string) (Raw, error) {
	body, ok := strings.CutPrefix(id, Prefix)
	if !ok || len(body) != ulid.EncodedSize || body != strings.ToLower(body) {
		return Raw{}, malformed(id)
	}
	u, err := ulid.ParseStrict(body)
	if err != nil || text(u) != id {
		return Raw{}, malformed(id)
	}
	return Raw(u), nil
}

func malformed(id string) error {
	if len(id) > 2*Length {
		id = id[:2*Length] + "…"
	}
	return fmt.Errorf("%w: %q", ErrMalformed, id)
}

// Floor returns the smallest id of t's millisecond: every id made then or later
// is as great or greater.
func Floor(t time.Time) Raw {
	var id ulid.ULID
	_ = id.SetTime(millis(t))
	return Raw(id)
}

// String returns the id as New writes it.
func (r Raw) String() string { return text(ulid.ULID(r)) }

// Time returns the millisecond for which the id was made.
func (r Raw) Time() time.Time { return ulid.Time(ulid.ULID(r).Time()).UTC() }

func text(id ulid.ULID) string {
	var b [Length]byte
	copy(b[:], Prefix)
	_ = id.MarshalTextTo(b[len(Prefix):]) // the room is exactly what it needs
	for i := len(Prefix); i < len(b); i++ {
		if b[i] >= 'A' && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b[:])
}
