package payload

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A Kind is what sort of JSON value something is.
type Kind uint8

// The kinds. The zero Kind is of the zero Value, which is absent.
const (
	Absent Kind = iota
	Object
	Array
	String
	Number
	Bool
	Null
)

// String returns the kind as a noun with its article.
func (k Kind) String() string {
	return [...]string{"nothing", "an object", "an array", "a string", "a number", "a boolean", "null"}[k]
}

// A Value is one value in a body. Raw is the part of the body that spells it,
// which begins at Start; it shares the body's memory.
type Value struct {
	Kind  Kind
	Raw   []byte
	Start int
}

// Text returns what a string says, the spelling of a number, boolean, object
// or array, and "" for null and for an absent value.
func (v Value) Text() string {
	switch v.Kind {
	case String:
		return string(unquote(v.Raw))
	case Null, Absent:
		return ""
	}
	return string(v.Raw)
}

func kindOf(first byte) Kind {
	switch first {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

// unquote returns what the string raw, quotes included, says. raw has been
// scanned before. Half of a surrogate pair becomes U+FFFD; bytes that are not
// UTF-8 stay.
func unquote(raw []byte) []byte {
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := unit(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				second := rune(-1)
				if i+6 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
					second = unit(raw[i+3:])
				}
				if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, raw[i])
		}
	}
	return out
}

// unit reads four hex digits.
func unit(b []byte) rune {
	return rune(hexDigit(b[0])<<12 | hexDigit(b[1])<<8 | hexDigit(b[2])<<4 | hexDigit(b[3]))
}

// AppendQuoted appends s as a JSON string, escaping only what must be.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', '0'+c>>4)
			dst = append(dst, strconv.FormatUint(uint64(c&15), 16)...)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
