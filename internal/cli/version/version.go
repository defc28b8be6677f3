// Package version is `hooks version`: which build this is.
package version

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/cli"
)

// Options is the command line, parsed. The command has none of its own.
type Options struct{}

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  $ hooks version\n  $ hooks version --json",
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), env, Options{})
		},
	}
	cli.Exits(cmd, cli.Exit{Status: cli.OK, When: "the version was printed"})
	cli.Quick(cmd)
	return cmd
}

// Run prints the version.
func Run(ctx context.Context, env *cli.Env, _ Options) error {
	info := build.Read()
	if env.Global.WantsJSON() {
		return env.JSON(ctx, info)
	}
	line := "hooks " + info.Version
	if info.Commit != "" {
		line += fmt.Sprintf(" (%.12s, %.10s)", info.Commit, info.Date)
	}
	line += fmt.Sprintf(" %s %s/%s\n", info.Go, info.OS, info.Arch)
	if _, err := io.WriteString(env.Out, line); err != nil {
		return cli.Failed(fmt.Errorf("write the version: %w", err))
	}
	return nil
}
