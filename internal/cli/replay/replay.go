// Package replay is `hooks replay`: it sends stored deliveries again and
// records the attempts under them.
package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
)

// Options is the command line, parsed.
type Options struct {
	IDs       []string // also files, and "-"
	Selection cli.Selection
	Selected  bool // a flag of Selection was given
	Last      int

	To      string
	AsIs    bool
	Resign  bool
	Secrets []string
	Set     []string
	SetNew  []string
	Headers []string

	Speed       string
	Times       int
	Concurrency int
	Diff        bool

	Timeout  time.Duration
	Insecure bool
	Yes      bool
	DryRun   bool
	Wait     time.Duration
	JUnit    string
}

const long = `ID is a delivery's id (dlv_…), an event's id, a unique beginning of either, or last. "-" reads ids or deliveries in JSON from standard input; the name of a file reads requests from it, in any form that hooks knows.

A delivery goes to --to, else where it was last forwarded or sent, else where the setting "to" says, else to http://127.0.0.1:3000 and the path that was captured. A URL without a path keeps the captured one. Headers that concern the connection are left out, and credentials are not sent to another host.

A signature is sent as it came. Where the receiver would refuse its timestamp as too old, nothing is sent until --resign or --as-is says what to do; --set signs anew by itself.`

const example = `  $ hooks replay last
  $ hooks replay last --to :4000 --resign
  $ hooks replay --last 5 --event 'render.*' --failed --to :3000`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:     "replay [ID…|FILE|-]",
		Short:   "Send captured deliveries again",
		Long:    long,
		Example: example,
		Args:    cli.Args(0, -1, "ids"),

		ValidArgsFunction: env.CompleteIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.IDs = args
			o.Selected = o.Selection.Given(cmd) || cmd.Flags().Changed("last")
			if o.Last < 1 && cmd.Flags().Changed("last") { // 0 is not all: a script may have counted none
				return cli.Usagef("--last %d is not above 0", o.Last)
			}
			if err := env.CheckRequestFormat(o.DryRun); err != nil {
				return err
			}
			if o.To == "" && cmd.Flags().Changed("to") { // a variable that is not set
				return cli.Usagef("the address to send to is empty")
			}
			if err := o.check(); err != nil {
				return err
			}
			return run(cmd.Context(), env, o)
		},
	}
	o.Selection.Bind(cmd, 0)
	o.bind(cmd)
	env.CompleteProviders(cmd, "provider")
	env.CompleteEvents(cmd, "event")
	cli.RequestFormats(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "every delivery was answered with 2xx"},
		cli.Exit{Status: cli.StatusNo, When: "one was not, or none was found"},
		cli.Exit{Status: cli.StatusError, When: "no connection could be made at all, or the store could not be read"},
	)
	return cmd
}

func (o *Options) bind(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.IntVar(&o.Last, "last", 0, "the newest `N` deliveries, oldest of them first")
	fs.StringVar(&o.To, "to", "", "send to `URL`; :8080 is this machine")
	fs.BoolVar(&o.AsIs, "as-is", false, "send an old signature as it is")
	fs.BoolVar(&o.Resign, "resign", false, "sign anew, with the time of now and the current secret")
	cli.SecretFlag(cmd, &o.Secrets)
	fs.StringArrayVar(&o.Set, "set", nil, "change a field and sign anew: `PATH=VALUE` or PATH:=JSON (repeatable)")
	fs.StringArrayVar(&o.SetNew, "set-new", nil, "change or add a field and sign anew: `PATH=VALUE` or PATH:=JSON (repeatable)")
	fs.StringArrayVarP(&o.Headers, "header", "H", nil, "send `HEADER` \"Name: value\" instead; \"Name:\" leaves one out (repeatable)")
	fs.StringVar(&o.Speed, "speed", "max", "keep the distances in time: original, `10x` for a tenth of them, max for none")
	fs.IntVar(&o.Times, "times", 1, "send each `N` times")
	fs.IntVar(&o.Concurrency, "concurrency", 0, "at most `N` at once (default 1; 64 with a --speed)")
	fs.BoolVar(&o.Diff, "diff", false, "compare with the recorded answers: fixed, regressed, same")
	cli.Duration(fs, &o.Timeout, "timeout", 0, "how long one exchange may take (default the provider's time-out)")
	cli.InsecureFlag(cmd, &o.Insecure)
	fs.BoolVar(&o.Yes, "yes", false, "send to another machine without asking")
	fs.BoolVar(&o.DryRun, "dry-run", false, "print the requests and send nothing")
	cli.Duration(fs, &o.Wait, "wait", 0, "wait until something listens there, at most so long")
	cli.JUnitFlag(cmd, &o.JUnit)
}

// check refuses what cannot be meant together.
func (o *Options) check() error {
	switch {
	case len(o.IDs) == 0 && !o.Selected:
		return cli.Usage(errors.New("no delivery is named"), "give an id, or last; --last N, --since 1h or --failed choose several", "hooks events list shows what there is")
	case len(o.IDs) > 0 && o.Selected:
		return cli.Usage(cli.ErrIDsAndFlags)
	case o.Last > 0 && o.Selection.Limit > 0 && o.Last != o.Selection.Limit:
		return cli.Usagef("--last and --limit name different numbers")
	case o.AsIs && o.Resign:
		return cli.Usagef("--as-is and --resign exclude each other")
	case o.Times < 1:
		return cli.Usagef("--times %d is not above 0", o.Times)
	case o.Concurrency < 0:
		return cli.Usagef("--concurrency %d is negative", o.Concurrency)
	}
	_, err := o.speed()
	return err
}

// resigns says whether signatures are made anew: also where a body is changed,
// unless it is to be sent as it is.
func (o *Options) resigns() bool {
	return o.Resign || !o.AsIs && len(o.Set)+len(o.SetNew) > 0
}

// speed returns how many times faster than the original deliveries follow each
// other, and 0 where they need not wait.
func (o *Options) speed() (float64, error) {
	switch o.Speed {
	case "max":
		return 0, nil
	case "original":
		return 1, nil
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(o.Speed, "x"), 64)
	if err != nil || !(n > 0 && n <= math.MaxFloat64) || !strings.HasSuffix(o.Speed, "x") {
		return 0, cli.Usage(fmt.Errorf("--speed %q is no speed", o.Speed), "write original, max, or a factor such as 10x")
	}
	return n, nil
}

// concurrency returns how many may be open at once. Where distances are kept,
// a slow answer must not hold up the next delivery.
func (o *Options) concurrency() int {
	switch {
	case o.Concurrency > 0:
		return o.Concurrency
	case o.Speed != "max":
		return 64
	}
	return 1
}
