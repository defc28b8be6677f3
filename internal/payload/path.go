package payload

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxSteps bounds a path; with it the depth to which a body is followed.
const maxSteps = 64

// A Path names values in a JSON document: $.a.b[0].c, where [*] stands for
// every element of an array and ["x.y"] for a name with dots or brackets. The
// leading "$" and "$." may be left out. The zero Path is the document itself.
type Path struct {
	steps []step
}

type step struct {
	key   string
	index int
	kind  stepKind
}

type stepKind uint8

const (
	byKey stepKind = iota
	byIndex
	anyIndex
)

// ParsePath reads a path. On error the zero Path is returned.
func ParsePath(text string) (Path, error) {
	rest := strings.TrimPrefix(text, "$")
	if rest != text && rest != "" && rest[0] != '.' && rest[0] != '[' {
		rest = text // "$ref" is a name
	}
	if rest == text && rest != "" && rest[0] != '[' {
		rest = "." + rest
	}
	var p Path
	for rest != "" {
		var s step
		var err error
		if s, rest, err = parseStep(rest); err != nil {
			return Path{}, fmt.Errorf("path %q: %w", text, err)
		}
		if len(p.steps) == maxSteps {
			return Path{}, fmt.Errorf("path %q: more than %d steps", text, maxSteps)
		}
		p.steps = append(p.steps, s)
	}
	return p, nil
}

func parseStep(in string) (step, string, error) {
	if in[0] == '.' {
		end := strings.IndexAny(in[1:], ".[]")
		if end < 0 {
			end = len(in) - 1
		}
		if end == 0 {
			return step{}, "", fmt.Errorf("a name is missing before %q", in)
		}
		return step{key: in[1 : 1+end]}, in[1+end:], nil
	}
	if in[0] != '[' {
		return step{}, "", fmt.Errorf("%q cannot follow here", in)
	}
	if len(in) > 1 && (in[1] == '"' || in[1] == '\'') {
		return parseQuoted(in)
	}
	end := strings.IndexByte(in, ']')
	if end < 0 {
		return step{}, "", fmt.Errorf("no ] after %q", in)
	}
	inner, rest := in[1:end], in[end+1:]
	if inner == "*" {
		return step{kind: anyIndex}, rest, nil
	}
	n, err := strconv.Atoi(inner)
	if err != nil || n < 0 || strconv.Itoa(n) != inner {
		return step{}, "", fmt.Errorf("[%s] is neither a position, [*] nor a quoted name", inner)
	}
	return step{index: n, kind: byIndex}, rest, nil
}

// parseQuoted reads ["name"] or ['name'], where a backslash makes the next
// character stand for itself.
func parseQuoted(in string) (step, string, error) {
	var key strings.Builder
	for i := 2; i < len(in); i++ {
		switch c := in[i]; {
		case c == '\\' && i+1 < len(in):
			i++
			key.WriteByte(in[i])
		case c == in[1]:
			if i+1 >= len(in) || in[i+1] != ']' {
				return step{}, "", fmt.Errorf("no ] after the name in %q", in)
			}
			return step{key: key.String()}, in[i+2:], nil
		default:
			key.WriteByte(c)
		}
	}
	return step{}, "", fmt.Errorf("the name in %q does not end", in)
}

// Steps returns the names (string) and positions (int) that the path goes
// through, and false if it goes through every element of an array.
func (p Path) Steps() ([]any, bool) {
	steps := make([]any, len(p.steps))
	for i, s := range p.steps {
		switch s.kind {
		case byKey:
			steps[i] = s.key
		case byIndex:
			steps[i] = s.index
		case anyIndex:
			return nil, false
		}
	}
	return steps, true
}

// MustPath is ParsePath for paths that stand in source code.
func MustPath(text string) Path {
	p, err := ParsePath(text)
	if err != nil {
		panic(err)
	}
	return p
}

// String returns the path as ParsePath reads it.
func (p Path) String() string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range p.steps {
		b.WriteString(s.String())
	}
	return b.String()
}

func (s step) String() string {
	switch s.kind {
	case byIndex:
		return "[" + strconv.Itoa(s.index) + "]"
	case anyIndex:
		return "[*]"
	}
	if s.key == "" || strings.ContainsAny(s.key, ".[]") {
		return `["` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.key) + `"]`
	}
	return "." + s.key
}

// IsRoot says whether the path names the whole document.
func (p Path) IsRoot() bool { return len(p.steps) == 0 }

// Many says whether the path can name more than one value.
func (p Path) Many() bool {
	return slices.ContainsFunc(p.steps, func(s step) bool { return s.kind == anyIndex })
}

// Key returns the path of the member name of what p names.
func (p Path) Key(name string) Path {
	return Path{append(slices.Clip(p.steps), step{key: name})}
}

// Index returns the path of the element n of what p names.
func (p Path) Index(n int) Path {
	return Path{append(slices.Clip(p.steps), step{index: n, kind: byIndex})}
}

// Len returns the number of steps of the path.
func (p Path) Len() int { return len(p.steps) }
