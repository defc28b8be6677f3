package cluster

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
)

// A message of an event begins with a fixed part, big-endian:
//
//	u8   version, 1
//	i64  when it was received, ns since 1970
//	16 B event id
//	u32  how often the app may have seen it before
//	32 B SHA-256 of the body
//	u32  length of the head
//	u64  length of the body
//	u16  pieces, 0 if the body follows here
//
// then the head, and the body if it is not in pieces. Pieces are the messages
// of hk.ec.SS.NAME right before it: the stream took all at once.
const (
	recordVersion = 1
	fixedPart     = 1 + 8 + 16 + 4 + 32 + 4 + 8 + 2

	// maxInline is the largest body that travels with its head, and the size
	// of a piece: half of what a server takes unless told otherwise.
	maxInline = 512 << 10
)

var errRecord = errors.New("not an event")

// encode writes the message of r, and the pieces of its body.
func encode(r *spool.Record) (message []byte, pieces [][]byte) {
	body := r.Body
	if len(body) > maxInline {
		for len(body) > 0 {
			n := min(len(body), maxInline)
			pieces, body = append(pieces, body[:n]), body[n:]
		}
	}
	b := make([]byte, 0, fixedPart+len(r.Head)+len(body))
	b = append(b, recordVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(r.ReceivedAt.UnixNano()))
	b = append(b, r.ID[:]...)
	b = binary.BigEndian.AppendUint32(b, r.Attempt)
	b = append(b, r.Digest[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Head)))
	b = binary.BigEndian.AppendUint64(b, uint64(len(r.Body)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(pieces)))
	b = append(b, r.Head...)
	return append(b, body...), pieces
}

// decode reads what encode wrote. pieces is how many messages before it hold
// the body; the record has none until they are put in. The record refers to b.
func decode(b []byte) (r *spool.Record, length uint64, pieces int, err error) {
	if len(b) < fixedPart || b[0] != recordVersion {
		return nil, 0, 0, errRecord
	}
	r = &spool.Record{}
	at := 1
	r.ReceivedAt = time.Unix(0, int64(binary.BigEndian.Uint64(b[at:]))).UTC()
	at += 8
	at += copy(r.ID[:], b[at:])
	r.Attempt = binary.BigEndian.Uint32(b[at:])
	at += 4
	at += copy(r.Digest[:], b[at:])
	head := binary.BigEndian.Uint32(b[at:])
	length = binary.BigEndian.Uint64(b[at+4:])
	pieces = int(binary.BigEndian.Uint16(b[at+12:]))
	rest := b[fixedPart:]
	if uint64(head) > uint64(len(rest)) {
		return nil, 0, 0, fmt.Errorf("%w: its head is cut", errRecord)
	}
	r.Head, rest = rest[:head:head], rest[head:]
	if pieces == 0 {
		if uint64(len(rest)) != length {
			return nil, 0, 0, fmt.Errorf("%w: its body is cut", errRecord)
		}
		r.Body = rest
		return r, length, 0, nil
	}
	if len(rest) != 0 || length == 0 || length > uint64(pieces)*maxInline {
		return nil, 0, 0, fmt.Errorf("%w: its pieces do not fit", errRecord)
	}
	return r, length, pieces, nil
}

// judge says whether the body is what was stored.
func judge(r *spool.Record) { r.Damaged = sha256.Sum256(r.Body) != r.Digest }
