package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
	"github.com/hooks-cli/hooks/internal/workspace"
)

// GetOptions is the command line of get, parsed.
type GetOptions struct{ Provider string }

func newGetCmd(env *cli.Env, run func(context.Context, *cli.Env, GetOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get PROVIDER",
		Short: "Print the secret that counts for a provider",
		Long:  "Prints the secret that deliveries are signed with and nothing else, so that it can be put into a variable. For a provider that signs with a key pair it is the public key. Where no secret is known, it is the development secret of this machine, and standard error says so.",
		Example: "  $ hooks secrets get canvelete\n" +
			"  $ CANVELETE_SECRET=$(hooks secrets get canvelete) npm start",
		Args:              cli.Args(1, 1, "a provider"),
		ValidArgsFunction: completeProvider(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), env, GetOptions{Provider: args[0]})
		},
	}
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the secret was printed"},
		cli.Exit{Status: cli.StatusNo, When: "there is none"},
		cli.Exit{Status: cli.StatusError, When: "the place could not be read, or is not safe"})
	return cmd
}

// shown is what get and generate print as JSON. It is one of the few places
// where a secret is written as it is.
type shown struct {
	Provider string  `json:"provider"`
	Name     string  `json:"name,omitempty"`
	Source   string  `json:"source,omitempty"`
	Secret   string  `json:"secret"`
	Env      string  `json:"env,omitempty"`
	NotAfter *string `json:"not_after,omitempty"`
}

// RunGet prints a secret.
func RunGet(ctx context.Context, env *cli.Env, opts GetOptions) error {
	p, err := named(env, opts.Provider)
	if err != nil {
		return err
	}
	if p != nil && len(p.Schemes()) == 0 {
		return cli.NoBecause(fmt.Errorf("%s does not sign its deliveries: it has no secret", p.ID))
	}
	resolver, err := env.Workspace().Secrets()
	if err != nil {
		return err
	}
	one, err := first(ctx, env, resolver, opts.Provider)
	if err != nil {
		return err
	}
	text, err := showable(p, one.Secret)
	if err != nil {
		return err
	}
	out := shown{Provider: opts.Provider, Name: one.Name, Source: one.Source, Secret: text}
	if !one.NotAfter.IsZero() {
		until := webhook.FormatTime(one.NotAfter)
		out.NotAfter = &until
	}
	return show(ctx, env, p, out)
}

// first returns the secret to sign with, the development secret where there is
// no other.
func first(ctx context.Context, env *cli.Env, r *secret.Resolver, name string) (secret.Named, error) {
	list, err := r.For(ctx, name)
	if err != nil {
		return secret.Named{}, err
	}
	if len(list) > 0 {
		return list[0], nil
	}
	if name == workspace.RelayName {
		return secret.Named{}, cli.NoBecause(errors.New("no token is kept for the relay"), "keep it: hooks secrets set relay")
	}
	if workspace.SignsNothing(name) {
		return secret.Named{}, cli.NoBecause(errors.New("no key is kept for this API"), "keep it: hooks secrets set "+name)
	}
	one, err := r.ForDevelopment(name)
	if err != nil {
		return secret.Named{}, err
	}
	env.Say("the development secret, for this machine only; hooks secrets set %s keeps a real one", name)
	return one, nil
}

// showable is the text that may be shown: the public half of a pair, and a
// shared secret as it is.
func showable(p *provider.Provider, s safetext.Secret) (string, error) {
	if p == nil || !p.SecretForm().KeyPair {
		return s.Reveal(), nil
	}
	keys, err := p.Keys(s)
	if err != nil {
		return "", cli.Usage(err)
	}
	for _, key := range keys {
		if text := key.PublicPEM(); text != "" {
			return text, nil
		}
	}
	return "", cli.Failed(fmt.Errorf("%s has no public key", p.ID))
}

func show(ctx context.Context, env *cli.Env, p *provider.Provider, out shown) error {
	if p != nil {
		out.Env = p.SecretForm().Env
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, out)
	}
	text := out.Secret
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if _, err := io.WriteString(env.Out, text); err != nil {
		return cli.Failed(fmt.Errorf("write the secret: %w", err))
	}
	return nil
}

// GenerateOptions is the command line of generate, parsed.
type GenerateOptions struct{ Provider string }

func newGenerateCmd(env *cli.Env, run func(context.Context, *cli.Env, GenerateOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "generate PROVIDER",
		Short:             "Print a new secret in the form that a provider's have",
		Long:              "The secret is made of the system's random source and is not kept: pipe it into hooks secrets set PROVIDER, or use hooks secrets rotate, to keep it. For a provider that signs with a key pair it is the private key.",
		Example:           "  $ hooks secrets generate stripe\n  $ hooks secrets generate stripe | hooks secrets set stripe -",
		Args:              cli.Args(1, 1, "a provider"),
		ValidArgsFunction: completeProvider(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), env, GenerateOptions{Provider: args[0]})
		},
	}
	cli.Exits(cmd, cli.Exit{Status: cli.OK, When: "a secret was printed"})
	return cmd
}

// RunGenerate prints a new secret.
func RunGenerate(ctx context.Context, env *cli.Env, opts GenerateOptions) error {
	p, err := named(env, opts.Provider)
	if err != nil {
		return err
	}
	if p == nil {
		return relayMakesItsTokens()
	}
	s, err := generate(env, p)
	if err != nil {
		return err
	}
	return show(ctx, env, p, shown{Provider: p.ID, Secret: s.Reveal()})
}

func generate(env *cli.Env, p *provider.Provider) (safetext.Secret, error) {
	if len(p.Schemes()) == 0 {
		return safetext.Secret{}, cli.Usagef("%s does not sign its deliveries: it has no secret", p.ID)
	}
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return safetext.Secret{}, err
	}
	return workspace.NewSecret(catalogue, p.ID, env.Rand)
}

// ListOptions is the command line of list, parsed. The command has none of its
// own.
type ListOptions struct{}

func newListCmd(env *cli.Env, run func(context.Context, *cli.Env, ListOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show which providers have a secret, and where it is",
		Long:    "Shows what is kept, what the settings name and what the environment has, never a secret itself.",
		Example: "  $ hooks secrets list\n  $ hooks secrets list --json --jq '.[].provider'",
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), env, ListOptions{})
		},
	}
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the list was printed, an empty one too"},
		cli.Exit{Status: cli.StatusError, When: "the place could not be read, or is not safe"})
	return cmd
}

// entry is one line of list.
type entry struct {
	Provider string  `json:"provider"`
	Profile  *string `json:"profile"`
	Source   string  `json:"source"`
}

// RunList prints where secrets are.
func RunList(ctx context.Context, env *cli.Env, _ ListOptions) error {
	list, err := collect(env)
	if err != nil {
		return err
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, list)
	}
	if len(list) == 0 {
		env.Say("no secrets; the development secret of this machine stands in for all")
		return nil
	}
	rows := make([][]string, len(list))
	for i, e := range list {
		rows[i] = []string{e.Provider, e.Source, ""}
		if e.Profile != nil {
			rows[i][2] = "profile " + *e.Profile
		}
	}
	return env.Columns(rows)
}

func collect(env *cli.Env) ([]entry, error) {
	ws := env.Workspace()
	settings, err := ws.Settings()
	if err != nil {
		return nil, err
	}
	catalogue, err := ws.Catalogue()
	if err != nil {
		return nil, err
	}
	list := []entry{} // an empty list is [] in JSON
	if env.Getenv("HOOKS_SECRET") != "" {
		list = append(list, entry{Provider: "*", Source: "HOOKS_SECRET"})
	}
	for _, id := range append(catalogue.IDs(), workspace.RelayName) {
		if v := secret.Variable(id); env.Getenv(v) != "" {
			list = append(list, entry{Provider: id, Source: v})
		}
	}
	for _, name := range settings.SecretNames() {
		if v, err := settings.Get("secrets." + name); err == nil {
			origin := v.Origin
			origin.Name = ws.Shown(origin.Name)
			list = append(list, entry{Provider: name, Source: origin.String()})
		}
	}
	kept, err := ws.Keeper().List()
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		e := entry{Provider: k.Name, Source: string(k.Where)}
		if k.Profile != "" {
			e.Profile = &k.Profile
		}
		list = append(list, e)
	}
	return list, nil
}
