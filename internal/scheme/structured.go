package scheme

import (
	"encoding/base64"
	"strings"
)

// Structured field values (RFC 8941), as far as HTTP message signatures need
// them: dictionaries whose members are byte sequences or lists of strings with
// parameters. Reading is strict; raw keeps the spelling, which is signed.

type sfItem struct {
	raw    string // with parameters
	text   string
	params []sfParam
}

type sfParam struct{ name, text string }

type sfMember struct {
	name   string
	raw    string // the value with its parameters
	isList bool
	items  []sfItem // of a list
	bytes  []byte   // of a byte sequence
	params []sfParam
}

func (m *sfMember) param(name string) (string, bool) {
	for _, p := range m.params {
		if p.name == name {
			return p.text, true
		}
	}
	return "", false
}

func (m *sfMember) covers(c sfItem) bool {
	for _, i := range m.items {
		if i.raw == c.raw {
			return true
		}
	}
	return false
}

type sfParser struct{ in string }

// parseDictionary reads the values of a header as one dictionary. A name that
// occurs twice makes it malformed.
func parseDictionary(values []string) ([]sfMember, bool) {
	p := sfParser{strings.Trim(strings.Join(values, ", "), " ")}
	if p.in == "" || len(p.in) > maxSignatureText {
		return nil, false
	}
	var out []sfMember
	for {
		m, ok := p.member()
		if !ok {
			return nil, false
		}
		if _, again := memberOf(out, m.name); again {
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

func (p *sfParser) space() { p.in = strings.TrimLeft(p.in, " \t") }

func (p *sfParser) take(s string) bool {
	rest, ok := strings.CutPrefix(p.in, s)
	p.in = rest
	return ok
}

// word reads characters up to one that is not allowed in a key or token.
func (p *sfParser) word(allowed string) string {
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

func (p *sfParser) member() (m sfMember, ok bool) {
	if m.name = p.word(keyChars); m.name == "" || !p.take("=") {
		return m, false
	}
	start := p.in
	switch {
	case strings.HasPrefix(p.in, "("):
		m.isList = true
		m.items, ok = p.list()
	case strings.HasPrefix(p.in, ":"):
		m.bytes, ok = p.byteSequence()
	default:
		_, ok = p.bare()
	}
	if !ok {
		return m, false
	}
	m.params, ok = p.params()
	m.raw = start[:len(start)-len(p.in)]
	return m, ok
}

func (p *sfParser) list() (items []sfItem, ok bool) {
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

func (p *sfParser) item() (item sfItem, ok bool) {
	start := p.in
	if item.text, ok = p.str(); !ok {
		return item, false
	}
	item.params, ok = p.params()
	item.raw = start[:len(start)-len(p.in)]
	return item, ok
}

func (p *sfParser) params() (out []sfParam, ok bool) {
	for p.take(";") {
		p.in = strings.TrimLeft(p.in, " ")
		name := p.word(keyChars)
		if name == "" {
			return nil, false
		}
		for _, o := range out {
			if o.name == name {
				return nil, false
			}
		}
		text := "?1"
		if p.take("=") {
			if text, ok = p.bare(); !ok {
				return nil, false
			}
		}
		out = append(out, sfParam{name, text})
	}
	return out, true
}

// bare reads a string, a token, a number, a boolean or a byte sequence, and
// returns it as text.
func (p *sfParser) bare() (string, bool) {
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

func (p *sfParser) str() (string, bool) {
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

func (p *sfParser) byteSequence() ([]byte, bool) {
	p.take(":")
	text, rest, ok := strings.Cut(p.in, ":")
	if !ok {
		return nil, false
	}
	out, err := base64.StdEncoding.Strict().DecodeString(text)
	p.in = rest
	return out, err == nil && !strings.ContainsAny(text, "\r\n") && out != nil
}
