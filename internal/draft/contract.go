package draft

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hooks-cli/hooks/internal/contract"
)

// Contract writes a definition for p with the events of a document. model is
// the definition of a provider that signs in the same way, nil for none. The
// notes say what was not taken over, and what was guessed.
func Contract(p Provider, d *contract.Document, model []byte) (definition []byte, notes []contract.Note, err error) {
	w := &writer{doc: d, notes: slices.Clone(d.Notes)}
	w.tellApart()
	out := &yaml.Node{Kind: yaml.MappingNode}
	put(out, "id", text(p.ID), "What --provider takes; also the end of the usual path, /webhooks/"+p.ID+".")
	if p.Name == "" {
		p.Name = strings.TrimSpace(firstOf(d.Title, p.name()))
	}
	put(out, "name", text(p.Name), "")
	put(out, "group", text("own"), "")
	if d.Docs != "" {
		put(out, "docs", text(d.Docs), "")
	}
	schemes, err := w.schemes(p, model)
	if err != nil {
		return nil, nil, err
	}
	if schemes != nil {
		put(out, "schemes", schemes, parts()[0].comment)
	}
	if event := w.event(); len(event.Content) > 0 {
		put(out, "event", event, "Where a delivery shows its event. This was found by the names in the document: check it.")
	}
	if n := w.method(); n != nil {
		put(out, "request", n, "")
	}
	put(out, "events", w.events(), "The events, each with a sample. {{…}} is made anew for each.")
	head := fmt.Sprintf("The webhooks of %s, from its %s document.\nhooks help providers explains every field; hooks providers validate says what is wrong.", oneLine(p.Name), d.Format)
	definition, err = encode(out, head)
	return definition, w.notes, err
}

// A writer turns the events of a document into those of a definition.
type writer struct {
	doc   *contract.Document
	notes []contract.Note

	typePath, idPath, timePath []string // in bodies, nil where there is none
	typeHeader, idHeader       string
	typeFixed                  bool // the bodies say the types themselves
}

func (w *writer) note(line int, format string, args ...any) {
	w.notes = append(w.notes, contract.Note{Line: line, Text: fmt.Sprintf(format, args...)})
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// tellApart finds where deliveries show type, id and time of their event.
func (w *writer) tellApart() {
	w.typePath, w.typeFixed = w.findType()
	if w.typePath == nil {
		w.typeHeader = w.header(`(?i)(event|topic|type|action)`, `(?i)content-type`)
	}
	w.idPath = w.common([]string{"id", "event_id", "eventId", "delivery_id", "deliveryId", "webhook_id", "message_id", "messageId", "uuid"}, isID)
	if w.idPath == nil {
		w.idHeader = w.header(`(?i)((event|delivery|message|webhook|request)-?id|-delivery)$`, `^$`)
	}
	w.timePath = w.common([]string{"created_at", "createdAt", "created", "timestamp", "time", "occurred_at", "occurredAt", "event_time", "eventTime", "sent_at", "date"}, isTime)
	if len(w.doc.Events) > 1 && w.typePath == nil && w.typeHeader == "" {
		w.note(0, "nothing in the document shows where a delivery says which event it is: fill in event.type")
	}
}

func typeNames() []string {
	return []string{"type", "event", "event_type", "eventType", "event_name", "eventName", "topic", "action", "kind", "name"}
}

// findType finds the member that names the event in every body. One whose value
// differs in each is better than one that only has a likely name.
func (w *writer) findType() (path []string, fixed bool) {
	if path := w.common(typeNames(), func(v *contract.Value) bool { return v.Kind == contract.String && v.Fixed }); path != nil && w.distinct(path) {
		return path, true
	}
	isText := func(v *contract.Value) bool { return v.Kind == contract.String }
	if path := w.common(typeNames(), isText); path != nil && len(w.doc.Events) > 1 && w.distinct(path) {
		return path, true
	}
	return w.common(typeNames()[:8], isText), false
}

// distinct says whether each event has another text at path.
func (w *writer) distinct(path []string) bool {
	seen := map[string]bool{}
	for _, e := range w.doc.Events {
		if v := at(e.Body, path); v != nil {
			seen[v.Text] = true
		}
	}
	return len(seen) == len(w.doc.Events)
}

// common finds the first of names that a member has in every body, at the top
// or in what is around an event there.
func (w *writer) common(names []string, fits func(*contract.Value) bool) []string {
	for _, outer := range []string{"", "event", "meta", "metadata", "header", "headers", "envelope"} {
		for _, name := range names {
			path := []string{name}
			if outer != "" {
				path = []string{outer, name}
			}
			if len(w.doc.Events) > 0 && !slices.ContainsFunc(w.doc.Events, func(e contract.Event) bool {
				v := at(e.Body, path)
				return v == nil || !fits(v)
			}) {
				return path
			}
		}
	}
	return nil
}

func at(v *contract.Value, path []string) *contract.Value {
	for _, name := range path {
		v = v.Member(name)
	}
	return v
}

// header finds a header of every event whose name fits.
func (w *writer) header(pattern, not string) string {
	yes, no := regexp.MustCompile(pattern), regexp.MustCompile(not)
	if len(w.doc.Events) == 0 {
		return ""
	}
	for _, h := range w.doc.Events[0].Headers {
		if yes.MatchString(h.Name) && !no.MatchString(h.Name) && !signatureName(h.Name) && !slices.ContainsFunc(w.doc.Events, func(e contract.Event) bool {
			return !slices.ContainsFunc(e.Headers, func(o contract.Header) bool { return strings.EqualFold(o.Name, h.Name) })
		}) {
			return h.Name
		}
	}
	return ""
}

func signatureName(header string) bool {
	return regexp.MustCompile(`(?i)(signature|hmac|digest|^x-sig|-sig$|hash$)`).MatchString(header)
}

func isTime(v *contract.Value) bool {
	return v.Format == "date-time" || v.Kind == contract.String && looksTime(v.Text) || v.Kind == contract.Literal && looksUnix(v.Text) ||
		v.Kind == contract.Literal && (v.Format == "int64" || v.Format == "int32" || v.Format == "unix-time")
}

func isID(v *contract.Value) bool {
	return v.Kind == contract.String || v.Kind == contract.Literal && regexp.MustCompile(`^\d+$`).MatchString(v.Text)
}

// event is the part of the definition that says where events show themselves.
func (w *writer) event() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	add := func(name string, path []string, header string) {
		switch {
		case path != nil:
			put(n, name, text("$."+strings.Join(path, ".")), "")
		case header != "":
			put(n, name, text("header:"+header), "")
		}
	}
	add("id", w.idPath, w.idHeader)
	add("type", w.typePath, w.typeHeader)
	add("time", w.timePath, "")
	if w.idPath != nil && len(w.doc.Events) > 0 {
		put(n, "id_form", text(idForm(at(w.doc.Events[0].Body, w.idPath))), "")
	} else if w.idHeader != "" {
		put(n, "id_form", text("{{uuid}}"), "")
	}
	return n
}

// idForm makes ids that look like the one in the document.
func idForm(v *contract.Value) string {
	switch prefix := regexp.MustCompile(`^[A-Za-z]{1,12}[_-]`).FindString(v.Text); {
	case v.Kind == contract.Literal:
		return fmt.Sprintf("{{int %s 9%s}}", "1"+strings.Repeat("0", max(len(v.Text), 6)-1), strings.Repeat("9", max(len(v.Text), 6)-1))
	case v.Format == "uuid" || looksUUID(v.Text):
		return "{{uuid}}"
	case prefix != "" && len(v.Text) > len(prefix)+3:
		return fmt.Sprintf("%s{{alnum %d}}", prefix, min(len(v.Text)-len(prefix), 64))
	}
	return "evt_{{alnum 16}}"
}

// method is said where the document has another than POST.
func (w *writer) method() *yaml.Node {
	methods := map[string]bool{}
	for _, e := range w.doc.Events {
		methods[e.Method] = true
		if e.Method != w.doc.Events[0].Method {
			w.note(e.Line, "%s: its method is %s; a definition has one for all events", e.Name, e.Method)
		}
	}
	if len(w.doc.Events) == 0 || methods[http.MethodPost] || w.doc.Events[0].Method == "" {
		return nil
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	put(n, "method", text(w.doc.Events[0].Method), "")
	return n
}

// schemes says how deliveries prove themselves: as the model does, or as the
// document says.
func (w *writer) schemes(p Provider, model []byte) (*yaml.Node, error) {
	if model != nil {
		doc, _, err := example(p, model)
		if err != nil {
			return nil, err
		}
		schemes := member(doc, "schemes")
		if h := w.signature(); h != "" && schemes != nil && len(schemes.Content) > 0 {
			if in := member(member(schemes.Content[0], "signature"), "in"); in != nil && in.Kind == yaml.ScalarNode && strings.HasPrefix(in.Value, "header:") {
				in.Value = "header:" + h
			}
		}
		return schemes, nil
	}
	for _, e := range w.doc.Events {
		if e.Auth != nil {
			return authScheme(e.Auth), nil
		}
	}
	if h := w.signature(); h != "" {
		w.note(0, "the header %s looks like a signature; the document does not say how it is made: fill in schemes, or import with --like PROVIDER", h)
	} else {
		w.note(0, "the document does not say how deliveries are signed: fill in schemes, or import with --like PROVIDER")
	}
	return nil, nil // nothing is signed, as far as it is known
}

// signature is the header that looks like one, "" for none.
func (w *writer) signature() string {
	for _, e := range w.doc.Events {
		for _, h := range e.Headers {
			if signatureName(h.Name) {
				return h.Name
			}
		}
	}
	return ""
}

func authScheme(a *contract.Auth) *yaml.Node {
	one, signature := &yaml.Node{Kind: yaml.MappingNode}, &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	algorithm := "token"
	if a.Kind == "basic" {
		algorithm = "basic"
	}
	put(one, "algorithm", text(algorithm), "")
	put(signature, "in", text("header:"+a.Header), "")
	if a.Kind == "bearer" {
		put(signature, "format", text("Bearer {signature}"), "")
	}
	put(one, "signature", signature, "")
	return &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{one}}
}
