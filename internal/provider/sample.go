package provider

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/spelling"
	"github.com/hooks-cli/hooks/internal/units"
)

// A sampleText is text with values that are made fresh for each event, in
// double braces:
//
//	{{id}} {{type}}              the event's id and type
//	{{time}} {{time FORMAT -5s}} the event's time, moved: s, ms, us, rfc3339 (also …ms, …us,
//	                             …nano), local (no zone; also …-ms, …-us), date, http, or a
//	                             layout of package time in double quotes
//	{{uuid}}                     a random UUID
//	{{hex N}} {{alnum N}} {{lower N}} {{upper N}} {{letters N}} {{digits N}}
//	                             N characters; lower and upper are letters and digits
//	{{base64 N}} {{base64url N}} N random bytes
//	{{int MIN MAX}}              a whole number
//	{{pick A B C}}               one of the words
//	{{… as NAME}} {{NAME}}       the same text again, in the same event
//	{{$.PATH}}                   in a header: a value of the finished body
//
// Names are also those of the definition's values.
type sampleText struct{ parts []samplePart }

type samplePart struct {
	text string
	make generator // nil for text
	name string    // under which it is kept
	ref  string    // name of a value that was made before
}

// A generator appends a value.
type generator func(dst []byte, s *sampler) []byte

// A sampler makes the values of one event.
type sampler struct {
	rng    *rand.Rand
	at     time.Time
	id     string
	typ    string
	named  map[string]string
	values map[string]*sampleText
	body   []byte
	depth  int
	err    error
}

var errSample = errors.New("sample")

// parseSample compiles text. values are the names that it may refer to besides
// its own.
func parseSample(text string, values map[string]string) (*sampleText, error) {
	t := &sampleText{}
	known := []string{"id", "type"}
	for name := range values {
		known = append(known, name)
	}
	for text != "" {
		lit, rest, found := strings.Cut(text, "{{")
		if lit != "" {
			t.parts = append(t.parts, samplePart{text: lit})
		}
		if !found {
			break
		}
		inner, after, ok := strings.Cut(rest, "}}")
		if !ok {
			return nil, &placeholderError{"{{" + rest, fmt.Errorf("{{%s: no }} after it", clip(rest))}
		}
		p, err := parsePart(strings.TrimSpace(inner), known)
		if err != nil {
			return nil, &placeholderError{"{{" + inner, fmt.Errorf("{{%s}}: %w", inner, err)}
		}
		if p.name != "" {
			known = append(known, p.name)
		}
		t.parts, text = append(t.parts, p), after
	}
	return t, nil
}

// A placeholderError says what is wrong with one {{…}}, which begins with the
// text at.
type placeholderError struct {
	at  string
	err error
}

func (e *placeholderError) Error() string { return e.err.Error() }

func (e *placeholderError) Unwrap() error { return e.err }

// addNames adds the names that the text gives to its values.
func (t *sampleText) addNames(names map[string]string) {
	for i := range t.parts {
		if name := t.parts[i].name; name != "" {
			names[name] = ""
		}
	}
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

func parsePart(inner string, known []string) (samplePart, error) {
	words, err := splitWords(inner)
	if err != nil || len(words) == 0 {
		return samplePart{}, errors.Join(errors.New("no name of a value"), err)
	}
	var p samplePart
	if n := len(words); n >= 3 && words[n-2] == "as" {
		p.name = words[n-1]
		words = words[:n-2]
	}
	if path, ok := strings.CutPrefix(words[0], "$"); ok && len(words) == 1 {
		at, err := payload.ParsePath("$" + path)
		p.make = func(dst []byte, s *sampler) []byte { return append(dst, payload.FindOne(s.body, at).Text()...) }
		return p, err
	}
	if len(words) == 1 && slices.Contains(known, words[0]) {
		p.ref = words[0]
		return p, nil
	}
	p.make, err = newGenerator(words[0], words[1:])
	if generators := generators(); err != nil && !slices.Contains(generators, words[0]) {
		if near := spelling.Nearest(words[0], slices.Concat(known, generators)); near != "" {
			err = fmt.Errorf("no such value; did you mean %s?", near)
		}
	}
	return p, err
}

// generators are the names of what newGenerator makes.
func generators() []string {
	return []string{"time", "uuid", "int", "pick", "hex", "alnum", "lower", "upper", "letters", "digits", "base64", "base64url"}
}

// splitWords splits at spaces, but for those in double quotes.
func splitWords(s string) ([]string, error) {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '"' {
			word, rest, ok := strings.Cut(s[1:], `"`)
			if !ok {
				return nil, errors.New("no second quote")
			}
			out, s = append(out, `"`+word), rest
			continue
		}
		word, rest, _ := strings.Cut(s, " ")
		out, s = append(out, word), rest
	}
	return out, nil
}

const (
	digits = "0123456789"
	lowers = "abcdefghijklmnopqrstuvwxyz"
	// Ids in lower case are read by people: without vowels they spell no words.
	consonants = "bcdfghjklmnpqrstvwxz"
	uppers     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hexes      = "0123456789abcdef"
	maxText    = 64 << 10 // of one random value
)

// alphabet returns the characters of a kind of random text, and "".
func alphabet(name string) string {
	switch name {
	case "hex":
		return hexes
	case "alnum":
		return uppers + lowers + digits
	case "lower":
		return consonants + digits
	case "upper":
		return uppers + digits
	case "letters":
		return uppers + lowers
	case "digits":
		return digits
	}
	return ""
}

func newGenerator(name string, args []string) (generator, error) {
	switch name {
	case "time":
		return timeGenerator(args)
	case "uuid":
		if len(args) == 0 {
			return uuid, nil
		}
	case "int":
		return intGenerator(args)
	case "pick":
		if len(args) > 0 {
			return func(dst []byte, s *sampler) []byte {
				return append(dst, strings.TrimPrefix(args[s.rng.IntN(len(args))], `"`)...)
			}, nil
		}
	}
	if len(args) != 1 {
		return nil, errors.New("no such value, or not with these arguments")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 || n > maxText {
		return nil, fmt.Errorf("%q is no number of characters", args[0])
	}
	if chars := alphabet(name); chars != "" {
		return func(dst []byte, s *sampler) []byte { return s.text(dst, chars, n) }, nil
	}
	switch name {
	case "base64":
		return func(dst []byte, s *sampler) []byte { return base64.StdEncoding.AppendEncode(dst, s.bytes(n)) }, nil
	case "base64url":
		return func(dst []byte, s *sampler) []byte { return base64.RawURLEncoding.AppendEncode(dst, s.bytes(n)) }, nil
	}
	return nil, errors.New("no such value")
}

func (s *sampler) text(dst []byte, chars string, n int) []byte {
	for range n {
		dst = append(dst, chars[s.rng.IntN(len(chars))])
	}
	return dst
}

func (s *sampler) bytes(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(s.rng.Uint32())
	}
	return out
}

func uuid(dst []byte, s *sampler) []byte {
	b := s.bytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	for i := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, b[i:i+1])
	}
	return dst
}

func intGenerator(args []string) (generator, error) {
	if len(args) != 2 {
		return nil, errors.New("int takes the smallest and the largest number")
	}
	lo, err1 := strconv.ParseInt(args[0], 10, 64)
	hi, err2 := strconv.ParseInt(args[1], 10, 64)
	if err1 != nil || err2 != nil || hi < lo || hi-lo < 0 {
		return nil, errors.New("int takes the smallest and the largest number")
	}
	return func(dst []byte, s *sampler) []byte {
		return strconv.AppendInt(dst, lo+s.rng.Int64N(max(hi-lo+1, 1)), 10)
	}, nil
}

// timeLayout returns the layout of a named format of {{time}}, and "".
func timeLayout(name string) string {
	switch name {
	case "rfc3339":
		return "2006-01-02T15:04:05Z"
	case "rfc3339ms":
		return "2006-01-02T15:04:05.000Z"
	case "rfc3339us":
		return "2006-01-02T15:04:05.000000Z"
	case "rfc3339nano":
		return "2006-01-02T15:04:05.000000000Z"
	case "local":
		return "2006-01-02T15:04:05"
	case "local-ms":
		return "2006-01-02T15:04:05.000"
	case "local-us":
		return "2006-01-02T15:04:05.000000"
	case "date":
		return "2006-01-02"
	case "http":
		return "Mon, 02 Jan 2006 15:04:05 GMT"
	}
	return ""
}

// timeUnit returns the unit of a format of {{time}} that counts from 1970.
func timeUnit(name string) time.Duration {
	switch name {
	case "s":
		return time.Second
	case "ms":
		return time.Millisecond
	case "us":
		return time.Microsecond
	}
	return 0
}

func timeGenerator(args []string) (generator, error) {
	format, move := "rfc3339", time.Duration(0)
	if n := len(args); n > 0 && (args[n-1][0] == '-' || args[n-1][0] == '+') {
		d, err := units.ParseDuration(args[n-1][1:])
		if err != nil {
			return nil, err
		}
		if move = d; args[n-1][0] == '-' {
			move = -d
		}
		args = args[:n-1]
	}
	if len(args) > 1 {
		return nil, errors.New("time takes a format and how far to move it")
	}
	if len(args) == 1 {
		format = args[0]
	}
	layout, quoted := strings.CutPrefix(format, `"`)
	if !quoted {
		layout = timeLayout(format)
	}
	unit := timeUnit(format)
	if layout == "" && unit == 0 {
		return nil, fmt.Errorf("%q is no format of a time", format)
	}
	return func(dst []byte, s *sampler) []byte {
		t := s.at.Add(move).UTC()
		if unit != 0 {
			return strconv.AppendInt(dst, t.UnixMicro()/int64(unit/time.Microsecond), 10)
		}
		return t.AppendFormat(dst, layout)
	}, nil
}

// append appends the text, with fresh values.
func (t *sampleText) append(dst []byte, s *sampler) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		start := len(dst)
		switch {
		case p.ref != "":
			dst = append(dst, s.ref(p.ref)...)
		case p.make != nil:
			dst = p.make(dst, s)
		default:
			dst = append(dst, p.text...)
		}
		if p.name != "" {
			s.named[p.name] = string(dst[start:])
		}
	}
	return dst
}

// ref returns a value that has a name, and makes it if this is the first time.
func (s *sampler) ref(name string) string {
	switch name {
	case "id":
		return s.id
	case "type":
		return s.typ
	}
	if v, ok := s.named[name]; ok {
		return v
	}
	t, ok := s.values[name]
	if !ok || s.depth > 16 {
		s.err = fmt.Errorf("%w: no value %q", errSample, name)
		return ""
	}
	s.depth++
	v := string(t.append(nil, s))
	s.depth--
	s.named[name] = v
	return v
}
