// Package root is the command tree: it puts the commands together, gives them
// their help and their shared flags, prints how they failed and says what the
// program exits with. Only root handles signals and prints errors.
package root

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/version"
)

// Main runs the program with the arguments of env and returns what it exits
// with. The first Ctrl-C or SIGTERM cancels the context of the command, which
// then finishes what it has begun; the second one exits at once.
func Main(env *cli.Env) int {
	r := &runner{env: env, signals: true}
	return r.main(context.Background())
}

// Run is Main without the signals, for tests.
func Run(ctx context.Context, env *cli.Env) int {
	r := &runner{env: env}
	return r.main(ctx)
}

func (r *runner) main(ctx context.Context) int {
	r.only = firstWord(r.env.Args)
	cmd := r.tree()
	cmd.SetArgs(append([]string{}, r.env.Args...)) // never nil: cobra would read os.Args
	err := strangeWord(cmd, r.env.Args)
	if err == nil {
		err = cmd.ExecuteContext(ctx)
	}
	if err == nil {
		return int(cli.OK)
	}
	var own *cli.Error
	switch {
	case (r.interrupted || ctx.Err() != nil) && cli.StatusOf(err) == cli.StatusError:
		err = cli.Interrupted()
	case !errors.As(err, &own) && !r.running:
		err = cli.Usage(err) // cobra's own checks of the command line
	}
	if !r.running && asksForJSON(r.env.Args) {
		r.env.Global.JSON = true // the mistake stood before the flag
	}
	r.env.PrintError(err)
	return int(cli.StatusOf(err))
}

// asksForJSON says whether a flag in args makes the output JSON, for a command
// line that could not be read to its end.
func asksForJSON(args []string) bool {
	for i, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		if !given && i+1 < len(args) {
			value = args[i+1]
		}
		switch name {
		case "--":
			return false
		case "--json":
			return !given || value != "false"
		case "--jq":
			return true
		case "--format":
			return value == "json"
		}
	}
	return false
}

// heed makes the context of cmd end with the first Ctrl-C or SIGTERM, and the
// process with the second, until done is called. A command that is over in a
// moment goes without: what it takes to wait for signals would be a part of its
// time, and a signal ends it anyway.
func (r *runner) heed(cmd *cobra.Command) (done func()) {
	if !r.signals || cli.IsQuick(cmd) {
		return func() {}
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	cmd.SetContext(ctx)
	over := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-over:
		case <-ctx.Done():
			r.exitOnSecond(over)
		}
	})
	return func() {
		close(over)
		watch.Wait()
		r.interrupted = ctx.Err() != nil
		stop()
	}
}

func (r *runner) exitOnSecond(over <-chan struct{}) {
	again, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	select {
	case <-over:
	case <-again.Done():
		r.env.Exit(int(cli.Interrupt))
	}
}

// New returns the command tree, for what reads it: completions, man pages,
// tests of its rules.
func New(env *cli.Env) *cobra.Command { return (&runner{env: env}).tree() }

// runner is one run of the program.
type runner struct {
	env     *cli.Env
	signals bool             // are heeded
	only    string           // the one command to make, "" for all
	order   []*cobra.Command // as commands lists them; cobra sorts by name

	running     bool // the command line could be read
	interrupted bool // by a signal, while the command ran
}

// firstWord is the command that the arguments begin with, if one does: then it
// is the only one that is needed. Everything else (flags first, help, a wrong
// word, completions) may need all of them.
func firstWord(args []string) string {
	if len(args) == 0 {
		return ""
	}
	found := ""
	commands(nil, func(_, name string, _ func() *cobra.Command) {
		if name == args[0] {
			found = name
		}
	})
	return found
}

func (r *runner) tree() *cobra.Command {
	env := r.env
	var showVersion bool
	cmd := &cobra.Command{
		Use:   "hooks",
		Short: "Send, receive, verify and replay webhooks",
		Example: "  $ hooks demo\n" +
			"  $ hooks listen :3000\n" +
			"  $ hooks send --event render.completed",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if showVersion {
				return version.Run(cmd.Context(), env, version.Options{})
			}
			return r.overview(cmd)
		},
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	cmd.SetIn(env.In)
	cmd.SetOut(env.Out)
	cmd.SetErr(env.Err)
	cli.Quick(cmd)
	cli.CommonExits(cmd)
	cmd.Flags().BoolVar(&showVersion, "version", false, "print the version")
	env.Global.Bind(cmd.PersistentFlags())
	completeGlobal(env, cmd)
	cmd.AddGroup(groups()...)
	commands(env, func(group, name string, make func() *cobra.Command) {
		if r.only != "" && r.only != name {
			return
		}
		sub := make()
		if sub.Name() != name {
			panic("command tree: " + sub.Name() + " is listed as " + name)
		}
		sub.GroupID = group
		r.order = append(r.order, sub)
		cmd.AddCommand(sub)
	})
	cmd.SetHelpCommand(r.helpCommand())
	cmd.InitDefaultHelpCmd() // adds it, so that it is prepared as all others
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _ = r.help(cmd) })
	cmd.SetFlagErrorFunc(flagError)
	r.prepare(cmd)
	return cmd
}

func groups() []*cobra.Group {
	return []*cobra.Group{
		{ID: cli.GroupBegin, Title: "Begin with"},
		{ID: cli.GroupLook, Title: "Look"},
		{ID: cli.GroupTest, Title: "Test"},
		{ID: cli.GroupStandIn, Title: "Stand in"},
		{ID: cli.GroupReach, Title: "Reach"},
		{ID: cli.GroupKeep, Title: "Keep"},
	}
}

// prepare gives cmd and all below it what every command has.
func (r *runner) prepare(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		r.prepare(sub)
	}
	cmd.DisableFlagsInUseLine = true
	if cmd.HasSubCommands() && cmd.Args == nil {
		cmd.Args = unknownCommand
		if cmd.RunE == nil {
			cli.MarkGroup(cmd)
			cli.Quick(cmd)
			cli.CommonExits(cmd)
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return r.help(cmd) }
		}
	}
	if args := cmd.Args; args != nil {
		cmd.Args = func(cmd *cobra.Command, given []string) error { return usage(args(cmd, given)) }
	}
	if complete := cmd.ValidArgsFunction; complete != nil {
		cmd.ValidArgsFunction = cli.SafeCompletion(complete)
	}
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return r.run(cmd, args, run) }
	}
}

// usage makes an error about the command line one of status 2.
func usage(err error) error {
	var own *cli.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	return cli.Usage(err)
}

// run is what happens around every command.
func (r *runner) run(cmd *cobra.Command, args []string, run func(*cobra.Command, []string) error) (err error) {
	r.running = true
	r.env.Global.FromEnvironment(r.env.Getenv)
	if err := r.env.Global.Check(cmd); err != nil {
		return err
	}
	if err := r.env.CheckProfile(cmd); err != nil {
		return err
	}
	if err := r.env.CheckJQ(); err != nil {
		return err
	}
	end, err := r.env.OpenOutput(cli.IsStream(cmd))
	if err != nil {
		return err
	}
	cmd.SetOut(r.env.Out)
	defer func() {
		if eerr := end(err); err == nil {
			err = eerr
		}
		if cerr := r.env.Close(); err == nil {
			err = cerr
		}
	}()
	defer r.heed(cmd)()
	return run(cmd, args)
}

// completeGlobal offers values for the flags that every command has.
func completeGlobal(env *cli.Env, cmd *cobra.Command) {
	cli.CompleteFlagFunc(cmd, "profile", func(string) []string {
		names, err := env.Workspace().Profiles()
		if err != nil {
			return nil
		}
		return names
	})
	cli.CompleteFlag(cmd, "color", "auto", "always", "never")
	must(cmd.RegisterFlagCompletionFunc("format", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return cli.FormatsOf(cmd), cobra.ShellCompDirectiveNoFileComp
	}))
	must(cmd.RegisterFlagCompletionFunc("jq", cobra.NoFileCompletions))
}

// must panics on what can only be a mistake in the program.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("command tree: %v", err))
	}
}
