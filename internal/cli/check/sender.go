package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/check/sender"
	"github.com/hooks-cli/hooks/internal/child"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/provider"
)

// An examining is one run of the command with --sender.
type examining struct {
	*checking
	place   cli.Place
	mu      sync.Mutex // guards the following
	started []*child.Process
}

// runSender lets a sender deliver, and prints what is to be said of it.
func runSender(ctx context.Context, env *cli.Env, o Options) error {
	x := &examining{checking: &checking{env: env, o: o, stop: func() {}}}
	p, err := choose(env, o.Provider)
	if err != nil {
		return err
	}
	if err := env.GiveSecrets(o.Secrets); err != nil {
		return err
	}
	at, err := address.ParseListen(o.Listen)
	if err != nil {
		return cli.Usage(err)
	}
	listeners, err := intake.Bind(ctx, at)
	if err != nil {
		return cli.Failed(err, "any free port: --listen :0")
	}
	x.place = cli.PlaceOf(at, listeners)
	x.place.URL += p.Delivery.Path
	exam, err := x.exam(ctx, p)
	if err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
		return err
	}
	front := &intake.Server{Handler: exam}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer func() { _ = front.Close() }()                 // what is still under way is of no interest
	serving.Go(func() { _ = front.Serve(listeners...) }) // a listener that breaks shows as nothing that comes
	defer x.stopAll()
	return x.run(ctx, exam)
}

// run holds the exam and prints what came of it.
func (x *examining) run(ctx context.Context, exam *sender.Exam) error {
	if len(x.o.Command) > 0 {
		app, err := x.env.StartCommand(x.o.Command, "HOOKS_URL="+x.place.URL)
		if err != nil {
			return err
		}
		x.keep(app)
	}
	report, err := exam.Run(ctx)
	if errors.Is(err, sender.ErrNothingCame) {
		return cli.Failed(fmt.Errorf("%w at %s", err, x.place.URL), "--wait DURATION waits longer", "--trigger COMMAND makes the sender send")
	}
	if err != nil {
		return err
	}
	report.URL = x.place.URL
	for _, r := range report.Cases {
		x.observe(r)
	}
	return x.finish(ctx, &report)
}

// exam prepares the exam for deliveries of p.
func (x *examining) exam(ctx context.Context, p *provider.Provider) (*sender.Exam, error) {
	target, err := url.Parse(x.place.URL)
	if err != nil {
		return nil, cli.Failed(err)
	}
	_, named, err := x.env.Signer(ctx, p, target, false)
	if err != nil {
		return nil, err
	}
	o := sender.Options{
		Provider: p, Now: x.env.Now, Attempts: x.o.Attempts, TimeScale: x.o.TimeScale, Timeout: x.o.Timeout, Patience: x.o.Wait,
		Select: x.o.selected, Begin: x.stage, Line: x.line(p),
	}
	for _, n := range named {
		o.Secrets = append(o.Secrets, provider.NamedSecret{Name: n.Name, Secret: n.Secret})
	}
	x.env.Say("examining a sender of %s deliveries at %s", p.ID, x.place.URL)
	return sender.New(o), nil
}

// line is the command that runs the exam again.
func (x *examining) line(p *provider.Provider) string {
	line := "hooks check --sender --provider " + httptext.Word(p.ID) + " --listen " + x.place.Address
	if flags := cli.SecretWords(x.o.Secrets); flags != "" {
		line += " " + flags
	}
	if x.o.Trigger != "" {
		line += " --trigger " + httptext.Word(x.o.Trigger)
	}
	return line
}

// stage says what is to be sent, or has it sent.
func (x *examining) stage(_ context.Context, s sender.Stage) error {
	if x.o.Trigger == "" {
		x.env.Say("%d/%d  make it send one event to %s; it is answered with %s", s.Number, s.Of, x.place.URL, s.Answers)
		return nil
	}
	x.env.Say("%d/%d  one event, answered with %s", s.Number, s.Of, s.Answers)
	out := io.Discard
	if x.env.Global.Verbose {
		out = x.env.Err
	}
	p, err := child.Start(child.Command{Args: shell(x.env, x.o.Trigger), Dir: x.env.Dir, Env: []string{"HOOKS_URL=" + x.place.URL}, Out: out})
	if err != nil {
		return cli.Failed(err)
	}
	x.keep(p) // it may be what retries
	return nil
}

func (x *examining) keep(p *child.Process) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.started = append(x.started, p)
}

// stopAll ends what was started.
func (x *examining) stopAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range slices.Backward(x.started) {
		wg.Go(p.Stop)
	}
	wg.Wait()
}

// checkSender refuses what is not for --sender, or only for it.
func (o *Options) checkSender(changed func(string) bool) error {
	for _, name := range []string{"listen", "trigger", "attempts", "time-scale"} {
		if !o.Sender && changed(name) {
			return cli.Usage(fmt.Errorf("--%s is for --sender", name), "add --sender")
		}
	}
	switch {
	case !o.Sender:
		return nil
	case o.To != "":
		return cli.Usagef("--sender opens an endpoint of its own: --listen says where")
	case !(o.TimeScale > 0): // NaN neither
		return cli.Usagef("--time-scale %v is not above 0", o.TimeScale)
	case o.Attempts < 2:
		return cli.Usagef("--attempts %d shows no retry", o.Attempts)
	case o.Timeout < 0 || o.Timeout > time.Hour:
		return cli.Usagef("--timeout is not between 0 and 1h")
	}
	for _, name := range []string{"serial", "probe", "probe-url", "header", "insecure", "yes"} {
		if changed(name) {
			return cli.Usagef("--%s is not for --sender", name)
		}
	}
	return nil
}
