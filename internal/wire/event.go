package wire

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"time"
)

// eventFixed is the part of EVENT before the request head.
const eventFixed = 8 + 8 + 8 + 16 + 4 + 8 + 32

// An EventID is the relay's own id of a stored request: 128 bits that rise
// with time.
type EventID [16]byte

// String returns the id as 32 hexadecimal digits.
func (id EventID) String() string { return hex.EncodeToString(id[:]) }

// ParseEventID reads what String wrote.
func ParseEventID(s string) (EventID, error) {
	var id EventID
	if len(s) != 2*len(id) {
		return EventID{}, malformed("event id of %d characters", len(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || id.String() != s {
		return EventID{}, malformed("event id %q", cut(s))
	}
	return id, nil
}

// An Event is the head of a stored request. Its body follows in DATA frames
// of the same stream and has Length bytes whose SHA-256 is Digest.
type Event struct {
	Offset     uint64 // its place in the store, rising within a name
	Number     uint64 // counts without gaps within a name; 0 where the store has gaps
	ReceivedAt time.Time
	ID         EventID
	Attempt    uint32 // from 1; above 1 the app may have seen it
	Length     uint64
	Digest     [32]byte
	Head       *RequestHead
}

// AppendEvent appends the payload of EVENT.
func AppendEvent(dst []byte, e *Event) ([]byte, error) {
	return AppendRequestHead(AppendStoredEvent(dst, e, nil), e.Head)
}

// AppendStoredEvent is AppendEvent with a head that was encoded before, as a
// store keeps it.
func AppendStoredEvent(dst []byte, e *Event, head []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, e.Offset)
	dst = binary.BigEndian.AppendUint64(dst, e.Number)
	dst = binary.BigEndian.AppendUint64(dst, uint64(UnixNano(e.ReceivedAt)))
	dst = append(dst, e.ID[:]...)
	dst = binary.BigEndian.AppendUint32(dst, e.Attempt)
	dst = binary.BigEndian.AppendUint64(dst, e.Length)
	dst = append(dst, e.Digest[:]...)
	return append(dst, head...)
}

// ParseEvent reads the payload of EVENT.
func ParseEvent(p []byte) (*Event, error) {
	if len(p) < eventFixed {
		return nil, malformed("EVENT of %d bytes", len(p))
	}
	ns := int64(binary.BigEndian.Uint64(p[16:]))
	e := &Event{
		Offset:     binary.BigEndian.Uint64(p),
		Number:     binary.BigEndian.Uint64(p[8:]),
		ReceivedAt: TimeOf(ns),
		Attempt:    binary.BigEndian.Uint32(p[40:]),
		Length:     binary.BigEndian.Uint64(p[44:]),
	}
	copy(e.ID[:], p[24:])
	copy(e.Digest[:], p[52:])
	if e.Offset > math.MaxInt64 || e.Number > math.MaxInt64 || e.Length > math.MaxInt64 || ns < 0 || e.Attempt == 0 {
		return nil, malformed("EVENT out of range")
	}
	var err error
	if e.Head, err = ParseRequestHead(p[eventFixed:]); err != nil {
		return nil, err
	}
	return e, nil
}
