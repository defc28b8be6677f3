package test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scenario"
	"github.com/hooks-cli/hooks/internal/spelling"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A testing is one run of the command.
type testing struct {
	env     *cli.Env
	o       Options
	world   scenario.World
	ids     ids.Generator
	allowed map[string]bool // hosts that may be sent to
}

// Run runs the scenarios and tells how they ended.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	if o.Init {
		return writeFirst(env, o)
	}
	t := &testing{env: env, o: o, allowed: map[string]bool{}}
	if err := env.GiveSecrets(o.Secrets); err != nil {
		return err
	}
	if err := t.build(); err != nil {
		return err
	}
	list, err := t.read(ctx)
	if err != nil {
		return err
	}
	t.world.Client = env.Deliverer(o.Insecure)
	defer t.world.Client.Close()
	receiver, err := t.listen(ctx, list)
	if err != nil {
		return err
	}
	if receiver != nil {
		defer receiver.Close()
	}
	stop, err := t.start(ctx, list[0])
	defer stop()
	if err != nil {
		return err
	}
	return t.runAll(ctx, list)
}

// start starts the app, if there is a command, and waits until it listens where
// the first scenario calls it.
func (t *testing) start(ctx context.Context, s *scenario.Scenario) (stop func(), err error) {
	stop = func() {}
	first, err := scenario.First(ctx, t.world, s)
	switch {
	case err != nil:
		return stop, badFile(err)
	case first != nil:
		return t.env.StartApp(ctx, t.o.Command, first.String(), t.o.Wait, t.vars()...)
	case len(t.o.Command) == 0:
		return stop, nil
	}
	app, err := t.env.StartCommand(t.o.Command, t.vars()...)
	if err != nil {
		return stop, err
	}
	return app.Stop, nil
}

//go:embed first.yaml
var firstScenario []byte

// writeFirst writes a scenario to begin with. It takes the place of nothing.
func writeFirst(env *cli.Env, o Options) error {
	name := "scenario.yaml"
	if len(o.Files) == 1 {
		name = o.Files[0]
	}
	f, err := os.OpenFile(env.Path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // it is meant to be shared
	if errors.Is(err, fs.ErrExist) {
		return cli.Usage(fmt.Errorf("%s is there already", name), "name another file: hooks test --init FILE")
	}
	if err == nil {
		_, err = f.Write(firstScenario)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return cli.Failed(fmt.Errorf("write the scenario: %w", err))
	}
	env.Say("wrote %s", name)
	env.Say("in one terminal: hooks listen :3000, in another: hooks test %s", name)
	return nil
}

// build makes what scenarios touch.
func (t *testing) build() error {
	catalogue, err := t.env.Workspace().Catalogue()
	if err != nil {
		return err
	}
	vars, err := variables(t.o.Vars)
	if err != nil {
		return err
	}
	t.world = scenario.World{
		Now: t.env.Now, NewID: t.ids.New, Variable: t.env.Lookup, File: t.file,
		Provider: func(ctx context.Context, name string, types []string, data []byte) (*provider.Provider, error) {
			p, _, err := t.env.ChooseProvider(ctx, name, types, data)
			return p, err
		},
		Target: t.target, Signer: t.signer, IsProvider: catalogue.Has, Keep: t.keep,
		Vars: vars, Timeout: t.o.Timeout,
	}
	return nil
}

func variables(list []string) (map[string]string, error) {
	vars := map[string]string{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, cli.Usage(fmt.Errorf("--var %q is not of the form NAME=VALUE", text))
		}
		vars[name] = value
	}
	return vars, nil
}

// file reads a file that stands beside a scenario, or in a folder there. A
// scenario that was written by somebody else reaches no other.
func (t *testing) file(of, name string) ([]byte, error) {
	dir := t.env.Dir
	if of != "-" {
		dir = filepath.Dir(t.env.Path(of))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("@%s: %w", name, reason(err))
	}
	if !info.Mode().IsRegular() || info.Size() > cli.MaxInput {
		return nil, fmt.Errorf("@%s is not a file that could be read", name)
	}
	b, err := root.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("@%s: %w", name, reason(err))
	}
	return b, nil
}

func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// target reads where to send to, and asks before it is another machine.
func (t *testing) target(typed string, p *provider.Provider) (*url.URL, error) {
	if t.o.To != "" && p != nil {
		typed = t.o.To
	}
	u, err := t.env.Target(typed, p)
	if err != nil || t.o.Yes || address.LoopbackURL(u) || t.allowed[u.Host] {
		return u, err
	}
	yes, asked, err := t.env.Confirm("run scenarios against " + safetext.Line(u.Host) + ", which is not this machine")
	switch {
	case err != nil:
		return nil, err
	case !asked:
		return nil, cli.Usage(fmt.Errorf("the scenario calls %s, which is not this machine", safetext.Line(u.Host)), "--yes runs it all the same")
	case !yes:
		return nil, cli.No()
	}
	t.allowed[u.Host] = true
	return u, nil
}

// signer signs with the secret that a scenario gives, or the one that is known.
func (t *testing) signer(ctx context.Context, p *provider.Provider, target *url.URL, text string, unsigned bool) (*outgoing.Signer, error) {
	if text == "" || unsigned {
		s, _, err := t.env.Signer(ctx, p, target, unsigned)
		return s, err
	}
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		var err error
		if text, err = t.env.Lookup(name); err != nil {
			return nil, err
		}
	}
	s, err := outgoing.NewSigner(p, provider.NamedSecret{Name: "scenario", Secret: safetext.NewSecret(text)})
	if err != nil {
		return nil, cli.Usage(err)
	}
	s.Rand = t.env.Rand
	return s, nil
}

// keep puts what was sent into the store. Where that cannot be, the run goes on.
func (t *testing) keep(ctx context.Context, d *webhook.Delivery) {
	st, err := t.env.Workspace().Store(ctx)
	if err == nil {
		err = st.Append(ctx, d)
	}
	for i := range d.Attempts {
		if err == nil {
			err = st.AddAttempt(ctx, d.ID, d.Attempts[i])
		}
	}
	if err != nil && ctx.Err() == nil {
		t.env.WarnOnce("what is sent is not kept: " + err.Error())
	}
}

// maxTold is how many mistakes are told at once.
const maxTold = 50

// read reads the files and chooses the scenarios that are to be run. All
// mistakes in all files are told at once.
func (t *testing) read(ctx context.Context) ([]*scenario.Scenario, error) {
	var list []*scenario.Scenario
	var problems cli.Errors
	for _, name := range t.o.Files {
		data, err := t.env.Input(name)
		if err != nil {
			return nil, err
		}
		found, wrong := scenario.Parse(name, data)
		for _, s := range found {
			wrong = append(wrong, scenario.Check(ctx, t.world, s)...)
		}
		scenario.Sort(wrong)
		for _, p := range wrong {
			problems = append(problems, p)
		}
		list = append(list, found...)
	}
	if n := len(problems); n > maxTold {
		problems = append(problems[:maxTold], fmt.Errorf("and %d mistakes more", n-maxTold))
	}
	if len(problems) > 0 {
		return nil, cli.Usage(problems, "hooks help scenarios explains what a scenario can say")
	}
	if err := t.checkVariables(list); err != nil {
		return nil, err
	}
	return t.choose(list)
}

// checkVariables refuses a --var that no scenario has a use for.
func (t *testing) checkVariables(list []*scenario.Scenario) error {
	var known []string
	for _, s := range list {
		known = append(known, s.Variables()...)
	}
	for name := range t.world.Vars {
		if slices.Contains(known, name) {
			continue
		}
		err := fmt.Errorf("--var %s: no scenario has a variable of this name in vars", name)
		if near := spelling.Nearest(name, known); near != "" {
			return cli.Usage(err, "did you mean "+near+"?")
		}
		return cli.Usage(err)
	}
	return nil
}

// choose leaves what --only names.
func (t *testing) choose(list []*scenario.Scenario) ([]*scenario.Scenario, error) {
	if len(t.o.Only) == 0 {
		return list, nil
	}
	var out []*scenario.Scenario
	var names []string
	used := map[string]bool{}
	for _, s := range list {
		names = append(names, s.Name)
		wanted := false
		for _, pattern := range t.o.Only {
			if ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(s.Name, "/", "\x00")); err == nil && ok || pattern == s.Name {
				wanted, used[pattern] = true, true
			}
		}
		if wanted {
			out = append(out, s)
		}
	}
	for _, pattern := range t.o.Only {
		if !used[pattern] {
			hint := "there are: " + strings.Join(names, ", ")
			if near := spelling.Nearest(pattern, names); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, cli.Usage(fmt.Errorf("no scenario is called %q", pattern), safetext.Line(hint))
		}
	}
	return out, nil
}

// listen captures, if a scenario waits for captures or the command line says so.
func (t *testing) listen(ctx context.Context, list []*scenario.Scenario) (*cli.Receiver, error) {
	wanted := t.o.HasListen
	for _, s := range list {
		wanted = wanted || s.Receives()
	}
	if !wanted {
		return nil, nil // nothing is to be captured
	}
	r, err := t.env.Receive(ctx, t.o.Listen, "", nil)
	if err != nil {
		return nil, err
	}
	t.world.Captures, t.world.Listen = r, r.URL
	return r, nil
}

func (t *testing) vars() []string {
	if t.world.Listen == "" {
		return nil
	}
	return []string{"HOOKS_URL=" + t.world.Listen}
}

// badFile gives a mistake that showed late the status of the others.
func badFile(err error) error {
	if _, ok := errors.AsType[*scenario.Problem](err); ok {
		return cli.Usage(err)
	}
	return err
}
