// Package structured reads structured field values (RFC 8941), as far as HTTP
// message signatures and digests need them: dictionaries whose members are
// byte sequences or lists of strings, with parameters. Reading is strict, and
// keeps how everything is spelled, since that is what is signed. It writes
// nothing.
package structured

import (
	"encoding/base64"
	"strings"
)

// maxLength is the length in bytes beyond which no value is read.
const maxLength = 16 << 10

// An Item is a string in a list, with its parameters.
type Item struct {
	Raw    string // as it is spelled, parameters included
	Text   string
	Params []Param
}

// A Param is one parameter. Text is what it says, whatever its type; a
// parameter without value is "?1".
type Param struct{ Name, Text string }

// A Member is one member of a dictionary: a list of items, a byte sequence, or
// a bare value of another type, of which only Raw is kept.
type Member struct {
	Name   string
	Raw    string // the value as it is spelled, with its parameters
	IsList bool
	Items  []Item // of a list
	Bytes  []byte // of a byte sequence, else nil
	Params []Param
}

// Param returns what the parameter of this name says.
func (m *Member) Param(name string) (string, bool) {
	for _, p := range m.Params {
		if p.Name == name {
			return p.Text, true
		}
	}
	return "", false
}

// Covers says whether one of the items is spelled as c.
func (m *Member) Covers(c Item) bool {
	for _, i := range m.Items {
		if i.Raw == c.Raw {
			return true
		}
	}
	return false
}

type parser struct{ in string }

// Find returns the member of this name.
func Find(list []Member, name string) (Member, bool) {
	for _, m := range list {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// ParseItem reads a string with its parameters, which is all of text.
func ParseItem(text string) (Item, bool) {
	p := parser{text}
	item, ok := p.item()
	return item, ok && p.in == ""
}

// IsKey says whether text can be the name of a member or parameter.
func IsKey(text string) bool {
	p := parser{text}
	p.word(keyChars)
	return text != "" && p.in == ""
}

// ParseDictionary reads the values of a header as one dictionary. A name that
// occurs twice makes it malformed.
func ParseDictionary(values []string) ([]Member, bool) {
	p := parser{strings.Trim(strings.Join(values, ", "), " ")}
	if p.in == "" || len(p.in) > maxLength {
		return nil, false
	}
	var out []Member
	for {
		m, ok := p.member()
		if !ok {
			return nil, false
		}
		if _, again := Find(out, m.Name); again {
			return nil, false
		}
		out = append(out, m)
		if p.in == "" {
			return out, true
		}
		p.space()
		if !p.take(",") {
			return nil, false
		}
		if p.space(); p.in == "" {
			return nil, false
		}
	}
}

func (p *parser) space() { p.in = strings.TrimLeft(p.in, " \t") }

func (p *parser) take(s string) bool {
	rest, ok := strings.CutPrefix(p.in, s)
	p.in = rest
	return ok
}

// word reads characters up to one that is not allowed in a key or token.
func (p *parser) word(allowed string) string {
	i := 0
	for i < len(p.in) && isWord(p.in[i], allowed) {
		i++
	}
	out := p.in[:i]
	p.in = p.in[i:]
	return out
}

func isWord(c byte, allowed string) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(allowed, c) >= 0
}

const (
	keyChars   = "_-.*"
	tokenChars = keyChars + "ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'+^`|~:/"
)

func (p *parser) member() (m Member, ok bool) {
	if m.Name = p.word(keyChars); m.Name == "" || !p.take("=") {
		return m, false
	}
	start := p.in
	switch {
	case strings.HasPrefix(p.in, "("):
		m.IsList = true
		m.Items, ok = p.list()
	case strings.HasPrefix(p.in, ":"):
		m.Bytes, ok = p.byteSequence()
	default:
		_, ok = p.bare()
	}
	if !ok {
		return m, false
	}
	m.Params, ok = p.params()
	m.Raw = start[:len(start)-len(p.in)]
	return m, ok
}

func (p *parser) list() (items []Item, ok bool) {
	p.take("(")
	for {
		p.in = strings.TrimLeft(p.in, " ")
		if p.take(")") {
			return items, true
		}
		item, ok := p.item()
		if !ok || p.in == "" || p.in[0] != ' ' && p.in[0] != ')' || len(items) == 64 {
			return nil, false
		}
		items = append(items, item)
	}
}

func (p *parser) item() (item Item, ok bool) {
	start := p.in
	if item.Text, ok = p.str(); !ok {
		return item, false
	}
	item.Params, ok = p.params()
	item.Raw = start[:len(start)-len(p.in)]
	return item, ok
}

func (p *parser) params() (out []Param, ok bool) {
	for p.take(";") {
		p.in = strings.TrimLeft(p.in, " ")
		name := p.word(keyChars)
		if name == "" {
			return nil, false
		}
		for _, o := range out {
			if o.Name == name {
				return nil, false
			}
		}
		text := "?1"
		if p.take("=") {
			if text, ok = p.bare(); !ok {
				return nil, false
			}
		}
		out = append(out, Param{name, text})
	}
	return out, true
}

// bare reads a string, a token, a number, a boolean or a byte sequence, and
// returns it as text.
func (p *parser) bare() (string, bool) {
	switch {
	case strings.HasPrefix(p.in, `"`):
		return p.str()
	case strings.HasPrefix(p.in, ":"):
		b, ok := p.byteSequence()
		return string(b), ok
	case strings.HasPrefix(p.in, "?0"), strings.HasPrefix(p.in, "?1"):
		out := p.in[:2]
		p.in = p.in[2:]
		return out, true
	}
	out := p.word(tokenChars)
	return out, out != ""
}

func (p *parser) str() (string, bool) {
	if !p.take(`"`) {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(p.in); i++ {
		switch c := p.in[i]; {
		case c == '"':
			p.in = p.in[i+1:]
			return b.String(), true
		case c < 0x20 || c > 0x7e:
			return "", false
		case c == '\\':
			i++
			if i == len(p.in) || p.in[i] != '"' && p.in[i] != '\\' {
				return "", false
			}
			b.WriteByte(p.in[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func (p *parser) byteSequence() ([]byte, bool) {
	p.take(":")
	text, rest, ok := strings.Cut(p.in, ":")
	if !ok {
		return nil, false
	}
	out, err := base64.StdEncoding.Strict().DecodeString(text)
	p.in = rest
	return out, err == nil && !strings.ContainsAny(text, "\r\n") && out != nil
}
