package provider

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/spelling"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/yamldoc"
	"go.yaml.in/yaml/v3"
)

// Limits of a definition.
const (
	maxBytes    = 32 << 20
	maxDepth    = 64
	maxProblems = 100 // that are told: more are no help, and could be millions
)

// A Problem is one mistake in a definition, with the place where it stands.
type Problem struct {
	Line, Column int // from 1; 0 if the mistake is that something is missing
	Message      string
}

// String writes LINE:COLUMN: MESSAGE.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Message
	}
	return fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message)
}

// A decoder fills a definition from YAML and notes every mistake on its way.
type decoder struct {
	problems []Problem
	at       map[string]*yaml.Node // by path of the field
	aliases  yamldoc.Aliases
	full     bool // too much was aliased
}

func (d *decoder) problem(n *yaml.Node, format string, args ...any) {
	if len(d.problems) > maxProblems {
		return
	}
	p := Problem{Message: fmt.Sprintf(format, args...)}
	if len(d.problems) == maxProblems {
		p.Message = "there are more mistakes than these"
	}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	d.problems = append(d.problems, p)
}

// parse reads one YAML document. Its node is nil if there are problems.
func parse(data []byte) (*yaml.Node, []Problem) {
	if len(data) > maxBytes {
		return nil, []Problem{{Message: fmt.Sprintf("more than %d MiB", maxBytes>>20)}}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		line, message := yamldoc.SyntaxError(err)
		return nil, []Problem{{line, 1, message}}
	}
	if len(doc.Content) == 0 {
		return nil, []Problem{{Line: 1, Column: 1, Message: "the file is empty"}}
	}
	if n := tooDeep(&doc, maxDepth); n != nil {
		return nil, []Problem{{n.Line, n.Column, fmt.Sprintf("nested deeper than %d", maxDepth)}}
	}
	return doc.Content[0], nil
}

// tooDeep returns a node below the limit. Aliases are not followed: decode
// counts what they stand for.
func tooDeep(n *yaml.Node, limit int) *yaml.Node {
	if limit < 0 {
		return n
	}
	for _, c := range n.Content {
		if deep := tooDeep(c, limit-1); deep != nil {
			return deep
		}
	}
	return nil
}

// fact is what scheme.Fact offers.
type fact interface {
	FactParts() (value any, assumed *bool, source *string)
}

var durationType = reflect.TypeFor[time.Duration]()

// decode fills v, which path names, from n.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, path string, depth int) {
	if depth > maxDepth || d.full {
		return
	}
	named := n
	if n = d.aliases.Follow(n); n == nil {
		d.full = true
		d.problem(named, "aliases stand for more than %d nodes", yamldoc.MaxAliased)
		return
	}
	d.at[path] = n
	if n.Tag == "!!null" && n.Kind == yaml.ScalarNode {
		return
	}
	if f, ok := v.Addr().Interface().(fact); ok {
		d.decodeFact(n, f, path, depth)
		return
	}
	if f, ok := v.Addr().Interface().(*formSample); ok {
		d.decodeForm(n, f)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, v, path, depth)
	case reflect.Slice:
		d.decodeSlice(n, v, path, depth)
	case reflect.Map:
		d.decodeMap(n, v, path, depth)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), path, depth+1)
	default:
		d.decodeScalar(n, v)
	}
}

func (d *decoder) decodeFact(n *yaml.Node, f fact, path string, depth int) {
	value, assumed, source := f.FactParts()
	v := reflect.ValueOf(value).Elem()
	if n.Kind != yaml.MappingNode {
		d.decode(n, v, path, depth+1)
		return
	}
	d.members(n, func(key, child *yaml.Node) {
		switch key.Value {
		case "value":
			d.decode(child, v, path, depth+1)
		case "assumed":
			d.decode(child, reflect.ValueOf(assumed).Elem(), path+".assumed", depth+1)
		case "source":
			d.decode(child, reflect.ValueOf(source).Elem(), path+".source", depth+1)
		default:
			d.unknown(key, path, []string{"value", "assumed", "source"})
		}
	})
	d.at[path] = n
}

// members calls do for each member of a mapping that is not somebody's own.
func (d *decoder) members(n *yaml.Node, do func(key, child *yaml.Node)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.problem(key, "a name expected")
			continue
		}
		if seen[key.Value] {
			d.problem(key, "%q stands here twice", key.Value)
			continue
		}
		seen[key.Value] = true
		do(key, n.Content[i+1])
	}
}

func own(name string) bool { return strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "_") }

func (d *decoder) unknown(key *yaml.Node, path string, known []string) {
	if own(key.Value) {
		return
	}
	where := ""
	if path != "" {
		where = " in " + path
	}
	if near := spelling.Nearest(key.Value, known); near != "" {
		d.problem(key, "unknown field %q%s; did you mean %s?", key.Value, where, near)
		return
	}
	d.problem(key, "unknown field %q%s; known are %s", key.Value, where, strings.Join(known, ", "))
}

func (d *decoder) decodeStruct(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "%s must be a mapping, not %s", nameOf(path), kindName(n))
		return
	}
	t := v.Type()
	fields := make(map[string]int, t.NumField())
	var known []string
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" {
			fields[tag] = i
			known = append(known, tag)
		}
	}
	d.members(n, func(key, child *yaml.Node) {
		if i, ok := fields[key.Value]; ok {
			d.decode(child, v.Field(i), join(path, key.Value), depth+1)
			return
		}
		d.unknown(key, path, known)
	})
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func nameOf(path string) string {
	if path == "" {
		return "a definition"
	}
	return path
}

// decodeSlice also takes a single value for a list of one.
func (d *decoder) decodeSlice(n *yaml.Node, v reflect.Value, path string, depth int) {
	list := n.Content
	switch n.Kind {
	case yaml.ScalarNode:
		list = []*yaml.Node{n}
	case yaml.MappingNode:
		d.problem(n, "%s must be a list, not a mapping", nameOf(path))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(list), len(list))
	for i, child := range list {
		d.decode(child, out.Index(i), path+"["+strconv.Itoa(i)+"]", depth+1)
	}
	v.Set(out)
	d.at[path] = n
}

func (d *decoder) decodeMap(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "%s must be a mapping, not %s", nameOf(path), kindName(n))
		return
	}
	out := reflect.MakeMap(v.Type())
	d.members(n, func(key, child *yaml.Node) {
		one := reflect.New(v.Type().Elem()).Elem()
		d.decode(child, one, join(path, key.Value), depth+1)
		out.SetMapIndex(reflect.ValueOf(key.Value), one)
	})
	v.Set(out)
}

func (d *decoder) decodeForm(n *yaml.Node, f *formSample) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "a form must be a mapping, not %s", kindName(n))
		return
	}
	d.members(n, func(key, child *yaml.Node) {
		if child.Kind != yaml.ScalarNode {
			d.problem(child, "a form field must be text, not %s", kindName(child))
			return
		}
		*f = append(*f, formField{key.Value, child.Value})
	})
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "text"
}

func (d *decoder) decodeScalar(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.problem(n, "text expected, not %s", kindName(n))
		return
	}
	switch {
	case v.Type() == durationType:
		t, err := units.ParseDuration(n.Value)
		if err != nil {
			d.problem(n, "%q is no duration such as 30s, 5m, 2h or 1d", n.Value)
			return
		}
		v.SetInt(int64(t))
	case v.Kind() == reflect.String:
		v.SetString(n.Value)
	case v.Kind() == reflect.Bool:
		if n.Tag != "!!bool" {
			d.problem(n, "%q is neither true nor false", n.Value)
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case v.Kind() == reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if err != nil {
			d.problem(n, "%q is no whole number", n.Value)
			return
		}
		v.SetInt(int64(i))
	}
}
