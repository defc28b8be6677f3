package scheme

import (
	"encoding/binary"
	"slices"
)

// each is a word whose eight bytes are all one, high one with their high bits.
const (
	each = 0x0101010101010101
	high = 0x80 * each
)

// decodeHex appends the bytes that text spells, in lower-case digits or in
// upper-case ones. It looks at eight digits at a time: decoding is a good part
// of what verifying a small body costs besides its hash.
//
// Adding 0x80-c to a byte below 0x80 sets its high bit if the byte is c or
// more, and bytes do not carry into one another. So a byte is a digit if it is
// '0' or more and not ':' or more, and so on.
func decodeHex(dst []byte, text string, upper bool) ([]byte, bool) {
	if len(text)%2 != 0 {
		return dst, false
	}
	from0, past9 := uint64((0x80-'0')*each), uint64((0x80-':')*each)
	fromA, pastF := uint64((0x80-'a')*each), uint64((0x80-'g')*each)
	if upper {
		fromA, pastF = (0x80-'A')*each, (0x80-'G')*each
	}
	start, n := len(dst), len(text)/2
	dst = slices.Grow(dst, n+4)
	out := dst[start : start+n+4]
	bad := uint64(0)
	for text != "" {
		if len(text) < 8 {
			text = (text + "000000")[:8]
		}
		w := binary.LittleEndian.Uint64([]byte(text))
		letter := (w + fromA) &^ (w + pastF) & high
		bad |= w&high | (((w+from0)&^(w+past9)|letter)&high ^ high)
		v := w&(0x0f*each) + letter>>7*9
		v = (v<<4 | v>>8) & 0x00ff00ff00ff00ff
		v = (v | v>>8) & 0x0000ffff0000ffff
		binary.LittleEndian.PutUint32(out, uint32(v|v>>16))
		out, text = out[4:], text[8:]
	}
	return dst[:start+n], bad == 0
}
