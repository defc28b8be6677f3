// Package relay is `hooks relay`: the server that gives local ports a public
// URL, its tokens, and a look at how it stands.
package relay

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
)

// Options is the command line of `hooks relay`, parsed.
type Options struct {
	Listen    string
	PublicURL string
	Domain    string

	Tokens  string
	Open    bool
	DataDir string
	Keep    time.Duration

	NATS         NATSOptions
	NATSSync     string
	NATSReplicas int
	Node         string
	Trunk        string

	TLSCert      string
	TLSKey       string
	ACME         string
	ACMEServer   string
	InsecureHTTP bool
	TrustProxy   []string
	AllowHTML    bool

	Admin      string
	AdminGiven bool
	DrainDelay time.Duration
	DrainGiven bool
	LogFormat  string
	MaxBody    int64
	Memory     string
	HoldEvents int
	HoldBytes  int64
	HoldAge    time.Duration
}

const long = `Senders call https://RELAY/t/NAME/…, or https://NAME.DOMAIN/… with --domain, and the request goes through a websocket to the client that holds NAME: hooks tunnel on a developer's machine. The answer is the app's own, or it has the header Hooks-Error and says what went wrong.

With --data-dir the relay keeps what arrives while a client is away: it is on the disk before the sender is told 202, and is delivered in order when the client is back. --keep keeps events for a while after that, for hooks tunnel --since.

On an address that others can reach the relay wants to know who may use it: --tokens FILE, or --open for everybody. It speaks TLS with --tls-cert and --tls-key, or with --acme; behind a proxy that ends TLS, name the proxy with --trust-proxy.

With --nats several relays are one, on the servers of a NATS cluster: any takes any request and any client, behind a load balancer. --trunk is where they reach each other. hooks relay init writes what that is deployed with.

Metrics, health, readiness and the status are on an address of their own, --admin.`

// NewCmd returns the command with the commands below it.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var opts Options
	cmd := &cobra.Command{
		Use:     "relay",
		Short:   "Run a relay, the public end of tunnels",
		Long:    long,
		Example: "  $ hooks relay\n  $ hooks relay --listen 0.0.0.0:443 --public-url https://relay.example.com --acme ops@example.com --data-dir /var/lib/hooks-relay --tokens /etc/hooks/tokens.json\n  $ hooks relay token create --tokens tokens.json --label laptop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.AdminGiven, opts.DrainGiven = cmd.Flags().Changed("admin"), cmd.Flags().Changed("drain-delay")
			return run(cmd.Context(), env, opts)
		},
	}
	bind(cmd, &opts)
	cli.Streams(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "it was ended by Ctrl-C or SIGTERM and has drained"},
		cli.Exit{Status: cli.StatusError, When: "the port is taken, or a file cannot be read or written"},
	)
	cmd.AddCommand(newToken(env), newStatus(env), newInit(env))
	return cmd
}

func bind(cmd *cobra.Command, o *Options) {
	fs := cmd.Flags()
	fs.StringVar(&o.Listen, "listen", ":8080", "listen on `ADDR`; without a host this machine only")
	fs.StringVar(&o.PublicURL, "public-url", "", "the `URL` at which senders find this relay")
	fs.StringVar(&o.Domain, "domain", "", "give each tunnel the host NAME.`DOMAIN`; needs wildcard DNS")
	fs.StringVar(&o.Tokens, "tokens", "", "only clients with a token in `FILE` may connect; read again when it changes")
	fs.BoolVar(&o.Open, "open", false, "anybody may connect")
	fs.StringVar(&o.DataDir, "data-dir", "", "keep undelivered events in `DIR`; a tokens.json in it counts as --tokens")
	cli.Duration(fs, &o.Keep, "keep", 0, "keep events for `DURATION` after they were delivered, to be read again")
	o.NATS.bind(cmd)
	cli.Choice(cmd, &o.NATSSync, "nats-sync", "", "when the NATS servers sync their disks, where they do not say it themselves: always or lazy", "", "always", "lazy")
	fs.IntVar(&o.NATSReplicas, "nats-replicas", 0, "NATS servers that keep each event, `N`; 0: three, or as many as there are")
	fs.StringVar(&o.Node, "node", "", "the `NAME` of this relay among those that share a store; without it one is made up")
	fs.StringVar(&o.Trunk, "trunk", "127.0.0.1:0", "with --nats: the other relays reach this one at `HOST:PORT`, which is for nobody else")
	fs.StringVar(&o.TLSCert, "tls-cert", "", "certificate in PEM `FILE`; read again when it changes")
	fs.StringVar(&o.TLSKey, "tls-key", "", "its key in PEM `FILE`")
	fs.StringVar(&o.ACME, "acme", "", "get certificates by ACME, with `EMAIL` as the account's address; needs port 443")
	fs.StringVar(&o.ACMEServer, "acme-server", "", "the directory `URL` of another ACME authority than Let's Encrypt")
	fs.BoolVar(&o.InsecureHTTP, "insecure-http", false, "plain HTTP on an address that others can reach")
	fs.StringSliceVar(&o.TrustProxy, "trust-proxy", nil, "believe X-Forwarded-* headers from `CIDR` (repeatable)")
	fs.BoolVar(&o.AllowHTML, "allow-html", false, "show tunnels' pages to browsers on the shared host")
	fs.StringVar(&o.Admin, "admin", ":8081", "metrics, health and status on `ADDR`, or off")
	cli.Duration(fs, &o.DrainDelay, "drain-delay", 5*time.Second, "at the end, take requests for `DURATION` after saying not to be ready; on this machine alone not at all")
	cli.Choice(cmd, &o.LogFormat, "log-format", "text", "how requests are logged: text, json or off", "text", "json", "off")
	cli.Size(fs, &o.MaxBody, "max-body", 10<<20, "the largest body, `SIZE`")
	fs.StringVar(&o.Memory, "memory", "75%", "take no new clients and events when four fifths of `SIZE` are in use: a size, a share of what there is, or off")
	fs.IntVar(&o.HoldEvents, "hold-events", 1000, "events that wait for one tunnel: at most `N`")
	cli.Size(fs, &o.HoldBytes, "hold-bytes", 100<<20, "bytes that wait for one tunnel: at most `SIZE`")
	cli.Duration(fs, &o.HoldAge, "hold-age", 24*time.Hour, "events expire after `DURATION`")
}
