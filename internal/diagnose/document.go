package diagnose

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"github.com/hooks-cli/hooks/internal/payload"
)

// maxTokens bounds the JSON that is written again in other styles.
const maxTokens = 1 << 21

// A document is the JSON of a body, taken apart. Its tokens share the body's
// memory.
type document struct {
	tokens []token

	emptyList, emptyObject bool // there is one
}

// A token is one of JSON's besides the comma and the colon.
type token struct {
	kind  byte // one of {}[], k for a name, s for a string, n for everything else
	plain bool // of a string: every style writes it as it is
	span  int  // how many tokens the value has that begins here
	raw   []byte
}

// number tells a number from true, false and null.
func (t token) number() bool { return t.raw[0] == '-' || t.raw[0] >= '0' && t.raw[0] <= '9' }

// text is what a string says.
func (t token) text() string { return payload.Value{Kind: payload.String, Raw: t.raw}.Text() }

// parseJSON takes b apart. It is nil for what is not one JSON object or array.
func parseJSON(b []byte) *document {
	first := bytes.TrimLeft(b, " \t\r\n")
	if len(first) < 2 || first[0] != '{' && first[0] != '[' || payload.Valid(b) != nil {
		return nil
	}
	d := &document{tokens: make([]token, 0, len(b)/8)}
	var open []int // the tokens that open each level
	name := false  // the next string is a name
	for i := 0; i < len(b); {
		switch c := b[i]; c {
		case ' ', '\t', '\r', '\n', ':':
			i++
			continue
		case ',':
			name = d.tokens[open[len(open)-1]].kind == '{'
			i++
			continue
		case '{', '[':
			open = append(open, len(d.tokens))
			name = c == '{'
			d.tokens = append(d.tokens, token{kind: c, raw: b[i : i+1]})
			i++
		case '}', ']':
			d.closed(c, b[i:i+1], open[len(open)-1])
			open = open[:len(open)-1]
			i++
		default:
			t := next(b[i:], name)
			name = false
			d.tokens = append(d.tokens, t)
			i += len(t.raw)
		}
		if len(d.tokens) > maxTokens {
			return nil
		}
	}
	return d
}

func (d *document) closed(c byte, raw []byte, open int) {
	switch d.tokens[len(d.tokens)-1].kind {
	case '[':
		d.emptyList = true
	case '{':
		d.emptyObject = true
	}
	d.tokens = append(d.tokens, token{kind: c, span: 1, raw: raw})
	d.tokens[open].span = len(d.tokens) - open
}

// next is the string, number or word that b begins with.
func next(b []byte, name bool) token {
	if b[0] != '"' {
		n := bytes.IndexAny(b, ",]} \t\r\n")
		return token{kind: 'n', span: 1, raw: b[:n]}
	}
	t := token{kind: 's', plain: true, span: 1}
	if name {
		t.kind = 'k'
	}
	for i := 1; ; i++ {
		switch c := b[i]; {
		case c == '"':
			t.raw = b[:i+1]
			return t
		case c == '\\':
			i++
			t.plain = false
		case special(c):
			t.plain = false
		}
	}
}

// special says whether some style escapes the byte.
func special(c byte) bool {
	switch c {
	case '"', '\\', '/', '<', '>', '&', '\'', '+', '=', '`':
		return true
	}
	return c < 0x20 || c > 0x7e
}

// An order says how the members of objects are arranged.
type order func(members []member)

// A member is a name and the tokens of its value.
type member struct {
	name  token
	text  string
	value []token
}

// sorted arranges members by name, bytewise.
func sorted(members []member) {
	slices.SortStableFunc(members, func(a, b member) int { return cmp.Compare(a.text, b.text) })
}

// byLength has the shortest names first.
func byLength(members []member) {
	slices.SortStableFunc(members, func(a, b member) int {
		return cmp.Or(cmp.Compare(len(a.text), len(b.text)), cmp.Compare(a.text, b.text))
	})
}

// asJavaScript has names that are array indexes first, by number.
func asJavaScript(members []member) {
	slices.SortStableFunc(members, func(a, b member) int {
		m, aok := index(a.text)
		n, bok := index(b.text)
		switch {
		case aok && bok:
			return cmp.Compare(m, n)
		case aok:
			return -1
		case bok:
			return 1
		}
		return 0
	})
}

func index(name string) (uint64, bool) {
	n, err := strconv.ParseUint(name, 10, 32)
	return n, err == nil && n < 1<<32-1 && strconv.FormatUint(n, 10) == name
}

// ordered returns the document with the members of every object arranged, and
// those that occur twice once, with the last value in the first place.
func (d *document) ordered(by order) *document {
	out := &document{emptyList: d.emptyList, emptyObject: d.emptyObject, tokens: make([]token, 0, len(d.tokens))}
	d.arrange(out, d.tokens, by)
	return out
}

// arrange appends the first value of tokens and returns what follows it.
func (d *document) arrange(out *document, tokens []token, by order) (rest []token) {
	first := tokens[0]
	switch first.kind {
	case '[':
		out.tokens = append(out.tokens, first)
		for rest = tokens[1:]; rest[0].kind != ']'; {
			rest = d.arrange(out, rest, by)
		}
	case '{':
		out.tokens = append(out.tokens, first)
		var members []member
		members, rest = membersOf(tokens[1:])
		by(members)
		for _, m := range members {
			out.tokens = append(out.tokens, m.name)
			d.arrange(out, m.value, by)
		}
	default:
		out.tokens = append(out.tokens, first)
		return tokens[1:]
	}
	out.tokens = append(out.tokens, rest[0])
	return rest[1:]
}

// membersOf reads the members of an object up to its end.
func membersOf(tokens []token) (members []member, rest []token) {
	at := map[string]int{}
	for rest = tokens; rest[0].kind != '}'; {
		m := member{name: rest[0], text: rest[0].text()}
		n := 1 + rest[1].span
		m.value, rest = rest[1:n], rest[n:]
		if i, ok := at[m.text]; ok {
			members[i].value = m.value
			continue
		}
		at[m.text] = len(members)
		members = append(members, m)
	}
	return members, rest
}

// exchanged returns the document with its empty lists as empty objects, or the
// reverse, which PHP cannot tell apart.
func (d *document) exchanged(from, to string) *document {
	out := &document{tokens: slices.Clone(d.tokens)}
	for i := 1; i < len(out.tokens); i++ {
		if out.tokens[i-1].kind == from[0] && out.tokens[i].kind == from[1] {
			out.tokens[i-1].kind, out.tokens[i].kind = to[0], to[1]
		}
	}
	return out
}
