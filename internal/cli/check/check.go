// Package check is `hooks check`: it tests a webhook handler.
package check

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/check/sender"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/spelling"
)

// Options is the command line, parsed.
type Options struct {
	To       string // "" for the settings' or the usual address
	Provider string
	Secrets  []string
	Headers  []string

	Only    []string
	Skip    []string
	List    bool
	Serial  bool
	Timeout time.Duration

	Probe    string
	ProbeURL string

	Insecure bool
	Yes      bool
	Wait     time.Duration
	Command  []string

	Sender    bool // the sender is checked, not a handler
	Listen    string
	Trigger   string
	Attempts  int
	TimeScale float64

	JUnit  string
	SARIF  string
	TAP    string
	GitHub bool
}

const long = `Sends the endpoint what a provider sends, and what somebody sends who only pretends to be one, and judges it by its answers: does it accept every genuine delivery, refuse every forged one, and stay up?

For each case it tells what was sent, what was expected, what came, why it matters in production and what to change. The samples are signed with the secret that hooks send finds; the app must have the same. A case that does not apply to the provider's scheme is skipped, with the reason. Where even the first valid sample is refused, nothing that is refused after it counts as proof.

--sender checks the other side: it opens an endpoint, asks for events, answers them with failures, a redirect, 410 or nothing at all, and judges what the sender does then by the provider's definition.

Cases that cannot hurt run at the same time; after each one that may bring the app down a valid sample shows whether it is still there. With a command behind "--" the app is started, and started again if a request has brought it down.`

const example = `  $ hooks check http://127.0.0.1:3000/webhooks --provider canvelete --secret env:CANVELETE_SECRET
  $ hooks check :3000/webhook --provider github --only 'rejects-*' --json
  $ hooks check --sender --provider canvelete --trigger 'hooks send --event render.completed --retry --time-scale 600 $HOOKS_URL' --time-scale 600`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:     "check [URL] [flags] [-- COMMAND ARG…]",
		Short:   "Test a webhook handler with good and forged deliveries",
		Long:    long,
		Example: example,
		Args:    cli.ArgsBeforeCommand(0, 1, "at most one URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			own, command := cli.CutCommand(cmd, args)
			if len(own) == 1 {
				o.To = own[0]
			}
			o.Command = command
			if err := o.check(cmd.Flags().Changed); err != nil {
				return err
			}
			return run(cmd.Context(), env, o)
		},
	}
	o.bind(cmd)
	env.CompleteProviders(cmd, "provider")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "no required case failed"},
		cli.Exit{Status: cli.StatusNo, When: "one did"},
		cli.Exit{Status: cli.StatusError, When: "the endpoint cannot be reached, nothing was sent to that of --sender, or a report cannot be written"},
	)
	return cmd
}

func (o *Options) bind(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&o.Provider, "provider", "", "send what provider `NAME` sends")
	cli.SecretFlag(cmd, &o.Secrets)
	fs.StringArrayVarP(&o.Headers, "header", "H", nil, "send `HEADER` \"Name: value\" with each request (repeatable)")
	fs.StringSliceVar(&o.Only, "only", nil, "run only case `ID`; rejects-* means all that begin so (repeatable)")
	fs.StringSliceVar(&o.Skip, "skip", nil, "leave out case `ID` (repeatable)")
	fs.BoolVar(&o.List, "list", false, "list the cases and send nothing")
	fs.BoolVar(&o.Serial, "serial", false, "send one request at a time")
	cli.Duration(fs, &o.Timeout, "timeout", 0, "how long one exchange may take (default 10s, or what the provider gives an app that needs longer)")
	fs.StringVar(&o.Probe, "probe", "", "count the effects of deliveries with `COMMAND`, which prints a number")
	fs.StringVar(&o.ProbeURL, "probe-url", "", "count the effects of deliveries by `URL`, which answers a number")
	cli.InsecureFlag(cmd, &o.Insecure)
	fs.BoolVar(&o.Yes, "yes", false, "check another machine without asking")
	cli.Duration(fs, &o.Wait, "wait", 0, "wait until something listens there, at most so long")
	cli.JUnitFlag(cmd, &o.JUnit)
	fs.StringVar(&o.SARIF, "sarif", "", "write a SARIF report to `FILE`")
	fs.StringVar(&o.TAP, "tap", "", "write a TAP report to `FILE`")
	fs.BoolVar(&o.GitHub, "github", false, "print annotations for GitHub Actions as well")
	fs.BoolVar(&o.Sender, "sender", false, "open an endpoint and check whoever delivers there")
	fs.StringVar(&o.Listen, "listen", ":0", "with --sender: listen at `ADDR`")
	fs.StringVar(&o.Trigger, "trigger", "", "with --sender: run `COMMAND` to have an event sent to $HOOKS_URL")
	fs.IntVar(&o.Attempts, "attempts", 3, "with --sender: watch `N` attempts of an event")
	fs.Float64Var(&o.TimeScale, "time-scale", 1, "with --sender: it runs its schedule `N` times faster")
	for _, name := range []string{"only", "skip"} {
		cli.CompleteFlagFunc(cmd, name, func(string) []string { return o.ids() })
	}
}

// cases lists what there is to check.
func (o *Options) cases() []check.Case {
	if o.Sender {
		return sender.Cases()
	}
	return check.Cases()
}

func (o *Options) ids() []string {
	var ids []string
	for _, c := range o.cases() {
		ids = append(ids, c.ID)
	}
	return ids
}

// check refuses what cannot be meant.
func (o *Options) check(changed func(string) bool) error {
	if err := o.checkSender(changed); err != nil {
		return err
	}
	if o.Probe != "" && o.ProbeURL != "" {
		return cli.Usagef("--probe and --probe-url exclude each other: one thing counts")
	}
	for _, pattern := range slices.Concat(o.Only, o.Skip) {
		if err := o.known(pattern); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(o.ids(), o.selected) {
		return cli.Usagef("--only and --skip leave no case to run")
	}
	return nil
}

// known says whether a pattern means any case.
func (o *Options) known(pattern string) error {
	ids := o.ids()
	if slices.ContainsFunc(ids, func(id string) bool { return matches(pattern, id) }) {
		return nil
	}
	err := cli.Usagef("there is no case %q", pattern)
	if near := spelling.Nearest(pattern, ids); near != "" {
		return cli.WithHints(err, "did you mean "+near+"?")
	}
	if o.Sender {
		return cli.WithHints(err, "hooks check --sender --list shows them")
	}
	return cli.WithHints(err, "hooks check --list shows them")
}

func matches(pattern, id string) bool {
	ok, err := path.Match(strings.ToLower(pattern), id)
	return err == nil && ok
}

// selected says whether a case is to be run.
func (o *Options) selected(id string) bool {
	in := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool { return matches(p, id) })
	}
	return (len(o.Only) == 0 || in(o.Only)) && !in(o.Skip)
}
