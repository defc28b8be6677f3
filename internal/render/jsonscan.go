package render

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// The functions of this file find where the tokens of JSON end. They look at
// each byte once and keep nothing.

// errEnd is the error of text that could still become JSON.
var errEnd = errors.New("it ends too early")

func skipSpace(in []byte, pos int) int {
	for ; pos < len(in); pos++ {
		if c := in[pos]; c > ' ' || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			break
		}
	}
	return pos
}

func unexpectedAt(in []byte, pos int) error {
	if pos >= len(in) {
		return errEnd
	}
	r, size := utf8.DecodeRune(in[pos:])
	if r == utf8.RuneError && size == 1 {
		return fmt.Errorf("byte %#x at byte %s", in[pos], safetext.Thousands(pos))
	}
	return fmt.Errorf("%q at byte %s", r, safetext.Thousands(pos))
}

// endOfString returns the index behind the string that begins at in[pos].
func endOfString(in []byte, pos int) (int, error) {
	n := bytes.IndexByte(in[pos+1:], '"')
	if n < 0 {
		return 0, errEnd
	}
	end := pos + 1 + n
	slashes := 0
	for in[end-1-slashes] == '\\' {
		slashes++
	}
	if slashes%2 == 0 {
		return end + 1, stringError(in, pos+1, end)
	}
	// An escaped quote. There may be many: from here on byte by byte.
	for end++; end < len(in); end++ {
		switch in[end] {
		case '"':
			return end + 1, stringError(in, pos+1, end)
		case '\\':
			end++
		}
	}
	return 0, errEnd
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
			if !knownEscape(in[i:to]) {
				return fmt.Errorf("escape %q at byte %s", in[i-1:i+1], safetext.Thousands(i-1))
			}
		}
	}
	return nil
}

// knownEscape says whether s goes on after a backslash as JSON has it.
func knownEscape(s []byte) bool {
	switch s[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for i := 1; i <= 4; i++ {
			if i == len(s) || !isHex(s[i]) {
				return false
			}
		}
		return true
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
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
