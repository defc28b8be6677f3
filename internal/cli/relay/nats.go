package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/spool"
)

// NATSOptions say where the store is that relays share.
type NATSOptions struct {
	URL   string
	Creds string
	CA    string
}

func (o *NATSOptions) bind(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&o.URL, "nats", "", "share names, events and tokens with other relays through the NATS servers at `URL` (with commas between several; env:NAME or @FILE too)")
	fs.StringVar(&o.Creds, "nats-creds", "", "the credentials for NATS in `FILE`")
	fs.StringVar(&o.CA, "nats-ca", "", "the authority of the NATS servers' certificates in PEM `FILE`")
}

// servers checks the addresses and what goes with them.
func (o *NATSOptions) servers(env *cli.Env) (urls string, options []nats.Option, err error) {
	text, err := env.Value(o.URL)
	if err != nil {
		return "", nil, err
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		u, err := url.Parse(part)
		if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss" {
			return "", nil, cli.Usage(fmt.Errorf("--nats: %q is not the address of a NATS server", safetext.CleanURL(part)), "write for example nats://10.0.0.5:4222")
		}
	}
	if o.Creds != "" {
		options = append(options, nats.UserCredentials(env.Path(o.Creds)))
	}
	if o.CA != "" {
		options = append(options, nats.RootCAs(env.Path(o.CA)))
	}
	for _, file := range []string{o.Creds, o.CA} {
		if file == "" {
			continue
		}
		if _, err := os.Stat(env.Path(file)); err != nil {
			return "", nil, cli.Failed(err)
		}
	}
	return text, options, nil
}

// connectTime is how long NATS has to answer at the start.
const connectTime = 30 * time.Second

// connect opens the shared store.
func (o *NATSOptions) connect(ctx context.Context, env *cli.Env, cfg cluster.Config) (*cluster.Cluster, error) {
	var err error
	if cfg.URL, cfg.Options, err = o.servers(env); err != nil {
		return nil, err
	}
	cfg.Now = env.Now
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	c, err := cluster.Connect(ctx, cfg)
	if err != nil {
		return nil, cli.Failed(err, "the servers need JetStream, and nats-server 2.15 or later")
	}
	return c, nil
}

// shared is a relay's part in a cluster.
type shared struct {
	*cluster.Cluster
	trunk   *http.Server
	address net.Listener
}

// joinShared connects to NATS and takes the address at which the other relays
// reach this one.
func joinShared(ctx context.Context, env *cli.Env, opts Options, cfg *relay.Config) (*shared, error) {
	l, err := listenTrunk(ctx, opts.Trunk)
	if err != nil {
		return nil, err
	}
	name := opts.Node
	if name == "" {
		host, err := os.Hostname()
		if err != nil || host == "" {
			host = "relay"
		}
		// What owns a name is this very process: a name of its own for each.
		id := new(ids.Generator).New(env.Now())
		name = nodeName(host) + "-" + id[len(id)-6:]
	}
	if nodeName(name) != name {
		_ = l.Close()
		return nil, cli.Usagef("--node: %q is no name: use letters, digits, - and _", safetext.Line(name))
	}
	limits, err := holdLimits(opts)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	c, err := opts.NATS.connect(ctx, env, cluster.Config{
		Node: name, Address: advertised(opts.Trunk, l), Version: build.Read().Version, Limits: limits,
		Replicas: opts.NATSReplicas, Sync: cluster.Sync(opts.NATSSync), Log: cfg.Log,
	})
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	cfg.Cluster, cfg.Node = c, name
	if cfg.Tokens == nil && !opts.Open {
		tokens, err := relay.SharedTokens(ctx, c)
		switch {
		case err != nil:
			_ = c.Close()
			_ = l.Close()
			return nil, cli.Failed(err)
		case tokens.Len() > 0 || cfg.Shared:
			cfg.Tokens = tokens
		}
		if cfg.Tokens != nil && tokens.Len() == 0 {
			env.Warn("there are no tokens yet: nobody can connect; hooks relay token create --nats URL makes one")
		}
	}
	return &shared{Cluster: c, address: l}, nil
}

// nodeName leaves of a text what can stand in a node's name.
func nodeName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, s)
}

func listenTrunk(ctx context.Context, trunk string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(trunk)
	switch {
	case err != nil || port == "":
		return nil, cli.Usage(fmt.Errorf("--trunk: %q is not HOST:PORT", safetext.Line(trunk)), "write for example 10.0.0.5:7422")
	case host == "" || host == "0.0.0.0" || host == "::":
		return nil, cli.Usagef("--trunk names the address at which the other relays reach this one: %q is every address", safetext.Line(trunk))
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", trunk)
	if err != nil {
		return nil, cli.Failed(fmt.Errorf("--trunk: %w", err))
	}
	return l, nil
}

// advertised is what the others are told: the host as it was given, since it
// may be a name, and the port that was taken.
func advertised(trunk string, l net.Listener) string {
	host, _, err := net.SplitHostPort(trunk)
	_, port, perr := net.SplitHostPort(l.Addr().String())
	if err != nil || perr != nil {
		return l.Addr().String()
	}
	return net.JoinHostPort(host, port)
}

// serve answers the other relays, and makes this one known to them.
func (s *shared) serve(ctx context.Context, srv *relay.Server, failed chan<- error) error {
	s.trunk = &http.Server{
		Handler: srv.Trunk(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 6 * time.Minute, MaxHeaderBytes: 1 << 20,
	}
	go func() {
		if err := s.trunk.Serve(s.address); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve the other relays: %w", err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if err := s.Join(ctx); err != nil {
		return cli.Failed(err)
	}
	return nil
}

// leave ends everything. What other relays had passed on has been answered.
func (s *shared) leave(env *cli.Env) {
	if s.trunk != nil {
		ctx, cancel := context.WithTimeout(context.Background(), finishTime)
		defer cancel()
		_ = s.trunk.Shutdown(ctx) // what has not finished by then is cut
		_ = s.trunk.Close()
	}
	_ = s.address.Close() // closed already, mostly
	if err := s.Close(); err != nil {
		env.Warn("what clients acknowledged last could not be written: it will be delivered again: " + err.Error())
	}
}

// holdLimits are what a name may keep.
func holdLimits(opts Options) (spool.Limits, error) {
	limits := spool.Limits{Events: opts.HoldEvents, Bytes: opts.HoldBytes, Age: opts.HoldAge, Keep: opts.Keep}
	if limits.Events < 1 || limits.Bytes < 1 || limits.Age <= 0 {
		return limits, cli.Usagef("--hold-events, --hold-bytes and --hold-age must be above zero")
	}
	return limits, nil
}
