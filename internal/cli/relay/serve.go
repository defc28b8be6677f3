package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// Ready is the first line of --json.
type Ready struct {
	Kind    string `json:"kind"`
	URL     string `json:"url"`
	Address string `json:"address"`
	Admin   string `json:"admin,omitempty"`
	Node    string `json:"node,omitempty"` // among relays that share a store
}

// finishTime is how long requests under way may take at the end.
const finishTime = 10 * time.Second

// Run serves until ctx ends, then drains.
func Run(ctx context.Context, env *cli.Env, opts Options) error {
	listen, err := address.ParseListen(opts.Listen)
	if err != nil {
		return cli.Usage(fmt.Errorf("--listen: %w", err))
	}
	cfg, err := configure(env, opts, listen)
	if err != nil {
		return err
	}
	ls, err := bindAll(ctx, listen)
	if err != nil {
		return err
	}
	defer closeAll(ls)
	if cfg.Public, err = publicURL(opts, listen, ls[0]); err != nil {
		return err
	}
	var group *shared
	if opts.NATS.URL != "" {
		if group, err = joinShared(ctx, env, opts, &cfg); err != nil {
			return err
		}
		defer group.leave(env)
	} else if opts.DataDir != "" {
		sp, err := openSpool(ctx, env, opts)
		if err != nil {
			return err
		}
		defer func() { _ = sp.Close() }() // what was promised is on the disk already
		cfg.Spool = sp
	}
	return serve(ctx, env, opts, cfg, ls, group)
}

// configure reads everything that can be wrong before a port is taken.
func configure(env *cli.Env, opts Options, listen address.Listen) (relay.Config, error) {
	loopback := listen.Loopback() && (opts.PublicURL == "" || publicIsLoopback(opts.PublicURL))
	cfg := relay.Config{
		Version: build.Read().Version, Node: "n1", Domain: strings.ToLower(strings.Trim(opts.Domain, ".")),
		Shared: !loopback, AllowHTML: opts.AllowHTML, Strangers: opts.Open && !loopback, Now: env.Now,
		Limits: relay.Limits{Unlimited: loopback, EventBody: opts.MaxBody}, Log: logger(env, opts.LogFormat),
	}
	for _, text := range opts.TrustProxy {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, aerr := netip.ParseAddr(text)
			if aerr != nil {
				return cfg, cli.Usagef("--trust-proxy: %q is no network: write for example 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		cfg.TrustProxy = append(cfg.TrustProxy, p.Masked())
	}
	var err error
	if cfg.Memory, err = memoryBudget(opts.Memory); err != nil {
		return cfg, err
	}
	cfg.Tokens, err = loadTokens(env, opts)
	switch {
	case err != nil:
		return cfg, err
	case cfg.Tokens != nil && opts.Open:
		return cfg, cli.Usagef("--tokens and --open exclude each other")
	case cfg.Tokens == nil && !opts.Open && !loopback && opts.NATS.URL == "":
		return cfg, cli.Usage(errors.New("relay would be open to anyone: give --tokens FILE or --open"),
			"hooks relay token create --tokens FILE makes the first token")
	}
	return cfg, checkTLS(opts, listen, loopback)
}

func publicIsLoopback(text string) bool {
	u, err := url.Parse(text)
	return err == nil && address.LoopbackURL(u)
}

func checkTLS(opts Options, listen address.Listen, loopback bool) error {
	given := 0
	for _, on := range []bool{opts.TLSCert != "" || opts.TLSKey != "", opts.ACME != ""} {
		if on {
			given++
		}
	}
	switch {
	case (opts.TLSCert == "") != (opts.TLSKey == ""):
		return cli.Usagef("--tls-cert and --tls-key go together")
	case given > 1:
		return cli.Usagef("--tls-cert and --acme exclude each other")
	case opts.ACME != "" && opts.DataDir == "" && opts.NATS.URL == "":
		return cli.Usagef("--acme needs --data-dir, to keep the certificates in")
	case opts.ACME != "" && opts.PublicURL == "" && opts.Domain == "":
		return cli.Usagef("--acme needs --public-url, for the host that the certificate is for")
	case given == 0 && !listen.Loopback() && !loopback && len(opts.TrustProxy) == 0 && !opts.InsecureHTTP:
		return cli.Usage(errors.New("tokens and payloads would cross the network in the clear"),
			"give --tls-cert and --tls-key, or --acme EMAIL",
			"behind a proxy that ends TLS give --trust-proxy CIDR; --insecure-http goes without")
	}
	return nil
}

// loadTokens reads the tokens that were asked for; nil if none were.
func loadTokens(env *cli.Env, opts Options) (*relay.Tokens, error) {
	path := tokensPath(env, opts.Tokens, opts.DataDir)
	if opts.Tokens == "" {
		if path == "" {
			return nil, nil // none were asked for
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil // as above
		}
	}
	t, err := relay.LoadTokens(path)
	switch {
	case errors.Is(err, relay.ErrPermissions):
		return nil, cli.Failed(err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, relay.ErrTokenFile):
		return nil, cli.Usage(err, "hooks relay token create --tokens "+path+" adds one")
	case err != nil:
		return nil, cli.Failed(err)
	}
	return t, nil
}

// tokensPath is the file that --tokens or --data-dir mean, "" without either.
func tokensPath(env *cli.Env, tokens, dataDir string) string {
	switch {
	case tokens != "":
		return env.Path(tokens)
	case dataDir != "":
		return filepath.Join(env.Path(dataDir), "tokens.json")
	}
	return ""
}

func openSpool(ctx context.Context, env *cli.Env, opts Options) (*spool.Spool, error) {
	limits, err := holdLimits(opts)
	if err != nil {
		return nil, err
	}
	sp, err := spool.Open(ctx, env.Path(opts.DataDir), limits, env.Now)
	if err != nil {
		return nil, cli.Failed(err)
	}
	return sp, nil
}

// publicURL is what clients are told.
func publicURL(opts Options, listen address.Listen, l net.Listener) (*url.URL, error) {
	scheme := "http"
	if opts.TLSCert != "" || opts.ACME != "" {
		scheme = "https"
	}
	if opts.PublicURL == "" {
		host := "127.0.0.1"
		if listen.Host != "" {
			host = listen.Host
		}
		if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
			if opts.Domain == "" {
				return nil, cli.Usage(errors.New("clients must be told an address"), "give --public-url https://relay.example.com")
			}
			host = opts.Domain
		}
		return &url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(intake.Port(l)))}, nil
	}
	u, err := address.ParseURL(opts.PublicURL)
	switch {
	case err != nil:
		return nil, cli.Usage(fmt.Errorf("--public-url: %w", err))
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, cli.Usagef("--public-url is a scheme, a host and perhaps a path")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

func bindAll(ctx context.Context, a address.Listen) ([]net.Listener, error) {
	ls, err := intake.Bind(ctx, a)
	var taken *intake.PortTakenError
	switch {
	case errors.As(err, &taken) && taken.Free != 0:
		return nil, cli.Failed(err, fmt.Sprintf("a free one is near: %d", taken.Free))
	case err != nil:
		return nil, cli.Failed(err)
	}
	return ls, nil
}

func closeAll(ls []net.Listener) {
	for _, l := range ls {
		_ = l.Close() // closed already, mostly
	}
}

func logger(env *cli.Env, format string) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	switch {
	case env.Global.Quiet:
		o.Level = slog.LevelWarn
	case env.Global.Verbose:
		o.Level = slog.LevelDebug
	}
	switch {
	case format == "off":
		return slog.New(slog.DiscardHandler)
	case format == "json" || env.Global.WantsJSON():
		return slog.New(slog.NewJSONHandler(env.Err, o))
	}
	return slog.New(slog.NewTextHandler(env.Err, o))
}

// serve runs the public and the admin server.
func serve(ctx context.Context, env *cli.Env, opts Options, cfg relay.Config, ls []net.Listener, group *shared) error {
	front := &intake.Server{Limits: intake.Limits{Body: opts.MaxBody, Connections: 16_000}, Proxies: cfg.TrustProxy}
	cfg.ReadBody = front.ReadBody
	srv := relay.New(cfg)
	front.Handler = srv
	front.Panicked = func(p intake.Panic) {
		cfg.Log.Error("panic", "request", p.ID, "kind", p.Kind, "stack", string(p.Stack))
	}
	var err error
	if front.TLS, err = tlsConfig(env, opts, srv, cfg.Public, group); err != nil {
		return err
	}
	admin, adminLs, err := adminServer(ctx, env, opts, srv)
	if err != nil {
		return err
	}
	boundHeap(cfg.Memory, env.Getenv)
	work, stop := context.WithCancel(context.Background())
	defer stop()
	failed := make(chan error, 3)
	if group != nil {
		if err := group.serve(ctx, srv, failed); err != nil {
			return err
		}
	}
	if err := announce(ctx, env, cfg, ls[0], adminLs); err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { srv.Run(work) })
	wg.Go(func() { tidyUp(work) })
	wg.Go(func() { failed <- front.Serve(ls...) })
	if admin != nil {
		wg.Go(func() { failed <- admin.Serve(adminLs...) })
	}
	select {
	case <-ctx.Done():
		drain(env, opts, !cfg.Shared, srv, front)
	case err = <-failed:
	}
	stop()
	_ = front.Close()
	if admin != nil {
		_ = admin.Close()
	}
	srv.Close()
	wg.Wait()
	if err != nil {
		return cli.Failed(err)
	}
	return nil
}

// drain leaves in order: not ready, clients are asked to move, requests under
// way finish.
func drain(env *cli.Env, opts Options, local bool, srv *relay.Server, front *intake.Server) {
	env.Say("draining: requests under way finish, clients are asked to move")
	srv.Drain()
	if opts.DrainDelay > 0 && (opts.DrainGiven || !local) && srv.Clients() > 0 {
		timer := time.NewTimer(opts.DrainDelay)
		defer timer.Stop()
		<-timer.C
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishTime)
	defer cancel()
	_ = front.Shutdown(ctx) // what has not finished by then is cut
}

func tlsConfig(env *cli.Env, opts Options, srv *relay.Server, public *url.URL, group *shared) (*tls.Config, error) {
	switch {
	case opts.TLSCert != "":
		c, err := relay.FileTLS(env.Path(opts.TLSCert), env.Path(opts.TLSKey))
		if err != nil {
			return nil, cli.Failed(err)
		}
		return c, nil
	case opts.ACME != "":
		var cache autocert.Cache = autocert.DirCache(filepath.Join(env.Path(opts.DataDir), "certificates"))
		if group != nil {
			cache = group.Certificates()
		}
		return srv.ACME(opts.ACME, opts.ACMEServer, cache, public.Hostname()), nil
	}
	return nil, nil // plain HTTP
}

// adminServer binds the admin listener. The default port gives way if another
// relay has it; one that was asked for does not.
func adminServer(ctx context.Context, env *cli.Env, opts Options, srv *relay.Server) (*intake.Server, []net.Listener, error) {
	if opts.Admin == "off" {
		return nil, nil, nil
	}
	a, err := address.ParseListen(opts.Admin)
	if err != nil {
		return nil, nil, cli.Usage(fmt.Errorf("--admin: %w", err))
	}
	ls, err := intake.Bind(ctx, a)
	if _, ok := errors.AsType[*intake.PortTakenError](err); ok && !opts.AdminGiven {
		a.Port = 0
		ls, err = intake.Bind(ctx, a)
	}
	if err != nil {
		return nil, nil, cli.Failed(err)
	}
	if !a.Loopback() {
		env.Warn("the admin address can be reached from other machines, and it asks nobody who they are")
	}
	return &intake.Server{Handler: srv.Admin()}, ls, nil
}

// announce says where everything is.
func announce(ctx context.Context, env *cli.Env, cfg relay.Config, l net.Listener, admin []net.Listener) error {
	r := Ready{Kind: "ready", URL: cfg.Public.String(), Address: l.Addr().String()}
	if len(admin) > 0 {
		r.Admin = admin[0].Addr().String()
	}
	if cfg.Cluster != nil {
		r.Node = cfg.Node
	}
	if env.Global.WantsJSON() {
		return env.JSONLine(ctx, r)
	}
	keeps := "requests for clients that are away are refused; --data-dir DIR keeps them"
	switch {
	case cfg.Cluster != nil && cfg.Cluster.Durability() == wire.Fsynced:
		keeps = "requests for clients that are away are kept in NATS, on its servers' disks"
	case cfg.Cluster != nil:
		keeps = "requests for clients that are away are kept in NATS"
		env.Warn("the NATS servers do not say that they sync their disks at once (sync_interval: always): a power failure may take what was acknowledged last; --nats-sync always says that they do")
	case cfg.Spool != nil:
		keeps = "requests for clients that are away are kept"
	}
	text := fmt.Sprintf("relay at %s\n", r.URL)
	if _, err := io.WriteString(env.Out, text); err != nil {
		return cli.Failed(err)
	}
	if r.Admin != "" {
		env.Say("metrics and status at http://%s", r.Admin)
	}
	env.Say("%s", keeps)
	line := "hooks tunnel PORT --relay " + r.URL
	if cfg.Tokens != nil {
		line += " --token env:NAME"
	}
	env.Say("connect with: %s", line)
	return nil
}

// fetch gets a document from an admin address.
func fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
