package render

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// The functions of this file find where the tokens of JSON end. They look at
// each byte once and keep nothing.

// errEnd is the error of text that could still become JSON.
var errEnd = errors.New("it ends too early")

func skipSpace(in []byte, pos int) int {
	for pos < len(in) && (in[pos] == ' ' || in[pos] == '\n' || in[pos] == '\r' || in[pos] == '\t') {
		pos++
	}
	return pos
}

func unexpectedAt(in []byte, pos int) error {
	if pos >= len(in) {
		return errEnd
	}
	r, size := utf8.DecodeRune(in[pos:])
	if r == utf8.RuneError && size == 1 {
		return fmt.Errorf("byte %#x at byte %s", in[pos], thousands(pos))
	}
	return fmt.Errorf("%q at byte %s", r, thousands(pos))
}

// endOfString returns the index behind the string that begins at in[pos].
func endOfString(in []byte, pos int) (int, error) {
	for at := pos + 1; ; {
		n := bytes.IndexByte(in[at:], '"')
		if n < 0 {
			return 0, errEnd
		}
		at += n
		slashes := 0
		for in[at-1-slashes] == '\\' {
			slashes++
		}
		at++
		if slashes%2 == 0 {
			return at, stringError(in, pos+1, at-1)
		}
	}
}

// stringError looks at what will be shown of a string: control characters and
// unknown escapes make it no JSON.
func stringError(in []byte, from, to int) error {
	for i := from; i < min(to, from+maxString); i++ {
		switch c := in[i]; {
		case c < 0x20:
			return unexpectedAt(in, i)
		case c == '\\':
			i++
			switch in[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't', 'u':
			default:
				return fmt.Errorf("escape %q at byte %s", in[i-1:i+1], thousands(i-1))
			}
		}
	}
	return nil
}

// scalar returns the index behind the string, number or literal at in[pos].
func scalar(in []byte, pos int) (int, error) {
	if pos >= len(in) {
		return 0, errEnd
	}
	switch c := in[pos]; {
	case c == '"':
		return endOfString(in, pos)
	case c == '-' || c >= '0' && c <= '9':
		return number(in, pos)
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(in[pos:], []byte(word)) {
			return pos + len(word), nil
		}
	}
	return 0, unexpectedAt(in, pos)
}

func number(in []byte, pos int) (int, error) {
	at := pos
	if in[at] == '-' {
		at++
	}
	whole := digits(in, at)
	if whole == at || in[at] == '0' && whole > at+1 {
		return 0, unexpectedAt(in, min(at, len(in)))
	}
	at = whole
	if at < len(in) && in[at] == '.' {
		if at = digits(in, at+1); in[at-1] == '.' {
			return 0, unexpectedAt(in, at)
		}
	}
	if at < len(in) && (in[at] == 'e' || in[at] == 'E') {
		at++
		if at < len(in) && (in[at] == '+' || in[at] == '-') {
			at++
		}
		end := digits(in, at)
		if end == at {
			return 0, unexpectedAt(in, at)
		}
		at = end
	}
	return at, nil
}

func digits(in []byte, pos int) int {
	for pos < len(in) && in[pos] >= '0' && in[pos] <= '9' {
		pos++
	}
	return pos
}

// skip goes over the container that begins at in[pos] and returns the index
// behind it and how many levels are nested in it.
func skip(in []byte, pos int) (end, levels int, err error) {
	depth := 0
	for at := pos; at < len(in); at++ {
		switch in[at] {
		case '"':
			if at, err = endOfString(in, at); err != nil {
				return 0, 0, err
			}
			at--
		case '{', '[':
			depth++
			levels = max(levels, depth)
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1, levels - 1, nil
			}
		}
	}
	return 0, 0, errEnd
}
