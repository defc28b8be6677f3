package store

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// fold is the form in which texts are compared: case does not count. What is
// not UTF-8, and NUL, at which an index would stop, becomes U+FFFD.
func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "\x00", "\ufffd")
}

// searchable returns everything in a delivery that a search looks through, in
// folded form: its words, its headers, its body, and the strings of a JSON
// body that are written there with escapes.
func searchable(d *webhook.Delivery) string {
	var b strings.Builder
	b.Grow(len(d.Body) + 512)
	for _, f := range fields(d) {
		b.WriteString(f.text)
		b.WriteByte('\n')
	}
	for name, values := range d.Header {
		for _, v := range values {
			b.WriteString(name + ": " + v + "\n")
		}
	}
	b.Write(d.Body)
	if bytes.IndexByte(d.Body, '\\') >= 0 {
		walkJSON(d.Body, func(_ []step, text string) bool {
			b.WriteString("\n" + text)
			return true
		})
	}
	return fold(b.String())
}

// A field is a part of a delivery that can match as a whole.
type field struct{ name, text string }

func fields(d *webhook.Delivery) []field {
	return []field{
		{"event_id", d.EventID},
		{"event_type", d.EventType},
		{"provider", d.Provider},
		{"id", d.ID},
		{"url", d.URL},
		{"path", d.Path},
		{"query", d.Query},
		{"method", d.Method},
		{"remote_addr", d.RemoteAddr},
	}
}

// where returns the path of the field in which the folded needle is found: a
// field of a JSON body ("data.items[0].sku"), "headers.Content-Type", "url",
// or "body" where it is in no single field.
func where(d *webhook.Delivery, needle string) string {
	path := ""
	walkJSON(d.Body, func(steps []step, text string) bool {
		if strings.Contains(fold(text), needle) {
			path = pathText(steps)
			return false
		}
		return true
	})
	if path != "" {
		return path
	}
	for _, f := range fields(d) {
		if strings.Contains(fold(f.text), needle) {
			return f.name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		for _, v := range d.Header[name] {
			if strings.Contains(fold(name+": "+v), needle) {
				return "headers." + name
			}
		}
	}
	return "body"
}

// A step leads from a JSON value to one inside it.
type step struct {
	key   string
	index int // -1 for a key
}

// maxShown bounds how many steps of a path are written out.
const maxShown = 32

// pathText writes a path as jq does, without the leading dot.
func pathText(steps []step) string {
	var b strings.Builder
	for i, s := range steps {
		switch {
		case i == maxShown:
			return b.String() + "…"
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case !isWord(s.key):
			b.WriteString("[" + strconv.Quote(s.key) + "]")
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.key)
		}
	}
	return b.String()
}

// isWord says whether a key can stand in a path without quotes.
func isWord(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

// walkJSON calls f for every key and every scalar of a JSON body, with the
// path to it, until f returns false. Of a body that is not JSON it visits
// what comes before the first mistake. It does not recurse: depth is the
// sender's choice.
func walkJSON(body []byte, f func(path []step, text string) bool) {
	if !startsJSON(body) {
		return
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var at position
	for {
		token, err := dec.Token()
		if err != nil {
			return // io.EOF included
		}
		if d, ok := token.(json.Delim); ok {
			at.bracket(d)
			continue
		}
		text := scalar(token)
		isKey := at.expectsKey()
		if isKey {
			at.key(text)
		}
		if !f(at.path, text) {
			return
		}
		if !isKey {
			at.advance()
		}
	}
}

func scalar(token json.Token) string {
	switch v := token.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return "null"
}

// A position is where in a JSON body a decoder is: the containers that are
// open, each with where it is in it.
type position struct {
	path    []step
	keyNext []bool // of each container: it is an object, and a key comes next
}

func (p *position) bracket(d json.Delim) {
	switch d {
	case '{':
		p.path, p.keyNext = append(p.path, step{index: -1}), append(p.keyNext, true)
	case '[':
		p.path, p.keyNext = append(p.path, step{index: 0}), append(p.keyNext, false)
	default:
		p.path, p.keyNext = p.path[:len(p.path)-1], p.keyNext[:len(p.keyNext)-1]
		p.advance()
	}
}

func (p *position) expectsKey() bool { return len(p.path) > 0 && p.keyNext[len(p.path)-1] }

func (p *position) key(text string) {
	last := len(p.path) - 1
	p.path[last].key, p.keyNext[last] = text, false
}

// advance moves past a value in the innermost container.
func (p *position) advance() {
	last := len(p.path) - 1
	switch {
	case last < 0:
	case p.path[last].index >= 0:
		p.path[last].index++
	default:
		p.keyNext[last] = true
	}
}

func startsJSON(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[' || trimmed[0] == '"')
}

// trigrams returns the distinct groups of three characters in a folded text,
// none if it is shorter.
func trigrams(s string) []string {
	runes := []rune(s)
	var list []string
	for i := 0; i+3 <= len(runes); i++ {
		if g := string(runes[i : i+3]); !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return list
}
