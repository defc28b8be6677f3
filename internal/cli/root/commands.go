package root

import (
	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/completion"
	"github.com/hooks-cli/hooks/internal/cli/demo"
	"github.com/hooks-cli/hooks/internal/cli/providers"
	"github.com/hooks-cli/hooks/internal/cli/relay"
	"github.com/hooks-cli/hooks/internal/cli/secrets"
	"github.com/hooks-cli/hooks/internal/cli/settings"
	"github.com/hooks-cli/hooks/internal/cli/version"
)

// commands is the one list of all commands: a line each, in the order in which
// a group shows them.
func commands(env *cli.Env, add func(group string, cmd *cobra.Command)) {
	add(cli.GroupLook, providers.NewCmd(env))
	add(cli.GroupReach, relay.NewCmd(env, relay.Run))
	add(cli.GroupKeep, secrets.NewCmd(env))
	add(cli.GroupKeep, settings.NewCmd(env))
	add(cli.GroupKeep, completion.NewCmd(env, completion.Run))
	add(cli.GroupKeep, demo.NewCmd(env, demo.Run))
	add(cli.GroupKeep, version.NewCmd(env, version.Run))
}
