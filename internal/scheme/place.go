package scheme

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
)

type locKind uint8

const (
	locNone locKind = iota
	locHeader
	locQuery
	locForm
	locBody
	locItem
	locClaim
	locKey
)

// A location is a compiled place.
type location struct {
	kind  locKind
	name  string // canonical for a header
	elem  string // of a header that is a list
	path  payload.Path
	index int // of path among the paths of the scheme
}

// A pathSet collects the paths that the templates of one scheme read, so that
// a body is walked once.
type pathSet struct{ paths []payload.Path }

func (ps *pathSet) add(p payload.Path) int {
	for i := range ps.paths {
		if ps.paths[i].String() == p.String() {
			return i
		}
	}
	ps.paths = append(ps.paths, p)
	return len(ps.paths) - 1
}

// scope is what a template may refer to while it is compiled.
type scope struct {
	body, item *pathSet
}

// placeKinds are the words before the colon of a place.
var placeKinds = [...]string{"header", "query", "form", "body", "jwt", "key"}

var errPlace = errors.New("not a place: want header:NAME, query:NAME, form:NAME, $.PATH, @.PATH, jwt:CLAIM or key:PATTERN")

func (sc scope) location(text string) (location, error) {
	kind, name, ok := strings.Cut(text, ":")
	if strings.HasPrefix(text, "$") || strings.HasPrefix(text, "@") {
		kind, name, ok = "body", text, true
	}
	if !ok || name == "" {
		return location{}, fmt.Errorf("%q is %w", text, errPlace)
	}
	switch kind {
	case "header":
		name, elem, _ := strings.Cut(name, "#")
		return location{kind: locHeader, name: http.CanonicalHeaderKey(name), elem: elem}, nil
	case "query":
		return location{kind: locQuery, name: name}, nil
	case "form":
		return sc.formLocation(name)
	case "jwt":
		return location{kind: locClaim, name: name}, nil
	case "key":
		return location{kind: locKey, name: name}, nil
	case "body":
		return sc.bodyLocation(name)
	}
	return location{}, fmt.Errorf("%q is %w", text, errPlace)
}

func (sc scope) formLocation(name string) (location, error) {
	name, path, ok := strings.Cut(name, "#")
	l := location{kind: locForm, name: name, index: -1}
	if ok {
		var err error
		if l.path, err = payload.ParsePath(path); err != nil {
			return location{}, err
		}
		l.index = 0
	}
	return l, nil
}

func (sc scope) bodyLocation(text string) (location, error) {
	l, set := location{kind: locBody}, sc.body
	if rest, ok := strings.CutPrefix(text, "@"); ok {
		if sc.item == nil {
			return location{}, fmt.Errorf("%q: @ stands for an item, and there is no each", text)
		}
		l.kind, set, text = locItem, sc.item, "$"+rest
	}
	var err error
	if l.path, err = payload.ParsePath(text); err != nil {
		return location{}, err
	}
	l.index = set.add(l.path)
	return l, nil
}

// all returns the values at l in the order of the request.
func (l *location) all(r *reading) []string {
	switch l.kind {
	case locHeader:
		values := r.header(l.name)
		if l.elem == "" {
			return values
		}
		return elements(values, l.elem)
	case locQuery:
		return r.query().all(l.name)
	case locForm:
		values := r.form().all(l.name)
		if l.index < 0 {
			return values
		}
		var out []string
		for _, v := range values {
			out = append(out, texts(find([]byte(v), l.path))...)
		}
		return out
	case locBody:
		return texts(r.match(l.index))
	case locItem:
		return texts(r.itemMatch(l.index))
	case locClaim:
		if v, ok := r.claim(l.name); ok {
			return []string{v}
		}
	case locKey:
		if name, ok := topLevel(r.m.Body, l.name); ok {
			return []string{name}
		}
	}
	return nil
}

func find(body []byte, p payload.Path) payload.Match {
	found, err := payload.Find(body, p)
	if err != nil {
		return payload.Match{}
	}
	return found[0]
}

func texts(m payload.Match) []string {
	var out []string
	for _, v := range m.Values {
		if v.Kind != payload.Null {
			out = append(out, v.Text())
		}
	}
	return out
}

// elements returns the elements called name of headers such as "a=1, b=2".
func elements(values []string, name string) []string {
	n, err := strconv.Atoi(name)
	byIndex := err == nil && n >= 0
	var out []string
	for _, v := range values {
		for i, e := range strings.FieldsFunc(v, func(c rune) bool { return c == ',' || c == ';' || c == ' ' }) {
			cut := strings.IndexAny(e, "=:")
			switch {
			case byIndex && i == n:
				out = append(out, e)
			case !byIndex && cut > 0 && e[:cut] == name:
				out = append(out, e[cut+1:])
			}
		}
	}
	return out
}

// topLevel finds the first member name of the JSON object body that fits.
func topLevel(body []byte, pattern string) (string, bool) {
	not, negative := strings.CutPrefix(pattern, "!")
	for _, name := range payload.Names(body) {
		if negative && name != not || !negative && fits(name, pattern) {
			return name, true
		}
	}
	return "", false
}

// fits says whether text is pattern, in which * stands for anything.
func fits(text, pattern string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return text == pattern
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	text = text[len(head):]
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, rest)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], after
	}
}

var errUnsettable = errors.New("a value cannot be put there")

// set puts value at l in the message that is being signed.
func (l *location) set(m *Message, value string) error {
	switch l.kind {
	case locHeader:
		if l.elem != "" {
			return fmt.Errorf("%s: %w", l, errUnsettable)
		}
		m.Header[l.name] = []string{value}
		return nil
	case locQuery:
		return setQuery(m, l.name, value)
	case locForm:
		if l.index >= 0 {
			return fmt.Errorf("%s: %w", l, errUnsettable)
		}
		fs := parseFields(string(m.Body)).without(l.name)
		m.Body = []byte(append(fs, field{l.name, value}).encode())
		return nil
	case locBody:
		body, err := payload.Set(m.Body, payload.Edit{Path: l.path, Value: value, Mode: payload.Create})
		if err != nil {
			return err
		}
		m.Body = body
		return nil
	}
	return fmt.Errorf("%s: %w", l, errUnsettable)
}

func setQuery(m *Message, name, value string) error {
	u, err := url.Parse(m.URL)
	if err != nil {
		return errors.New("the URL cannot be read")
	}
	fs := parseFields(u.RawQuery).without(name)
	u.RawQuery = append(fs, field{name, value}).encode()
	m.URL = u.String()
	return nil
}

// String writes the place as a definition does.
func (l *location) String() string {
	switch l.kind {
	case locHeader:
		if l.elem != "" {
			return "header:" + l.name + "#" + l.elem
		}
		return "header:" + l.name
	case locQuery:
		return "query:" + l.name
	case locForm:
		if l.index >= 0 {
			return "form:" + l.name + "#" + l.path.String()
		}
		return "form:" + l.name
	case locBody:
		return l.path.String()
	case locItem:
		return "@" + strings.TrimPrefix(l.path.String(), "$")
	case locClaim:
		return "jwt:" + l.name
	case locKey:
		return "key:" + l.name
	}
	return ""
}
