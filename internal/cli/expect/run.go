package expect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/child"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/expect"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/junit"
	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/spelling"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// An expecting is one run of the command.
type expecting struct {
	env    *cli.Env
	o      Options
	want   expect.Want
	source expect.Source
	url    string       // of the listener, "" if it has none
	gone   func() error // why nothing more can come; nil while something can
	close  func()       // ends what source needs
	began  time.Time
}

var errEnded = errors.New("the listener has ended: nothing more is captured")

// Run waits and tells what came.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	x := &expecting{env: env, o: o}
	if err := x.read(); err != nil {
		return err
	}
	if err := x.open(ctx); err != nil {
		return err
	}
	x.began = env.Now()
	app, err := x.start()
	if err != nil {
		x.close()
		return err
	}
	x.greet()
	out, err := x.wait(ctx, app)
	x.close() // what waits for an answer gets it
	end(app)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if jerr := env.WriteJUnit(o.JUnit, x.suite(out, err)); jerr != nil {
		return jerr
	}
	if err == nil && out.Met {
		return nil
	}
	x.account(out)
	if err != nil {
		return err
	}
	return cli.NoBecause(errors.New(x.verdict(out)), x.hints(out)...)
}

// read makes the condition of the command line.
func (x *expecting) read() error {
	catalogue, err := x.env.Workspace().Catalogue()
	if err != nil {
		return err
	}
	if x.o.Provider != "" {
		if _, err := catalogue.Get(x.o.Provider); err != nil {
			return err
		}
	}
	x.want = expect.Want{Provider: x.o.Provider, Verified: x.o.Verified, Least: x.o.Count, Most: -1}
	if x.o.Exactly >= 0 {
		x.want.Least, x.want.Most = x.o.Exactly, x.o.Exactly
	}
	if x.want.Pattern, err = match.Parse(x.o.Pattern, catalogue.Has); err != nil {
		return cli.Usage(err)
	}
	if x.o.Filter != "" {
		f, err := match.Compile(x.o.Filter)
		if err != nil {
			return cli.Usagef("--filter: %w", err)
		}
		x.want.Filters = append(x.want.Filters, f)
	}
	for _, text := range x.o.Where {
		f, err := match.Where(text)
		if err != nil {
			return cli.Usagef("--where: %w", err)
		}
		x.want.Filters = append(x.want.Filters, f)
	}
	return nil
}

// start starts the command behind "--", if there is one.
func (x *expecting) start() (*child.Process, error) {
	if len(x.o.Command) == 0 {
		return nil, nil // there is no command
	}
	var vars []string
	if x.url != "" {
		vars = append(vars, "HOOKS_URL="+x.url)
	}
	return x.env.StartCommand(x.o.Command, vars...)
}

// goodWill is how long a command that has done its work may take to end.
const goodWill = 100 * time.Millisecond

// end stops the command, unless it ends by itself now that it is answered.
func end(app *child.Process) {
	if app == nil {
		return
	}
	select {
	case <-app.Done():
	case <-time.After(goodWill):
	}
	app.Stop()
}

func (x *expecting) greet() {
	if x.o.Timeout > 0 {
		x.env.Say("waiting %s for %s", units.FormatDuration(x.o.Timeout), x.wanted())
	}
}

// wanted says what is expected, as in "2 of render.completed".
func (x *expecting) wanted() string {
	switch {
	case x.want.Most == 0:
		return "none of " + x.o.Pattern
	case x.want.Most > 0:
		return fmt.Sprintf("exactly %d of %s", x.want.Most, x.o.Pattern)
	case x.want.Least > 1:
		return fmt.Sprintf("%d of %s", x.want.Least, x.o.Pattern)
	}
	return x.o.Pattern
}

// watchEvery is how often the listener and its presence are looked after.
const watchEvery = 250 * time.Millisecond

// wait waits, no longer than something can still come.
func (x *expecting) wait(ctx context.Context, app *child.Process) (expect.Outcome, error) {
	limit, cancel := context.WithTimeout(ctx, x.o.Timeout)
	defer cancel()
	watched, broken := context.WithCancelCause(limit)
	defer broken(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.watch(watched, app, broken)
	}()
	out, err := x.want.Wait(ctx, watched, x.source, x.tell)
	cause := context.Cause(watched)
	broken(nil)
	<-done
	if err == nil && !out.Met && errors.As(cause, new(*cli.Error)) {
		err = cause
	}
	return out, err
}

// watch ends the wait with a reason when the listener is gone, or the command
// has failed. A command that did its work is no reason: its effect may come
// later.
func (x *expecting) watch(ctx context.Context, app *child.Process, broken context.CancelCauseFunc) {
	var ended <-chan struct{}
	if app != nil {
		ended = app.Done()
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			if code, _ := app.Wait(ctx); code != 0 {
				broken(cli.Failed(app.Ended()))
				return
			}
			ended = nil
		case <-tick.C:
			if err := x.gone(); err != nil {
				broken(cli.Failed(err))
				return
			}
		}
	}
}

// tell prints a capture that is one of those expected.
func (x *expecting) tell(d *webhook.Delivery) error {
	if x.env.Global.WantsJSON() {
		return x.env.JSONLine(context.Background(), httptext.Masked(d))
	}
	return x.env.Print(x.env.View().Line(d) + "\n")
}

// account tells what else came, and why it was not meant.
func (x *expecting) account(out expect.Outcome) {
	if out.Omitted > 0 {
		x.env.Say("%s more before these", render.Plural(out.Omitted, "other"))
	}
	for _, other := range out.Others {
		if x.env.Global.WantsJSON() {
			x.env.Say("%s: %s", other.Delivery.ID, other.Why)
			continue
		}
		if x.env.Global.Quiet {
			return
		}
		v := x.env.ErrView()
		_, _ = io.WriteString(x.env.Err, v.Line(other.Delivery)+"\n  "+v.Palette.Dim(other.Why)+"\n")
	}
}

// verdict says how the outcome differs from what was expected.
func (x *expecting) verdict(out expect.Outcome) string {
	if x.want.Most >= 0 && len(out.Matched) > x.want.Most {
		return fmt.Sprintf("expected %s, and %d came", x.wanted(), len(out.Matched))
	}
	came := "nothing came"
	others := len(out.Others) + out.Omitted
	switch {
	case len(out.Matched) > 0:
		came = fmt.Sprintf("%d came", len(out.Matched))
	case others > 0:
		came = "none came"
	}
	if others > 0 {
		came += fmt.Sprintf(", and %s that did not match", render.Plural(others, "other"))
	}
	return fmt.Sprintf("expected %s within %s: %s", x.wanted(), patience(x.o.Timeout), came)
}

func patience(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	return units.FormatDuration(d)
}

func (x *expecting) hints(out expect.Outcome) []string {
	if x.want.Most >= 0 && len(out.Matched) > x.want.Most {
		return nil
	}
	if len(out.Others) == 0 && len(out.Matched) == 0 {
		if x.url != "" {
			return []string{"is " + x.url + " where it is sent to?"}
		}
		return nil
	}
	if hint := x.typo(); hint != "" && len(out.Matched) == 0 {
		return []string{hint}
	}
	for _, other := range out.Others {
		if d := other.Delivery; x.want.Verified && d.Verification.Status != webhook.Verified && x.want.Pattern.Match(d.Provider, d.EventType) {
			return []string{"why its signature is not valid: hooks verify " + d.ID + " --explain"}
		}
	}
	return nil
}

// typo asks for another pattern, where none of the events that are known is
// meant by this one.
func (x *expecting) typo() string {
	catalogue, err := x.env.Workspace().Catalogue()
	if err != nil {
		return ""
	}
	types := catalogue.EventTypes()
	if slices.ContainsFunc(types, func(t string) bool { return x.want.Pattern.Match(x.o.Provider, t) }) {
		return ""
	}
	if near := spelling.Nearest(x.o.Pattern, types); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// suite is the report for --junit.
func (x *expecting) suite(out expect.Outcome, err error) junit.Suite {
	c := junit.Case{Class: "expect", Name: x.wanted(), Duration: x.env.Now().Sub(x.began)}
	switch {
	case err != nil:
		c.Error = err.Error()
	case !out.Met:
		c.Failure = x.verdict(out)
	}
	for _, d := range out.Matched {
		c.Output += x.line(d) + "\n"
	}
	for _, other := range out.Others {
		c.Output += x.line(other.Delivery) + "\n  " + other.Why + "\n"
	}
	return junit.Suite{Name: "hooks expect", At: x.env.Now(), Cases: []junit.Case{c}}
}

func (x *expecting) line(d *webhook.Delivery) string {
	return render.View{Now: x.env.Now()}.Line(d)
}
