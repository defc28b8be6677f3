// Package test is `hooks test`: it runs scenarios against an app.
package test

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
)

// Options is the command line, parsed.
type Options struct {
	Files   []string
	Only    []string
	Vars    []string
	To      string
	Secrets []string

	Listen    string
	HasListen bool
	Timeout   time.Duration
	Wait      time.Duration
	Insecure  bool
	Yes       bool
	Command   []string
	JUnit     string
	Init      bool
}

const long = `A scenario is a YAML file: events to send, with what the app has to answer, and events to wait for that the app has to send itself because of them. Later steps can use what came in earlier ones. hooks help scenarios explains every word of it, and hooks test --init writes a first one.

Every mistake in a file is told with its line and column before anything is sent. A scenario ends with its first step that fails; the other scenarios are run all the same.

The command behind "--" is started first and stopped at the end; nothing is sent before it listens at the address of the first step. Where a scenario waits for events of the app, hooks captures at --listen, and HOOKS_URL tells the command where.`

const example = `  $ hooks test --init scenario.yaml
  $ hooks test scenario.yaml
  $ hooks test scenarios/*.yaml --only 'A render*' --junit report.xml -- npm start`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:     "test FILE… [flags] [-- COMMAND ARG…]",
		Short:   "Run scenarios against an app",
		Long:    long,
		Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			own, _ := cli.CutCommand(cmd, args)
			least, what := 1, "one or more files with scenarios; --init writes a first one"
			if o.Init {
				least, what = 0, "the file to write"
			}
			return cli.Args(least, -1, what)(cmd, own)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files, o.Command = cli.CutCommand(cmd, args)
			o.HasListen = cmd.Flags().Changed("listen")
			if o.Init && (len(o.Files) > 1 || len(o.Command) > 0) {
				return cli.Usage(errors.New("--init writes one file and runs nothing"), "hooks test --init scenario.yaml")
			}
			return run(cmd.Context(), env, o)
		},
	}
	fs := cmd.Flags()
	fs.StringArrayVar(&o.Only, "only", nil, "run only the scenarios called `NAME`, in which * stands for anything (repeatable)")
	fs.StringArrayVar(&o.Vars, "var", nil, "give a variable of the scenarios another value: `NAME=VALUE` (repeatable)")
	fs.StringVar(&o.To, "to", "", "deliver to `URL`, whatever the scenarios say")
	cli.SecretFlag(cmd, &o.Secrets)
	fs.StringVar(&o.Listen, "listen", ":0", "capture what the app sends at `ADDRESS`")
	cli.Duration(fs, &o.Timeout, "timeout", 0, "how long an answer may take (default the provider's time-out)")
	cli.Duration(fs, &o.Wait, "wait", 0, "wait until something listens there, at most so long")
	cli.InsecureFlag(cmd, &o.Insecure)
	fs.BoolVar(&o.Yes, "yes", false, "send to another machine without asking")
	cli.JUnitFlag(cmd, &o.JUnit)
	fs.BoolVar(&o.Init, "init", false, "write a first scenario, by default to scenario.yaml")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "every scenario passed"},
		cli.Exit{Status: cli.StatusNo, When: "one failed"},
		cli.Exit{Status: cli.StatusError, When: "no connection could be made at all, or a file could not be read"},
	)
	return cmd
}
