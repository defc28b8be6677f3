// Package expect is `hooks expect`: it waits for captures in a test or a CI
// job.
package expect

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
)

// Options is the command line, parsed.
type Options struct {
	Pattern  string
	Provider string
	Filter   string
	Where    []string
	Verified bool

	Count   int // so many at least
	Exactly int // so many and no more; negative: Count holds
	Timeout time.Duration

	Since string
	After string

	Listen  string // "" waits for the captures of a listener that runs
	Secrets []string
	Command []string
	JUnit   string
}

const long = `Waits until captures have come that match PATTERN, prints them, and ends with 0 as soon as there are enough of them. At the time-out it ends with 1 and tells what came instead, and why each was not meant.

It looks at what listeners that run have captured into the store since the first of them began, so nothing is missed between a request and the wait for its effect. The same capture counts again the next time: --after ID goes on behind one. --since and --after may reach back further.

With --listen it captures by itself, at that address, and only those captures count. The command behind "--" is started once captures can come, with HOOKS_URL in its environment, and stopped at the end.

--exactly N and --absent are certain only when the time is over: they wait for all of --timeout, unless one too many comes.

PATTERN is an event type with *, a provider, or provider:type; a comma means or. See hooks help patterns.`

const example = `  $ hooks expect render.completed
  $ hooks expect render.completed --where data.designId=design_abc123 --verified --timeout 10s --json
  $ hooks expect render.completed --listen :4000 -- npm run render`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	var absent bool
	cmd := &cobra.Command{
		Use:     "expect PATTERN [flags] [-- COMMAND ARG…]",
		Short:   "Wait for events in a test or CI job",
		Long:    long,
		Example: example,
		Args:    cli.ArgsBeforeCommand(1, 1, "a pattern, in which a comma means or"),
		RunE: func(cmd *cobra.Command, args []string) error {
			own, command := cli.CutCommand(cmd, args)
			o.Pattern, o.Command = own[0], command
			changed := cmd.Flags().Changed
			if !changed("exactly") {
				o.Exactly = -1
			}
			if err := o.check(changed); err != nil {
				return err
			}
			if absent {
				o.Exactly = 0
			}
			return run(cmd.Context(), env, o)
		},
	}
	o.bind(cmd, &absent)
	env.CompleteProviders(cmd, "provider")
	cmd.ValidArgsFunction = env.CompleteTypes
	cli.Streams(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "what is expected came, or did not come with --absent"},
		cli.Exit{Status: cli.StatusNo, When: "it did not by the time-out, or too much came"},
		cli.Exit{Status: cli.StatusError, When: "no listener runs, the one that ran has ended, or the command behind -- failed"},
	)
	return cmd
}

func (o *Options) bind(cmd *cobra.Command, absent *bool) {
	fs := cmd.Flags()
	fs.IntVar(&o.Count, "count", 1, "wait for `N` of them")
	fs.IntVar(&o.Exactly, "exactly", 0, "wait to the end, and want `N` of them and no more")
	fs.BoolVar(absent, "absent", false, "wait to the end, and want none")
	fs.StringVar(&o.Provider, "provider", "", "only those of provider `NAME`; with --listen all are taken to be from it")
	fs.StringVar(&o.Filter, "filter", "", "only those for which the jq expression `JQ` is true")
	fs.StringArrayVar(&o.Where, "where", nil, "only those where `PATH=VALUE` holds (repeatable)")
	fs.BoolVar(&o.Verified, "verified", false, "only those with a valid signature")
	cli.Duration(fs, &o.Timeout, "timeout", 30*time.Second, "how long to wait; 0 only looks at what is there")
	fs.StringVar(&o.Since, "since", "", "count what was captured since `TIME` too, such as 5m")
	fs.StringVar(&o.After, "after", "", "count only what was captured after delivery `ID`")
	fs.StringVar(&o.Listen, "listen", "", "capture at `ADDRESS` and count only that; :0 is any free port")
	cli.SecretFlag(cmd, &o.Secrets)
	cli.JUnitFlag(cmd, &o.JUnit)
}

// check refuses what cannot be meant together.
func (o *Options) check(changed func(string) bool) error {
	switch {
	case changed("count") && o.Count < 1:
		return cli.Usage(errors.New("--count is not above 0"), "--absent expects none")
	case changed("exactly") && o.Exactly < 0:
		return cli.Usagef("--exactly %d is negative", o.Exactly)
	case o.Timeout < 0:
		return cli.Usagef("--timeout is negative")
	case changed("since") && changed("after"):
		return cli.Usagef("--since and --after exclude each other")
	case changed("listen") && (changed("since") || changed("after")):
		return cli.Usagef("--since and --after choose among the captures of a listener that runs; with --listen all captures are new")
	case changed("listen") && o.Listen == "":
		return cli.Usage(errors.New("the address of --listen is empty"), "any free port: --listen :0")
	case changed("secret") && !changed("listen"):
		return cli.Usage(errors.New("--secret is for captures of this command's own; a listener that runs has judged already"), "give it to hooks listen")
	}
	given := ""
	for _, name := range []string{"count", "exactly", "absent"} {
		if !changed(name) {
			continue
		}
		if given != "" {
			return cli.Usagef("--%s and --%s exclude each other", given, name)
		}
		given = name
	}
	return nil
}
