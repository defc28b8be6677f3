package scheme

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
)

// A field is one parameter of a query or form, or one member of an object.
type field struct{ name, value string }

type fields []field

// parseFields reads a query or form leniently: what cannot be decoded stays as
// it is.
func parseFields(raw string) fields {
	var out fields
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		out = append(out, field{unescape(name), unescape(value)})
	}
	return out
}

func unescape(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}

func (fs fields) encode() string {
	var b strings.Builder
	for i, f := range fs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(f.name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(f.value))
	}
	return b.String()
}

func (fs fields) all(name string) []string {
	var out []string
	for _, f := range fs {
		if f.name == name {
			out = append(out, f.value)
		}
	}
	return out
}

func (fs fields) without(names ...string) fields {
	return fs.keep(func(f field) bool { return !slices.Contains(names, f.name) })
}

func (fs fields) keep(ok func(field) bool) fields {
	var out fields
	for _, f := range fs {
		if ok(f) {
			out = append(out, f)
		}
	}
	return out
}

// only keeps the named fields, in the order of the names.
func (fs fields) only(names ...string) fields {
	var out fields
	for _, name := range names {
		out = append(out, fs.keep(func(f field) bool { return f.name == name })...)
	}
	return out
}

func (fs fields) sorted() fields {
	out := slices.Clone(fs)
	slices.SortStableFunc(out, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return out
}

// unique sorts the values of a name and drops repeated ones; names keep the
// order of their first field.
func (fs fields) unique() fields {
	var out fields
	for _, g := range fs.groups() {
		values := slices.Clone(g.values)
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			out = append(out, field{g.name, v})
		}
	}
	return out
}

type group struct {
	name   string
	values []string
}

func (fs fields) groups() []group {
	var out []group
	at := make(map[string]int, len(fs))
	for _, f := range fs {
		i, ok := at[f.name]
		if !ok {
			i = len(out)
			at[f.name] = i
			out = append(out, group{name: f.name})
		}
		out[i].values = append(out[i].values, f.value)
	}
	return out
}

func (fs fields) joined(sep string) fields {
	var out fields
	for _, g := range fs.groups() {
		out = append(out, field{g.name, strings.Join(g.values, sep)})
	}
	return out
}

func (fs fields) percentEncoded() fields {
	out := slices.Clone(fs)
	for i := range out {
		out[i] = field{percentEncode(out[i].name, unreserved), percentEncode(out[i].value, unreserved)}
	}
	return out
}

// formEncoded encodes as a form does, with + for a space.
func (fs fields) formEncoded() fields {
	out := slices.Clone(fs)
	for i := range out {
		out[i] = field{url.QueryEscape(out[i].name), url.QueryEscape(out[i].value)}
	}
	return out
}

func (fs fields) text(kv, sep string) string {
	var b strings.Builder
	for i, f := range fs {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(f.name)
		b.WriteString(kv)
		b.WriteString(f.value)
	}
	return b.String()
}

func (fs fields) values(sep string) string {
	out := make([]string, len(fs))
	for i, f := range fs {
		out[i] = f.value
	}
	return strings.Join(out, sep)
}

// php writes the fields as PHP's serialize() writes an array of strings.
func (fs fields) php() string {
	var b strings.Builder
	b.WriteString("a:" + strconv.Itoa(len(fs)) + ":{")
	for _, f := range fs {
		for _, s := range []string{f.name, f.value} {
			b.WriteString("s:" + strconv.Itoa(len(s)) + `:"` + s + `";`)
		}
	}
	b.WriteByte('}')
	return b.String()
}

// objectFields lists the top-level members of a JSON object. null is the empty
// text, objects and arrays are as they are spelled.
func objectFields(body []byte) fields {
	var out fields
	names := payload.Names(body)
	paths := make([]payload.Path, 0, len(names))
	for _, name := range names {
		paths = append(paths, payload.Path{}.Key(name))
	}
	found, err := payload.Find(body, paths...)
	if err != nil {
		return nil
	}
	for i, m := range found {
		out = append(out, field{names[i], m.Value().Text()})
	}
	return out
}

const (
	// unreserved is what RFC 3986 leaves alone.
	unreserved = "-._~"
	// uriReserved is what encodeURI of JavaScript leaves alone.
	uriReserved = "-._~!*'();/?:@&=+$,#"
)

// percentEncode escapes every byte but letters, digits and those in safe.
func percentEncode(s, safe string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(safe, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}
