package emulate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/emulate"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
)

const (
	// drainTime is how long what is in flight may take after Ctrl-C.
	drainTime = 10 * time.Second
	// maxBody is the largest body that an API takes.
	maxBody = 4 << 20
)

// Ready is the first line of --json.
type Ready struct {
	Kind       string   `json:"kind"`
	Address    string   `json:"address"`
	URL        string   `json:"url"`
	ControlKey string   `json:"control_key,omitempty"`
	Endpoints  []string `json:"endpoints,omitempty"` // ids of those of --endpoint
}

// An emulating is one run of the command.
type emulating struct {
	env       *cli.Env
	o         Options
	at        address.Listen
	listeners []net.Listener
	front     *intake.Server
	server    *emulate.Server
	show      *display
	ready     Ready
	client    *deliver.Client
	temporary string // a data directory that goes with the run
	first     string // provider of the first --endpoint
}

// Run serves until ctx ends, then finishes what is in flight.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	m := &emulating{env: env, o: o, front: &intake.Server{Limits: intake.Limits{Body: maxBody}}}
	defer m.release()
	cfg, err := m.configure()
	if err != nil {
		return err
	}
	if err := m.bind(ctx); err != nil {
		return err
	}
	m.reached(&cfg)
	if err := m.open(ctx, cfg); err != nil {
		return err
	}
	ctx, broken := context.WithCancelCause(ctx)
	defer broken(nil)
	m.show.broken = broken
	if err := m.register(ctx); err != nil {
		return errors.Join(err, m.server.Close())
	}
	return m.serve(ctx, broken)
}

// configure reads everything that can be wrong before a port is taken.
func (m *emulating) configure() (emulate.Config, error) {
	env, o := m.env, m.o
	cfg := emulate.Config{
		Now: env.Now, Providers: o.Providers, TimeScale: o.TimeScale, Timeout: o.Timeout, Concurrency: o.Concurrency,
		Faults:   emulate.Faults{Duplicate: o.Duplicate, Delay: o.Delay, Jitter: o.Jitter},
		ReadBody: m.front.ReadBody, Relaxed: o.DataDir == "",
	}
	var err error
	if m.at, err = address.ParseListen(o.Listen); err != nil {
		return cfg, cli.Usage(fmt.Errorf("--listen: %w", err))
	}
	if cfg.Catalogue, err = env.Workspace().Catalogue(); err != nil {
		return cfg, err
	}
	for _, id := range o.Providers {
		if _, err := cfg.Catalogue.Get(id); err != nil {
			return cfg, err
		}
	}
	if cfg.RateLimit, err = emulate.ParseRate(o.RateLimit); err != nil {
		return cfg, cli.Usage(fmt.Errorf("--rate-limit: %w", err))
	}
	if cfg.Faults.Drop, err = share(o.Drop); err != nil {
		return cfg, err
	}
	if o.APIKey != "" {
		if cfg.APIKey, err = env.Secret(o.APIKey); err != nil {
			return cfg, cli.WithHints(fmt.Errorf("--api-key: %w", err))
		}
	}
	if o.PublicURL != "" {
		u, err := address.ParseURL(o.PublicURL)
		if err != nil {
			return cfg, cli.Usage(fmt.Errorf("--public-url: %w", err))
		}
		cfg.Hosts, cfg.PublicURL = []string{u.Host}, u.Scheme+"://"+u.Host
	}
	cfg.Reach = emulate.DefaultReach(m.at.Loopback())
	if len(o.AllowHosts) > 0 {
		if cfg.Reach, err = emulate.ParseReach(o.AllowHosts); err != nil {
			return cfg, cli.Usage(fmt.Errorf("--allow-hosts: %w", err))
		}
	}
	m.client = deliver.New(env.Now, deliver.Options{Insecure: o.Insecure, Allow: cfg.Reach.Check})
	cfg.Client = m.client
	return cfg, m.secrets(&cfg)
}

// share reads --drop: 10%, or a number from 0 to 1.
func share(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || v < 0 || v > 1 {
		return 0, cli.Usagef("--drop %q is no share: write for example 10%%", text)
	}
	return v, nil
}

// secrets lets endpoints be signed for with what hooks has. What they are read
// from is not made for several readers at once.
func (m *emulating) secrets(cfg *emulate.Config) error {
	if err := m.env.GiveSecrets(m.o.Secrets); err != nil {
		return err
	}
	resolver, err := m.env.Workspace().Secrets()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	cfg.Secrets = func(ctx context.Context, id string) ([]secret.Named, error) {
		mu.Lock()
		defer mu.Unlock()
		return resolver.For(ctx, id)
	}
	cfg.Development = func(id string) (secret.Named, error) {
		mu.Lock()
		defer mu.Unlock()
		return resolver.ForDevelopment(id)
	}
	return nil
}

func (m *emulating) bind(ctx context.Context) (err error) {
	if m.listeners, err = intake.Bind(ctx, m.at); err != nil {
		return cli.BindError(err, m.at, "hooks emulate --listen")
	}
	return nil
}

// reached says by which names the server is called, and what its control API
// asks for where others can reach it.
func (m *emulating) reached(cfg *emulate.Config) {
	place := cli.PlaceOf(m.at, m.listeners)
	m.ready = Ready{Kind: "ready", Address: place.Address, URL: place.URL}
	if cfg.PublicURL != "" {
		m.ready.URL = cfg.PublicURL
	}
	if m.at.Loopback() {
		return
	}
	cfg.ControlKey = cfg.APIKey
	if cfg.APIKey.Empty() {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		m.ready.ControlKey = hex.EncodeToString(b[:])
		cfg.ControlKey = safetext.NewSecret(m.ready.ControlKey)
	}
}

// open opens the data directory.
func (m *emulating) open(ctx context.Context, cfg emulate.Config) error {
	if m.o.DataDir == "" {
		dir, err := os.MkdirTemp("", "hooks-emulate-")
		if err != nil {
			return cli.Failed(err)
		}
		m.temporary, cfg.Dir = dir, dir
	} else {
		cfg.Dir = m.env.Path(m.o.DataDir)
	}
	m.show = newDisplay(m.env)
	cfg.Observe = m.show.observe
	var err error
	m.server, err = emulate.Open(ctx, cfg)
	switch {
	case errors.Is(err, emulate.ErrInUse):
		return cli.Failed(fmt.Errorf("%s: %w", m.o.DataDir, emulate.ErrInUse), "end the other one, or give another --data-dir")
	case err != nil:
		return cli.Failed(fmt.Errorf("data directory: %w", err))
	}
	m.front.Handler = m.server
	m.front.Refused = func(r intake.Refusal) { m.show.note(fmt.Sprintf("refused with %d: %s", r.Status, r.Text)) }
	m.front.Panicked = func(p intake.Panic) { m.show.note("a mistake in hooks met request " + p.ID + ": " + p.Kind) }
	return nil
}

// register registers what --endpoint names.
func (m *emulating) register(ctx context.Context) error {
	catalogue, err := m.env.Workspace().Catalogue()
	if err != nil {
		return err
	}
	for _, text := range m.o.Endpoints {
		id, to, err := m.split(catalogue, text)
		if err != nil {
			return err
		}
		u, err := address.ParseURL(to)
		if err != nil {
			return cli.Usage(fmt.Errorf("--endpoint: %w", err))
		}
		made, err := m.server.Register(ctx, id, u.String())
		if err != nil {
			return cli.Usage(fmt.Errorf("--endpoint %s: %w", safetext.CleanURL(u.String()), err))
		}
		if m.first == "" {
			m.first = id
		}
		m.ready.Endpoints = append(m.ready.Endpoints, made)
	}
	return nil
}

// split divides PROVIDER=URL. The provider may be left out where only one is
// emulated.
func (m *emulating) split(c *provider.Catalogue, text string) (id, to string, err error) {
	if name, rest, ok := strings.Cut(text, "="); ok && c.Has(name) {
		if len(m.o.Providers) > 0 && !slices.Contains(m.o.Providers, name) {
			return "", "", cli.Usagef("--endpoint: %s is not among the providers that are emulated", name)
		}
		return name, rest, nil
	}
	if len(m.o.Providers) != 1 {
		return "", "", cli.Usage(errors.New("--endpoint does not say whose it is"), "write --endpoint PROVIDER=URL, or name one provider: hooks emulate canvelete")
	}
	return m.o.Providers[0], text, nil
}

// serve runs until ctx ends or a listener fails, then drains.
func (m *emulating) serve(ctx context.Context, broken context.CancelCauseFunc) error {
	var work sync.WaitGroup
	served := make(chan error, 1)
	work.Go(func() { served <- m.front.Serve(m.listeners...) })
	work.Go(func() { m.server.Run(ctx) })
	m.show.greet(ctx, m)
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	broken(nil)
	m.drain()
	work.Wait()
	left := m.server.Pending()
	if cerr := m.server.Close(); err == nil {
		err = cerr
	}
	m.show.summarise(left, m.o.DataDir)
	switch {
	case m.show.failed:
		return context.Cause(ctx)
	case err != nil:
		return cli.Failed(err)
	}
	return nil
}

// drain lets what is in flight come to its end, for a while.
func (m *emulating) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	defer context.AfterFunc(ctx, m.server.Abort)()
	if m.front.Shutdown(ctx) != nil {
		m.env.Warn("requests that were still in flight after " + drainTime.String() + " were cut off")
	}
	m.server.Wait(ctx)
}

// release gives back what the run has taken.
func (m *emulating) release() {
	for _, l := range m.listeners {
		_ = l.Close() // closed already, mostly
	}
	if m.client != nil {
		m.client.Close()
	}
	if m.temporary != "" {
		_ = os.RemoveAll(m.temporary)
	}
}
