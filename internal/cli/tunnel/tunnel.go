// Package tunnel is `hooks tunnel`: a public URL for a local port through a
// relay.
package tunnel

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
)

// Options is the command line, parsed.
type Options struct {
	Target string

	Relay cli.Relay
	Mode  string
	Since string

	Parallel     int
	AcceptStatus int
	Retry        bool
	SkipPoison   bool
	NoRetry      bool
	VerifiedOnly bool
	HostHeader   string
	Insecure     bool

	Provider string
	Secrets  []string
	Print    string
	QR       bool
}

const long = `TARGET is a port of this machine, or a URL. With a path in it only that path is exposed. The tunnel connects to that address and to nothing else, whatever the relay or a sender says.

Requests are passed on as they come and the app's answer goes back, whatever the verdict on the signature, which is only shown. Each delivery is kept in the store like one that hooks listen captured: hooks events and hooks replay work on it.

Where the relay has a store (hooks relay --data-dir), what arrives while the tunnel is away is delivered when it is back, in order. An event counts as delivered when it is in the store here and the app's answer is recorded.

The name of a tunnel, and so its URL, is the same the next time the same target is exposed through the same relay.`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var opts Options
	cmd := &cobra.Command{
		Use:     "tunnel TARGET",
		Short:   "Give a local port a public URL through a relay",
		Long:    long,
		Example: "  $ hooks tunnel 3000 --relay http://127.0.0.1:8080\n  $ hooks tunnel localhost:3000/webhooks --relay https://relay.example.com --token env:RELAY_TOKEN --name my-app\n  $ hooks tunnel 3000 --verified-only --json",
		Args:    cli.Args(1, 1, "a target: a port of this machine or a URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Target = args[0]
			return run(cmd.Context(), env, opts)
		},
	}
	bind(cmd, &opts)
	cli.Streams(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "it was ended by Ctrl-C or SIGTERM, and what was under way has finished"},
		cli.Exit{Status: cli.StatusError, When: "the relay refused, another client took the name, or with --no-retry the connection was lost"},
	)
	return cmd
}

func bind(cmd *cobra.Command, o *Options) {
	fs := cmd.Flags()
	o.Relay.Bind(cmd)
	cli.Choice(cmd, &o.Mode, "mode", "auto", "auto: pass on, or keep while away; queue: keep everything, then deliver; live: keep nothing", "auto", "queue", "live")
	fs.StringVar(&o.Since, "since", "", "read again what arrived since `TIME`, as far as the relay keeps it (hooks relay --keep)")
	fs.IntVar(&o.Parallel, "parallel", 1, "deliver `N` kept events at a time; above 1 they overtake each other")
	fs.IntVar(&o.AcceptStatus, "accept-status", 202, "what senders are told of a kept event: `STATUS` 200, 202 or 204")
	fs.BoolVar(&o.Retry, "retry", false, "deliver kept events again until the app answers with 2xx")
	fs.BoolVar(&o.SkipPoison, "skip-poison", false, "with --retry: an event that the app refuses ten times goes behind the others, which it holds up otherwise")
	fs.BoolVar(&o.NoRetry, "no-retry", false, "end when the connection is lost, instead of connecting again")
	fs.BoolVar(&o.VerifiedOnly, "verified-only", false, "answer 401 to what is not verified, and keep it from the app")
	cli.Choice(cmd, &o.HostHeader, "host-header", "rewrite", "the Host that the app sees: its own, or the one that the sender called", "rewrite", "preserve")
	cli.InsecureFlag(cmd, &o.Insecure)
	fs.StringVar(&o.Provider, "provider", "", "take everything to be from provider `NAME`")
	cli.SecretFlag(cmd, &o.Secrets)
	cli.Choice(cmd, &o.Print, "print", "line", "how deliveries are shown: full, line or none", "full", "line", "none")
	fs.BoolVar(&o.QR, "qr", false, "show the URL as a QR code")
}
