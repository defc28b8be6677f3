package scenario

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hooks-cli/hooks/internal/spelling"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/yamldoc"
)

// Limits of a file. One that is meant has far less.
const (
	maxBytes = 32 << 20
	maxDepth = 64
	maxSteps = 10_000
)

// Parse reads a file: its scenarios, one a document. The problems are all
// mistakes that are in it, in their order; with any, the scenarios are not to be
// run, but Check may find further ones.
func Parse(file string, data []byte) ([]*Scenario, []*Problem) {
	d := &decoder{file: file}
	if len(data) > maxBytes {
		d.problem(Place{1, 1}, "more than %s", units.FormatSize(maxBytes))
		return nil, d.problems
	}
	var list []*Scenario
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, message := yamldoc.SyntaxError(err)
			d.problem(Place{line, 1}, "not YAML: %s", message)
			break
		}
		if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
			continue
		}
		if s := d.scenario(doc.Content[0], len(list)); s != nil {
			list = append(list, s)
		}
	}
	if len(list) == 0 && len(d.problems) == 0 {
		d.problem(Place{1, 1}, "there is no scenario in it; hooks test --init writes a first one")
	}
	d.uniqueNames(list)
	Sort(d.problems)
	return list, slices.CompactFunc(d.problems, func(a, b *Problem) bool { return *a == *b })
}

// Sort puts the problems of one file in the order in which they stand there.
func Sort(problems []*Problem) {
	slices.SortStableFunc(problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// A decoder notes every mistake on its way.
type decoder struct {
	file     string
	problems []*Problem
	aliases  yamldoc.Aliases

	// Of the scenario that is being read.
	vars  []string
	steps []string // that can be linked to
	later []string // that come below
	texts []*Text  // of the step that is being read
}

func (d *decoder) problem(at Place, format string, args ...any) {
	d.problems = append(d.problems, &Problem{File: d.file, Place: at, Message: fmt.Sprintf(format, args...)})
}

func (d *decoder) uniqueNames(list []*Scenario) {
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s.Name] {
			d.problem(s.at, "a second scenario is called %q", s.Name)
		}
		seen[s.Name] = true
	}
}

func placeOf(n *yaml.Node) Place { return Place{n.Line, n.Column} }

// resolve follows aliases. It returns nil when they stand for too much.
func (d *decoder) resolve(n *yaml.Node) *yaml.Node {
	end := d.aliases.Follow(n)
	if end == nil {
		d.problem(placeOf(n), "aliases stand for more than %d values", yamldoc.MaxAliased)
	}
	return end
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	return "text"
}

// A field is one member of a mapping.
type field struct {
	key, value *yaml.Node
}

// mapping returns the members of n by name. Whatever is not in known is told;
// names that begin with x- are somebody's own.
func (d *decoder) mapping(n *yaml.Node, what string, known []string) (fields map[string]field, ok bool) {
	if n = d.resolve(n); n == nil {
		return nil, false
	}
	if n.Kind != yaml.MappingNode {
		d.problem(placeOf(n), "%s is a mapping of KEY: VALUE, not %s", what, kindName(n))
		return nil, false
	}
	fields = map[string]field{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		_, twice := fields[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.problem(placeOf(key), "a key is a word")
		case twice:
			d.problem(placeOf(key), "%q is there twice", key.Value)
		case known == nil || slices.Contains(known, key.Value):
			fields[key.Value] = field{key, n.Content[i+1]}
		case strings.HasPrefix(key.Value, "x-"):
		default:
			d.unknown(key, what, known)
		}
	}
	return fields, true
}

func (d *decoder) unknown(key *yaml.Node, what string, known []string) {
	if near := spelling.Nearest(key.Value, known); near != "" {
		d.problem(placeOf(key), "%s has no key %q; did you mean %s?", what, key.Value, near)
		return
	}
	d.problem(placeOf(key), "%s has no key %q; it has %s", what, key.Value, strings.Join(known, ", "))
}

// scalar returns the text of a single value.
func (d *decoder) scalar(n *yaml.Node, what string) (text string, at Place, ok bool) {
	at = placeOf(n)
	if n = d.resolve(n); n == nil {
		return "", at, false
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.problem(at, "%s is a text, not %s", what, kindName(n))
		return "", at, false
	}
	return n.Value, at, true
}

func (d *decoder) textOf(n *yaml.Node, what string) Text {
	s, at, ok := d.scalar(n, what)
	if !ok {
		return Text{at: at}
	}
	return d.text(s, at)
}

func (d *decoder) duration(n *yaml.Node, what string) time.Duration {
	s, at, ok := d.scalar(n, what)
	if !ok {
		return 0
	}
	v, err := units.ParseDuration(s)
	if err != nil || v < 0 {
		d.problem(at, "%s: %q is no duration such as 500ms, 30s or 5m", what, s)
	}
	return v
}

func (d *decoder) count(n *yaml.Node, what string, least int) int {
	s, at, ok := d.scalar(n, what)
	if !ok {
		return least
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < least || v > 1_000_000 {
		d.problem(at, "%s: %q is no number from %d", what, s, least)
		return least
	}
	return v
}

func (d *decoder) flag(n *yaml.Node, what string) bool {
	s, at, ok := d.scalar(n, what)
	if ok && s != "true" && s != "false" {
		d.problem(at, "%s: %q is neither true nor false", what, s)
	}
	return s == "true"
}

// document reads any value.
func (d *decoder) document(n *yaml.Node, depth int) *document {
	at := placeOf(n)
	out := &document{at: at}
	if n = d.resolve(n); n == nil {
		return out
	}
	if depth > maxDepth {
		d.problem(at, "nested deeper than %d", maxDepth)
		return out
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if slices.Contains(out.names, n.Content[i].Value) {
				d.problem(placeOf(n.Content[i]), "%q is there twice", n.Content[i].Value)
			}
			out.names = append(out.names, n.Content[i].Value)
			out.items = append(out.items, d.document(n.Content[i+1], depth+1))
		}
	case yaml.SequenceNode:
		out.list = true
		for _, c := range n.Content {
			out.items = append(out.items, d.document(c, depth+1))
		}
	default:
		d.leaf(n, out)
	}
	return out
}

// leaf reads a scalar: a text, or a number, true, false or null.
func (d *decoder) leaf(n *yaml.Node, out *document) {
	if n.Tag == "!!str" || n.Tag == "!!timestamp" || n.Tag == "!!binary" {
		t := d.text(n.Value, out.at)
		out.text = &t
		d.texts = append(d.texts, &t)
		return
	}
	if json.Valid([]byte(n.Value)) && n.Tag != "!!null" {
		out.raw = json.RawMessage(n.Value) // as it is spelled
		return
	}
	var v any
	err := n.Decode(&v)
	if err == nil {
		out.raw, err = json.Marshal(v)
	}
	if err != nil {
		d.problem(out.at, "%q has no form in JSON", n.Value)
	}
}

// nameOf is the name of a scenario that gives itself none.
func nameOf(file string, index int) string {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if index > 0 {
		name += " " + strconv.Itoa(index+1)
	}
	return name
}
