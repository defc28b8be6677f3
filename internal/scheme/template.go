package scheme

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hooks-cli/hooks/internal/spelling"
)

// A template is text with parts, compiled. See Spec for its language.
type template struct{ nodes []node }

type nodeKind uint8

const (
	nodeText nodeKind = iota
	nodeBody
	nodeTimestamp
	nodeID
	nodeMethod
	nodeURL // or a piece of it, named in text
	nodeSecret
	nodeParam
	nodePart
	nodePlace
	nodeFields
	nodeGroup
	nodeIf
	nodeSignedHeaders
	nodeNonce
	nodeVariable // given by whoever evaluates
)

type node struct {
	kind     nodeKind
	text     string // literal, or the name of what is meant
	loc      location
	sub      *template
	conds    []*template
	lists    []listFilter
	filters  []filter
	keyed    bool // one of the filters is an HMAC
	defaults bool // one of them stands in for what is missing
}

// plain says whether the node gives text of the request as it is.
func (n *node) plain() bool { return len(n.filters) == 0 }

// maxTemplate bounds a template in bytes and its nesting, maxNesting in levels.
const (
	maxTemplate = 64 << 10
	maxNesting  = 16
)

// template compiles text.
func (sc scope) template(text string) (*template, error) {
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("a template of more than %d bytes", maxTemplate)
	}
	p := templateParser{scope: sc, in: text}
	t, err := p.sequence(0, "")
	if err != nil {
		return nil, fmt.Errorf("template %q: %w", shorten(text), err)
	}
	return t, nil
}

// value compiles text that is a template, or a place alone. What looks like a
// place has to be one.
func (sc scope) value(text string) (*template, error) {
	if strings.Contains(text, "{") {
		return sc.template(text)
	}
	loc, err := sc.location(text)
	if err == nil {
		return &template{[]node{{kind: nodePlace, loc: loc}}}, nil
	}
	kind, _, named := strings.Cut(text, ":")
	if strings.HasPrefix(text, "$") || strings.HasPrefix(text, "@") {
		return nil, err
	}
	if near := spelling.Nearest(kind, placeKinds[:]); named && near != "" {
		return nil, fmt.Errorf("%w; did you mean %s:?", err, near)
	}
	return sc.template(text)
}

func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

type templateParser struct {
	scope
	in  string
	pos int
}

var errBrace = errors.New("a { without its }; write {{ for a brace")

// sequence reads up to the end of the input, or to the part {end} where one is
// awaited.
func (p *templateParser) sequence(depth int, until string) (*template, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("nested deeper than %d", maxNesting)
	}
	t := &template{}
	for p.pos < len(p.in) {
		if text := p.literal(); text != "" {
			t.nodes = append(t.nodes, node{kind: nodeText, text: text})
			continue
		}
		if p.in[p.pos] == '}' {
			return nil, errors.New("a } without its {; write }} for a brace")
		}
		inner, err := p.braces()
		if err != nil {
			return nil, err
		}
		if inner == "end" {
			if until == "" {
				return nil, errors.New("{end} without {if:…}")
			}
			return t, nil
		}
		n, err := p.part(inner, depth)
		if err != nil {
			return nil, err
		}
		t.nodes = append(t.nodes, n)
	}
	if until != "" {
		return nil, fmt.Errorf("{%s} without {end}", until)
	}
	return t, nil
}

// literal reads text up to the next part.
func (p *templateParser) literal() string {
	var b strings.Builder
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		if c == '{' || c == '}' {
			if p.pos+1 >= len(p.in) || p.in[p.pos+1] != c {
				break
			}
			p.pos++
		}
		b.WriteByte(c)
		p.pos++
	}
	return b.String()
}

// braces reads a part and returns what is inside its braces. Braces in a
// template in parentheses are counted.
func (p *templateParser) braces() (string, error) {
	start, depth := p.pos+1, 0
	for ; p.pos < len(p.in); p.pos++ {
		switch p.in[p.pos] {
		case '\\':
			p.pos++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				inner := p.in[start:p.pos]
				p.pos++
				return inner, nil
			}
		}
	}
	return "", errBrace
}

func (p *templateParser) part(inner string, depth int) (node, error) {
	if names, ok := strings.CutPrefix(inner, "if:"); ok {
		n := node{kind: nodeIf, text: inner}
		for name := range strings.SplitSeq(names, ",") {
			cond, err := p.source(name, depth)
			if err != nil {
				return node{}, err
			}
			n.conds = append(n.conds, &template{[]node{cond}})
		}
		var err error
		n.sub, err = p.sequence(depth+1, inner)
		return n, err
	}
	source, rest := inner, ""
	if strings.HasPrefix(inner, "(") {
		end := strings.LastIndexByte(inner, ')')
		if end < 0 {
			return node{}, fmt.Errorf("{%s}: a ( without its )", inner)
		}
		source, rest = inner[:end+1], inner[end+1:]
	} else if i := strings.IndexByte(inner, '|'); i >= 0 {
		source, rest = inner[:i], inner[i:]
	}
	n, err := p.source(source, depth)
	if err != nil || rest == "" {
		return n, err
	}
	if rest[0] != '|' {
		return node{}, fmt.Errorf("{%s}: a | is missing after )", inner)
	}
	if err := n.addFilters(splitEscaped(rest[1:], '|')); err != nil {
		return node{}, fmt.Errorf("{%s}: %w", inner, err)
	}
	return n, nil
}

func (p *templateParser) source(name string, depth int) (node, error) {
	switch name {
	case "body":
		return node{kind: nodeBody}, nil
	case "timestamp":
		return node{kind: nodeTimestamp}, nil
	case "id":
		return node{kind: nodeID}, nil
	case "method":
		return node{kind: nodeMethod}, nil
	case "url", "url-base", "origin", "scheme", "host", "path", "path-query", "query":
		return node{kind: nodeURL, text: name}, nil
	case "form", "json":
		return node{kind: nodeBody, text: name}, nil
	case "secret":
		return node{kind: nodeSecret}, nil
	case "nonce":
		return node{kind: nodeNonce}, nil
	case "lf":
		return node{kind: nodeText, text: "\n"}, nil
	case "signed-headers":
		return node{kind: nodeSignedHeaders}, nil
	case "signature", "name", "value":
		return node{kind: nodeVariable, text: name}, nil
	}
	if inner, ok := strings.CutPrefix(name, "("); ok {
		sub := templateParser{scope: p.scope, in: strings.TrimSuffix(inner, ")")}
		t, err := sub.sequence(depth+1, "")
		return node{kind: nodeGroup, sub: t}, err
	}
	if param, ok := strings.CutPrefix(name, "param:"); ok {
		return node{kind: nodeParam, text: param}, nil
	}
	if part, ok := strings.CutPrefix(name, "part:"); ok {
		return node{kind: nodePart, text: part}, nil
	}
	loc, err := p.location(name)
	if err != nil {
		return node{}, fmt.Errorf("{%s} is no part that a template knows", name)
	}
	return node{kind: nodePlace, loc: loc}, nil
}

// splitEscaped splits at sep where no backslash stands in front of it. The
// backslashes stay.
func splitEscaped(in string, sep byte) []string {
	var out []string
	start := 0
	for i := 0; i < len(in); i++ {
		switch in[i] {
		case '\\':
			i++
		case sep:
			out = append(out, in[start:i])
			start = i + 1
		}
	}
	return append(out, in[start:])
}

// plainArg undoes the backslashes of an argument.
func plainArg(in string) string {
	var b strings.Builder
	for i := 0; i < len(in); i++ {
		if in[i] == '\\' && i+1 < len(in) {
			i++
			if in[i] == 'n' {
				b.WriteByte('\n')
				continue
			}
		}
		b.WriteByte(in[i])
	}
	return b.String()
}

// uses says whether the template holds a node of the kind.
func (t *template) uses(kind nodeKind) bool {
	return t.any(func(n *node) bool { return n.kind == kind })
}

// any says whether ok is true for one of the nodes, at any depth.
func (t *template) any(ok func(*node) bool) bool {
	if t == nil {
		return false
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if ok(n) || n.sub.any(ok) {
			return true
		}
		for _, c := range n.conds {
			if c.any(ok) {
				return true
			}
		}
	}
	return false
}
