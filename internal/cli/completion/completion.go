// Package completion is `hooks completion`: the script that lets a shell
// complete commands, flags and their values.
package completion

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/spelling"
)

// Options is the command line, parsed.
type Options struct {
	Shell string // one of Shells
	Root  *cobra.Command
}

// Shells returns the shells that there is a script for.
func Shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

const long = `Prints a script that a shell reads when it starts. It completes commands and flags, and values that hooks knows: providers, event types, captured ids, profiles.

  bash        hooks completion bash > ~/.local/share/bash-completion/completions/hooks
  zsh         hooks completion zsh > "${fpath[1]}/_hooks"
  fish        hooks completion fish > ~/.config/fish/completions/hooks.fish
  PowerShell  hooks completion powershell >> $PROFILE`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print the completion script of a shell",
		Long:      long,
		Example:   "  $ source <(hooks completion bash)\n  $ hooks completion fish | source",
		Args:      cli.Args(1, 1, "a shell: bash, zsh, fish or powershell"),
		ValidArgs: Shells(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), env, Options{Shell: args[0], Root: cmd.Root()})
		},
	}
	cli.Exits(cmd, cli.Exit{Status: cli.OK, When: "the script was printed"})
	cli.Quick(cmd)
	return cmd
}

// Run prints the script.
func Run(_ context.Context, env *cli.Env, opts Options) error {
	return Write(env.Out, opts.Root, opts.Shell)
}

// Write writes the script for shell, which completes the commands of root.
func Write(w io.Writer, root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	}
	err := fmt.Errorf("there is no completion for %q: there is one for bash, zsh, fish and powershell", shell)
	if near := spelling.Nearest(shell, Shells()); near != "" {
		return cli.Usage(err, "did you mean "+near+"?")
	}
	return cli.Usage(err)
}
