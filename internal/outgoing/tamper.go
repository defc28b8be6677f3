package outgoing

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A Fault is something that is made wrong on purpose, so that an endpoint can
// show that it notices.
type Fault string

// The faults.
const (
	NoFault        Fault = ""
	BodyFault      Fault = "body"      // changed after it was signed
	SignatureFault Fault = "signature" // not the one that was made
	TimestampFault Fault = "timestamp" // changed after it was signed
	SecretFault    Fault = "secret"    // signed with another secret
)

// Faults lists the names of the faults.
func Faults() []string {
	return []string{string(BodyFault), string(SignatureFault), string(TimestampFault), string(SecretFault)}
}

// ErrNothingToTamper is returned where a request has nothing that the fault
// could be in: an empty body, a scheme that signs no timestamp.
var ErrNothingToTamper = errors.New("there is nothing to tamper with")

// maxTries bounds the search for a character to change.
const maxTries = 200

// tamperBody changes one character of body so that noticed says yes: not every
// scheme signs all of it. A body that is JSON stays JSON and keeps its shape if
// that is possible: an endpoint must refuse it for its signature and for
// nothing else.
func tamperBody(body []byte, noticed func([]byte) bool) ([]byte, error) {
	for _, name := range slices.Backward(payload.Paths(body, maxTries)) {
		p, err := payload.ParsePath(name)
		if err != nil {
			continue
		}
		v := payload.FindOne(body, p)
		if v.Kind != payload.String && v.Kind != payload.Number {
			continue
		}
		if out := tamperWithin(body, v.Start, v.Start+len(v.Raw)); out != nil && payload.Valid(out) == nil && noticed(out) {
			return out, nil
		}
	}
	isJSON := payload.Valid(body) == nil
	for end, tries := len(body), 0; end > 0 && tries < maxTries; tries++ {
		end = lastWordByte(body, end)
		if out := tamperWithin(body, end, end+1); out != nil && (!isJSON || payload.Valid(out) == nil) && noticed(out) {
			return out, nil
		}
	}
	if out := append(slices.Clip(body), ' '); len(body) > 0 && noticed(out) {
		return out, nil
	}
	return nil, ErrNothingToTamper
}

// lastWordByte returns the place of the last letter or digit before end, and 0
// if there is none.
func lastWordByte(b []byte, end int) int {
	for i := end - 1; i > 0; i-- {
		if other(b[i]) != b[i] {
			return i
		}
	}
	return 0
}

// tamperWithin returns a copy of b whose last letter or digit between from and
// to is another one; nil if there is none.
func tamperWithin(b []byte, from, to int) []byte {
	for i := to - 1; i >= from; i-- {
		if c := other(b[i]); c != b[i] {
			out := bytes.Clone(b)
			out[i] = c
			return out
		}
	}
	return nil
}

// other returns another character of the same sort, so that hexadecimal stays
// hexadecimal and base64 stays base64.
func other(c byte) byte {
	switch {
	case c == '9':
		return '1'
	case c >= '0' && c < '9':
		return c + 1
	case c == 'f' || c == 'F':
		return c - 1
	case c >= 'a' && c < 'z', c >= 'A' && c < 'Z':
		return c + 1
	case c == 'z' || c == 'Z':
		return c - 1
	}
	return c
}

// tamperSignature changes one character in the middle of the longest word of
// the signature: in the middle, because the last one of base64 may hold bits
// that do not count.
func tamperSignature(headers []string, m *scheme.Message) error {
	done := false
	for _, name := range headers {
		for i, v := range m.Header[name] {
			from, to := longestWord(v)
			if mid := (from + to) / 2; to > from {
				if out := tamperWithin([]byte(v), from, mid+1); out != nil {
					m.Header[name] = slices.Clone(m.Header[name])
					m.Header[name][i], done = string(out), true
				}
			}
		}
	}
	if !done {
		return ErrNothingToTamper
	}
	return nil
}

// longestWord finds the longest run of what hexadecimal and base64 are made of.
func longestWord(s string) (from, to int) {
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && wordByte(s[i]) {
			continue
		}
		if i-start > to-from {
			from, to = start, i
		}
		start = i + 1
	}
	return from, to
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("+/-_", c) >= 0
}

// tamperTimestamp gives m, signed at one time, the timestamp of later, which
// is the same request signed at another.
func tamperTimestamp(headers []string, m, later *scheme.Message) error {
	before := *m
	before.Header = m.Header.Clone()
	for name, values := range later.Header {
		if slices.Contains(headers, name) {
			m.Header[name] = mixStamps(m.Header[name], values)
			continue
		}
		m.Header[name] = values
	}
	m.URL, m.Body = later.URL, later.Body
	if len(headers) == 0 { // it stands where the timestamp does
		m.URL, m.Body = before.URL, before.Body
	}
	if m.URL == before.URL && bytes.Equal(m.Body, before.Body) && maps.EqualFunc(m.Header, before.Header, slices.Equal) {
		return ErrNothingToTamper
	}
	return nil
}

// mixStamps takes from later, word by word, what looks like a time.
func mixStamps(now, later []string) []string {
	if len(now) != len(later) {
		return now
	}
	out := slices.Clone(now)
	for i := range now {
		a, b := words(now[i]), words(later[i])
		if len(a) != len(b) {
			continue
		}
		for j := range a {
			if len(a[j]) <= 32 && strings.Trim(a[j], "0123456789:.-TZ+") == "" {
				a[j] = b[j]
			}
		}
		out[i] = strings.Join(a, "")
	}
	return out
}

// words splits s before and after each separator, so that joined again they
// are s.
func words(s string) []string {
	var out []string
	start := 0
	for i := range len(s) {
		if strings.IndexByte(",;= \"", s[i]) >= 0 {
			out = append(out, s[start:i], s[i:i+1])
			start = i + 1
		}
	}
	return append(out, s[start:])
}
