package diagnose

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	lowerDigits = "0123456789abcdef"
	upperDigits = "0123456789ABCDEF"
)

// appendUnits appends r as \uXXXX, or as two of them.
func appendUnits(dst []byte, r rune, digits string) []byte {
	if high, low := utf16.EncodeRune(r); r > 0xffff {
		return appendUnits(appendUnits(dst, high, digits), low, digits)
	}
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// literal writes the characters beyond ASCII that are escaped in b as
// themselves, and keeps everything else.
func literal(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if b[i] != '\\' || i+1 >= len(b) {
			out = append(out, b[i])
			i++
			continue
		}
		r, n := unescape(b[i:])
		if r < utf8.RuneSelf {
			out = append(out, b[i], b[i+1])
			i += 2
			continue
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return out
}

// unescape reads \uXXXX, or two of them for a character beyond the first plane.
// It returns 0 for another escape.
func unescape(b []byte) (r rune, n int) {
	unit := func(b []byte) rune {
		if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
			return 0
		}
		v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
		if err != nil {
			return 0
		}
		return rune(v)
	}
	r = unit(b)
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if whole := utf16.DecodeRune(r, unit(b[6:])); whole != utf8.RuneError {
		return whole, 12
	}
	return 0, 0
}

// escaped writes the characters beyond ASCII in b as \uXXXX, and keeps
// everything else.
func escaped(b []byte, digits string) []byte {
	out := make([]byte, 0, len(b))
	for _, r := range string(b) {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
			continue
		}
		out = appendUnits(out, r, digits)
	}
	return out
}
