package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// NoArgs refuses every argument.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usage(fmt.Errorf("%s takes no argument, and %s", cmd.CommandPath(), given(len(args))), "usage: "+cmd.UseLine())
	}
	return nil
}

// Args wants from least to most arguments; a negative most is no limit. what
// names the arguments in the error: "a provider", "one or more ids".
func Args(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return Usage(fmt.Errorf("%s needs %s", cmd.CommandPath(), what), "usage: "+cmd.UseLine())
		case most >= 0 && len(args) > most:
			return Usage(fmt.Errorf("%s takes %s, and %s", cmd.CommandPath(), what, given(len(args))), "usage: "+cmd.UseLine())
		}
		return nil
	}
}

// given counts arguments instead of repeating them: one that is out of place
// may be a secret.
func given(n int) string {
	if n == 1 {
		return "1 was given"
	}
	return fmt.Sprintf("%d were given", n)
}
