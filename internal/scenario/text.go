package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/spelling"
)

// A Text is a text of a file with its links: ${NAME} for a variable,
// ${env.NAME} for one of the environment, ${listen} for the address of the
// listener, and ${STEP.…} for something of an earlier step. $${ is a ${.
type Text struct {
	parts []part
	at    Place
}

// Empty says whether the text is not there, or says nothing.
func (t *Text) Empty() bool { return t == nil || len(t.parts) == 0 }

// links says whether the text has a link that begins with root.
func (t *Text) links(root string) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.link != nil && p.link.root == root })
}

// literal is the text itself, if it has no links.
func (t *Text) literal() (string, bool) {
	switch {
	case t.Empty():
		return "", true
	case len(t.parts) == 1 && t.parts[0].link == nil:
		return t.parts[0].text, true
	}
	return "", false
}

// A part is a literal text or a link.
type part struct {
	text string
	link *link
}

// A link names a value that is known only when the scenario runs.
type link struct {
	source string // as it stands between the braces
	root   string
	field  string // of a step: body, answer.body, headers, …
	name   string // of a header, a variable of the environment
	path   payload.Path
}

const (
	rootEnv    = "env"
	rootListen = "listen"
)

// stepFields is what a step can be asked for.
const stepFields = "id event_id event_type url body headers.NAME answer.status answer.body answer.headers.NAME"

// text reads a text and checks its links against the names that are known here.
func (d *decoder) text(s string, at Place) Text {
	t := Text{at: at}
	for s != "" {
		i := strings.Index(s, "${")
		switch {
		case i < 0:
			return t.add(s)
		case i > 0 && s[i-1] == '$':
			t = t.add(s[:i] + "{")
			s = s[i+2:]
			continue
		case i > 0:
			t = t.add(s[:i])
		}
		inside, rest, ok := strings.Cut(s[i+2:], "}")
		if !ok {
			d.problem(at, "%q does not end: a } is missing; $${ is a plain ${", "${"+inside)
			return t
		}
		if l := d.link(inside, at); l != nil {
			t.parts = append(t.parts, part{link: l})
		}
		s = rest
	}
	return t
}

func (t Text) add(s string) Text {
	if n := len(t.parts); n > 0 && t.parts[n-1].link == nil {
		t.parts[n-1].text += s
		return t
	}
	t.parts = append(t.parts, part{text: s})
	return t
}

// link reads what stands between the braces; nil if it means nothing.
func (d *decoder) link(source string, at Place) *link {
	root, rest, dotted := strings.Cut(strings.TrimSpace(source), ".")
	l := &link{source: source, root: root}
	switch {
	case root == rootEnv:
		l.name = rest
		if rest == "" {
			d.problem(at, "${%s} names no variable: write ${env.NAME}", source)
			return nil
		}
		return l
	case root == rootListen && !dotted, slices.Contains(d.vars, root) && !dotted:
		return l
	case slices.Contains(d.steps, root):
		return d.stepLink(l, rest, at)
	case slices.Contains(d.later, root):
		d.problem(at, "${%s}: the step %s comes later", source, root)
		return nil
	}
	known := append(append(slices.Clone(d.vars), d.steps...), rootEnv, rootListen)
	if near := spelling.Nearest(root, known); near != "" {
		d.problem(at, "${%s}: nothing is called %q; did you mean %s?", source, root, near)
		return nil
	}
	d.problem(at, "${%s}: nothing is called %q here; vars: defines a name, as: names a step", source, root)
	return nil
}

// stepLink reads the part behind the name of a step.
func (d *decoder) stepLink(l *link, rest string, at Place) *link {
	field, path := rest, ""
	for _, known := range []string{"answer.body", "answer.headers", "body", "headers"} {
		if after, ok := strings.CutPrefix(rest, known); ok && (after == "" || after[0] == '.' || after[0] == '[') {
			field, path = known, strings.TrimPrefix(after, ".")
			break
		}
	}
	l.field = field
	switch field {
	case "id", "event_id", "event_type", "url", "answer.status":
		return l
	case "headers", "answer.headers":
		if l.name = path; path == "" {
			d.problem(at, "${%s} names no header: write ${%s.%s.Content-Type}", l.source, l.root, field)
			return nil
		}
		return l
	case "body", "answer.body":
		var err error
		if l.path, err = payload.ParsePath(path); err != nil {
			d.problem(at, "${%s}: %v", l.source, err)
			return nil
		}
		return l
	}
	known := words(stepFields)
	hint := "a step has " + strings.Join(known, ", ")
	if near := spelling.Nearest(rest, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	d.problem(at, "${%s}: a step has no %q; %s", l.source, rest, hint)
	return nil
}

// placed is an error about something that stands in a file.
func (s *Scenario) placed(at Place, format string, args ...any) error {
	return &Problem{File: s.File, Place: at, Message: fmt.Sprintf(format, args...)}
}
