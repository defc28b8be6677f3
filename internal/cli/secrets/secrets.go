// Package secrets is `hooks secrets`: signing secrets, kept in the keyring of
// the system or in a file that only its owner can read.
//
// get and generate are the commands that print a secret; nothing else does.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
	"github.com/hooks-cli/hooks/internal/workspace"
)

const long = `A signing secret is the key that a provider and your app share. hooks finds the secrets of a provider in this order and takes the first place that has any: --secret, the variable HOOKS_SECRET_PROVIDER, HOOKS_SECRET, hooks.yaml (as env:NAME or @FILE), what is kept here. Where there is none, a development secret stands in, for this machine only.

hooks help secrets tells more.`

// NewCmd returns the command with its own commands.
func NewCmd(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "secrets",
		Short:   "Keep signing secrets",
		Long:    long,
		Example: "  $ hooks secrets set stripe\n  $ hooks secrets get canvelete\n  $ hooks secrets list",
	}
	cmd.AddCommand(
		newSetCmd(env, RunSet), newGetCmd(env, RunGet), newListCmd(env, RunList),
		newDeleteCmd(env, RunDelete), newGenerateCmd(env, RunGenerate), newRotateCmd(env, RunRotate),
	)
	return cmd
}

// completeProvider offers the names of providers, and the relay's, for the
// first argument.
func completeProvider(env *cli.Env) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		catalogue, err := env.Workspace().Catalogue()
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return append(catalogue.IDs(), workspace.RelayName), cobra.ShellCompDirectiveNoFileComp
	}
}

// named returns the provider with the name, nil for the relay and for the key
// of a provider's API. A name that is neither is an error with the nearest.
func named(env *cli.Env, name string) (*provider.Provider, error) {
	if name == workspace.RelayName {
		return nil, nil // the relay is no provider
	}
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return nil, err
	}
	if id, ok := strings.CutSuffix(name, workspace.APIKeyName("")); ok && catalogue.Has(id) {
		return nil, nil // what is kept signs nothing
	}
	return catalogue.Get(name)
}

// fits refuses a text that cannot be a secret of the provider.
func fits(p *provider.Provider, s safetext.Secret) error {
	if p == nil {
		return nil
	}
	if len(p.Schemes()) == 0 {
		return cli.Usagef("%s does not sign its deliveries: it has no secret", p.ID)
	}
	if _, err := p.Keys(s); err != nil {
		return cli.Usage(err, "hooks providers show "+p.ID+" tells what its secrets look like")
	}
	return nil
}

// SetOptions is the command line of set, parsed.
type SetOptions struct {
	Provider string
	Value    string // "" to ask, or to read standard input
	InFile   bool
}

func newSetCmd(env *cli.Env, run func(context.Context, *cli.Env, SetOptions) error) *cobra.Command {
	var opts SetOptions
	cmd := &cobra.Command{
		Use:   "set PROVIDER [-|@FILE|env:NAME]",
		Short: "Keep the secret of a provider",
		Long:  "Asks for the secret on a terminal, without showing it; elsewhere reads standard input. PROVIDER is a provider's name, or relay for the token of your relay, or PROVIDER-api-key for the key of its API (hooks endpoints). For providers that sign with a key pair the secret is their public key, or your own private key to sign with.",
		Example: "  $ hooks secrets set stripe\n" +
			"  $ hooks secrets set stripe @stripe.secret\n" +
			"  $ printenv SECRET | hooks secrets set canvelete --profile staging",
		Args:              cli.Args(1, 2, "a provider, and where its secret is"),
		ValidArgsFunction: completeProvider(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Provider = args[0]
			if len(args) > 1 {
				opts.Value = args[1]
			}
			return run(cmd.Context(), env, opts)
		},
	}
	fileFlag(cmd, &opts.InFile)
	cli.MakesProfile(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the secret is kept"},
		cli.Exit{Status: cli.StatusError, When: "it could not be kept, or the place is not safe"})
	return cmd
}

func fileFlag(cmd *cobra.Command, p *bool) {
	cmd.Flags().BoolVar(p, "file", false, "keep it in the owner-only file even where there is a keyring")
}

// RunSet keeps a secret.
func RunSet(ctx context.Context, env *cli.Env, opts SetOptions) error {
	p, err := named(env, opts.Provider)
	if err != nil {
		return err
	}
	s, err := read(env, opts)
	if err != nil {
		return err
	}
	if err := fits(p, s); err != nil {
		return err
	}
	where, err := env.Workspace().Keeper().Set(ctx, env.Workspace().Profile(), opts.Provider, s, opts.InFile)
	if err != nil {
		return err
	}
	if odd := oddity(s.Reveal()); odd != "" {
		env.Warn("the secret "+odd+": it was kept as it is, and signatures are made with all of it",
			"if that does not belong to it, set it again without: hooks secrets set "+opts.Provider)
	}
	return report(ctx, env, kept{Provider: opts.Provider, StoredIn: where}, "✓ "+opts.Provider+": kept in the "+place(where))
}

// oddity names what stands around a secret that was copied from a file or a
// page with more than itself, and "".
func oddity(text string) string {
	first, last := text[0], text[len(text)-1]
	switch {
	case strings.HasPrefix(text, "\ufeff"):
		return "begins with a byte order mark"
	case strings.ContainsRune(text, 0):
		return "holds zero bytes, as a text in UTF-16 does"
	case strings.TrimSpace(text) != text:
		return "has white space around it"
	case len(text) > 1 && first == last && strings.ContainsRune("\"'`", rune(first)):
		return "has quotes around it"
	}
	return ""
}

// read asks for the secret, or reads it from where the command line says.
func read(env *cli.Env, opts SetOptions) (safetext.Secret, error) {
	switch {
	case opts.Value != "":
		if cli.IsLiteral(opts.Value) && (env.InTerminal || env.ErrTerminal) {
			env.Warn("other users of this machine can read the secret in the list of processes, and your shell may keep it",
				"leave it out to be asked for it, or give @FILE, env:NAME or -")
		}
		return env.Secret(opts.Value)
	case env.ReadSecret == nil:
		return env.Secret("-")
	}
	text, err := env.ReadSecret("Secret of " + opts.Provider + " (it is not shown): ")
	if errors.Is(err, io.EOF) {
		return safetext.Secret{}, cli.Interrupted()
	}
	if err != nil {
		return safetext.Secret{}, fmt.Errorf("read the secret: %w", err)
	}
	if text == "" {
		return safetext.Secret{}, cli.Usagef("the secret is empty")
	}
	return safetext.NewSecret(text), nil
}

func place(where secret.Where) string {
	if where == secret.InKeyring {
		return "keyring"
	}
	return "secrets file"
}

// kept is what set and rotate print as JSON.
type kept struct {
	Provider string       `json:"provider"`
	Profile  *string      `json:"profile"`
	StoredIn secret.Where `json:"stored_in"`
	NotAfter *string      `json:"previous_not_after,omitempty"`
}

func report(ctx context.Context, env *cli.Env, k kept, line string) error {
	profile := env.Workspace().Profile()
	if profile != "" {
		k.Profile = &profile
		line += " (profile " + profile + ")"
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, k)
	}
	env.Say("%s", line)
	return nil
}

// RotateOptions is the command line of rotate, parsed.
type RotateOptions struct {
	Provider string
	Value    string // "" to make one
	KeepOld  time.Duration
	InFile   bool
}

func newRotateCmd(env *cli.Env, run func(context.Context, *cli.Env, RotateOptions) error) *cobra.Command {
	var opts RotateOptions
	cmd := &cobra.Command{
		Use:   "rotate PROVIDER [-|@FILE|env:NAME]",
		Short: "Replace the secret of a provider, and accept the old one for a while",
		Long:  "Without a value a new secret is made; hooks secrets get PROVIDER prints it. While the old one is accepted, deliveries are signed with the newest, and with both where the provider's scheme carries several signatures.",
		Example: "  $ hooks secrets rotate canvelete --keep-old 24h\n" +
			"  $ hooks secrets rotate stripe env:NEW_SECRET",
		Args:              cli.Args(1, 2, "a provider, and where its new secret is"),
		ValidArgsFunction: completeProvider(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Provider = args[0]
			if len(args) > 1 {
				opts.Value = args[1]
			}
			return run(cmd.Context(), env, opts)
		},
	}
	cli.Duration(cmd.Flags(), &opts.KeepOld, "keep-old", 24*time.Hour, "how long the old secret is accepted")
	fileFlag(cmd, &opts.InFile)
	cli.MakesProfile(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the new secret is kept"},
		cli.Exit{Status: cli.StatusError, When: "it could not be kept, or the place is not safe"})
	return cmd
}

// RunRotate keeps a new secret beside the old one.
func RunRotate(ctx context.Context, env *cli.Env, opts RotateOptions) error {
	p, err := named(env, opts.Provider)
	if err != nil {
		return err
	}
	var s safetext.Secret
	switch {
	case opts.Value != "":
		s, err = read(env, SetOptions{Provider: opts.Provider, Value: opts.Value})
	case p == nil:
		return relayMakesItsTokens()
	default:
		s, err = generate(env, p)
	}
	if err != nil {
		return err
	}
	if err := fits(p, s); err != nil {
		return err
	}
	ws := env.Workspace()
	where, err := ws.Keeper().Rotate(ctx, ws.Profile(), opts.Provider, s, opts.KeepOld, opts.InFile)
	if err != nil {
		return err
	}
	line, k := fmt.Sprintf("✓ %s: the new secret is kept in the %s", opts.Provider, place(where)), kept{Provider: opts.Provider, StoredIn: where}
	entries, _, err := ws.Keeper().Get(ctx, ws.Profile(), opts.Provider)
	if err != nil {
		return err
	}
	if len(entries) > 1 {
		until := webhook.FormatTime(entries[1].NotAfter)
		k.NotAfter = &until
		line += ", the old one is accepted for " + units.FormatDuration(opts.KeepOld)
	}
	return report(ctx, env, k, line)
}

func relayMakesItsTokens() error {
	return cli.Usage(errors.New("a relay makes its tokens itself"), "give the one that you got: hooks secrets set relay")
}

// DeleteOptions is the command line of delete, parsed.
type DeleteOptions struct{ Provider string }

func newDeleteCmd(env *cli.Env, run func(context.Context, *cli.Env, DeleteOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "delete PROVIDER",
		Short:             "Forget the secrets that are kept for a provider",
		Example:           "  $ hooks secrets delete stripe\n  $ hooks secrets delete stripe --profile staging",
		Args:              cli.Args(1, 1, "a provider"),
		ValidArgsFunction: completeProvider(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), env, DeleteOptions{Provider: args[0]})
		},
	}
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "they are forgotten"},
		cli.Exit{Status: cli.StatusNo, When: "none was kept"},
		cli.Exit{Status: cli.StatusError, When: "the place could not be changed"})
	return cmd
}

// RunDelete forgets what is kept under a name. The name need not be a provider
// any more.
func RunDelete(ctx context.Context, env *cli.Env, opts DeleteOptions) error {
	ws := env.Workspace()
	found, err := ws.Keeper().Delete(ctx, ws.Profile(), opts.Provider)
	if err != nil {
		return err
	}
	if !found {
		return cli.NoBecause(fmt.Errorf("no secret is kept for %s", opts.Provider), elsewhere(env, opts.Provider)...)
	}
	env.Say("✓ %s: forgotten", opts.Provider)
	return nil
}

// elsewhere names the profiles that have a secret of that name.
func elsewhere(env *cli.Env, name string) []string {
	list, err := env.Workspace().Keeper().List()
	if err != nil {
		return nil
	}
	var hints []string
	for _, k := range list {
		if k.Name == name && k.Profile != env.Workspace().Profile() {
			hints = append(hints, strings.TrimSpace("there is one in profile "+k.Profile+": --profile "+k.Profile))
		}
	}
	return hints
}
