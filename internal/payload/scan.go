package payload

import (
	"bytes"
	"errors"
	"fmt"
)

// maxDepth is how deep a document may nest; encoding/json has the same limit.
const maxDepth = 10000

// ErrNotJSON is wrapped by every error about a body that is not JSON.
var ErrNotJSON = errors.New("not JSON")

var byteOrderMark = []byte("\xef\xbb\xbf")

// A SyntaxError says where a body stops being JSON. It wraps ErrNotJSON.
type SyntaxError struct {
	Offset int // in bytes; the length of the body if it ends too early
	What   string
}

// Error says what is wrong, and where.
func (e *SyntaxError) Error() string { return ErrNotJSON.Error() + ": " + e.What }

// Unwrap returns ErrNotJSON.
func (e *SyntaxError) Unwrap() error { return ErrNotJSON }

// A scanner goes over a document once. It keeps one bit of state per level of
// nesting, in a slice, so a deep document costs memory in proportion to its
// size and no stack.
type scanner struct {
	data []byte
	pos  int
	open []byte // the closing brackets that are still to come
}

func (s *scanner) fail(what string) error {
	if s.pos >= len(s.data) {
		return &SyntaxError{s.pos, "it ends too early, " + what}
	}
	return &SyntaxError{s.pos, fmt.Sprintf("%s at byte %d", what, s.pos)}
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// next returns the byte at the position, and 0 at the end.
func (s *scanner) next() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// take moves over c, after white space.
func (s *scanner) take(c byte) error {
	s.space()
	if s.next() != c {
		return s.fail(fmt.Sprintf("%q expected", c))
	}
	s.pos++
	return nil
}

// start moves over a byte order mark and white space.
func (s *scanner) start() {
	if bytes.HasPrefix(s.data, byteOrderMark) {
		s.pos = len(byteOrderMark)
	}
	s.space()
}

// end refuses anything but white space after the document.
func (s *scanner) end() error {
	s.space()
	if s.pos != len(s.data) {
		return s.fail("something follows the document")
	}
	return nil
}

// skip moves over one value, whatever its depth.
func (s *scanner) skip() error {
	base := len(s.open)
	for {
		s.space()
		opened, err := s.token()
		if err != nil {
			return err
		}
		if opened {
			continue
		}
		if done, err := s.close(base); err != nil || done {
			return err
		}
	}
}

// token moves over a literal, a number, a string, an empty container, or the
// opening bracket (and first name) of one that is not empty.
func (s *scanner) token() (opened bool, err error) {
	switch c := s.next(); c {
	case '{', '[':
		if len(s.open) == maxDepth {
			return false, s.fail(fmt.Sprintf("nested deeper than %d", maxDepth))
		}
		s.pos++
		s.space()
		if s.next() == c+2 { // ']' is '['+2 and '}' is '{'+2
			s.pos++
			return false, nil
		}
		s.open = append(s.open, c+2)
		if c == '{' {
			err = s.name()
		}
		return true, err
	case '"':
		return false, s.str()
	case 't':
		return false, s.word("true")
	case 'f':
		return false, s.word("false")
	case 'n':
		return false, s.word("null")
	default:
		return false, s.number()
	}
}

// close moves over the brackets that close after a value and over the comma
// (and name) before the next one. It is done when the nesting is back at base.
func (s *scanner) close(base int) (done bool, err error) {
	for len(s.open) > base {
		s.space()
		last := s.open[len(s.open)-1]
		switch s.next() {
		case last:
			s.pos++
			s.open = s.open[:len(s.open)-1]
		case ',':
			s.pos++
			if last == '}' {
				s.space()
				return false, s.name()
			}
			return false, nil
		default:
			return false, s.fail(fmt.Sprintf("',' or %q expected", last))
		}
	}
	return true, nil
}

// name moves over a member's name and its colon.
func (s *scanner) name() error {
	if s.next() != '"' {
		return s.fail("a name expected")
	}
	if err := s.str(); err != nil {
		return err
	}
	return s.take(':')
}

func (s *scanner) word(w string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		return s.fail("a value expected")
	}
	s.pos += len(w)
	return nil
}

func (s *scanner) str() error {
	for s.pos++; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c < 0x20:
			return s.fail("a control character in a string")
		case c == '\\':
			s.pos++
			if err := s.escape(); err != nil {
				return err
			}
		}
	}
	return s.fail("a string does not end")
}

func (s *scanner) escape() error {
	switch s.next() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		if s.pos+4 >= len(s.data) {
			s.pos = len(s.data)
			return s.fail("a string does not end")
		}
		for i := 1; i <= 4; i++ {
			if hexDigit(s.data[s.pos+i]) < 0 {
				return s.fail("a wrong \\u escape")
			}
		}
		s.pos += 4
		return nil
	}
	return s.fail("a wrong escape")
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func (s *scanner) number() error {
	start := s.pos
	if s.next() == '-' {
		s.pos++
	}
	first, n := s.next(), s.digits()
	if n == 0 || first == '0' && n > 1 {
		s.pos = start
		return s.fail("a value expected")
	}
	if s.next() == '.' {
		s.pos++
		if s.digits() == 0 {
			return s.fail("a digit expected")
		}
	}
	if c := s.next(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.next(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return s.fail("a digit expected")
		}
	}
	return nil
}

func (s *scanner) digits() (n int) {
	for ; s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9'; s.pos++ {
		n++
	}
	return n
}
