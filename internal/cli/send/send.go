// Package send is `hooks send`: it builds an event, or takes a body, signs it
// as the provider does and delivers it.
package send

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/units"
)

// Options is the command line, parsed.
type Options struct {
	To       string // "" for the settings' or the usual address
	Events   []string
	Provider string
	Secrets  []string

	// Handshake performs the provider's handshakes instead of sending events.
	Handshake bool

	Data      string
	HasData   bool
	Set       []string
	SetNew    []string
	ID        string
	Timestamp string
	Seed      *int64
	Headers   []string

	Retry     bool
	TimeScale float64
	Timeout   time.Duration
	Insecure  bool

	Tamper    string
	Unsigned  bool
	Age       time.Duration
	Duplicate int
	Shuffle   bool
	Chunked   bool
	Slow      time.Duration
	Expect    string

	Load        bool // one of the next four was given
	Count       int
	Rate        string
	Concurrency int
	Duration    time.Duration
	Yes         bool

	DryRun  bool
	Wait    time.Duration
	Command []string
	JUnit   string
}

const long = `Without a URL the event goes where the setting "to" says, else to http://127.0.0.1:3000 and the provider's usual path. Without --provider it is the provider of the settings, else the one that sends such events; the choice is told.

The secret is the first of --secret, HOOKS_SECRET_PROVIDER, HOOKS_SECRET, hooks.yaml and hooks secrets set. Where there is none, a development secret signs what stays on this machine; hooks listen knows it, and hooks secrets get PROVIDER prints it for the app under test.

--count, --rate and --duration make it a load: each request has an id and a signature of its own, and with --rate each is meant for its own moment, so that latencies count the time that it had to wait. A load is not kept in the store.

--handshake performs what the provider does to make sure of an address, such as a challenge that has to be repeated, and says whether the app answers rightly. Where the provider tries a wrong signature too, so does this; where it hands over a secret, it is the one that later events are signed with.`

const example = `  $ hooks send --event render.completed
  $ hooks send --event render.completed --set data.metadata.width=1920 http://127.0.0.1:3000/webhooks
  $ hooks send --event render.completed --tamper body --expect-status 401`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	var seed int64
	cmd := &cobra.Command{
		Use:     "send [URL] [flags] [-- COMMAND ARG…]",
		Short:   "Sign an event as its provider does and deliver it",
		Long:    long,
		Example: example,
		Args:    cli.ArgsBeforeCommand(0, 1, "at most one URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			own, command := cli.CutCommand(cmd, args)
			changed := cmd.Flags().Changed
			if len(own) == 1 {
				if o.To != "" && o.To != own[0] {
					return cli.Usagef("two addresses are given: %s and --to %s", own[0], o.To)
				}
				o.To = own[0]
			}
			if o.To == "" && (len(own) == 1 || changed("to")) {
				return cli.Usagef("the address to send to is empty")
			}
			o.Command, o.HasData = command, changed("data")
			if changed("seed") {
				o.Seed = &seed
			}
			o.Load = changed("count") || changed("rate") || changed("duration") || changed("concurrency")
			if err := o.check(env, changed); err != nil {
				return err
			}
			if err := env.CheckRequestFormat(o.DryRun); err != nil {
				return err
			}
			return run(cmd.Context(), env, o)
		},
	}
	o.bindEvent(cmd, &seed)
	o.bindDelivery(cmd)
	o.bindFaults(cmd)
	o.bindLoad(cmd)
	env.CompleteProviders(cmd, "provider")
	env.CompleteEvents(cmd, "event")
	cli.RequestFormats(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "every event was answered with 2xx in the end, or with what --expect-status wants; with --handshake: rightly"},
		cli.Exit{Status: cli.StatusNo, When: "one was not"},
		cli.Exit{Status: cli.StatusError, When: "no connection could be made at all"},
	)
	return cmd
}

func (o *Options) bindEvent(cmd *cobra.Command, seed *int64) {
	fs := cmd.Flags()
	fs.StringArrayVarP(&o.Events, "event", "e", nil, "send a sample event of `TYPE` (repeatable, sent in order)")
	fs.StringVar(&o.Provider, "provider", "", "sign and send as provider `NAME` does")
	cli.SecretFlag(cmd, &o.Secrets)
	fs.StringVarP(&o.Data, "data", "d", "", "send `BODY` as it is: JSON, @FILE, env:NAME or - for standard input")
	fs.StringArrayVar(&o.Set, "set", nil, "change a field: `PATH=VALUE` keeps its type, PATH:=JSON does not (repeatable)")
	fs.StringArrayVar(&o.SetNew, "set-new", nil, "change or add a field: `PATH=VALUE` or PATH:=JSON (repeatable)")
	fs.StringVar(&o.ID, "id", "", "give the event the id `ID`")
	fs.StringVar(&o.Timestamp, "timestamp", "", "date and sign the event as of `TIME`: RFC 3339, Unix seconds, 1h ago as 1h")
	fs.Int64Var(seed, "seed", 0, "make the same body for the same number `N`")
	fs.StringArrayVarP(&o.Headers, "header", "H", nil, "send `HEADER` \"Name: value\" too; \"Name:\" leaves one out (repeatable)")
}

func (o *Options) bindDelivery(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&o.To, "to", "", "deliver to `URL`; :8080/path is this machine")
	fs.BoolVar(&o.Retry, "retry", false, "try again by the provider's schedule until it is accepted")
	fs.Float64Var(&o.TimeScale, "time-scale", 1, "run the schedule `N` times faster")
	cli.Duration(fs, &o.Timeout, "timeout", 0, "how long one exchange may take (default the provider's time-out)")
	cli.InsecureFlag(cmd, &o.Insecure)
	cli.Duration(fs, &o.Wait, "wait", 0, "wait until something listens there, at most so long")
	fs.StringVar(&o.Expect, "expect-status", "", "the answer that is right: `STATUS` such as 401 or 4xx, and no other")
	fs.BoolVar(&o.Handshake, "handshake", false, "perform the provider's handshakes with the endpoint and judge its answers")
	fs.BoolVar(&o.DryRun, "dry-run", false, "print the request and send nothing")
	cli.JUnitFlag(cmd, &o.JUnit)
}

func (o *Options) bindFaults(cmd *cobra.Command) {
	fs := cmd.Flags()
	cli.Choice(cmd, &o.Tamper, "tamper", "", "make the signature wrong", outgoing.Faults()...)
	fs.BoolVar(&o.Unsigned, "unsigned", false, "send no signature")
	cli.Duration(fs, &o.Age, "age", 0, "sign with a timestamp that is so old")
	fs.IntVar(&o.Duplicate, "duplicate", 0, "send each event `N` times more, with the same id")
	fs.BoolVar(&o.Shuffle, "shuffle", false, "send in another order")
	fs.BoolVar(&o.Chunked, "chunked", false, "send the body in chunks, without its length")
	cli.Duration(fs, &o.Slow, "slow", 0, "spread the body over so long a time")
}

func (o *Options) bindLoad(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.IntVar(&o.Count, "count", 1, "send `N` events, each with its own id")
	fs.StringVar(&o.Rate, "rate", "", "send `N/s`, N/m or N/h (default as fast as answers come)")
	fs.IntVar(&o.Concurrency, "concurrency", deliver.DefaultConcurrency, "at most `N` requests open at once in a load")
	cli.Duration(fs, &o.Duration, "duration", 0, "send for so long")
	fs.BoolVar(&o.Yes, "yes", false, "send a load to another machine without asking")
}

// check refuses what cannot be meant together.
func (o *Options) check(env *cli.Env, changed func(string) bool) error {
	switch {
	case o.Handshake:
		return checkHandshake(changed)
	case len(o.Events) == 0 && !o.HasData:
		return o.noEvent(env)
	case o.HasData && len(o.Events) > 1:
		return cli.Usagef("--data is one event, and --event names %d", len(o.Events))
	case o.ID != "" && (len(o.Events) > 1 || o.Load):
		return cli.Usagef("--id is the id of one event, and several are to be sent")
	case o.Unsigned && o.Tamper != "":
		return cli.Usagef("--unsigned and --tamper exclude each other: nothing is signed that could be wrong")
	case o.Unsigned && o.Age != 0:
		return cli.Usagef("--unsigned and --age exclude each other: no timestamp is signed")
	case changed("age") && changed("timestamp"):
		return cli.Usagef("--age and --timestamp exclude each other")
	case o.Duplicate < 0:
		return cli.Usagef("--duplicate %d is negative", o.Duplicate)
	case !(o.TimeScale > 0): // NaN neither
		return cli.Usagef("--time-scale %v is not above 0", o.TimeScale)
	case changed("time-scale") && !o.Retry:
		return cli.Usage(errors.New("--time-scale changes the schedule of --retry"), "add --retry")
	case changed("data") && o.Seed != nil:
		return cli.Usagef("--seed makes a sample, and --data gives the body")
	case o.Slow > 0 && o.Timeout > 0 && o.Slow >= o.Timeout:
		return cli.Usagef("a body spread over %s does not fit into the time-out of %s", units.FormatDuration(o.Slow), units.FormatDuration(o.Timeout))
	}
	return o.checkLoad(changed)
}

func (o *Options) checkLoad(changed func(string) bool) error {
	switch {
	case !o.Load:
		return nil
	case o.Count < 1:
		return cli.Usagef("--count %d is not above 0", o.Count)
	case o.Concurrency < 1:
		return cli.Usagef("--concurrency %d is not above 0", o.Concurrency)
	case !changed("count") && !changed("duration"):
		return cli.Usage(errors.New("the load has no end"), "add --count N or --duration TIME")
	case changed("duration") && o.Duration <= 0:
		return cli.Usagef("--duration %s is not above 0", units.FormatDuration(o.Duration))
	}
	for _, name := range []string{"retry", "dry-run", "duplicate", "shuffle", "seed"} {
		if changed(name) {
			return cli.Usagef("--%s is not for a load", name)
		}
	}
	if !changed("count") {
		o.Count = 0
	}
	return nil
}

// noEvent says how to name an event: the one that was taken for an address, or
// one that the provider sends.
func (o *Options) noEvent(env *cli.Env) error {
	event := "render.completed"
	if catalogue, err := env.Workspace().Catalogue(); err == nil {
		if len(catalogue.IDsForEvent(o.To)) > 0 {
			return cli.Usage(outgoing.ErrNoEvent, "try: hooks send --event "+httptext.Word(o.To))
		}
		if p, err := catalogue.Get(o.Provider); err == nil && len(p.Events) > 0 {
			event = p.Events[0].Type
		}
	}
	return cli.Usage(outgoing.ErrNoEvent,
		"give --event TYPE, for example --event "+httptext.Word(event)+", or a body with --data",
		"hooks providers list shows whose events there are")
}
