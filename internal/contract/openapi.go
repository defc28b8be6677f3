package contract

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func methods() []string {
	return []string{"get", "put", "post", "delete", "options", "head", "patch", "trace", "query"}
}

// openAPI takes over webhooks, those of before 3.1 too, and callbacks.
func (r *reader) openAPI() {
	for _, section := range []string{"webhooks", "x-webhooks"} {
		r.each(r.get(r.root, section), func(name string, item *yaml.Node) {
			r.pathItem(item, name, "", "#/"+section+"/"+escapePointer(name))
		})
	}
	r.each(r.get(r.root, "paths"), func(path string, item *yaml.Node) {
		r.each(item, func(method string, op *yaml.Node) {
			if !slices.Contains(methods(), method) {
				return
			}
			at := "#/paths/" + escapePointer(path) + "/" + method + "/callbacks"
			r.callbacks(r.get(op, "callbacks"), r.text(op, "operationId"), at)
		})
	})
	if len(r.doc.Events) == 0 {
		r.callbacks(r.get(r.get(r.root, "components"), "callbacks"), "", "#/components/callbacks")
	}
	if len(r.doc.Events) == 0 {
		r.note(nil, "the document has neither webhooks nor callbacks")
	}
}

func (r *reader) callbacks(n *yaml.Node, operation, at string) {
	r.each(n, func(name string, callback *yaml.Node) {
		otherwise := ""
		if operation != "" {
			otherwise = operation + "." + name
		}
		r.each(callback, func(expression string, item *yaml.Node) {
			if strings.HasPrefix(expression, "x-") {
				return
			}
			r.pathItem(item, name, otherwise, at+"/"+escapePointer(name)+"/"+escapePointer(expression))
		})
	})
}

// pathItem takes over the operations of one address. Where there are several,
// each is called by its own name.
func (r *reader) pathItem(item *yaml.Node, name, otherwise, at string) {
	var ops []string
	r.each(item, func(method string, _ *yaml.Node) {
		if slices.Contains(methods(), method) {
			ops = append(ops, method)
		}
	})
	if len(ops) == 0 {
		r.note(item, "%s has no operation", name)
	}
	for _, method := range ops {
		op := r.get(item, method)
		e := Event{Name: name, Summary: r.summary(op), Method: strings.ToUpper(method), Source: at + "/" + method}
		if e.Summary == "" {
			e.Summary = r.summary(item)
		}
		if len(ops) > 1 {
			if e.Name = r.text(op, "operationId"); e.Name == "" {
				e.Name = name + "." + method
			}
		}
		r.requestBody(op, &e)
		for _, list := range []*yaml.Node{r.get(item, "parameters"), r.get(op, "parameters")} {
			r.parameters(list, &e)
		}
		r.security(op, &e)
		r.add(op, e, otherwise)
	}
}

func (r *reader) summary(n *yaml.Node) string {
	if s := firstLine(r.text(n, "summary")); s != "" {
		return s
	}
	return firstLine(r.text(n, "description"))
}

func escapePointer(s string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(s) }

// requestBody makes the body of the first type of content that can be made.
func (r *reader) requestBody(op *yaml.Node, e *Event) {
	content := r.get(r.get(op, "requestBody"), "content")
	var kinds []string
	r.each(content, func(kind string, _ *yaml.Node) { kinds = append(kinds, kind) })
	if len(kinds) == 0 {
		return
	}
	slices.SortStableFunc(kinds, func(a, b string) int { return preference(a) - preference(b) })
	kind := kinds[0]
	media := r.get(content, kind)
	e.ContentType = kind
	if strings.Contains(kind, "*") {
		e.ContentType = "application/json"
	}
	if preference(kind) == preferenceNone {
		r.note(media, "%s: no sample can be made of %s", e.Name, kind)
		return
	}
	e.Body = r.example(media, r.get(media, "schema"), e.Name)
}

const preferenceNone = 3

// preference is smaller for types of content of which better samples can be
// made.
func preference(kind string) int {
	kind, _, _ = strings.Cut(kind, ";")
	switch {
	case kind == "application/json" || kind == "*/*" || kind == "application/*":
		return 0
	case strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "/json"):
		return 1
	case kind == "application/x-www-form-urlencoded":
		return 2
	}
	return preferenceNone
}

// example is what a media type, a parameter or a message gives as an example,
// else what its schema makes.
func (r *reader) example(n, schema *yaml.Node, name string) *Value {
	if one := child(n, "example"); one != nil {
		return r.fixed(r.fromNode(one, 0), schema, 0)
	}
	var first *yaml.Node
	examples := r.get(n, "examples")
	r.each(examples, func(_ string, one *yaml.Node) {
		if v := child(one, "value"); first == nil && v != nil {
			first = v
		}
	})
	if first != nil {
		return r.fixed(r.fromNode(first, 0), schema, 0)
	}
	if schema == nil {
		return nil
	}
	m := maker{reader: r, name: name}
	return m.value(schema, 0)
}

// parameters takes over the headers.
func (r *reader) parameters(list *yaml.Node, e *Event) {
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	for _, item := range list.Content {
		p := r.follow(plain(item))
		name := r.text(p, "name")
		switch in := r.text(p, "in"); {
		case p == nil || name == "":
		case in != "header":
			r.note(p, "%s: the %s parameter %s is not taken over", e.Name, in, name)
		case slices.ContainsFunc(e.Headers, func(h Header) bool { return strings.EqualFold(h.Name, name) }):
		default:
			e.Headers = append(e.Headers, Header{name, r.example(p, r.get(p, "schema"), e.Name)})
		}
	}
}

// security takes over how the request proves itself. What the document says
// for its own operations is not meant.
func (r *reader) security(op *yaml.Node, e *Event) {
	list := r.get(op, "security")
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	schemes := r.get(r.get(r.root, "components"), "securitySchemes")
	for _, item := range list.Content {
		r.each(plain(item), func(name string, _ *yaml.Node) {
			s := r.get(schemes, name)
			switch kind, scheme := r.text(s, "type"), strings.ToLower(r.text(s, "scheme")); {
			case e.Auth != nil:
			case kind == "apiKey" && r.text(s, "in") == "header":
				e.Auth = &Auth{"token", r.text(s, "name")}
			case kind == "http" && (scheme == "bearer" || scheme == "basic"):
				e.Auth = &Auth{scheme, "Authorization"}
			default:
				r.note(plain(item), "%s: the security scheme %s is not taken over", e.Name, name)
			}
		})
	}
}
