package provider

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/scheme"
	"go.yaml.in/yaml/v3"
)

// assumedTimeout and assumedSuccess hold where a definition states none.
const (
	assumedTimeout = 30 * time.Second
	assumedSuccess = "2xx"
	defaultRank    = 1000
)

// A compiler makes a Provider of a definition and notes what is wrong at the
// place where it stands.
type compiler struct {
	decoder
	def     definition
	out     *Provider
	trusted bool      // samples need not be tried
	decoded []Problem // mistakes of its form, which explain others at the same place
	source  string    // the file, "" if it is not known
}

// compile decodes node, which is from source. The provider is nil if there are
// problems.
func compile(node *yaml.Node, origin string, source []byte, trusted bool) (*Provider, []Problem) {
	c := &compiler{decoder: decoder{at: map[string]*yaml.Node{}}, source: string(source), trusted: trusted}
	c.decode(node, reflect.ValueOf(&c.def).Elem(), "", 0)
	if c.full {
		return nil, c.sorted()
	}
	c.decoded = slices.Clone(c.problems)
	d := &c.def
	c.out = &Provider{
		ID: d.ID, Name: d.Name, Rank: d.Rank, Group: d.Group, Home: d.Home, Docs: d.Docs,
		Checked: d.Checked, Note: d.Note, Sources: d.Sources, SDK: d.SDK, Origin: origin,
	}
	for _, step := range []func(){
		c.identity, c.schemes, c.places, c.recognise, c.delivery, c.values, c.request, c.events, c.handshakes,
	} {
		step()
	}
	if len(c.problems) > 0 {
		return nil, c.sorted()
	}
	return c.out, nil
}

// sorted returns the problems in the order of their lines. What follows from a
// mistake of the form is not told beside it.
func (c *compiler) sorted() []Problem {
	form := len(c.decoded)
	rest := slices.DeleteFunc(slices.Clone(c.problems[form:]), func(p Problem) bool {
		return slices.ContainsFunc(c.decoded, func(d Problem) bool { return d.Line == p.Line && d.Column == p.Column })
	})
	c.problems = append(c.problems[:form:form], rest...)
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return c.problems
}

// wrong notes a problem at the field that path names, or where that is not
// written down at the nearest one around it.
func (c *compiler) wrong(path, format string, args ...any) {
	at := path
	for {
		if n, ok := c.at[at]; ok {
			c.problem(n, "%s", nameOf(path)+": "+fmt.Sprintf(format, args...))
			return
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			c.problem(c.at[""], "%s", nameOf(path)+": "+fmt.Sprintf(format, args...))
			return
		}
		at = at[:i]
	}
}

// inText notes a problem at an offset in a text that stands at path. In a text
// that begins after "|" the line is known, and from the file the column.
func (c *compiler) inText(path, text string, offset int, message string) {
	n := c.at[path]
	if n == nil || n.Style != yaml.LiteralStyle {
		c.wrong(path, "%s", message)
		return
	}
	before := text[:min(offset, len(text))]
	row := strings.Count(before, "\n")
	column := offset - strings.LastIndexByte(before, '\n')
	p := Problem{Line: n.Line + 1 + row, Column: column, Message: path + ": " + message}
	lines, texts := strings.Split(c.source, "\n"), strings.Split(text, "\n")
	if p.Line-1 < len(lines) && row < len(texts) {
		p.Column += max(len(lines[p.Line-1])-len(texts[row]), 0)
	}
	c.problems = append(c.problems, p)
}

func (c *compiler) identity() {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`).MatchString(c.def.ID) {
		c.wrong("id", "%q must be lower-case letters, digits and -", c.def.ID)
	}
	if c.def.Name == "" {
		c.out.Name = c.def.ID
	}
	if strings.ContainsAny(c.def.Name+c.def.Group, "\r\n") {
		c.wrong("name", "name and group are one line each")
	}
	if c.def.Rank == 0 {
		c.out.Rank = defaultRank
	}
	if c.def.Checked != "" {
		if _, err := time.Parse(time.DateOnly, c.def.Checked); err != nil {
			c.wrong("checked", "%q is no day such as 2026-01-31", c.def.Checked)
		}
	}
}

func (c *compiler) schemes() {
	for i, spec := range c.def.Schemes {
		path := fmt.Sprintf("schemes[%d]", i)
		s, err := scheme.Compile(spec)
		if err != nil {
			if at, ok := errors.AsType[*scheme.SpecError](err); ok {
				c.wrong(path+"."+at.Field, "%v", at.Err)
				continue
			}
			c.wrong(path, "%v", err)
			continue
		}
		form, err := newSecretForm(s)
		if err != nil {
			c.wrong(path+".secret.form", "%v", err)
			continue
		}
		c.out.schemes = append(c.out.schemes, s)
		c.out.forms = append(c.out.forms, form)
	}
}

func (c *compiler) places() {
	e := &c.def.Event
	c.out.Places = Places{ID: e.ID, Type: e.Type, Time: e.Time, Order: e.Order}
	entries := [][]string{e.ID, e.Type, e.Time, nil}
	if e.Order != "" {
		entries[3] = []string{e.Order}
	}
	names := [...]string{"event.id", "event.type", "event.time", "event.order"}
	for i, entry := range entries {
		if _, err := scheme.NewTexts(entry); err != nil {
			c.wrong(names[i], "%v", err)
			entries[i] = nil
		}
	}
	c.out.texts, _ = scheme.NewTexts(entries...)
	c.out.idPlace = singlePlace(e.ID)
	c.out.typePlace = singlePlace(e.Type)
}

// singlePlace returns the first alternative, if it is a place that a request
// can be given.
func singlePlace(alternatives []string) *scheme.Place {
	if len(alternatives) == 0 || strings.Contains(alternatives[0], "{") {
		return nil
	}
	p, err := scheme.ParsePlace(alternatives[0])
	if err != nil {
		return nil
	}
	if _, ok := p.Header(); !ok {
		return nil
	}
	return p
}

func (c *compiler) delivery() {
	in, out := &c.def.Delivery, &c.out.Delivery
	*out = Delivery{
		Method: c.def.Request.Method, Path: in.Path.Value, Timeout: in.Timeout.Value,
		Schedule: in.Schedule.Value, Success: in.Success.Value, Stop: in.Stop.Value,
		Retries: in.Retries, RetryAfter: in.RetryAfter, Source: in.Source,
	}
	if out.Method == "" {
		out.Method = "POST"
	}
	assume := func(name string, stated bool, assumed bool) {
		if !stated || assumed {
			out.Assumed = append(out.Assumed, name)
		}
		if stated {
			out.stated = append(out.stated, name)
		}
	}
	assume("path", out.Path != "", in.Path.Assumed)
	assume("timeout", out.Timeout != 0, in.Timeout.Assumed)
	assume("schedule", out.Schedule != nil, in.Schedule.Assumed)
	assume("success", out.Success != nil, in.Success.Assumed)
	assume("stop", true, in.Stop.Assumed)
	if out.Path == "" {
		out.Path = "/webhooks/" + c.def.ID
	}
	if !strings.HasPrefix(out.Path, "/") {
		c.wrong("delivery.path", "%q does not begin with /", out.Path)
	}
	if out.Timeout == 0 {
		out.Timeout = assumedTimeout
	}
	if out.Success == nil {
		out.Success = []string{assumedSuccess}
	}
	if out.Schedule == nil {
		out.Schedule = []time.Duration{0}
	}
	c.statuses("delivery.success", out.Success)
	c.statuses("delivery.stop", out.Stop)
}

func (c *compiler) statuses(path string, list []string) {
	for _, text := range list {
		if _, _, err := statusRange(text); err != nil {
			c.wrong(path, "%v", err)
		}
	}
}
