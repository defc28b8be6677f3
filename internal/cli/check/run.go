package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/junit"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
)

// Run checks and prints what came out.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	if o.List {
		return list(ctx, env, o)
	}
	if o.Sender {
		return runSender(ctx, env, o)
	}
	c, err := prepare(ctx, env, o)
	if err != nil {
		return err
	}
	stop, err := env.StartApp(ctx, o.Command, c.target.String(), o.Wait)
	c.stop = stop
	defer func() { c.stop() }()
	if err != nil {
		return err
	}
	c.options.Client = env.Deliverer(o.Insecure)
	defer c.options.Client.Close()
	c.begin()
	report, err := check.Run(ctx, c.options)
	c.clear()
	if err != nil {
		return c.failed(err)
	}
	return c.finish(ctx, &report)
}

// finish prints the report and makes the exit status of it.
func (c *checking) finish(ctx context.Context, r *check.Report) error {
	if err := c.tell(ctx, r); err != nil {
		return err
	}
	if !r.Passed {
		return cli.No()
	}
	return nil
}

// list shows the cases.
func list(ctx context.Context, env *cli.Env, o Options) error {
	cases := slices.DeleteFunc(o.cases(), func(c check.Case) bool { return !o.selected(c.ID) })
	if env.Global.WantsJSON() {
		return env.JSON(ctx, cases)
	}
	var rows [][]string
	for _, c := range cases {
		rows = append(rows, []string{c.ID, string(c.Level), c.Sends + ": " + c.Expects})
	}
	return env.Columns(rows)
}

// checking is one run of the command.
type checking struct {
	env     *cli.Env
	o       Options
	target  *url.URL
	named   []secret.Named
	options check.Options
	stop    func() // the app behind "--"
	drawn   int    // columns of the line that is shown while a case runs
}

// prepare reads all that the command line says before anything is sent.
func prepare(ctx context.Context, env *cli.Env, o Options) (*checking, error) {
	c := &checking{env: env, o: o, stop: func() {}}
	if err := env.GiveSecrets(o.Secrets); err != nil {
		return nil, err
	}
	p, err := choose(env, o.Provider)
	if err != nil {
		return nil, err
	}
	if c.target, err = env.Target(o.To, p); err != nil {
		return nil, err
	}
	if err := env.AllowAway("what a check sends, forged deliveries among it,", c.target, o.Yes); err != nil {
		return nil, err
	}
	header, err := cli.Headers(o.Headers)
	if err != nil {
		return nil, err
	}
	if _, c.named, err = env.Signer(ctx, p, c.target, false); err != nil {
		return nil, err
	}
	c.options = check.Options{
		URL: c.target.String(), Provider: p, Header: header, Now: env.Now, Timeout: o.Timeout, Serial: o.Serial,
		Select: o.selected, Proxied: env.Proxied(c.target), SecretFlag: cli.SecretWords(o.Secrets), Observe: c.observe, Starting: c.starting,
	}
	for _, n := range c.named {
		c.options.Secrets = append(c.options.Secrets, provider.NamedSecret{Name: n.Name, Secret: n.Secret})
	}
	if len(o.Command) > 0 {
		c.options.Restart = c.restart
	}
	return c, c.counter()
}

// choose returns the provider that is named, here or in the settings.
func choose(env *cli.Env, name string) (*provider.Provider, error) {
	settings, err := env.Workspace().Settings()
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = settings.Provider()
	}
	if name == "" {
		return nil, cli.Usage(errors.New("whose deliveries does the handler take?"),
			"name the provider: --provider canvelete; hooks providers list shows them")
	}
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return nil, err
	}
	return catalogue.Get(name)
}

// restart starts the app behind "--" again.
func (c *checking) restart(ctx context.Context) error {
	c.stop()
	stop, err := c.env.StartApp(ctx, c.o.Command, c.target.String(), c.o.Wait)
	c.stop = stop
	return err
}

// begin says what is checked.
func (c *checking) begin() {
	p := c.options.Provider
	signed := "which signs nothing"
	if len(c.named) > 0 {
		signed = "signed with " + secret.Words(c.named[0].Name)
		if c.named[0].Name == secret.DevelopmentName {
			signed += " (hooks secrets get " + p.ID + " prints it for the app)"
		}
	}
	c.env.Say("checking %s with deliveries of %s, %s", safetext.CleanURL(c.target.String()), p.ID, signed)
}

// starting shows what runs, where a line can be drawn again.
func (c *checking) starting(k check.Case) {
	if !c.env.Animate() {
		return
	}
	c.clear()
	text := "… " + k.ID
	c.drawn = len(text)
	_, _ = io.WriteString(c.env.Err, c.env.ErrView().Palette.Dim(text))
}

// clear takes that line away again.
func (c *checking) clear() {
	if c.drawn > 0 {
		_, _ = io.WriteString(c.env.Err, "\r"+strings.Repeat(" ", c.drawn)+"\r")
		c.drawn = 0
	}
}

// slowAnswer is how long an answer may take without a word about what that
// means for the run.
const slowAnswer = 2 * time.Second

// observe prints a result as soon as it stands.
func (c *checking) observe(r check.Result) {
	if r.ID == "accepts-valid" && r.Duration > slowAnswer {
		c.clear()
		c.env.Say("the first answer took %s: all cases take some minutes; --only and --skip choose among them", r.Duration.Round(100*time.Millisecond))
	}
	if c.env.Global.WantsJSON() || c.env.Global.Quiet && r.Status != check.Failed {
		return
	}
	c.clear()
	text := c.env.View().CheckLine(&r) + "\n"
	if c.env.Global.Verbose && r.Status != check.Skipped {
		text += "    " + c.env.View().Palette.Dim(safetext.Line(r.Reproduce)) + "\n"
	}
	_, _ = io.WriteString(c.env.Out, text)
}

// failed says why there was nothing to check.
func (c *checking) failed(err error) error {
	var away *check.UnreachableError
	if !errors.As(err, &away) {
		return err
	}
	switch away.Kind {
	case deliver.Refused:
		return cli.Failed(err, "nothing listens at "+c.target.Host+"; start the app, or let hooks do it: hooks check URL … -- COMMAND", "--wait 30s waits for it")
	case deliver.TLS:
		return cli.Failed(err, "providers check certificates as well and would deliver nothing; --insecure runs the other cases all the same")
	}
	return cli.Failed(err)
}

// tell prints the report and writes the files that are asked for.
func (c *checking) tell(ctx context.Context, r *check.Report) error {
	if err := c.print(ctx, r); err != nil {
		return err
	}
	if err := c.env.WriteJUnit(c.o.JUnit, suite(r, c.env.Now())); err != nil {
		return err
	}
	if c.o.SARIF != "" {
		data, err := sarif(r)
		if err != nil {
			return err
		}
		if err := c.env.WriteFile(c.o.SARIF, data); err != nil {
			return err
		}
	}
	if c.o.TAP != "" {
		return c.env.WriteFile(c.o.TAP, tap(r))
	}
	return nil
}

func (c *checking) print(ctx context.Context, r *check.Report) error {
	annotations := io.Discard
	if c.o.GitHub {
		annotations = c.env.Out
	}
	if c.env.Global.WantsJSON() {
		if err := c.env.JSON(ctx, r); err != nil {
			return err
		}
		if c.o.GitHub { // the document stands alone
			annotations = c.env.Err
		}
	} else if err := c.env.Print(c.env.View().CheckReport(r)); err != nil {
		return err
	}
	if _, err := io.WriteString(annotations, github(r)); err != nil {
		return cli.Failed(fmt.Errorf("write the annotations: %w", err))
	}
	return nil
}

// suite is the report for --junit. What is only advice does not fail it.
func suite(r *check.Report, at time.Time) junit.Suite {
	s := junit.Suite{Name: "hooks check", At: at}
	for i := range r.Cases {
		c := &r.Cases[i]
		one := junit.Case{Class: "hooks check " + r.Provider, Name: c.ID, Duration: c.Duration}
		switch {
		case c.Status == check.Skipped:
			one.Skipped = c.Actual
		case c.Status == check.Failed && c.Level == check.Advice:
			one.Skipped = "advice: " + c.Actual
			one.Output = details(c)
		case c.Status == check.Failed:
			one.Failure = c.Actual
			one.Output = details(c)
		}
		s.Cases = append(s.Cases, one)
	}
	return s
}

// details is what a report says about a case that failed.
func details(c *check.Result) string {
	return fmt.Sprintf("sent: %s\nexpected: %s\ncame: %s\nwhy: %s\nfix: %s\nagain: %s", c.Sends, c.Expected, c.Actual, c.Why, c.Fix, c.Reproduce)
}
