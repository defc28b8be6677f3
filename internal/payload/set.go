package payload

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/spelling"
)

// A Mode says how an Edit reads its value.
type Mode uint8

// The modes.
const (
	// Keep gives the value the type that the field has; the field must exist.
	Keep Mode = iota
	// Create is Keep for a field that exists. One that does not is added, as
	// true, false, null or a whole number where the value is one, else as a
	// string: as gh api -F types its fields.
	Create
	// Raw takes the value as JSON; the field must exist.
	Raw
	// RawCreate is Raw, and adds the field if it does not exist.
	RawCreate
)

// An Edit changes one field of a body.
type Edit struct {
	Path  Path
	Value string
	Mode  Mode
}

// ParseEdit reads PATH=VALUE, or PATH:=JSON. With create, the field may be new.
func ParseEdit(text string, create bool) (Edit, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return Edit{}, fmt.Errorf("%q is not PATH=VALUE", text)
	}
	mode := Keep
	if create {
		mode = Create
	}
	if cut, raw := strings.CutSuffix(name, ":"); raw {
		name, mode = cut, mode+Raw
		if err := Valid([]byte(value)); err != nil {
			return Edit{}, fmt.Errorf("value of %s: %w", name, err)
		}
	}
	path, err := ParsePath(name)
	if err != nil {
		return Edit{}, err
	}
	if path.IsRoot() {
		return Edit{}, fmt.Errorf("%q names no field", text)
	}
	return Edit{path, value, mode}, nil
}

// A PathError says that a body has no field at Path. Nearest is the path of
// the field that was probably meant, or "".
type PathError struct {
	Path    string
	Nearest string
}

// Error names the path and the nearest one.
func (e *PathError) Error() string {
	if e.Nearest == "" {
		return "the body has no field " + e.Path
	}
	return fmt.Sprintf("the body has no field %s; did you mean %s?", e.Path, e.Nearest)
}

// ErrAmbiguous is wrapped where a field cannot be changed because its name
// occurs twice.
var ErrAmbiguous = errors.New("the name occurs twice in the same object")

// Set returns body with the edits made, one after the other. Only the bytes of
// the values that change differ. The result shares no memory with body; on
// error it is nil. A field that is not there is a *PathError.
func Set(body []byte, edits ...Edit) ([]byte, error) {
	out := append([]byte(nil), body...)
	for _, e := range edits {
		var err error
		if out, err = set(out, e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func set(body []byte, e Edit) ([]byte, error) {
	found, err := Find(body, e.Path)
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", e.Path, err)
	}
	if found[0].Ambiguous {
		return nil, fmt.Errorf("set %s: %w", e.Path, ErrAmbiguous)
	}
	if len(found[0].Values) == 0 {
		if e.Mode == Create || e.Mode == RawCreate {
			return add(body, e)
		}
		return nil, &PathError{e.Path.String(), nearest(body, e.Path)}
	}
	for i := len(found[0].Values) - 1; i >= 0; i-- {
		v := found[0].Values[i]
		text, err := spell(e, v.Kind)
		if err != nil {
			return nil, fmt.Errorf("set %s: %w", e.Path, err)
		}
		body = splice(body, v.Start, v.Start+len(v.Raw), text)
	}
	return body, nil
}

func splice(body []byte, from, to int, with []byte) []byte {
	out := make([]byte, 0, len(body)-(to-from)+len(with))
	return append(append(append(out, body[:from]...), with...), body[to:]...)
}

// spell writes the value of an edit for a field of the given kind.
func spell(e Edit, kind Kind) ([]byte, error) {
	if e.Mode == Raw || e.Mode == RawCreate {
		return []byte(strings.TrimSpace(e.Value)), nil
	}
	switch kind {
	case String:
		return AppendQuoted(nil, e.Value), nil
	case Null:
		return guess(e.Value), nil
	case Absent:
		return typed(e.Value), nil
	}
	if Valid([]byte(e.Value)) == nil {
		if text := strings.Trim(e.Value, " \t\r\n"); kindOf(text[0]) == kind {
			return []byte(text), nil
		}
	}
	return nil, fmt.Errorf("it is %s, and %q is not (use := to change the type)", kind, e.Value)
}

// guess types a value as its spelling suggests.
func guess(text string) []byte {
	if Valid([]byte(text)) == nil {
		switch kindOf(text[0]) {
		case Number, Bool, Null:
			return []byte(text)
		}
	}
	return AppendQuoted(nil, text)
}

// typed is guess for a field that is new: of the numbers only whole ones count.
func typed(text string) []byte {
	if n, err := strconv.Atoi(text); err == nil {
		return strconv.AppendInt(nil, int64(n), 10)
	}
	switch text {
	case "true", "false", "null":
		return []byte(text)
	}
	return AppendQuoted(nil, text)
}

// add inserts a field that is not there into the deepest object or array on
// its path that is, and makes the objects between.
func add(body []byte, e Edit) ([]byte, error) {
	steps := e.Path.steps
	for n := len(steps) - 1; n >= 0; n-- {
		found, err := Find(body, Path{steps[:n]})
		if err != nil {
			return nil, err
		}
		parent := found[0].Value()
		if parent.Kind == Absent {
			continue
		}
		text, err := spell(e, Absent)
		if err != nil {
			return nil, err
		}
		for i := len(steps) - 1; i > n; i-- {
			if text, err = wrap(steps[i], text); err != nil {
				return nil, fmt.Errorf("set %s: %w", e.Path, err)
			}
		}
		if text, err = member(steps[n], parent, text); err != nil {
			return nil, fmt.Errorf("set %s: %s %w", e.Path, Path{steps[:n]}, err)
		}
		end := parent.Start + len(parent.Raw) - 1
		return splice(body, end, end, text), nil
	}
	return nil, &PathError{Path: e.Path.String()}
}

// wrap makes the container in which s leads to text.
func wrap(s step, text []byte) ([]byte, error) {
	switch {
	case s.kind == byKey:
		out := append(AppendQuoted([]byte{'{'}, s.key), ':')
		return append(append(out, text...), '}'), nil
	case s.kind == byIndex && s.index == 0:
		return append(append([]byte{'['}, text...), ']'), nil
	}
	return nil, fmt.Errorf("%s cannot be made", s)
}

// member writes what has to be inserted at the end of parent.
func member(s step, parent Value, text []byte) ([]byte, error) {
	var out []byte
	inner := Valid(parent.Raw) == nil && len(strings.Trim(string(parent.Raw[1:len(parent.Raw)-1]), " \t\r\n")) > 0
	if inner {
		out = append(out, ',')
	}
	switch {
	case s.kind == byKey && parent.Kind == Object:
		out = append(AppendQuoted(out, s.key), ':')
	case s.kind == byIndex && parent.Kind == Array:
		if elements(parent.Raw) != s.index {
			return nil, fmt.Errorf("has %d elements; the next is [%[1]d]", elements(parent.Raw))
		}
	default:
		return nil, fmt.Errorf("is %s and cannot hold %s", parent.Kind, s)
	}
	return append(out, text...), nil
}

func elements(array []byte) int {
	found, err := Find(array, Path{[]step{{kind: anyIndex}}})
	if err != nil {
		return 0
	}
	return len(found[0].Values)
}

// nearest finds the path in body that is spelled most like want.
func nearest(body []byte, want Path) string {
	names := Paths(body, 10000)
	if hit := spelling.Nearest(want.String(), names); hit != "" {
		return hit
	}
	last := want.steps[len(want.steps)-1].String()
	for _, name := range names {
		if strings.HasSuffix(name, last) {
			return name
		}
	}
	return ""
}

// Paths lists the paths of the fields of body, outer ones first, in the body's
// order: at most limit, and none below the depth of the longest path.
func Paths(body []byte, limit int) []string {
	s := scanner{data: body}
	s.start()
	if Valid(body) != nil {
		return nil
	}
	var out []string
	level := []located{{Path{}, body[s.pos:]}}
	for len(level) > 0 && len(out) < limit {
		var below []located
		for _, at := range level {
			for _, child := range children(at) {
				if len(out) == limit {
					return out
				}
				out = append(out, child.path.String())
				below = append(below, child)
			}
		}
		level = below
	}
	return out
}

// Names lists the names of the members of the object that body is, each once,
// in the body's order.
func Names(body []byte) []string {
	s := scanner{data: body}
	if s.start(); Valid(body) != nil || s.next() != '{' {
		return nil
	}
	var out []string
	for _, c := range children(located{Path{}, body[s.pos:]}) {
		if name := c.path.steps[0].key; !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

type located struct {
	path Path
	raw  []byte
}

// children lists the members or elements of a container that has been scanned
// before.
func children(at located) (out []located) {
	s := scanner{data: at.raw}
	kind := kindOf(at.raw[0])
	if kind != Object && kind != Array || len(at.path.steps) == maxSteps {
		return nil
	}
	for n := 0; ; n++ {
		s.pos++
		s.space()
		if c := s.next(); c == '}' || c == ']' {
			return out
		}
		path := at.path.Index(n)
		if kind == Object {
			start := s.pos
			_ = s.str()
			path = at.path.Key(string(unquote(at.raw[start:s.pos])))
			_ = s.take(':')
		}
		s.space()
		start := s.pos
		if s.skip() != nil {
			return out
		}
		out = append(out, located{path, at.raw[start:s.pos]})
		if s.space(); s.next() != ',' {
			return out
		}
	}
}
