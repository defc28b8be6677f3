package draft

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hooks-cli/hooks/internal/contract"
)

// What is made anew in samples is known by its shape.
func looksTime(s string) bool {
	return regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?$`).MatchString(s)
}

func looksUUID(s string) bool {
	return regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(s)
}

func looksUnix(s string) bool { return regexp.MustCompile(`^1[0-9]{9}([0-9]{3})?$`).MatchString(s) }

// events are the events of the definition.
func (w *writer) events() *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	seen := map[string]bool{}
	for i := range w.doc.Events {
		e := &w.doc.Events[i]
		one := &yaml.Node{Kind: yaml.MappingNode}
		name := oneLine(e.Name)
		if v := at(e.Body, w.typePath); w.typeFixed && v != nil {
			name = oneLine(v.Text)
		}
		if seen[name] || name == "" {
			w.note(e.Line, "%s: another event is called so: this one is left out", e.Name)
			continue
		}
		seen[name] = true
		put(one, "type", text(name), "")
		if e.Summary != "" {
			put(one, "summary", text(oneLine(e.Summary)), "")
		}
		put(one, "source", text(e.Source), "")
		if h := w.headers(e); len(h.Content) > 0 {
			put(one, "headers", h, "")
		}
		w.body(one, e)
		list.Content = append(list.Content, one)
	}
	return list
}

// headers are those of an event that a definition does not set by itself.
func (w *writer) headers(e *contract.Event) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	if kind := e.ContentType; kind != "" && kind != "application/json" && kind != "application/x-www-form-urlencoded" {
		put(n, "Content-Type", text(kind), "")
	}
	var left []string
	for _, h := range e.Headers {
		switch name := http.CanonicalHeaderKey(h.Name); {
		case name == "Content-Type" || name == "Content-Length" || name == "Host" || signatureName(name):
		case e.Auth != nil && strings.EqualFold(name, e.Auth.Header):
		case strings.EqualFold(h.Name, w.idHeader):
		case strings.EqualFold(h.Name, w.typeHeader):
			put(n, h.Name, text("{{type}}"), "")
		case !regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$").MatchString(h.Name):
		case h.Value == nil || h.Value.Kind == contract.Object || h.Value.Kind == contract.Array || strings.ContainsAny(h.Value.Text, "\r\n"):
			left = append(left, h.Name)
		default:
			put(n, h.Name, text(w.headerText(h.Value)), "")
		}
	}
	if len(left) > 0 {
		w.note(e.Line, "%s: no value for the headers %s", e.Name, strings.Join(left, ", "))
	}
	return n
}

func (w *writer) headerText(v *contract.Value) string {
	if made := w.fresh(nil, v); made != "" {
		return strings.Trim(made, `"`)
	}
	return strings.ReplaceAll(v.Text, "{{", "{ {")
}

// body writes the sample.
func (w *writer) body(one *yaml.Node, e *contract.Event) {
	form := strings.HasPrefix(e.ContentType, "application/x-www-form-urlencoded")
	switch {
	case form && e.Body != nil && e.Body.Kind == contract.Object && len(e.Body.Members) > 0:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, m := range e.Body.Members {
			put(n, m.Name, text(w.field(m)), "")
		}
		put(one, "form", n, "")
	case e.Body == nil:
		put(one, "sample", literal("{}\n"), "")
	default:
		put(one, "sample", literal(w.json(e.Body, nil, "")+"\n"), "")
	}
}

// field is the value of a field of a form: text, or JSON.
func (w *writer) field(m contract.Member) string {
	path := []string{m.Name}
	if made := w.fresh(path, m.Value); made != "" {
		return strings.Trim(made, `"`)
	}
	if m.Value.Kind == contract.Object || m.Value.Kind == contract.Array {
		return w.json(m.Value, path, "")
	}
	return strings.ReplaceAll(m.Value.Text, "{{", "{ {")
}

func literal(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.LiteralStyle}
}

// json writes a value, with what is made anew in place of ids and times.
func (w *writer) json(v *contract.Value, path []string, indent string) string {
	deeper := indent + "  "
	switch v.Kind {
	case contract.Object:
		var parts []string
		for _, m := range v.Members {
			parts = append(parts, deeper+quoted(m.Name)+": "+w.json(m.Value, append(slices.Clone(path), m.Name), deeper))
		}
		return enclose("{", parts, indent, "}")
	case contract.Array:
		var parts []string
		for _, item := range v.Items {
			parts = append(parts, deeper+w.json(item, append(slices.Clone(path), "[]"), deeper))
		}
		return enclose("[", parts, indent, "]")
	}
	if made := w.fresh(path, v); made != "" {
		return made
	}
	if v.Kind == contract.Literal {
		return v.Text
	}
	return quoted(v.Text)
}

func enclose(open string, parts []string, indent, end string) string {
	if len(parts) == 0 {
		return open + end
	}
	return open + "\n" + strings.Join(parts, ",\n") + "\n" + indent + end
}

// fresh is what is made anew in place of a value, "" for none.
func (w *writer) fresh(path []string, v *contract.Value) string {
	quote := `"`
	if v.Kind == contract.Literal {
		quote = ""
	}
	switch {
	case len(path) > 0 && slices.Equal(path, w.idPath):
		return quote + "{{id}}" + quote
	case len(path) > 0 && slices.Equal(path, w.typePath) && !w.typeFixed:
		return quote + "{{type}}" + quote
	case v.Fixed:
		return ""
	case v.Kind == contract.Literal && looksUnix(v.Text), v.Kind == contract.Literal && slices.Equal(path, w.timePath) && len(path) > 0:
		if len(v.Text) == len("1700000000000") {
			return "{{time ms}}"
		}
		return "{{time s}}"
	case v.Kind == contract.Literal:
		return ""
	case v.Format == "date-time" || looksTime(v.Text):
		return quote + timeOf(v.Text) + quote
	case v.Format == "date":
		return `"{{time date}}"`
	case v.Format == "uuid" || looksUUID(v.Text):
		return `"{{uuid}}"`
	}
	return ""
}

// timeOf writes the time in the form that the document shows.
func timeOf(text string) string {
	switch {
	case !looksTime(text) || strings.HasSuffix(text, "Z") && !strings.Contains(text, "."):
		return "{{time}}"
	case regexp.MustCompile(`\.\d{3}Z$`).MatchString(text):
		return "{{time rfc3339ms}}"
	case regexp.MustCompile(`\.\d{6}Z$`).MatchString(text):
		return "{{time rfc3339us}}"
	case regexp.MustCompile(`:\d\d$`).MatchString(text) && !strings.ContainsAny(text[10:], "+-.Z") && text[10] == 'T':
		return "{{time local}}"
	}
	return "{{time}}"
}
