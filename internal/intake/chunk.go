package intake

import "bytes"

// chunks follows a chunked body byte by byte and says where it ends. It is
// stricter than the standard asks: no space around a size, no bare CR or LF, no
// control character in an extension, and trailers that are header lines which
// frame nothing.
//
//	body    = *( size [ext] CRLF data CRLF ) "0" [ext] CRLF *( trailer CRLF ) CRLF
type chunks struct {
	state   chunkState
	size    int64  // of the current chunk; then what is left of its data
	digits  int    // of size
	total   int64  // of all sizes so far
	limit   int64  // of total
	extra   int    // bytes of extensions and trailers so far
	trailer []byte // the trailer line so far
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailer
	chunkTrailerLF
	chunkEnd
)

// maxExtra is how much may stand in extensions and trailers of one body: less
// than net/http would stumble over.
const maxExtra = 2 << 10

// next looks at the bytes of b that follow what it has seen. It returns how
// many of them belong to the body; done says that the body ends there.
func (c *chunks) next(b []byte) (n int, done bool, refusal *Refusal) {
	for n < len(b) {
		if c.state == chunkData {
			step := min(c.size, int64(len(b)-n))
			c.size -= step
			n += int(step)
			if c.size == 0 {
				c.state = chunkDataCR
			}
			continue
		}
		if refusal := c.step(b[n]); refusal != nil {
			return n, false, refusal
		}
		n++
		if c.state == chunkEnd {
			return n, true, nil
		}
	}
	return n, false, nil
}

// step takes one byte that is not data.
func (c *chunks) step(b byte) *Refusal {
	switch c.state {
	case chunkSize:
		return c.sizeByte(b)
	case chunkExtension:
		return c.extensionByte(b)
	case chunkSizeLF:
		return c.endOfSize(b)
	case chunkDataCR:
		return c.expect(b, '\r', chunkDataLF)
	case chunkDataLF:
		c.size, c.digits = 0, 0
		return c.expect(b, '\n', chunkSize)
	case chunkTrailer:
		return c.trailerByte(b)
	default:
		return c.endOfTrailer(b)
	}
}

func (c *chunks) expect(got, want byte, then chunkState) *Refusal {
	if got != want {
		return malformed("malformed chunk")
	}
	c.state = then
	return nil
}

func (c *chunks) sizeByte(b byte) *Refusal {
	v := hexValue(b)
	switch {
	case v >= 0 && c.digits < 12:
		c.size = c.size<<4 | int64(v)
		c.digits++
	case c.digits > 0 && b == '\r':
		c.state = chunkSizeLF
	case c.digits > 0 && b == ';':
		c.state = chunkExtension
	default:
		return malformed("malformed chunk size")
	}
	return nil
}

func (c *chunks) extensionByte(b byte) *Refusal {
	c.extra++
	switch {
	case b == '\r':
		c.state = chunkSizeLF
	case b < ' ' && b != '\t' || b == 0x7f || c.extra > maxExtra:
		return malformed("malformed chunk extension")
	}
	return nil
}

func (c *chunks) endOfSize(b byte) *Refusal {
	if c.size == 0 {
		return c.expect(b, '\n', chunkTrailer)
	}
	if c.total += c.size; c.total > c.limit {
		return bodyTooLarge(c.limit)
	}
	return c.expect(b, '\n', chunkData)
}

func (c *chunks) trailerByte(b byte) *Refusal {
	c.extra++
	switch {
	case b == '\r':
		c.state = chunkTrailerLF
	case b == '\n' || c.extra > maxExtra:
		return malformed("malformed trailer")
	default:
		c.trailer = append(c.trailer, b)
	}
	return nil
}

func (c *chunks) endOfTrailer(b byte) *Refusal {
	if len(c.trailer) == 0 {
		return c.expect(b, '\n', chunkEnd)
	}
	name, _, refusal := field(c.trailer)
	if refusal != nil {
		return refusal
	}
	for _, framing := range []string{"Content-Length", "Transfer-Encoding", "Host", "Trailer"} {
		if bytes.EqualFold(name, []byte(framing)) {
			return malformed("a trailer that frames the message")
		}
	}
	c.trailer = c.trailer[:0]
	return c.expect(b, '\n', chunkTrailer)
}
