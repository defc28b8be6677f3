package payload

import (
	"bytes"
	"slices"
	"unicode/utf16"
)

// Compact returns the JSON in body without white space between its tokens and
// without a byte order mark. What is not JSON is returned as it is.
func Compact(body []byte) []byte {
	if Valid(body) != nil {
		return body
	}
	s := scanner{data: body}
	s.start()
	out := make([]byte, 0, len(body))
	for s.space(); s.pos < len(body); s.space() {
		start := s.pos
		if s.next() == '"' {
			_ = s.str()
		} else {
			s.pos++
		}
		out = append(out, body[start:s.pos]...)
	}
	return out
}

// maxCanonical is how deep names are sorted.
const maxCanonical = 64

// Canonical returns the JSON in body without white space and with the members
// of every object sorted by name, bytewise. Strings and numbers keep their
// spelling. What is not JSON is returned as it is.
func Canonical(body []byte) []byte {
	compact := Compact(body)
	if Valid(body) != nil || len(compact) == 0 {
		return body
	}
	return appendSorted(nil, compact, 0)
}

func appendSorted(dst, raw []byte, depth int) []byte {
	kind := kindOf(raw[0])
	if kind != Object && kind != Array || depth == maxCanonical {
		return append(dst, raw...)
	}
	list := children(located{Path{}, raw})
	if kind == Object {
		slices.SortStableFunc(list, func(a, b located) int {
			return bytes.Compare([]byte(a.path.steps[0].key), []byte(b.path.steps[0].key))
		})
	}
	dst = append(dst, raw[0])
	for i, c := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if kind == Object {
			dst = append(AppendQuoted(dst, c.path.steps[0].key), ':')
		}
		dst = appendSorted(dst, c.raw, depth+1)
	}
	return append(dst, raw[len(raw)-1])
}

// AppendEscaped appends r as \uXXXX, or as two of them.
func AppendEscaped(dst []byte, r rune) []byte {
	if hi, lo := utf16.EncodeRune(r); r > 0xffff {
		return appendUnit(appendUnit(dst, hi), lo)
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, u rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
}
