// Package version is `hooks version`: which build this is.
package version

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
)

// Options is the command line, parsed. The command has none of its own.
type Options struct{}

// Info is what is known about the build; its JSON form is the command's.
type Info struct {
	Version  string `json:"version"`          // "v1.2.3", "(devel)" for a build from a work tree
	Commit   string `json:"commit,omitempty"` // "" where the build was not made from a repository
	Date     string `json:"commit_date,omitempty"`
	Modified bool   `json:"modified"` // the work tree had changes
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

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
	return cmd
}

// Run prints the version.
func Run(ctx context.Context, env *cli.Env, _ Options) error {
	info := Build()
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

// Build returns what the Go toolchain recorded in the running program.
func Build() Info {
	info := Info{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	if v := build.Main.Version; v != "" {
		info.Version = v
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Commit = s.Value
		case "vcs.time":
			info.Date = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	return info
}
