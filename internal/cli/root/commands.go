package root

import (
	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/check"
	"github.com/hooks-cli/hooks/internal/cli/completion"
	"github.com/hooks-cli/hooks/internal/cli/demo"
	"github.com/hooks-cli/hooks/internal/cli/emulate"
	"github.com/hooks-cli/hooks/internal/cli/endpoints"
	"github.com/hooks-cli/hooks/internal/cli/events"
	"github.com/hooks-cli/hooks/internal/cli/expect"
	"github.com/hooks-cli/hooks/internal/cli/listen"
	"github.com/hooks-cli/hooks/internal/cli/providers"
	"github.com/hooks-cli/hooks/internal/cli/relay"
	"github.com/hooks-cli/hooks/internal/cli/replay"
	"github.com/hooks-cli/hooks/internal/cli/secrets"
	"github.com/hooks-cli/hooks/internal/cli/send"
	"github.com/hooks-cli/hooks/internal/cli/settings"
	"github.com/hooks-cli/hooks/internal/cli/sign"
	"github.com/hooks-cli/hooks/internal/cli/snippet"
	"github.com/hooks-cli/hooks/internal/cli/test"
	"github.com/hooks-cli/hooks/internal/cli/tunnel"
	"github.com/hooks-cli/hooks/internal/cli/verify"
	"github.com/hooks-cli/hooks/internal/cli/version"
)

// commands is the one list of all commands: a line each, in the order in which
// a group shows them. Only the command that is run is made, so that a start
// does not take longer for each one that exists.
func commands(env *cli.Env, add func(group, name string, make func() *cobra.Command)) {
	add(cli.GroupBegin, "listen", func() *cobra.Command { return listen.NewCmd(env, listen.Run) })
	add(cli.GroupBegin, "send", func() *cobra.Command { return send.NewCmd(env, send.Run) })
	add(cli.GroupBegin, "verify", func() *cobra.Command { return verify.NewCmd(env, verify.Run) })
	add(cli.GroupBegin, "replay", func() *cobra.Command { return replay.NewCmd(env, replay.Run) })
	add(cli.GroupLook, "events", func() *cobra.Command { return events.NewCmd(env) })
	add(cli.GroupLook, "providers", func() *cobra.Command { return providers.NewCmd(env) })
	add(cli.GroupTest, "check", func() *cobra.Command { return check.NewCmd(env, check.Run) })
	add(cli.GroupTest, "expect", func() *cobra.Command { return expect.NewCmd(env, expect.Run) })
	add(cli.GroupTest, "test", func() *cobra.Command { return test.NewCmd(env, test.Run) })
	add(cli.GroupTest, "sign", func() *cobra.Command { return sign.NewCmd(env, sign.Run) })
	add(cli.GroupTest, "snippet", func() *cobra.Command { return snippet.NewCmd(env, snippet.Run) })
	add(cli.GroupStandIn, "emulate", func() *cobra.Command { return emulate.NewCmd(env, emulate.Run) })
	add(cli.GroupStandIn, "endpoints", func() *cobra.Command { return endpoints.NewCmd(env) })
	add(cli.GroupReach, "tunnel", func() *cobra.Command { return tunnel.NewCmd(env, tunnel.Run) })
	add(cli.GroupReach, "relay", func() *cobra.Command { return relay.NewCmd(env, relay.Run) })
	add(cli.GroupKeep, "secrets", func() *cobra.Command { return secrets.NewCmd(env) })
	add(cli.GroupKeep, "config", func() *cobra.Command { return settings.NewCmd(env) })
	add(cli.GroupKeep, "completion", func() *cobra.Command { return completion.NewCmd(env, completion.Run) })
	add(cli.GroupKeep, "demo", func() *cobra.Command { return demo.NewCmd(env, demo.Run) })
	add(cli.GroupKeep, "version", func() *cobra.Command { return version.NewCmd(env, version.Run) })
}
