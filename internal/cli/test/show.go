package test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/junit"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scenario"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// runAll runs one scenario after the other.
func (t *testing) runAll(ctx context.Context, list []*scenario.Scenario) error {
	var results []*scenario.Result
	for _, s := range list {
		if err := t.say("%s\n", t.env.View().Palette.Strong(safetext.Line(s.Name))); err != nil {
			return err
		}
		var broken error
		r, err := scenario.Run(ctx, t.world, s, func(st *scenario.StepResult) {
			if err := t.step(s, st); err != nil && broken == nil {
				broken = err
			}
		})
		switch {
		case err != nil:
			return badFile(err)
		case broken != nil:
			return broken
		}
		results = append(results, r)
	}
	if err := t.env.WriteJUnit(t.o.JUnit, t.suite(results)); err != nil {
		return err
	}
	if t.env.Global.WantsJSON() {
		if err := t.env.JSON(ctx, report(results)); err != nil {
			return err
		}
	}
	return t.verdict(results)
}

// say prints a line for a person.
func (t *testing) say(format string, args ...any) error {
	if t.env.Global.WantsJSON() {
		return nil
	}
	return t.env.Print(fmt.Sprintf(format, args...))
}

// step tells how a step ended.
func (t *testing) step(s *scenario.Scenario, st *scenario.StepResult) error {
	v := t.env.View()
	var b strings.Builder
	name := safetext.Line(st.Name)
	switch st.Status {
	case scenario.Passed:
		fmt.Fprintf(&b, "  %s %s%s\n", v.Palette.Good("✓"), name, v.Palette.Dim(outcome(st)))
	case scenario.Skipped:
		fmt.Fprintf(&b, "  %s\n", v.Palette.Dim("- "+name+" (not tried)"))
	default:
		fmt.Fprintf(&b, "  %s %s%s\n", v.Palette.Bad("✗"), name, v.Palette.Dim(outcome(st)))
	}
	for _, f := range st.Failures {
		fmt.Fprintf(&b, "      %s %s\n", v.Palette.Dim(where(s, st, f)), f.Text)
	}
	for _, line := range next(st) {
		fmt.Fprintf(&b, "      %s\n", v.Palette.Dim(line))
	}
	for _, o := range st.Others {
		fmt.Fprintf(&b, "      %s\n        %s\n", v.Line(o.Delivery), v.Palette.Dim(o.Why))
	}
	return t.say("%s", b.String())
}

// next says what a person can do about a step that failed although the app
// answered.
func next(st *scenario.StepResult) []string {
	if st.Status != scenario.Failed {
		return nil
	}
	for _, d := range st.Sent {
		n := len(d.Attempts)
		if n == 0 || d.Attempts[n-1].Response == nil {
			continue
		}
		lines := []string{"what was sent and answered: hooks events show " + d.ID}
		switch status := d.Attempts[n-1].Response.Status; status {
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
			if d.Verification.Status == webhook.Verified && d.Verification.SecretName == secret.DevelopmentName {
				lines = append(lines, cli.SignedByDevelopment(d.Provider))
			}
		case http.StatusNotFound, http.StatusMethodNotAllowed:
			lines = append(lines, "is this the path of the handler? "+safetext.Line(safetext.CleanURL(d.URL)))
		}
		return lines
	}
	return nil
}

// where is the place of what was expected; of the step, if nothing was said.
func where(s *scenario.Scenario, st *scenario.StepResult, f scenario.Failure) string {
	at := f.At
	if at.Line == 0 {
		at = st.At
	}
	return fmt.Sprintf("%s:%d:%d:", safetext.Line(s.File), at.Line, at.Column)
}

// outcome says what came, on the line of a step.
func outcome(st *scenario.StepResult) string {
	switch st.Kind {
	case "send", "request":
		if statuses := statuses(st); statuses != "" {
			return " → " + statuses + " in " + render.Duration(st.Duration)
		}
	case "receive":
		if n := len(st.Captured); n > 0 {
			return " ← " + render.Plural(n, "capture")
		}
	}
	return ""
}

func statuses(st *scenario.StepResult) string {
	var out []string
	if st.Answer != nil {
		out = append(out, fmt.Sprint(st.Answer.Status))
	}
	for _, d := range st.Sent {
		for _, a := range d.Attempts {
			if a.Response != nil {
				out = append(out, fmt.Sprint(a.Response.Status))
			}
		}
	}
	const shown = 8
	if len(out) > shown {
		return fmt.Sprintf("%s … (%d answers)", strings.Join(out[:shown], " "), len(out))
	}
	return strings.Join(out, " ")
}

// verdict makes the exit status, and says how many failed.
func (t *testing) verdict(results []*scenario.Result) error {
	failed, attempted, connected := 0, false, false
	for _, r := range results {
		if !r.Passed {
			failed++
		}
		attempted, connected = attempted || r.Attempted, connected || r.Connected
	}
	if err := t.say("%s\n", tally(len(results), failed)); err != nil {
		return err
	}
	switch {
	case failed == 0:
		return nil
	case attempted && !connected:
		return &cli.Error{Status: cli.StatusError, Hints: []string{"no connection could be made; --wait 30s waits for the app, -- COMMAND starts it"}}
	}
	return cli.No()
}

func tally(all, failed int) string {
	if failed == 0 {
		return render.Plural(all, "scenario") + " passed"
	}
	return fmt.Sprintf("%d of %s failed", failed, render.Plural(all, "scenario"))
}

// suite is the report for --junit: a case for each step.
func (t *testing) suite(results []*scenario.Result) junit.Suite {
	suite := junit.Suite{Name: "hooks test", At: t.env.Now()}
	for _, r := range results {
		for _, st := range r.Steps {
			c := junit.Case{Class: r.Name, Name: st.Name, Duration: st.Duration}
			if st.Status == scenario.Skipped {
				c.Skipped = "a step before it failed"
			}
			for i, f := range st.Failures {
				text := fmt.Sprintf("%s:%d: %s", r.File, max(f.At.Line, 1), f.Text)
				if i == 0 {
					c.Failure = text
				}
				c.Output += text + "\n"
			}
			for _, o := range st.Others {
				c.Output += render.View{Now: t.env.Now()}.Line(o.Delivery) + "\n  " + o.Why + "\n"
			}
			suite.Cases = append(suite.Cases, c)
		}
	}
	return suite
}

// reportJSON is the document of --json.
type reportJSON struct {
	Passed    bool           `json:"passed"`
	Scenarios []scenarioJSON `json:"scenarios"`
}

type scenarioJSON struct {
	Name   string     `json:"name"`
	File   string     `json:"file"`
	Passed bool       `json:"passed"`
	At     string     `json:"at"`
	Steps  []stepJSON `json:"steps"`
}

type stepJSON struct {
	Name       string              `json:"name"`
	Kind       string              `json:"kind"`
	Line       int                 `json:"line"`
	Status     scenario.Status     `json:"status"`
	DurationMS float64             `json:"duration_ms"`
	Failures   []failureJSON       `json:"failures"`
	Sent       []*webhook.Delivery `json:"sent,omitempty"`
	Captured   []*webhook.Delivery `json:"captured,omitempty"`
	Answer     *webhook.Response   `json:"answer,omitempty"`
}

type failureJSON struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func report(results []*scenario.Result) reportJSON {
	out := reportJSON{Passed: true, Scenarios: []scenarioJSON{}}
	for _, r := range results {
		out.Passed = out.Passed && r.Passed
		s := scenarioJSON{Name: r.Name, File: r.File, Passed: r.Passed, At: webhook.FormatTime(r.At), Steps: []stepJSON{}}
		for _, st := range r.Steps {
			j := stepJSON{
				Name: st.Name, Kind: st.Kind, Line: st.At.Line, Status: st.Status, Failures: []failureJSON{},
				DurationMS: float64(st.Duration) / float64(time.Millisecond), Captured: st.Captured, Answer: st.Answer,
			}
			for _, d := range st.Sent {
				j.Sent = append(j.Sent, httptext.Masked(d))
			}
			for _, f := range st.Failures {
				at := f.At
				if at.Line == 0 {
					at = st.At
				}
				j.Failures = append(j.Failures, failureJSON{at.Line, at.Column, f.Text})
			}
			s.Steps = append(s.Steps, j)
		}
		out.Scenarios = append(out.Scenarios, s)
	}
	return out
}
