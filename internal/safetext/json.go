package safetext

import (
	"unicode/utf16"
	"unicode/utf8"
)

// EscapeJSON writes, inside JSON text, the characters that Line makes visible
// as \uXXXX: the JSON means the same, and a terminal shows it without acting
// on it. The newlines and tabs between its values are kept. Bytes that are not
// UTF-8 become \ufffd, which is what a JSON decoder reads them as. Text that
// needs none of it is returned as it is; b is never changed.
func EscapeJSON(b []byte) []byte {
	s := string(b)
	end := clean(s, 0, true)
	if end == len(s) {
		return b
	}
	out := make([]byte, 0, len(b)+len(b)/4)
	quoted := inString(false, s[:end])
	for at := 0; ; {
		out = append(out, s[at:end]...)
		if end == len(s) {
			return out
		}
		r, size := utf8.DecodeRuneInString(s[end:])
		switch {
		case r == '\r' && !quoted: // white space between values
			out = append(out, ' ')
		case r <= 0xffff:
			out = appendUnit(out, r)
		default:
			hi, lo := utf16.EncodeRune(r)
			out = appendUnit(appendUnit(out, hi), lo)
		}
		at = end + size
		end = clean(s, at, true)
		quoted = inString(quoted, s[at:end])
	}
}

func appendUnit(dst []byte, r rune) []byte {
	return appendHex(append(dst, `\u`...), uint32(r), 4)
}

// inString says whether the end of s is inside a JSON string, if its beginning
// is as quoted says.
func inString(quoted bool, s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			quoted = !quoted
		case '\\':
			i++
		}
	}
	return quoted
}
