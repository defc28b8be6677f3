package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A record is what is known of a step that has been done.
type record struct {
	request *webhook.Delivery // sent, or captured
	answer  *webhook.Response // nil for a capture
}

// A scope is what links find.
type scope struct {
	s        *Scenario
	vars     map[string]string
	steps    map[string]*record
	listen   string
	variable func(name string) (string, error)
}

// expand returns the text with its links replaced.
func (c *scope) expand(t *Text) (string, error) {
	if t.Empty() {
		return "", nil
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.link == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := c.find(p.link)
		if err != nil {
			return "", c.s.placed(t.at, "${%s}: %v", safetext.Line(p.link.source), err)
		}
		if v.Kind == payload.Absent {
			b.WriteString(string(v.Raw))
		} else {
			b.WriteString(v.Text())
		}
	}
	return b.String(), nil
}

// plain is a text that is no JSON value.
func plain(s string) payload.Value { return payload.Value{Raw: []byte(s)} }

// find looks a link up. What is no part of a JSON body comes back as plain.
func (c *scope) find(l *link) (payload.Value, error) {
	switch l.root {
	case rootEnv:
		v, err := c.variable(l.name)
		return plain(v), err
	case rootListen:
		return plain(c.listen), nil
	}
	if v, ok := c.vars[l.root]; ok {
		return plain(v), nil
	}
	r := c.steps[l.root]
	if r == nil || r.request == nil {
		return payload.Value{}, fmt.Errorf("nothing came in the step %s", l.root)
	}
	header, body := r.request.Header, r.request.Body
	if strings.HasPrefix(l.field, "answer.") {
		if r.answer == nil {
			return payload.Value{}, fmt.Errorf("the step %s has no answer", l.root)
		}
		header, body = r.answer.Header, r.answer.Body
	}
	switch l.field {
	case "id":
		return plain(r.request.ID), nil
	case "event_id":
		return plain(r.request.EventID), nil
	case "event_type":
		return plain(r.request.EventType), nil
	case "url":
		return plain(r.request.URL), nil
	case "answer.status":
		return plain(strconv.Itoa(r.answer.Status)), nil
	case "headers", "answer.headers":
		if v := header.Values(l.name); len(v) > 0 {
			return plain(v[0]), nil
		}
		return payload.Value{}, fmt.Errorf("there is no header %s", l.name)
	}
	return inBody(body, l.path)
}

func inBody(body []byte, path payload.Path) (payload.Value, error) {
	if path.IsRoot() {
		return plain(string(body)), nil
	}
	if err := payload.Valid(body); err != nil {
		return payload.Value{}, fmt.Errorf("the body is %w: %s", err, excerpt(body))
	}
	v := payload.FindOne(body, path)
	if v.Kind == payload.Absent {
		return v, fmt.Errorf("the body has no %s: %s", strings.TrimPrefix(path.String(), "$."), excerpt(body))
	}
	return v, nil
}

const maxExcerpt = 200

// excerpt is the beginning of a body, fit to be printed on one line.
func excerpt(body []byte) string {
	text := string(body[:min(len(body), maxExcerpt)])
	if len(body) > maxExcerpt {
		text += "…"
	}
	return safetext.Line(text)
}

// A document is a value that becomes JSON, or a text that stands for itself.
type document struct {
	text  *Text           // a scalar with links, or any text
	raw   json.RawMessage // another scalar
	names []string        // of an object
	items []*document     // of an object or a list
	list  bool
	at    Place
}

// isText says whether the document is no more than a text.
func (d *document) isText() bool { return d.text != nil }

// json writes the document. A text that is nothing but a link to a value in a
// body is that value, number or object as it may be.
func (c *scope) json(d *document) ([]byte, error) {
	switch {
	case d.text != nil && len(d.text.parts) == 1 && d.text.parts[0].link != nil:
		v, err := c.find(d.text.parts[0].link)
		if err != nil {
			return nil, c.s.placed(d.at, "${%s}: %v", safetext.Line(d.text.parts[0].link.source), err)
		}
		if v.Kind != payload.Absent {
			return v.Raw, nil
		}
		return payload.AppendQuoted(nil, string(v.Raw)), nil
	case d.text != nil:
		s, err := c.expand(d.text)
		return payload.AppendQuoted(nil, s), err
	case d.raw != nil:
		return d.raw, nil
	}
	var b bytes.Buffer
	open, end := "{", "}"
	if d.list {
		open, end = "[", "]"
	}
	b.WriteString(open)
	for i, item := range d.items {
		if i > 0 {
			b.WriteByte(',')
		}
		if !d.list {
			b.Write(payload.AppendQuoted(nil, d.names[i]))
			b.WriteByte(':')
		}
		v, err := c.json(item)
		if err != nil {
			return nil, err
		}
		b.Write(v)
	}
	b.WriteString(end)
	return b.Bytes(), nil
}
