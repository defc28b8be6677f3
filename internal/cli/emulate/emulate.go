// Package emulate is `hooks emulate`: providers on this machine, their APIs,
// their signed deliveries and their retries.
package emulate

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
)

// Options is the command line, parsed.
type Options struct {
	Providers []string
	Listen    string
	PublicURL string
	DataDir   string

	Endpoints []string // each URL or PROVIDER=URL
	Secrets   []string
	APIKey    string
	RateLimit string

	TimeScale   float64
	Timeout     time.Duration
	Concurrency int
	AllowHosts  []string
	Insecure    bool

	Duplicate int
	Drop      string
	Delay     time.Duration
	Jitter    time.Duration
}

const long = `An app under test talks to a provider's API and gets its webhooks. Both are here, offline: register an endpoint, cause an event, see the signed delivery, its retries and its log.

The paths are those of the providers' documentation, and no two share one:

  generic    POST /v1/webhooks, POST /v1/webhooks/ID/test,
             GET /v1/webhooks/ID/deliveries
  sketchpen  POST and GET /api/v1/callbacks, DELETE /api/v1/callbacks/ID,
             with X-Api-Key
  canvelete  POST /v1/render/design/ID with Authorization: Bearer; then
             render.completed, and downloadUrl answers with an image. A design
             with "fail" in its id fails, one with "missing" is not found

What the documentation does not have, such as GET, PATCH and DELETE of a generic webhook, is answered with the header Hooks-Extension. Any key is taken that is not empty, unless --api-key is given.

Every other event of every provider is caused through the control API, in JSON with Content-Type: application/json:

  POST /_hooks/endpoints   {"provider": "loopcanvas", "url": "http://…",
                           "events": ["render.*"], "secret": "…"}
  GET  /_hooks/endpoints   ?provider=; GET, PATCH and DELETE …/ID
  POST /_hooks/endpoints/ID/rotate   {"keep_old": "24h"}
  POST /_hooks/events      {"provider": "loopcanvas", "type": "canvas.completed",
                           "id": "…", "set": {"data.status": "done"}}
                           "body": the payload itself; "endpoints": [ID, …]
                           "events": [{"type": …, "after": "5s"}, …] in order
                           "flow": "render" for loopcanvas; "shuffle": true
                           "faults": {"duplicate": 1, "drop": true,
                           "delay": "10s", "jitter": "2s"}
  GET  /_hooks/deliveries  ?status=pending|delivered|failed|dropped|canceled
                           &endpoint= &provider= &event=PATTERN &event_id=
                           &limit= &before=; GET …/ID has the request
  POST /_hooks/deliveries/ID/replay  one more attempt, now
  POST /_hooks/clock       {"advance": "2h"}, answered when every attempt that
                           came due on the way has been made
  GET  /_hooks/health      what is served

Deliveries follow the schedule, the time-out and the rules of their provider. --time-scale runs the schedules faster, and the clock can be put forward: two hours of retries take no longer than their attempts. Faults on purpose can be set for all deliveries by flags, or for one event.

Without --data-dir everything is gone at the end. With it, endpoints and what is owed are on disk before an answer says so; whoever starts there again goes on, also after a crash, and nothing is lost. Deliveries are kept for 30 days.

An endpoint of --endpoint is signed for with --secret or what hooks secrets has for the provider, as by hooks send. For one that is registered at /_hooks/endpoints without a secret it is the development secret, where the provider has no other and the endpoint is on this machine, else a new one, which the answer tells.

Deliveries go to the internet and, while the emulator listens on this machine only, to this machine. --allow-hosts says otherwise: names, addresses, networks, loopback, public, and nothing else. Redirects are not followed. Where others can reach the emulator, its control API needs a key, which is told at the start: that of --api-key, else a new one. In a container, write --listen 0.0.0.0:4000 --public-url http://NAME:4000 --allow-hosts APP.

hooks events --store DIR/deliveries.db shows what was delivered, with all attempts.`

const example = `  $ hooks emulate
  $ hooks emulate canvelete --listen :4000 --time-scale 60 --endpoint http://127.0.0.1:3000/webhooks/canvelete
  $ hooks emulate generic sketchpen --data-dir ./emulated --rate-limit 10/s --duplicate 1`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:     "emulate [PROVIDER…]",
		Short:   "Be a provider on this machine: its API, its deliveries, its retries",
		Long:    long,
		Example: example,
		Args:    cli.Args(0, -1, "providers"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Providers = args
			if err := o.check(); err != nil {
				return err
			}
			return run(cmd.Context(), env, o)
		},
	}
	o.bind(cmd)
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		catalogue, err := env.Workspace().Catalogue()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return catalogue.IDs(), cobra.ShellCompDirectiveNoFileComp
	}
	cli.Streams(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "it was ended by Ctrl-C or SIGTERM, after what was in flight"},
		cli.Exit{Status: cli.StatusError, When: "the port is taken, or the data directory cannot be used"},
		cli.Exit{Status: cli.Interrupt, When: "it was ended by a second Ctrl-C"},
	)
	return cmd
}

func (o *Options) bind(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&o.Listen, "listen", ":4000", "listen on `ADDR`; without a host this machine only")
	fs.StringVar(&o.PublicURL, "public-url", "", "the `URL` by which apps call the emulator, where that is another")
	fs.StringVar(&o.DataDir, "data-dir", "", "keep endpoints and backlog in `DIR` (default a folder that is removed at the end)")
	fs.StringArrayVar(&o.Endpoints, "endpoint", nil, "register `URL`, or PROVIDER=URL, for all events (repeatable)")
	cli.SecretFlag(cmd, &o.Secrets)
	fs.StringVar(&o.APIKey, "api-key", "", "the APIs take only `KEY`: env:NAME, @FILE, -, or the text (default any)")
	fs.StringVar(&o.RateLimit, "rate-limit", "", "each API takes only `N/s`, N/m or N/h and answers the rest with 429")
	fs.Float64Var(&o.TimeScale, "time-scale", 1, "run the schedules `N` times faster")
	cli.Duration(fs, &o.Timeout, "timeout", 0, "how long one attempt may take (default the provider's time-out)")
	fs.IntVar(&o.Concurrency, "concurrency", 4, "at most `N` attempts at once to one endpoint")
	fs.StringSliceVar(&o.AllowHosts, "allow-hosts", nil, "deliver only to `HOST|CIDR`, loopback or public (repeatable)")
	cli.InsecureFlag(cmd, &o.Insecure)
	fs.IntVar(&o.Duplicate, "duplicate", 0, "make each delivery `N` times more, with the same event id")
	fs.StringVar(&o.Drop, "drop", "", "lose so many deliveries: `PERCENT`, such as 10%")
	cli.Duration(fs, &o.Delay, "delay", 0, "put each delivery off by `DURATION`")
	cli.Duration(fs, &o.Jitter, "jitter", 0, "and by up to `DURATION` more, by chance, so that they arrive out of order")
}

// check refuses what cannot be meant.
func (o *Options) check() error {
	switch {
	case !(o.TimeScale > 0 && o.TimeScale <= 1e6):
		return cli.Usagef("--time-scale %v is not above 0, or beyond a million", o.TimeScale)
	case o.Duplicate < 0 || o.Duplicate > 100:
		return cli.Usagef("--duplicate %d is not from 0 to 100", o.Duplicate)
	case o.Concurrency < 1 || o.Concurrency > 64:
		return cli.Usagef("--concurrency %d is not from 1 to 64", o.Concurrency)
	}
	return nil
}
