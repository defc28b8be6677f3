package wire

import (
	"encoding/binary"
	"math"
	"net/http"
	"time"
	"unicode/utf8"
)

// ResetCode says why a stream was ended before its time.
type ResetCode uint16

// The codes of RESET.
const (
	ResetCancel   ResetCode = 1 // the end that asked is gone
	ResetInternal ResetCode = 2 // a fault of the one that resets
	ResetTooLarge ResetCode = 3 // over a limit of the one that resets
	ResetBusy     ResetCode = 4 // too many streams
	ResetTimeout  ResetCode = 5 // nothing came in time
	ResetBadHead  ResetCode = 6 // the head cannot be used
	ResetDigest   ResetCode = 7 // length or digest do not fit the body
)

// A Reset is the payload of RESET, and the error that readers and writers of
// the stream get.
type Reset struct {
	Code   ResetCode
	Reason string
}

// AppendReset appends the payload of RESET. A reason that is too long is cut.
func AppendReset(dst []byte, r Reset) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(r.Code))
	reason := r.Reason
	if len(reason) > MaxReason {
		reason = reason[:MaxReason]
	}
	for !utf8.ValidString(reason) {
		reason = reason[:len(reason)-1]
	}
	return append(dst, reason...)
}

// ParseReset reads the payload of RESET.
func ParseReset(p []byte) (Reset, error) {
	if len(p) < 2 || len(p) > 2+MaxReason || !utf8.Valid(p[2:]) {
		return Reset{}, malformed("RESET of %d bytes", len(p))
	}
	return Reset{ResetCode(binary.BigEndian.Uint16(p)), string(p[2:])}, nil
}

// MaxCredit is the largest single grant, and the largest window.
const MaxCredit = 16 << 20

// AppendCredit appends the payload of CREDIT.
func AppendCredit(dst []byte, n uint32) []byte { return binary.BigEndian.AppendUint32(dst, n) }

// ParseCredit reads the payload of CREDIT.
func ParseCredit(p []byte) (uint32, error) {
	if len(p) != 4 {
		return 0, malformed("CREDIT of %d bytes", len(p))
	}
	n := binary.BigEndian.Uint32(p)
	if n == 0 || n > MaxCredit {
		return 0, malformed("CREDIT of %d", n)
	}
	return n, nil
}

// endFixed is the part of END before the trailers.
const endFixed = 8 + 32

// An End is the payload of END.
type End struct {
	Length   uint64   // bytes of the whole body
	Digest   [32]byte // SHA-256 of the whole body, zero without one
	NoDigest bool
	Trailer  http.Header
}

// AppendEnd appends the payload of END; the flag NoDigest is the caller's.
func AppendEnd(dst []byte, e *End) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, e.Length)
	dst = append(dst, e.Digest[:]...)
	return AppendHeaders(dst, e.Trailer)
}

// ParseEnd reads the payload of END.
func ParseEnd(p []byte, f Flags) (*End, error) {
	if len(p) < endFixed {
		return nil, malformed("END of %d bytes", len(p))
	}
	e := &End{Length: binary.BigEndian.Uint64(p), NoDigest: f&FlagNoDigest != 0}
	copy(e.Digest[:], p[8:])
	switch {
	case e.Length > math.MaxInt64:
		return nil, malformed("body of %d bytes", e.Length)
	case e.NoDigest && e.Digest != [32]byte{}:
		return nil, malformed("END with a digest that it denies")
	}
	var err error
	if e.Trailer, err = readHeaders(p[endFixed:]); err != nil {
		return nil, err
	}
	return e, nil
}

// An Ack says which events are done with: all up to Cumulative, and those in
// Singles, which rise and lie above it.
type Ack struct {
	Cumulative uint64
	Singles    []uint64
}

// AppendAck appends the payload of ACK.
func AppendAck(dst []byte, a Ack) []byte {
	dst = binary.BigEndian.AppendUint64(dst, a.Cumulative)
	for _, n := range a.Singles {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	return dst
}

// ParseAck reads the payload of ACK.
func ParseAck(p []byte) (Ack, error) {
	if len(p) < 8 || len(p)%8 != 0 || len(p) > 8*(1+MaxAckSingles) {
		return Ack{}, malformed("ACK of %d bytes", len(p))
	}
	a := Ack{Cumulative: binary.BigEndian.Uint64(p)}
	last := a.Cumulative
	if last > math.MaxInt64 {
		return Ack{}, malformed("offset %d", last)
	}
	if len(p) > 8 {
		a.Singles = make([]uint64, 0, len(p)/8-1)
	}
	for p = p[8:]; len(p) > 0; p = p[8:] {
		n := binary.BigEndian.Uint64(p)
		if n <= last || n > math.MaxInt64 {
			return Ack{}, malformed("ACK does not rise")
		}
		a.Singles, last = append(a.Singles, n), n
	}
	return a, nil
}

// NackWhy says why a client did not take an event.
type NackWhy uint8

// The reasons of NACK.
const (
	NackAppDown NackWhy = 1 // nothing answers at the target
	NackWait    NackWhy = 2 // the app asked to wait, or the client cannot store
	NackDigest  NackWhy = 3 // the body is not what its digest says: send again
)

// A Nack gives one event back, to be sent again after Delay.
type Nack struct {
	Offset uint64
	Delay  time.Duration
	Why    NackWhy
}

// AppendNack appends the payload of NACK.
func AppendNack(dst []byte, n Nack) []byte {
	dst = binary.BigEndian.AppendUint64(dst, n.Offset)
	dst = binary.BigEndian.AppendUint32(dst, millis(n.Delay))
	return append(dst, byte(n.Why))
}

// ParseNack reads the payload of NACK.
func ParseNack(p []byte) (Nack, error) {
	if len(p) != 13 {
		return Nack{}, malformed("NACK of %d bytes", len(p))
	}
	n := Nack{
		Offset: binary.BigEndian.Uint64(p),
		Delay:  time.Duration(binary.BigEndian.Uint32(p[8:])) * time.Millisecond,
		Why:    NackWhy(p[12]),
	}
	if n.Offset > math.MaxInt64 || n.Why < NackAppDown || n.Why > NackDigest {
		return Nack{}, malformed("NACK")
	}
	return n, nil
}

// SeekKind says what a Seek's value means.
type SeekKind uint8

// The kinds of SEEK.
const (
	SeekOffset SeekKind = 0 // from this offset
	SeekTime   SeekKind = 1 // from what was received at or after this Unix time in ns
	SeekOldest SeekKind = 2 // from the oldest that is kept
	SeekNewest SeekKind = 3 // nothing old
)

// A Seek starts a replay cursor of the link.
type Seek struct {
	Kind  SeekKind
	Value uint64
}

// AppendSeek appends the payload of SEEK.
func AppendSeek(dst []byte, s Seek) []byte {
	return binary.BigEndian.AppendUint64(append(dst, byte(s.Kind)), s.Value)
}

// ParseSeek reads the payload of SEEK.
func ParseSeek(p []byte) (Seek, error) {
	if len(p) != 9 || p[0] > byte(SeekNewest) {
		return Seek{}, malformed("SEEK")
	}
	s := Seek{SeekKind(p[0]), binary.BigEndian.Uint64(p[1:])}
	if s.Value > math.MaxInt64 || (s.Kind >= SeekOldest && s.Value != 0) {
		return Seek{}, malformed("SEEK value %d", s.Value)
	}
	return s, nil
}

// Durability says what a stored event outlives.
type Durability uint8

// The durabilities.
const (
	InMemory   Durability = 0
	Replicated Durability = 1 // copies in the memory of several machines
	Fsynced    Durability = 2 // on a disk
)

// LinkState is where a name stands, as its client sees it.
type LinkState uint8

// The states that STATE carries.
const (
	StateDraining LinkState = 1 // events wait: they come first, in order
	StateLive     LinkState = 2 // nothing waits: requests are passed on at once
	StateBlocked  LinkState = 3 // the store takes nothing
)

// A State tells the client how its name stands.
type State struct {
	Waiting      uint64 // events that wait
	WaitingBytes uint64
	Oldest       time.Time // when the oldest of them came; zero if none waits
	Expired      uint64    // events that expired since the last State
	Link         LinkState
	Durability   Durability
}

// AppendState appends the payload of STATE.
func AppendState(dst []byte, s State) []byte {
	dst = binary.BigEndian.AppendUint64(dst, s.Waiting)
	dst = binary.BigEndian.AppendUint64(dst, s.WaitingBytes)
	dst = binary.BigEndian.AppendUint64(dst, uint64(UnixNano(s.Oldest)))
	dst = binary.BigEndian.AppendUint64(dst, s.Expired)
	return append(dst, byte(s.Link), byte(s.Durability))
}

// ParseState reads the payload of STATE.
func ParseState(p []byte) (State, error) {
	if len(p) != 34 {
		return State{}, malformed("STATE of %d bytes", len(p))
	}
	ns := int64(binary.BigEndian.Uint64(p[16:]))
	s := State{
		Waiting:      binary.BigEndian.Uint64(p),
		WaitingBytes: binary.BigEndian.Uint64(p[8:]),
		Oldest:       TimeOf(ns),
		Expired:      binary.BigEndian.Uint64(p[24:]),
		Link:         LinkState(p[32]),
		Durability:   Durability(p[33]),
	}
	switch {
	case s.Waiting > math.MaxInt64 || s.WaitingBytes > math.MaxInt64 || s.Expired > math.MaxInt64 || ns < 0:
		return State{}, malformed("STATE out of range")
	case s.Link < StateDraining || s.Link > StateBlocked || s.Durability > Fsynced:
		return State{}, malformed("STATE %d, durability %d", s.Link, s.Durability)
	}
	return s, nil
}

// GoAwayWhy says why a relay sends its clients away.
type GoAwayWhy uint8

// The reasons of GOAWAY.
const (
	GoAwayDraining GoAwayWhy = 1 // the relay is being stopped
	GoAwayIDs      GoAwayWhy = 2 // the link has used up its stream ids
)

// A GoAway asks the client for a new link, at a moment between Min and Max
// from now. Nothing new starts on the old one; what is under way finishes.
type GoAway struct {
	Min, Max time.Duration
	Why      GoAwayWhy
}

// AppendGoAway appends the payload of GOAWAY.
func AppendGoAway(dst []byte, g GoAway) []byte {
	dst = binary.BigEndian.AppendUint32(dst, millis(g.Min))
	dst = binary.BigEndian.AppendUint32(dst, millis(g.Max))
	return append(dst, byte(g.Why))
}

// ParseGoAway reads the payload of GOAWAY.
func ParseGoAway(p []byte) (GoAway, error) {
	if len(p) != 9 {
		return GoAway{}, malformed("GOAWAY of %d bytes", len(p))
	}
	g := GoAway{
		Min: time.Duration(binary.BigEndian.Uint32(p)) * time.Millisecond,
		Max: time.Duration(binary.BigEndian.Uint32(p[4:])) * time.Millisecond,
		Why: GoAwayWhy(p[8]),
	}
	if g.Max < g.Min || g.Why < GoAwayDraining || g.Why > GoAwayIDs {
		return GoAway{}, malformed("GOAWAY")
	}
	return g, nil
}

// UnixNano is t as the wire has it: 0 for the zero time.
func UnixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// TimeOf is the reverse of UnixNano.
func TimeOf(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

func millis(d time.Duration) uint32 {
	ms := d.Milliseconds()
	return uint32(min(max(ms, 0), math.MaxUint32))
}
