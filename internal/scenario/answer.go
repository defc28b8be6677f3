package scenario

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// An expected answer has its links replaced.
type expected struct {
	of      *answer
	body    []string
	headers []string
	where   []condition
	filter  *match.Filter
}

type condition struct {
	where
	value string
	test  *match.Filter
}

// success is what an answer has to be where nothing is said.
func success(status int) bool { return status >= http.StatusOK && status <= 299 }

// expected makes a judge of answers. A nil answer wants 2xx.
func (r *runner) expected(a *answer) (*expected, error) {
	if a == nil {
		a = &answer{}
	}
	e := &expected{of: a}
	for _, t := range a.body {
		text, err := r.scope.expand(&t.want)
		if err != nil {
			return nil, err
		}
		if _, err := regexp.Compile(text); err != nil && t.how == "matches" {
			return nil, r.s.placed(t.want.at, "matches: %v", err)
		}
		e.body = append(e.body, text)
	}
	for _, h := range a.headers {
		text, err := r.scope.expand(&h.want)
		if err != nil {
			return nil, err
		}
		e.headers = append(e.headers, text)
	}
	var err error
	if e.where, err = r.wheres(a.conditions.where); err != nil {
		return nil, err
	}
	e.filter, err = r.filter(a.conditions.filter)
	return e, err
}

func (r *runner) wheres(list []where) ([]condition, error) {
	var out []condition
	for _, w := range list {
		c := condition{where: w}
		var err error
		if c.value, err = r.scope.expand(&w.value); err != nil {
			return nil, err
		}
		if c.test, err = match.Where(c.String()); err != nil {
			return nil, r.s.placed(w.value.at, "%v", err)
		}
		out = append(out, c)
	}
	return out, nil
}

// String writes the condition as --where takes it.
func (c *condition) String() string {
	if c.not {
		return c.path + "!=" + c.value
	}
	return c.path + "=" + c.value
}

func (r *runner) filter(t *Text) (*match.Filter, error) {
	if t == nil {
		return nil, nil // no filter lets everything through
	}
	expr, err := r.scope.expand(t)
	if err != nil {
		return nil, err
	}
	f, err := match.Compile(expr)
	if err != nil {
		return nil, r.s.placed(t.at, "filter: %v", err)
	}
	return f, nil
}

// filters makes the conditions of a capture.
func (r *runner) filters(c *conditions) ([]*match.Filter, error) {
	list, err := r.wheres(c.where)
	if err != nil {
		return nil, err
	}
	var out []*match.Filter
	for _, one := range list {
		out = append(out, one.test)
	}
	f, err := r.filter(c.filter)
	if f != nil {
		out = append(out, f)
	}
	return out, err
}

// judge says what is wrong with an answer; nothing if it is as expected.
func (e *expected) judge(got deliver.Result) []Failure {
	a := e.of
	if got.Response == nil {
		return []Failure{{a.statusAt, "no answer: " + safetext.Line(got.Err)}}
	}
	var out []Failure
	fail := func(at Place, format string, args ...any) {
		out = append(out, Failure{at, safetext.Line(fmt.Sprintf(format, args...))})
	}
	answer := got.Response
	switch {
	case a.status == nil && !success(answer.Status):
		fail(a.statusAt, "status: wanted 2xx, got %d", answer.Status)
	case a.status != nil && !a.status(answer.Status):
		fail(a.statusAt, "status: wanted %s, got %d", a.statusText, answer.Status)
	}
	for i, t := range a.headers {
		if values := answer.Header.Values(t.name); !anyFits(e.headers[i], values) {
			fail(t.want.at, "header %s: wanted %s, got %s", t.name, e.headers[i], orNothing(strings.Join(values, ", ")))
		}
	}
	for i, t := range a.body {
		if !t.holds(e.body[i], answer.Body) {
			fail(t.want.at, "body: wanted one that %s %q, got %s", t.how, e.body[i], orNothing(excerpt(answer.Body)))
		}
	}
	d := &webhook.Delivery{Header: answer.Header, Body: answer.Body}
	for _, c := range e.where {
		if ok, note := c.test.Match(d); !ok {
			fail(c.where.value.at, "%s: wanted %s, got %s", c.path, c.wanted(), found(answer.Body, c.path, note))
		}
	}
	if e.filter != nil {
		if ok, note := e.filter.Match(d); !ok {
			fail(a.conditions.filter.at, "filter %s does not hold%s", e.filter, colon(note))
		}
	}
	if a.within > 0 && got.Duration > a.within {
		fail(a.withinAt, "time: wanted at most %s, took %s", a.within, got.Duration.Round(time.Millisecond))
	}
	return out
}

func (c *condition) wanted() string {
	if c.not {
		return "anything but " + c.value
	}
	return c.value
}

// found is what a body has at a path.
func found(body []byte, path, note string) string {
	p, err := payload.ParsePath(path)
	if err != nil || note != "" {
		return note
	}
	matches, err := payload.Find(body, p)
	switch {
	case err != nil:
		return "no JSON: " + orNothing(excerpt(body))
	case len(matches[0].Values) == 0:
		return "nothing there"
	}
	var values []string
	for _, v := range matches[0].Values {
		values = append(values, excerpt(v.Raw))
	}
	return strings.Join(values, ", ")
}

func colon(note string) string {
	if note == "" {
		return ""
	}
	return ": " + note
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// anyFits compares values with a pattern in which * stands for anything.
func anyFits(pattern string, values []string) bool {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	re := regexp.MustCompile(`(?is)^` + strings.Join(parts, ".*") + `$`)
	return slices.ContainsFunc(values, re.MatchString)
}

func (t *bodyTest) holds(want string, body []byte) bool {
	switch t.how {
	case "equals":
		return want == strings.TrimSuffix(string(body), "\n") || want == string(body)
	case "matches":
		re, err := regexp.Compile(want)
		return err == nil && re.Match(body)
	}
	return strings.Contains(string(body), want)
}

// conceal takes secrets out of failures: an app may send back what it got.
func conceal(s *outgoing.Signer, list []Failure) []Failure {
	for i := range list {
		list[i].Text = s.Hide(list[i].Text)
	}
	return list
}
