package check

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// extraName is the field that no event has.
const extraName = "hooks_check"

// A body is one way to write an event.
type body struct {
	name  string
	data  []byte
	extra bool // it has a field that the event has not
}

// rawBodies lists ways to write the event of d, each of which other code would
// write differently.
func rawBodies(d *webhook.Delivery) ([]body, error) {
	switch {
	case isForm(d):
		return rawForms(d.Body), nil
	case payload.Valid(d.Body) != nil:
		return nil, skip("the body is neither JSON nor a form")
	}
	list := []body{
		{name: "spaces and line breaks", data: respaced(d.Body)},
		{name: "no spaces", data: payload.Compact(d.Body)},
		{name: "another order of keys", data: reversed(d.Body)},
	}
	for _, v := range []struct{ name, value string }{
		{`\u00e9`, `"caf\u00e9"`},
		{"é", `"café"`},
		{"1.0", "1.0"},
		{"1e3", "1e3"},
		{"an integer of 20 digits", "12345678901234567890"},
		{`\/`, `"a\/b"`},
	} {
		list = append(list, body{v.name, extended(d.Body, v.value), true})
	}
	list = append(list,
		body{"the same key twice", twice(d.Body), true},
		body{name: "a newline at the end", data: append(bytes.Clone(d.Body), '\n')},
	)
	return slices.DeleteFunc(list, func(b body) bool { return b.data == nil || bytes.Equal(b.data, d.Body) }), nil
}

// extended returns body with the extra field, whose value is spelled as it is;
// nil if it has no place for one.
func extended(data []byte, value string) []byte {
	path := payload.Path{}.Key(extraName)
	if text := bytes.TrimLeft(data, " \t\r\n"); len(text) > 0 && text[0] == '[' {
		path = payload.Path{}.Index(0).Key(extraName)
	}
	out, err := payload.Set(data, payload.Edit{Path: path, Value: value, Mode: payload.RawCreate})
	if err != nil {
		return nil
	}
	return out
}

// twice returns body with the extra field twice.
func twice(data []byte) []byte {
	out := extended(data, "1")
	one := regexp.MustCompile(`"` + extraName + `":\s*1`).Find(out)
	if one == nil {
		return nil
	}
	return bytes.Replace(out, one, append(append(bytes.Clone(one), ','), bytes.Replace(one, []byte("1"), []byte("2"), 1)...), 1)
}

// rewrittenBodies lists the event of d as JSON libraries write it.
func rewrittenBodies(d *webhook.Delivery) ([]body, error) {
	if payload.Valid(d.Body) != nil {
		return nil, skip("the body is not JSON")
	}
	list := []body{
		{name: "without spaces, as JavaScript's JSON.stringify does", data: payload.Compact(d.Body)},
		{name: "with a space behind each comma and colon, as Python's json.dumps does", data: spaced(d.Body)},
		{name: "with its keys sorted, as Go's json.Marshal does for a map", data: payload.Canonical(d.Body)},
	}
	return slices.DeleteFunc(list, func(b body) bool { return bytes.Equal(b.data, d.Body) }), nil
}

// spaced writes JSON on one line with a space behind each comma and colon.
func spaced(data []byte) []byte { return spread(data, ": ", ", ") }

// respaced writes JSON with white space as no program writes it.
func respaced(data []byte) []byte { return append([]byte(" "), spread(data, ":  ", ",\n ")...) }

// spread writes JSON with other text in place of each colon and comma.
func spread(data []byte, colon, comma string) []byte {
	var out []byte
	quoted := false
	for _, c := range payload.Compact(data) {
		switch {
		case c == ':' && !quoted:
			out = append(out, colon...)
			continue
		case c == ',' && !quoted:
			out = append(out, comma...)
			continue
		}
		out = append(out, c)
		if c == '"' && !escaped(out) {
			quoted = !quoted
		}
	}
	return out
}

// escaped says whether a backslash takes the meaning of the last byte.
func escaped(b []byte) bool {
	n := 0
	for i := len(b) - 2; i >= 0 && b[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// reversed writes the members of an object in the opposite order.
func reversed(data []byte) []byte {
	names := payload.Names(data)
	if len(names) < 2 {
		return nil
	}
	slices.Reverse(names)
	out := []byte{'{'}
	for i, name := range names {
		v := payload.FindOne(data, payload.Path{}.Key(name))
		if v.Raw == nil {
			return nil
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(payload.AppendQuoted(out, name), ':'), v.Raw...)
	}
	return append(out, '}')
}

// rawForms lists other spellings of a form.
func rawForms(data []byte) []body {
	text := string(data)
	escape := regexp.MustCompile(`%[0-9A-F]{2}`)
	list := []body{
		{name: "escapes in lower case", data: []byte(escape.ReplaceAllStringFunc(text, strings.ToLower))},
		{name: "%20 for a space", data: []byte(strings.ReplaceAll(text, "+", "%20"))},
		{name: "an empty field", data: []byte(text + "&" + extraName + "="), extra: true},
	}
	return slices.DeleteFunc(list, func(b body) bool { return bytes.Equal(b.data, data) })
}

// withExtra returns the body of d with an unknown field of that text.
func withExtra(d *webhook.Delivery, text string) ([]byte, error) {
	if isForm(d) {
		return payload.SetBody(d.Header.Get("Content-Type"), d.Body,
			payload.Edit{Path: payload.Path{}.Key(extraName), Value: text, Mode: payload.Create})
	}
	out := extended(d.Body, string(payload.AppendQuoted(nil, text)))
	if out == nil {
		return nil, skip("its body has no place for another field")
	}
	return out, nil
}

// unknownEvent is a type that no provider has.
const unknownEvent = "hooks_check.not_yet_invented"

// asUnknown gives d the type of an event that does not exist.
func asUnknown(p *provider.Provider, d *webhook.Delivery) (*webhook.Delivery, error) {
	m := message(d)
	changed := false
	for _, text := range p.Places.Type {
		place, err := scheme.ParsePlace(text)
		if err != nil || len(place.Values(m)) == 0 {
			continue
		}
		if err := place.Set(m, unknownEvent); err != nil {
			continue
		}
		changed = true
	}
	if !changed {
		return nil, skip("%s has no single field that names the event", p.ID)
	}
	out := with(d, m)
	out.EventType = unknownEvent
	return out, nil
}

// gutted returns the bodies that keep what names the event and lose the rest.
func gutted(p *provider.Provider, d *webhook.Delivery) []byte {
	for _, name := range payload.Names(d.Body) {
		path := payload.Path{}.Key(name)
		v := payload.FindOne(d.Body, path)
		if v.Kind != payload.Object && v.Kind != payload.Array {
			continue
		}
		out, err := payload.Set(d.Body, payload.Edit{Path: path, Value: "null", Mode: payload.Raw})
		if err != nil {
			continue
		}
		other := *d
		other.Body = out
		if info := p.Describe(message(&other)); info.EventType == d.EventType {
			return out
		}
	}
	return nil
}
