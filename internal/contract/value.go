package contract

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Kind is a kind of value.
type Kind uint8

// The kinds. A Literal is a number, true, false or null.
const (
	Object Kind = iota
	Array
	String
	Literal
)

// A Value is JSON with what a schema says beyond it.
type Value struct {
	Kind    Kind
	Members []Member
	Items   []*Value
	Text    string // of a String, or a Literal as JSON has it
	Format  string // date-time, uuid, …, "" if nothing is said
	Fixed   bool   // it is always this
}

// A Member is one of an Object.
type Member struct {
	Name  string
	Value *Value
}

// Member returns a member by name, nil if there is none.
func (v *Value) Member(name string) *Value {
	if v == nil {
		return nil
	}
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

func (v *Value) set(name string, value *Value) {
	for i := range v.Members {
		if v.Members[i].Name == name {
			v.Members[i].Value = value
			return
		}
	}
	v.Members = append(v.Members, Member{name, value})
}

// fromNode is an example as it stands. What aliases repeat without end is cut.
func (r *reader) fromNode(n *yaml.Node, depth int) *Value {
	if depth == 0 {
		r.copied = 0
	}
	n = plain(n)
	if r.copied++; depth > maxDepth || n == nil || r.copied > maxExample {
		return &Value{Kind: Literal, Text: "null"}
	}
	switch n.Kind {
	case yaml.MappingNode:
		v := &Value{Kind: Object}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v.set(n.Content[i].Value, r.fromNode(n.Content[i+1], depth+1))
		}
		return v
	case yaml.SequenceNode:
		v := &Value{Kind: Array}
		for _, c := range n.Content {
			v.Items = append(v.Items, r.fromNode(c, depth+1))
		}
		return v
	}
	return scalar(n)
}

func scalar(n *yaml.Node) *Value {
	switch n.Tag {
	case "!!null":
		return &Value{Kind: Literal, Text: "null"}
	case "!!bool":
		return &Value{Kind: Literal, Text: strconv.FormatBool(strings.EqualFold(n.Value, "true"))}
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return &Value{Kind: Literal, Text: n.Value}
		}
	}
	return &Value{Kind: String, Text: n.Value}
}

// fixed marks in an example what its schema says is always the same, and takes
// formats over.
func (r *reader) fixed(v *Value, schema *yaml.Node, depth int) *Value {
	if depth == 0 {
		r.marked = 0
	}
	schema = r.follow(schema)
	if r.marked++; schema == nil || depth > maxDepth || r.marked > maxValues {
		return v
	}
	if constant(r, schema) != nil {
		v.Fixed = true
	}
	if f := r.text(schema, "format"); f != "" {
		v.Format = f
	}
	for _, part := range r.list(schema, "allOf") {
		r.fixed(v, part, depth+1)
	}
	r.each(r.get(schema, "properties"), func(name string, property *yaml.Node) {
		if m := v.Member(name); m != nil {
			r.fixed(m, property, depth+1)
		}
	})
	return v
}

func (r *reader) list(n *yaml.Node, name string) []*yaml.Node {
	l := r.get(n, name)
	if l == nil || l.Kind != yaml.SequenceNode {
		return nil
	}
	var out []*yaml.Node
	for _, c := range l.Content {
		if one := r.follow(plain(c)); one != nil {
			out = append(out, one)
		}
	}
	return out
}

// constant is the only value that a schema allows, nil if there are more.
func constant(r *reader, schema *yaml.Node) *yaml.Node {
	if c := child(schema, "const"); c != nil {
		return c
	}
	if e := r.get(schema, "enum"); e != nil && e.Kind == yaml.SequenceNode && len(e.Content) == 1 {
		return plain(e.Content[0])
	}
	return nil
}

// A maker makes a value of a schema.
type maker struct {
	*reader
	name  string // of the event
	made  int
	trail []*yaml.Node
}

// value makes what a schema allows: its example if it has one, else all that it
// names. A schema that contains itself ends where it begins anew.
func (m *maker) value(schema *yaml.Node, depth int) *Value {
	schema = m.follow(schema)
	null := &Value{Kind: Literal, Text: "null"}
	if schema == nil || schema.Kind != yaml.MappingNode || depth > maxDepth {
		return null
	}
	if m.made++; m.made > maxValues {
		m.note(schema, "%s: a sample of more than %d values is cut", m.name, maxValues)
		return null
	}
	if slices.Contains(m.trail, schema) {
		return null
	}
	m.trail = append(m.trail, schema)
	defer func() { m.trail = m.trail[:len(m.trail)-1] }()
	if given := m.given(schema); given != nil {
		return m.fixed(given, schema, 0)
	}
	v := m.typed(schema, depth)
	for _, part := range m.list(schema, "allOf") {
		merge(v, m.value(part, depth+1))
	}
	for _, name := range []string{"oneOf", "anyOf"} {
		for _, part := range m.list(schema, name) {
			if m.text(part, "type") == "null" {
				continue
			}
			merge(v, m.value(part, depth+1))
			break
		}
	}
	if v.Kind == Literal && v.Text == "" {
		return null
	}
	return v
}

// given is a value that the schema itself names.
func (m *maker) given(schema *yaml.Node) *Value {
	if c := constant(m.reader, schema); c != nil {
		v := m.fromNode(c, 0)
		v.Fixed = true
		return v
	}
	if c := child(schema, "example"); c != nil {
		return m.fromNode(c, 0)
	}
	for _, name := range []string{"examples", "enum"} {
		if l := child(schema, name); l != nil && l.Kind == yaml.SequenceNode && len(l.Content) > 0 {
			return m.fromNode(l.Content[0], 0)
		}
	}
	if c := child(schema, "default"); c != nil && c.Tag != "!!null" {
		return m.fromNode(c, 0)
	}
	return nil
}

// typed makes a value of the type of the schema. An empty Literal says that it
// has none.
func (m *maker) typed(schema *yaml.Node, depth int) *Value {
	kind := m.text(schema, "type")
	for _, one := range m.list(schema, "type") {
		if one.Value != "null" && kind == "" {
			kind = one.Value
		}
	}
	if kind == "" && m.get(schema, "properties") != nil {
		kind = "object"
	}
	if kind == "" && m.get(schema, "items") != nil {
		kind = "array"
	}
	format := m.text(schema, "format")
	switch kind {
	case "object":
		v := &Value{Kind: Object}
		m.each(m.get(schema, "properties"), func(name string, property *yaml.Node) { v.set(name, m.value(property, depth+1)) })
		return v
	case "array":
		v := &Value{Kind: Array}
		if items := m.get(schema, "items"); items != nil {
			v.Items = []*Value{m.value(items, depth+1)}
		}
		return v
	case "string":
		return &Value{Kind: String, Text: m.sampleString(schema, format), Format: format}
	case "integer":
		return &Value{Kind: Literal, Text: number(m.text(schema, "minimum"), "1"), Format: format}
	case "number":
		return &Value{Kind: Literal, Text: number(m.text(schema, "minimum"), "1.5"), Format: format}
	case "boolean":
		return &Value{Kind: Literal, Text: "true"}
	}
	return &Value{Kind: Literal}
}

func number(minimum, otherwise string) string {
	if minimum != "" && minimum != "0" && regexp.MustCompile(`^-?\d{1,15}$`).MatchString(minimum) {
		return minimum
	}
	return otherwise
}

// sampleString is text in a format. What is made anew for each event, such as
// times, is left to whoever writes the sample.
func (m *maker) sampleString(schema *yaml.Node, format string) string {
	switch format {
	case "email", "idn-email":
		return "ada@example.com"
	case "uri", "url", "iri", "uri-reference":
		return "https://example.com/"
	case "hostname":
		return "example.com"
	case "ipv4":
		return "192.0.2.1"
	case "ipv6":
		return "2001:db8::1"
	case "byte":
		return "AAAA"
	}
	if m.text(schema, "pattern") != "" {
		m.note(child(schema, "pattern"), "%s: the sample does not follow the pattern", m.name)
	}
	text := "text"
	if least, err := strconv.Atoi(m.text(schema, "minLength")); err == nil && least > len(text) && least <= 1000 {
		text = strings.Repeat("x", least)
	}
	return text
}

// merge adds what part has to v.
func merge(v, part *Value) {
	switch {
	case v.Kind == Literal && v.Text == "":
		*v = *part
	case v.Kind == Object && part.Kind == Object:
		for _, m := range part.Members {
			v.set(m.Name, m.Value)
		}
	}
}
