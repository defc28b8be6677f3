package listen

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/config"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/webhook"
	"github.com/hooks-cli/hooks/internal/workspace"
)

// A listening is one run of the command.
type listening struct {
	env       *cli.Env
	o         Options
	settings  *config.Settings
	catalogue *provider.Catalogue
	at        address.Listen
	listeners []net.Listener
	store     *store.Store
	judge     *judge.Judge
	client    *deliver.Client
	front     *intake.Server
	pipeline  *capture.Server
	show      *display
	ids       ids.Generator
	place     *cli.RelayPlace // nil without --tunnel
	reach     *tunnel.Client  // nil without --tunnel
}

// prepare reads all that the command line says, then takes the port and opens
// the store, so that nothing is begun that cannot go on.
func prepare(ctx context.Context, env *cli.Env, o Options) (l *listening, err error) {
	l = &listening{env: env, o: o}
	if l.settings, err = env.Workspace().Settings(); err != nil {
		return nil, err
	}
	if err := l.readAddress(); err != nil {
		return nil, err
	}
	if err := l.readJudge(); err != nil {
		return nil, err
	}
	if err := l.readRelay(ctx); err != nil {
		return nil, err
	}
	policy, err := l.policy()
	if err != nil {
		return nil, err
	}
	forward, err := l.forwarder()
	if err != nil {
		return nil, err
	}
	change, err := l.storeOptions()
	if err != nil {
		return nil, err
	}
	if err := l.open(ctx, forward, change); err != nil {
		return nil, err
	}
	if forward != nil && o.ForwardRetry {
		forward.Retry = l.redelivery()
	}
	l.build(policy, forward)
	l.openTunnel()
	return l, nil
}

func (l *listening) readAddress() error {
	text := l.o.Address
	if text == "" {
		text = l.settings.Listen()
	}
	var err error
	if l.at, err = address.ParseListen(text); err != nil {
		return cli.Usage(err)
	}
	return nil
}

func (l *listening) readJudge() error {
	j, err := l.env.Judge(l.o.Provider, l.o.Tolerance, l.o.Secrets)
	if err != nil {
		return err
	}
	l.judge, l.catalogue = j, j.Catalogue
	return nil
}

// policy reads what is answered, and what is shown and forwarded.
func (l *listening) policy() (capture.Policy, error) {
	p := capture.Policy{AcceptInvalid: l.o.AcceptInvalid, Delay: l.o.Delay}
	var err error
	if l.o.Respond != "" {
		if p.Script, err = capture.ParseScript(l.o.Respond); err != nil {
			return p, cli.Usage(fmt.Errorf("--respond: %w", err), "write for example --respond 503, --respond 500x3,200 or --respond 503x10m,200")
		}
	}
	if l.o.HasBody {
		if p.Body, err = l.env.Bytes(l.o.Body); err != nil {
			return p, err
		}
		if p.Body == nil {
			p.Body = []byte{}
		}
	}
	p.Select, err = l.selection()
	return p, err
}

// selection puts --events, --filter and --where together; nil chooses all.
func (l *listening) selection() (func(*webhook.Delivery) (bool, string), error) {
	events, filter := l.o.Events, l.o.Filter
	if events == "" {
		events = l.settings.Events()
	}
	if filter == "" {
		filter = l.settings.Filter()
	}
	pattern, err := match.Parse(events, l.catalogue.Has)
	if err != nil {
		return nil, cli.Usagef("--events: %w", err)
	}
	var filters []*match.Filter
	if filter != "" {
		f, err := match.Compile(filter)
		if err != nil {
			return nil, cli.Usagef("--filter: %w", err)
		}
		filters = append(filters, f)
	}
	for _, expr := range l.o.Where {
		f, err := match.Where(expr)
		if err != nil {
			return nil, cli.Usagef("--where: %w", err)
		}
		filters = append(filters, f)
	}
	if pattern.All() && len(filters) == 0 {
		return nil, nil // no choice to be made
	}
	return func(d *webhook.Delivery) (bool, string) {
		if !pattern.Match(d.Provider, d.EventType) {
			return false, ""
		}
		for _, f := range filters {
			if ok, note := f.Match(d); !ok {
				return false, note
			}
		}
		return true, ""
	}, nil
}

// storeOptions reads --keep and --durability.
func (l *listening) storeOptions() (func(*store.Options), error) {
	keep, err := workspace.Retention(l.o.Keep...)
	if err != nil {
		return nil, cli.Usagef("--keep: %w", err)
	}
	return func(o *store.Options) {
		o.Relaxed = l.o.Durability == "relaxed"
		if len(l.o.Keep) > 0 {
			o.Retention = keep
		}
	}, nil
}

// open takes the port and opens the store.
func (l *listening) open(ctx context.Context, forward *capture.Forwarder, change func(*store.Options)) (err error) {
	if l.listeners, err = intake.Bind(ctx, l.at); err != nil {
		return cli.BindError(err, l.at, "hooks listen")
	}
	defer func() {
		if err != nil {
			l.release()
		}
	}()
	if err := l.checkTargets(ctx, forward); err != nil {
		return err
	}
	if l.store, err = l.env.Workspace().OpenStore(ctx, change); err != nil {
		return err
	}
	if p := l.store.Problem(); p != nil {
		return cli.Failed(p) // it can be read, and nothing could be kept
	}
	return nil
}

// release gives the port back.
func (l *listening) release() {
	for _, one := range l.listeners {
		_ = one.Close()
	}
}

// checkTargets refuses to forward to ourselves.
func (l *listening) checkTargets(ctx context.Context, forward *capture.Forwarder) error {
	if forward == nil {
		return nil
	}
	var own []net.Addr
	for _, one := range l.listeners {
		own = append(own, one.Addr())
	}
	lookup := func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}
	for _, t := range forward.Targets {
		if err := capture.CheckTarget(ctx, t.URL, own, lookup); err != nil {
			return cli.Usage(err, "give the address of the app, for example -f http://127.0.0.1:8080")
		}
	}
	return nil
}

// build puts the pipeline together.
func (l *listening) build(policy capture.Policy, forward *capture.Forwarder) {
	body := l.o.MaxBody
	if body == 0 {
		body = l.settings.MaxBody()
	}
	l.front = &intake.Server{Limits: intake.Limits{Body: body, Memory: capture.BodyMemory}}
	l.pipeline = &capture.Server{
		ReadBody: l.front.ReadBody, Judge: l.judge.Judge, Greet: l.judge.Greet,
		Store: l.store, Known: l.store.Get, NewID: l.ids.New, Now: l.env.Now, Policy: policy, Forward: forward,
	}
	l.show = newDisplay(l)
	l.pipeline.Observe = l.show.observe
	l.front.Handler = l.pipeline
	l.front.Refused = l.pipeline.Refused
	l.front.Panicked = func(p intake.Panic) { l.pipeline.Note(l.show.panicked(p)) }
}

// ready is what is told when deliveries can come.
type ready struct {
	Kind    string `json:"kind"`
	Address string `json:"address"`
	URL     string `json:"url"`
}

// where describes the listener.
func (l *listening) where() ready {
	p := cli.PlaceOf(l.at, l.listeners)
	return ready{Kind: "ready", Address: p.Address, URL: p.URL}
}

// mark is of this run alone.
func mark() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
