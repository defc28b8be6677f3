package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/expect"
	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A World is all that a run touches.
type World struct {
	Now    func() time.Time
	Client *deliver.Client
	NewID  func(now time.Time) string

	// Variable returns a variable of the environment.
	Variable func(name string) (string, error)
	// File returns a file that stands beside the scenario.
	File func(scenario, name string) ([]byte, error)
	// Provider returns the provider of this name, or if there is none the one
	// that sends such events.
	Provider func(ctx context.Context, name string, types []string, data []byte) (*provider.Provider, error)
	// Target returns the address to deliver to, p's usual one if nothing is
	// typed. It refuses addresses that nothing may be sent to.
	Target func(typed string, p *provider.Provider) (*url.URL, error)
	// Signer returns what signs, with the given secret or the one that is
	// known.
	Signer func(ctx context.Context, p *provider.Provider, target *url.URL, secret string, unsigned bool) (*outgoing.Signer, error)
	// IsProvider says which names are those of providers.
	IsProvider func(name string) bool
	// Keep keeps what was sent.
	Keep func(ctx context.Context, d *webhook.Delivery)

	// Captures are those of the listener at Listen; nil if there is none.
	Captures expect.Source
	Listen   string

	Vars    map[string]string // take the place of those of the same name
	Timeout time.Duration     // of an answer, where nothing else says; 0: the provider's
}

// A Status says how a step ended.
type Status string

// The statuses.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped" // a step before it failed
)

// A Result is what became of a scenario.
type Result struct {
	File      string
	Name      string
	Passed    bool
	At        time.Time
	Steps     []StepResult
	Connected bool // an attempt was made, and at least one met an endpoint
	Attempted bool // an attempt was made
}

// A StepResult is what became of a step.
type StepResult struct {
	Name     string
	At       Place
	Kind     string
	Status   Status
	Failures []Failure
	Duration time.Duration

	Sent     []*webhook.Delivery // with their attempts, and without secrets
	Captured []*webhook.Delivery
	Others   []expect.Other    // captures that did not match
	Answer   *webhook.Response // of a request
}

// A Failure is one thing that was not as expected. Its texts can be printed.
type Failure struct {
	At   Place // of what was expected
	Text string
}

// A runner runs one scenario.
type runner struct {
	w     World
	s     *Scenario
	scope *scope
	pool  pool
	out   *Result
	tell  func(*StepResult)
}

// Run runs s, and tells each step as it ends. The error is that of ctx, or says
// that a step could not be tried because the file or the surroundings are
// wrong; what did not come out as expected is in the result.
func Run(ctx context.Context, w World, s *Scenario, tell func(*StepResult)) (*Result, error) {
	r := &runner{w: w, s: s, tell: tell, out: &Result{File: s.File, Name: s.Name, At: w.Now()}}
	r.scope = &scope{s: s, vars: map[string]string{}, steps: map[string]*record{}, listen: w.Listen, variable: w.Variable}
	r.pool = pool{src: w.Captures, passed: map[string]int{}}
	if err := r.pool.discard(ctx); err != nil {
		return r.out, err
	}
	for _, v := range s.vars {
		if text, ok := w.Vars[v.name]; ok {
			r.scope.vars[v.name] = text
			continue
		}
		text, err := r.scope.expand(&v.value)
		if err != nil {
			return r.out, err
		}
		r.scope.vars[v.name] = text
	}
	failed := false
	for _, st := range s.Steps {
		res := StepResult{Name: st.Name, At: st.At, Kind: st.kind(), Status: Skipped}
		if !failed {
			began := w.Now()
			if err := r.step(ctx, st, &res); err != nil {
				return r.out, err
			}
			if res.Duration == 0 {
				res.Duration = max(0, w.Now().Sub(began))
			}
			res.Status = Passed
			if len(res.Failures) > 0 {
				res.Status, failed = Failed, true
			}
		}
		r.out.Steps = append(r.out.Steps, res)
		tell(&r.out.Steps[len(r.out.Steps)-1])
	}
	r.out.Passed = !failed
	return r.out, nil
}

func (s *Step) kind() string {
	switch {
	case s.send != nil:
		return "send"
	case s.request != nil:
		return "request"
	case s.receive != nil:
		return "receive"
	}
	return "wait"
}

// step does one step. What is not as expected is noted in res; a *Problem is
// something that the file gets wrong only when it runs, such as a link to a
// field that did not come, and fails the step.
func (r *runner) step(ctx context.Context, st *Step, res *StepResult) error {
	var err error
	switch {
	case st.send != nil:
		err = r.send(ctx, st, res)
	case st.request != nil:
		err = r.request(ctx, st, res)
	case st.receive != nil:
		err = r.receive(ctx, st, res)
	default:
		err = wait(ctx, st.wait)
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		res.Failures = append(res.Failures, Failure{p.Place, p.Message})
		return nil
	}
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *runner) remember(st *Step, request *webhook.Delivery, answer *webhook.Response) {
	if st.as != "" {
		r.scope.steps[st.as] = &record{request, answer}
	}
}

// headers expands headers; one without a value is left out of the request.
func (r *runner) headers(list []header) (http.Header, error) {
	h := http.Header{}
	for _, one := range list {
		v, err := r.scope.expand(&one.value)
		if err != nil {
			return nil, err
		}
		name := http.CanonicalHeaderKey(one.name)
		h[name] = nil
		if !one.value.Empty() {
			h[name] = []string{v}
		}
		if err := deliver.Check(deliver.Request{URL: "http://localhost", Header: h}); err != nil {
			return nil, r.s.placed(one.value.at, "%v", err)
		}
	}
	return h, nil
}

// body makes the bytes of data: those of a file for @FILE, a text as it is, and
// anything else as JSON.
func (r *runner) body(d *document) ([]byte, error) {
	if d == nil {
		return nil, nil
	}
	if !d.isText() {
		return r.scope.json(d)
	}
	text, err := r.scope.expand(d.text)
	if err != nil {
		return nil, err
	}
	if len(text) > 1 && text[0] == '@' {
		b, err := r.w.File(r.s.File, text[1:])
		if err != nil {
			return nil, r.s.placed(d.at, "%v", err)
		}
		return b, nil
	}
	return []byte(text), nil
}

// request makes a plain request, again and again where the step says so.
func (r *runner) request(ctx context.Context, st *Step, res *StepResult) error {
	q := st.request
	to, err := r.scope.expand(&q.url)
	if err != nil {
		return err
	}
	target, err := r.w.Target(to, nil)
	if err != nil {
		return err
	}
	out := deliver.Request{Method: q.method, URL: target.String(), Timeout: first(q.timeout, r.s.timeout, r.w.Timeout)}
	if out.Header, err = r.headers(q.headers); err != nil {
		return err
	}
	if out.Body, err = r.body(q.data); err != nil {
		return err
	}
	if q.data != nil && !q.data.isText() && len(out.Header["Content-Type"]) == 0 {
		out.Header["Content-Type"] = []string{"application/json"}
	}
	if len(out.Header["User-Agent"]) == 0 {
		out.Header["User-Agent"] = []string{outgoing.UserAgent}
	}
	expected, err := r.expected(st.expect)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, q.until)
	defer cancel()
	for number := 1; ; number++ {
		got := r.w.Client.Send(ctx, out, number)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.met(got)
		res.Answer, res.Duration = got.Response, got.Duration
		res.Failures = expected.judge(got)
		r.remember(st, &webhook.Delivery{URL: out.URL, Header: out.Header, Body: out.Body}, got.Response)
		if len(res.Failures) == 0 || limit.Err() != nil || wait(limit, askEvery) != nil {
			return ctx.Err()
		}
	}
}

// askEvery is how often a request with until is made.
const askEvery = 100 * time.Millisecond

func first(durations ...time.Duration) time.Duration {
	for _, d := range durations {
		if d > 0 {
			return d
		}
	}
	return 0
}

// met counts an attempt.
func (r *runner) met(got deliver.Result) {
	r.out.Attempted = true
	r.out.Connected = r.out.Connected || got.Connected
}

// receive waits for captures.
func (r *runner) receive(ctx context.Context, st *Step, res *StepResult) error {
	q := st.receive
	text, err := r.scope.expand(&q.pattern)
	if err != nil {
		return err
	}
	want := expect.Want{Provider: q.provider, Verified: q.verified, Least: q.least, Most: q.most}
	if want.Pattern, err = match.Parse(text, r.w.IsProvider); err != nil {
		return r.s.placed(q.at, "%v", err)
	}
	if want.Filters, err = r.filters(&q.conditions); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, q.within)
	defer cancel()
	src := r.pool.from(q.after)
	out, err := want.Wait(ctx, limit, src, func(*webhook.Delivery) error { return nil })
	if err != nil {
		return err
	}
	r.pool.claim(st.as, out.Matched)
	res.Captured = out.Matched
	var firstOne *webhook.Delivery
	if len(out.Matched) > 0 {
		firstOne = out.Matched[0]
	}
	r.remember(st, firstOne, nil)
	if out.Met {
		return nil
	}
	res.Others = out.Others
	res.Failures = append(res.Failures, Failure{q.at, q.verdict(text, len(out.Matched))})
	return nil
}

func (q *receive) verdict(pattern string, n int) string {
	came := "none came"
	if n > 0 {
		came = fmt.Sprintf("%d came", n)
	}
	switch {
	case q.most == 0:
		return fmt.Sprintf("expected none of %s: %s", pattern, came)
	case q.most > 0:
		return fmt.Sprintf("expected exactly %d of %s within %s: %s", q.most, pattern, q.within, came)
	}
	return fmt.Sprintf("expected %d of %s within %s: %s", q.least, pattern, q.within, came)
}
