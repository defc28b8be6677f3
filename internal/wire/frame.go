package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Protocol is the websocket subprotocol of this version.
const Protocol = "hooks.tunnel.v1"

// Limits of the protocol. They hold whatever the two ends agree on.
const (
	HeaderLen     = 10                     // bytes of a frame's header
	MaxPayload    = 65_536                 // bytes of any frame's payload
	MaxMessage    = MaxPayload + HeaderLen // bytes of a message: one largest frame fits
	MaxData       = 16_384                 // bytes of a DATA frame: the quantum of fairness
	MaxHead       = 65_400                 // bytes of an encoded request head; leaves room for EVENT's own fields
	MaxJSON       = 4_096                  // bytes of HELLO and WELCOME
	MaxReason     = 256                    // bytes of RESET's reason
	MaxAckSingles = 63                     // offsets in one ACK besides the cumulative one
	MaxStream     = 1<<31 - 1              // the highest stream id
	MaxInfoHeads  = 16                     // 1xx heads before the final one
)

// Type is the kind of a frame.
type Type uint8

// The frame types of version 1.
const (
	TypeHello   Type = 0x01
	TypeWelcome Type = 0x02
	TypeOpen    Type = 0x10
	TypeHead    Type = 0x11
	TypeData    Type = 0x12
	TypeEnd     Type = 0x13
	TypeCredit  Type = 0x14
	TypeReset   Type = 0x15
	TypeEvent   Type = 0x20
	TypeAck     Type = 0x21
	TypeNack    Type = 0x22
	TypeSeek    Type = 0x23
	TypeState   Type = 0x24
	TypeGoAway  Type = 0x30
)

// Flags are the flag bits of a frame.
type Flags uint8

// The flags. Which type may carry which is in the table of the package.
const (
	FlagFin      Flags = 1    // nothing follows in this direction of the stream
	FlagExpect   Flags = 2    // the sender waits for 100 Continue
	FlagInfo     Flags = 4    // a 1xx head: another head follows
	FlagNoDigest Flags = 8    // END without a digest
	FlagOptional Flags = 0x80 // skip the frame if its type is unknown
)

// A Header is the fixed part of a frame.
type Header struct {
	Type   Type
	Flags  Flags
	Stream uint32
	Length uint32
}

// ErrFrame is wrapped by every error about bytes that are not a valid frame.
// The link they came over is closed with CloseProtocol.
var ErrFrame = errors.New("malformed frame")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFrame, fmt.Sprintf(format, args...))
}

// rule is what a frame of one type may look like.
type rule struct {
	known    bool
	flags    Flags
	link     bool // may be on stream 0
	stream   bool // may be on another stream
	min, max uint32
}

// ruleOf gives the rule of t. A switch, not a table, so that there is nothing
// to write to by mistake.
func ruleOf(t Type) rule {
	switch t {
	case TypeHello, TypeWelcome:
		return rule{true, 0, true, false, 2, MaxJSON}
	case TypeOpen:
		return rule{true, FlagFin | FlagExpect, false, true, 6, MaxPayload}
	case TypeHead:
		return rule{true, FlagFin | FlagInfo, false, true, 3, MaxPayload}
	case TypeData:
		return rule{true, FlagFin, false, true, 0, MaxData}
	case TypeEnd:
		return rule{true, FlagNoDigest, false, true, endFixed + 1, MaxPayload}
	case TypeCredit:
		return rule{true, 0, true, true, 4, 4}
	case TypeReset:
		return rule{true, 0, false, true, 2, 2 + MaxReason}
	case TypeEvent:
		return rule{true, 0, false, true, eventFixed + 6, MaxPayload}
	case TypeAck:
		return rule{true, 0, true, false, 8, 8 * (1 + MaxAckSingles)}
	case TypeNack:
		return rule{true, 0, true, false, 13, 13}
	case TypeSeek:
		return rule{true, 0, true, false, 9, 9}
	case TypeState:
		return rule{true, 0, true, false, 34, 34}
	case TypeGoAway:
		return rule{true, 0, true, false, 9, 9}
	}
	return rule{}
}

// Known says whether t is a type of this version.
func (t Type) Known() bool { return ruleOf(t).known }

// AppendHeader appends the ten bytes of h.
func AppendHeader(dst []byte, h Header) []byte {
	dst = append(dst, byte(h.Type), byte(h.Flags))
	dst = binary.BigEndian.AppendUint32(dst, h.Stream)
	return binary.BigEndian.AppendUint32(dst, h.Length)
}

// ParseHeader reads a frame's header and checks all that can be judged before
// the payload is read: flags, stream and length against the type. A header of
// an unknown type is good only with FlagOptional; the caller skips its payload.
func ParseHeader(p []byte) (Header, error) {
	if len(p) < HeaderLen {
		return Header{}, malformed("%d bytes of a header", len(p))
	}
	h := Header{
		Type:   Type(p[0]),
		Flags:  Flags(p[1]),
		Stream: binary.BigEndian.Uint32(p[2:]),
		Length: binary.BigEndian.Uint32(p[6:]),
	}
	if err := h.check(); err != nil {
		return Header{}, err
	}
	return h, nil
}

func (h Header) check() error {
	if h.Length > MaxPayload {
		return malformed("type %#02x: %d bytes", h.Type, h.Length)
	}
	if h.Stream > MaxStream {
		return malformed("type %#02x: stream %d", h.Type, h.Stream)
	}
	r := ruleOf(h.Type)
	switch {
	case !r.known && h.Flags&FlagOptional != 0:
		return nil
	case !r.known:
		return malformed("unknown type %#02x", h.Type)
	case h.Flags&^r.flags != 0:
		return malformed("type %#02x: flags %#02x", h.Type, h.Flags)
	case h.Stream == 0 && !r.link, h.Stream != 0 && !r.stream:
		return malformed("type %#02x on stream %d", h.Type, h.Stream)
	case h.Length < r.min || h.Length > r.max:
		return malformed("type %#02x: %d bytes", h.Type, h.Length)
	}
	return nil
}

// beginFrame appends a header whose length endFrame fills in.
func beginFrame(dst []byte, t Type, f Flags, stream uint32) []byte {
	return AppendHeader(dst, Header{Type: t, Flags: f, Stream: stream})
}

// endFrame writes the length of the frame that begins at start.
func endFrame(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start+6:], uint32(len(dst)-start-HeaderLen))
	return dst
}
