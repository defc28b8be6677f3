// Package listen is `hooks listen`: it captures what is delivered, verifies it,
// shows it, forwards it and answers.
package listen

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
)

// Options is the command line, parsed.
type Options struct {
	Address  string // "" for that of the settings
	Provider string
	Secrets  []string

	Tolerance string // "" for that of the settings or the provider

	Forward      []string // each URL or PATTERN=URL
	HasForward   bool
	HostHeader   string
	ForwardRetry bool
	Insecure     bool

	Events string
	Filter string
	Where  []string

	AcceptInvalid bool
	Respond       string
	Body          string
	HasBody       bool
	Delay         time.Duration

	Tunnel bool
	Relay  cli.Relay

	Print      string
	MaxBody    int64
	Keep       []string
	Durability string
}

const long = `Any path and method is captured. The provider is recognised by its headers, all its secrets are tried, and what verifies or cannot be judged is answered with 200, the rest with 401 and the reason. A capture is on disk before anything is answered or forwarded.

":3000" and "3000" are this machine only; other machines reach "0.0.0.0:3000". GET /_hooks/health is answered and not captured.

Where a provider has no secret of its own, the development secret counts: hooks send signs with it, and hooks secrets get PROVIDER prints it for the app under test. hooks secrets set PROVIDER keeps the real one.

Handshakes, by which a provider makes sure of an address, are answered; those that are answered with a signature need a secret of the provider's own. A secret that comes with one, as from Asana and Notion, is kept as the provider's if it has none yet, and masked in the capture. What has to be opened to finish, as for Amazon SNS, is shown and left to you.

With --forward-to the app's answer goes back to the sender: of several apps the first that is not 2xx, else the first. A path in the URL replaces that of the request. --forward-retry answers 202 at once and redelivers by the provider's schedule until the app takes it, also after a restart.

--respond rehearses failure: 503; 500x3,200 is three times 500, then 200; 503x10m,200 is 503 for ten minutes. It is counted for each event apart.`

const example = `  $ hooks listen :3000
  $ hooks listen :3000 -f http://127.0.0.1:8080 --events 'render.*'
  $ hooks listen :3000 --provider canvelete --secret env:CANVELETE_SECRET --respond 500x3,200`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:     "listen [ADDRESS]",
		Short:   "Capture, verify, show, forward and answer webhooks",
		Long:    long,
		Example: example,
		Args:    cli.Args(0, 1, "at most one address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Address = args[0]
			}
			changed := cmd.Flags().Changed
			o.HasForward, o.HasBody = changed("forward-to"), changed("respond-body")
			if err := o.check(changed); err != nil {
				return err
			}
			return run(cmd.Context(), env, o)
		},
	}
	o.bind(cmd)
	env.CompleteProviders(cmd, "provider")
	env.CompleteEvents(cmd, "events")
	cli.Streams(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "it was ended by Ctrl-C or SIGTERM, after what was in flight"},
		cli.Exit{Status: cli.StatusError, When: "the port is taken, or the store cannot be opened"},
		cli.Exit{Status: cli.Interrupt, When: "it was ended by a second Ctrl-C"},
	)
	return cmd
}

func (o *Options) bind(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&o.Provider, "provider", "", "take every delivery to be from provider `NAME`")
	cli.SecretFlag(cmd, &o.Secrets)
	fs.StringVar(&o.Tolerance, "tolerance", "", "how old a signed timestamp may be: `DURATION`, or off (default the provider's)")
	fs.StringArrayVarP(&o.Forward, "forward-to", "f", nil, "hand deliveries to `URL`, or to PATTERN=URL those that match (repeatable)")
	cli.Choice(cmd, &o.HostHeader, "host-header", "rewrite", "the Host that the app gets: its own, or the one that was called", "rewrite", "preserve")
	fs.BoolVar(&o.ForwardRetry, "forward-retry", false, "answer 202 and redeliver until the app takes it")
	cli.InsecureFlag(cmd, &o.Insecure)
	fs.StringVarP(&o.Events, "events", "e", "", "show and forward only events that match `PATTERN`, such as render.*")
	fs.StringVar(&o.Filter, "filter", "", "show and forward only payloads for which the jq expression `JQ` is true")
	fs.StringArrayVar(&o.Where, "where", nil, "show and forward only payloads where `PATH=VALUE` holds (repeatable)")
	fs.BoolVar(&o.AcceptInvalid, "accept-invalid", false, "answer and forward invalid deliveries as others")
	fs.StringVar(&o.Respond, "respond", "", "answer with `STATUS`: 503, 500x3,200 or 503x10m,200")
	fs.StringVar(&o.Body, "respond-body", "", "answer with `BODY`: text, @FILE, env:NAME or -")
	cli.Duration(fs, &o.Delay, "delay", 0, "wait before each answer")
	fs.BoolVar(&o.Tunnel, "tunnel", false, "give the listener a public URL through a relay")
	o.Relay.Bind(cmd)
	cli.Choice(cmd, &o.Print, "print", "", "how deliveries are shown (default full on a terminal, else line)", "full", "line", "none")
	cli.Size(fs, &o.MaxBody, "max-body", 0, "the largest body that is taken (default 25 MiB)")
	fs.StringArrayVar(&o.Keep, "keep", nil, "keep captures so long, so many or so much: `30d|10000|1GiB` (repeatable)")
	cli.Choice(cmd, &o.Durability, "durability", "full", "relaxed lets a power failure take the newest captures, for load tests", "full", "relaxed")
}

// check refuses what cannot be meant together.
func (o *Options) check(changed func(string) bool) error {
	switch {
	case !o.Tunnel && (changed("relay") || changed("token") || changed("name") || changed("share") || changed("seal")):
		return cli.Usage(errors.New("--relay, --token, --name, --share and --seal belong to a tunnel"), "add --tunnel")
	case changed("max-body") && o.MaxBody < 1:
		return cli.Usagef("--max-body is nothing: no body would be taken")
	case o.HasBody && o.HasForward && o.Respond == "":
		return cli.Usage(errors.New("--respond-body is not used where the app's answer goes back to the sender"),
			"add --respond 200 to answer in the app's place")
	}
	return nil
}
