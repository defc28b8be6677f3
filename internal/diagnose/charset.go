package diagnose

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// spelled has the mistakes of character sets.
func (l *bodyList) spelled(b []byte) {
	if plain, ok := fromUTF16(b); ok {
		l.found(BodyCharset, plain, "the body is UTF-16, as Windows PowerShell writes files; UTF-8 was signed")
	}
	if !isASCII(b) {
		l.beyondASCII(b)
	}
	l.later(BodyCharset, func() []byte { return toUTF16(b) }, "what was signed is the text as UTF-16").rare = true
}

func isASCII(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c >= utf8.RuneSelf })
}

func (l *bodyList) beyondASCII(b []byte) {
	if utf8.Valid(b) {
		if once, ok := encoded(b, latin1); ok {
			c := l.add(BodyCharset, once, "each byte above 7f came as two: UTF-8 was taken for Latin-1 and encoded again")
			c.shown = utf8.Valid(once)
			if !c.shown {
				c.details[0] = "Latin-1 was signed, and the body is UTF-8"
			}
		}
		if once, ok := encoded(b, windows1252); ok {
			c := l.add(BodyCharset, once, "UTF-8 was taken for Windows-1252 and encoded again")
			c.shown = utf8.Valid(once)
			if !c.shown {
				c.details[0] = "Windows-1252 was signed, and the body is UTF-8"
			}
		}
		for _, wide := range []string{"??", "?"} {
			l.later(BodyCharset, func() []byte { return marked(b, wide) }, "characters beyond ASCII were signed as question marks").rare = true
		}
	}
	detail := "what was signed is the bytes taken for Latin-1 and encoded as UTF-8 again"
	if !utf8.Valid(b) {
		detail = "UTF-8 was signed, and the body is Latin-1"
	}
	l.later(BodyCharset, func() []byte { return decoded(b, func(c byte) rune { return rune(c) }) }, detail)
	detail = "what was signed is the bytes taken for Windows-1252 and encoded as UTF-8 again"
	if !utf8.Valid(b) {
		detail = "UTF-8 was signed, and the body is Windows-1252"
	}
	l.later(BodyCharset, func() []byte { return decoded(b, fromWindows1252) }, detail)
}

// high is what Windows-1252 has from 80 to 9f.
const high = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

func fromWindows1252(c byte) rune {
	if c >= 0x80 && c < 0xa0 {
		return []rune(high)[c-0x80]
	}
	return rune(c)
}

func windows1252(r rune) (byte, bool) {
	i := 0
	for _, h := range high {
		if h == r {
			return byte(0x80 + i), true // #nosec G115 -- there are 32 of them
		}
		i++
	}
	return byte(r), r < 0x80 || r >= 0xa0 && r <= 0xff // #nosec G115 -- only used where it fits
}

func latin1(r rune) (byte, bool) { return byte(r), r <= 0xff } // #nosec G115 -- only used where it fits

// encoded writes UTF-8 in a set of one byte a character, if all have a place
// there.
func encoded(b []byte, to func(rune) (byte, bool)) ([]byte, bool) {
	out := make([]byte, 0, len(b))
	for _, r := range string(b) {
		c := byte(r) // #nosec G115 -- ASCII, or replaced below
		if r >= utf8.RuneSelf {
			var ok bool
			if c, ok = to(r); !ok {
				return nil, false
			}
		}
		out = append(out, c)
	}
	return out, true
}

// decoded reads a set of one byte a character.
func decoded(b []byte, from func(byte) rune) []byte {
	out := make([]byte, 0, 2*len(b))
	for _, c := range b {
		if c < utf8.RuneSelf {
			out = append(out, c)
			continue
		}
		out = utf8.AppendRune(out, from(c))
	}
	return out
}

// marked has a question mark for each character beyond ASCII, and wide for one
// that takes two units of UTF-16.
func marked(b []byte, wide string) []byte {
	out := make([]byte, 0, len(b))
	for _, r := range string(b) {
		switch {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xffff:
			out = append(out, wide...)
		default:
			out = append(out, '?')
		}
	}
	return out
}

// fromUTF16 reads UTF-16 that begins with a byte order mark, or whose first two
// characters are ASCII.
func fromUTF16(b []byte) ([]byte, bool) {
	if len(b) < 4 || len(b)%2 != 0 {
		return nil, false
	}
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")), b[0] != 0 && b[1] == 0 && b[2] != 0 && b[3] == 0:
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte("\xfe\xff")), b[0] == 0 && b[1] != 0 && b[2] == 0 && b[3] != 0:
		order = binary.BigEndian
	default:
		return nil, false
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	if units[0] == 0xfeff {
		units = units[1:]
	}
	return []byte(string(utf16.Decode(units))), true
}

func toUTF16(b []byte) []byte {
	if !utf8.Valid(b) {
		return nil
	}
	var out []byte
	for _, u := range utf16.Encode([]rune(string(b))) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}
