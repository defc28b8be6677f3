package contract

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// asyncAPI takes over the messages of all channels, of version 2 or 3.
func (r *reader) asyncAPI() {
	r.each(r.get(r.root, "channels"), func(channel string, item *yaml.Node) {
		at := "#/channels/" + escapePointer(channel)
		r.each(r.get(item, "messages"), func(name string, message *yaml.Node) { // version 3
			r.message(message, name, channel+"."+name, at+"/messages/"+escapePointer(name))
		})
		for _, operation := range []string{"subscribe", "publish"} { // version 2
			op := r.get(item, operation)
			if op == nil {
				continue
			}
			message := r.get(op, "message")
			all := []*yaml.Node{message}
			if several := r.get(message, "oneOf"); several != nil {
				all = nil
				for _, one := range several.Content {
					all = append(all, r.follow(plain(one)))
				}
			}
			for _, one := range all {
				name := channel
				if len(all) > 1 {
					name = "" // only its own name tells it from the others
				}
				r.message(one, name, channel+"."+r.text(op, "operationId"), at+"/"+operation+"/message")
			}
		}
	})
	if len(r.doc.Events) == 0 {
		r.each(r.get(r.get(r.root, "components"), "messages"), func(name string, message *yaml.Node) {
			r.message(message, name, "", "#/components/messages/"+escapePointer(name))
		})
	}
	if len(r.doc.Events) == 0 {
		r.note(nil, "the document has no messages")
	}
}

// message takes over one message. Its own name goes before the one that it has
// in the document.
func (r *reader) message(n *yaml.Node, name, otherwise, at string) {
	if n == nil {
		return
	}
	if own := r.text(n, "name"); own != "" {
		name = own
	} else if name == "" {
		if name = r.text(n, "messageId"); name == "" {
			name = r.text(n, "title")
		}
	}
	if name == "" {
		r.note(n, "a message without a name is left out")
		return
	}
	e := Event{Name: name, Summary: r.summary(n), Method: "POST", Source: at, ContentType: r.text(n, "contentType")}
	if e.Summary == "" {
		e.Summary = firstLine(r.text(n, "title"))
	}
	if e.ContentType == "" {
		if e.ContentType = r.text(r.root, "defaultContentType"); e.ContentType == "" {
			e.ContentType = "application/json"
		}
	}
	r.payload(n, &e)
	r.add(n, e, strings.TrimSuffix(otherwise, "."))
}

// payload makes body and headers of a message.
func (r *reader) payload(n *yaml.Node, e *Event) {
	payload, headers := r.get(n, "payload"), r.get(n, "headers")
	format := r.text(n, "schemaFormat")
	if inner := r.get(payload, "schema"); inner != nil && r.text(payload, "schemaFormat") != "" {
		format, payload = r.text(payload, "schemaFormat"), inner
	}
	var body, given *Value
	if examples := r.get(n, "examples"); examples != nil && examples.Kind == yaml.SequenceNode && len(examples.Content) > 0 {
		first := plain(examples.Content[0])
		if v := child(first, "payload"); v != nil {
			body = r.fixed(r.fromNode(v, 0), payload, 0)
		}
		if v := child(first, "headers"); v != nil {
			given = r.fromNode(v, 0)
		}
	}
	m := maker{reader: r, name: e.Name}
	switch {
	case body != nil:
	case foreign(format):
		r.note(n, "%s: no sample can be made of a schema of %s", e.Name, format)
	case preference(e.ContentType) == preferenceNone:
		r.note(n, "%s: no sample can be made of %s", e.Name, e.ContentType)
	case payload != nil:
		body = m.value(payload, 0)
	}
	e.Body = body
	if given == nil && headers != nil {
		given = m.value(headers, 0)
	}
	if given != nil {
		for _, h := range given.Members {
			e.Headers = append(e.Headers, Header(h))
		}
	}
}

// foreign says whether schemas of this format are not JSON Schema.
func foreign(format string) bool {
	for _, known := range []string{"aai.asyncapi", "vnd.aai.asyncapi", "schema+json", "schema+yaml", "vnd.oai.openapi"} {
		if strings.Contains(format, known) {
			return false
		}
	}
	return format != ""
}
