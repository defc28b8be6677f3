package provider

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/payload"
)

// jsonForms are the ways in which a provider spaces its JSON.
var jsonForms = [...]string{"compact", "spaced", "indent2", "indent4", "tabs", "verbatim"}

var escapeForms = [...]string{"slash", "unicode", "html"}

// respace writes a sample of JSON, with its {{…}}, as the provider spaces and
// escapes it. Everything else, numbers and the order of names included, stays
// as it is spelled.
func respace(sample, form string, escape []string) (string, error) {
	if form == "" {
		form = "compact"
	}
	if !slices.Contains(jsonForms[:], form) {
		return "", fmt.Errorf("json: %q is none of %s", form, strings.Join(jsonForms[:], ", "))
	}
	for _, e := range escape {
		if !slices.Contains(escapeForms[:], e) {
			return "", fmt.Errorf("escape: %q is none of %s", e, strings.Join(escapeForms[:], ", "))
		}
	}
	sample = strings.TrimSpace(sample)
	w := jsonWriter{form: form, escape: escape}
	for i := 0; i < len(sample); {
		n := tokenLength(sample[i:])
		w.token(sample[i : i+n])
		i += n
	}
	return w.out.String(), nil
}

// tokenLength measures the white space, the string, the bracket or the literal
// at the start of text. {{…}} is part of a literal.
func tokenLength(text string) int {
	switch c := text[0]; {
	case isSpace(c):
		return 1
	case c == '"':
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == '\\':
				i++
			case strings.HasPrefix(text[i:], "{{"):
				i += placeholder(text[i:]) - 1
			case text[i] == '"':
				return i + 1
			}
		}
		return len(text)
	case strings.HasPrefix(text, "{{"):
		return placeholder(text)
	case strings.IndexByte("{}[],:", c) >= 0:
		return 1
	}
	i := 1
	for i < len(text) && !isSpace(text[i]) && strings.IndexByte("{}[],:\"", text[i]) < 0 {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func placeholder(text string) int {
	if i := strings.Index(text, "}}"); i >= 0 {
		return i + 2
	}
	return len(text)
}

type jsonWriter struct {
	out    strings.Builder
	form   string
	escape []string
	depth  int
	last   byte // the last byte that was no space
}

func (w *jsonWriter) token(t string) {
	if w.form == "verbatim" {
		w.out.WriteString(w.escaped(t))
		return
	}
	if isSpace(t[0]) {
		return
	}
	closing := t == "}" || t == "]"
	if closing {
		w.depth--
	}
	empty := closing && (w.last == '{' || w.last == '[')
	if (w.last == '{' || w.last == '[' || closing) && !empty && w.last != 0 {
		w.line("")
	}
	if w.last == ',' {
		w.line(" ")
	}
	w.out.WriteString(w.escaped(t))
	if t == "{" || t == "[" {
		w.depth++
	}
	if t == ":" && w.form != "compact" {
		w.out.WriteByte(' ')
	}
	if w.last = t[len(t)-1]; len(t) > 1 {
		w.last = 'x' // a bracket in a string or placeholder is none
	}
}

// line starts a new line where the form has lines, and else writes space if
// the form is spaced.
func (w *jsonWriter) line(space string) {
	unit := ""
	switch w.form {
	case "spaced":
		w.out.WriteString(space)
		return
	case "indent2":
		unit = "  "
	case "indent4":
		unit = "    "
	case "tabs":
		unit = "\t"
	default:
		return
	}
	w.out.WriteString("\n" + strings.Repeat(unit, w.depth))
}

// escaped writes a string as the provider escapes it.
func (w *jsonWriter) escaped(t string) string {
	if t[0] != '"' || len(w.escape) == 0 {
		return t
	}
	var out []byte
	for i := 0; i < len(t); {
		if strings.HasPrefix(t[i:], "{{") {
			n := placeholder(t[i:])
			out = append(out, t[i:i+n]...)
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(t[i:])
		switch {
		case r == '\\' && i+1 < len(t):
			out = append(out, t[i:i+2]...)
			n = 2
		case r == '/' && slices.Contains(w.escape, "slash"):
			out = append(out, '\\', '/')
		case r >= utf8.RuneSelf && slices.Contains(w.escape, "unicode"),
			(r == '<' || r == '>' || r == '&') && slices.Contains(w.escape, "html"):
			out = payload.AppendEscaped(out, r)
		default:
			out = append(out, t[i:i+n]...)
		}
		i += n
	}
	return string(out)
}
