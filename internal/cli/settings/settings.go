// Package settings is `hooks config`: it shows the settings and where each
// comes from, and changes them.
package settings

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/config"
	"github.com/hooks-cli/hooks/internal/safetext"
)

const long = `A setting comes from the first of these that has it: a flag of the command, a variable HOOKS_…, the project's hooks.yaml (searched upwards to the root of the repository), your own file, the default. hooks help config lists them all.`

// NewCmd returns the command with its own commands.
func NewCmd(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Show and change settings",
		Long:    long,
		Example: "  $ hooks config list\n  $ hooks config set to http://127.0.0.1:8080/webhooks\n  $ hooks config get to",
	}
	cmd.AddCommand(
		newListCmd(env, RunList), newGetCmd(env, RunGet), newSetCmd(env, RunSet),
		newUnsetCmd(env, RunSet), newPathCmd(env, RunPath), newTrustCmd(env, RunTrust),
	)
	return cmd
}

// completeValue offers values where they are words that are known, and files
// where a value may be one.
func completeValue(env *cli.Env) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return completeKey(cmd, args, typed)
		case len(args) == 1 && args[0] == "color":
			return []cobra.Completion{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp
		case len(args) == 1 && args[0] == "provider":
			catalogue, err := env.Workspace().Catalogue()
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return catalogue.IDs(), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
}

func completeKey(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list []cobra.Completion
	for _, key := range config.Keys() {
		list = append(list, cobra.CompletionWithDesc(strings.TrimSuffix(key.Name, "NAME"), key.Usage))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// ListOptions is the command line of list, parsed. The command has none of its
// own.
type ListOptions struct{}

func newListCmd(env *cli.Env, run func(context.Context, *cli.Env, ListOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show each setting and where it comes from",
		Example: "  $ hooks config list\n  $ hooks config list --json --jq '.[] | select(.source != \"default\").key'",
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), env, ListOptions{})
		},
	}
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the settings were printed"},
		cli.Exit{Status: cli.StatusUsage, When: "a file of settings has a mistake, which is named with its line"},
		cli.Exit{Status: cli.StatusError, When: "a file could not be read"})
	return cmd
}

// setting is one setting in JSON.
type setting struct {
	Key     string      `json:"key"`
	Value   any         `json:"value"` // a string, a list of strings, or null
	Source  config.Kind `json:"source"`
	Name    *string     `json:"name"` // of the variable, or the path of the file
	Line    *int        `json:"line"`
	Profile *string     `json:"profile"`
}

func toSetting(v config.Value) setting {
	s := setting{Key: v.Key, Source: v.Origin.Kind}
	switch {
	case isList(v.Key) && v.Texts != nil:
		s.Value = v.Texts
	case len(v.Texts) > 0:
		s.Value = v.Text()
	}
	if v.Origin.Name != "" {
		s.Name = &v.Origin.Name
	}
	if v.Origin.Line != 0 {
		s.Line = &v.Origin.Line
	}
	if v.Origin.Profile != "" {
		s.Profile = &v.Origin.Profile
	}
	return s
}

func isList(name string) bool {
	for _, key := range config.Keys() {
		if key.Name == name {
			return key.List
		}
	}
	return false
}

// shareable returns v without the credentials that its URLs hold. The list of
// all settings is what people paste elsewhere; get prints one as it is.
func shareable(v config.Value) config.Value {
	v.Texts = slices.Clone(v.Texts)
	for i, text := range v.Texts {
		v.Texts[i] = safetext.CleanURL(text)
	}
	return v
}

// RunList prints the settings.
func RunList(ctx context.Context, env *cli.Env, _ ListOptions) error {
	ws := env.Workspace()
	s, err := ws.Settings()
	if err != nil {
		return err
	}
	if env.Global.WantsJSON() {
		list := []setting{}
		for _, v := range s.List() {
			list = append(list, toSetting(shareable(v)))
		}
		return env.JSON(ctx, list)
	}
	var rows [][]string
	for _, v := range s.List() {
		v = shareable(v)
		value := strings.Join(v.Texts, " ")
		if value == "" {
			value = "-"
		}
		origin := v.Origin
		origin.Name = ws.Shown(origin.Name)
		rows = append(rows, []string{v.Key, value, origin.String()})
	}
	return env.Columns(rows)
}

// GetOptions is the command line of get, parsed.
type GetOptions struct{ Key string }

func newGetCmd(env *cli.Env, run func(context.Context, *cli.Env, GetOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "get KEY",
		Short:             "Print one setting",
		Example:           "  $ hooks config get listen\n  $ hooks config get to --json",
		Args:              cli.Args(1, 1, "a key"),
		ValidArgsFunction: completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), env, GetOptions{Key: args[0]})
		},
	}
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the value was printed"},
		cli.Exit{Status: cli.StatusNo, When: "it has no value"})
	return cmd
}

// RunGet prints the value of a setting, each of a list on a line of its own.
func RunGet(ctx context.Context, env *cli.Env, opts GetOptions) error {
	s, err := env.Workspace().Settings()
	if err != nil {
		return err
	}
	v, err := s.Get(opts.Key)
	if err != nil {
		return err
	}
	if env.Global.WantsJSON() {
		if err := env.JSON(ctx, toSetting(v)); err != nil {
			return err
		}
	}
	if len(v.Texts) == 0 {
		return cli.No()
	}
	if env.Global.WantsJSON() {
		return nil
	}
	rows := make([][]string, len(v.Texts))
	for i, text := range v.Texts {
		rows[i] = []string{text}
	}
	return env.Columns(rows)
}

// SetOptions is the command line of set and unset, parsed.
type SetOptions struct {
	Key     string
	Values  []string // none takes the setting out
	Project bool
}

func newSetCmd(env *cli.Env, run func(context.Context, *cli.Env, SetOptions) error) *cobra.Command {
	var opts SetOptions
	cmd := &cobra.Command{
		Use:   "set KEY VALUE…",
		Short: "Change a setting",
		Long:  "Writes to your own file, with --project to hooks.yaml, with --config to that file; with --profile into the section of a profile. What else is in the file stays, comments too. A secret is never written to these files: hooks secrets set keeps it.",
		Example: "  $ hooks config set to :8080/webhooks\n" +
			"  $ hooks config set keep 7d 100MiB\n" +
			"  $ hooks config set secrets.stripe env:STRIPE_WEBHOOK_SECRET --project",
		Args:              cli.Args(2, -1, "a key and its value"),
		ValidArgsFunction: completeValue(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Key, opts.Values = args[0], args[1:]
			return run(cmd.Context(), env, opts)
		},
	}
	projectFlag(cmd, &opts.Project, "write to the project's hooks.yaml")
	cli.MakesProfile(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the setting was written"},
		cli.Exit{Status: cli.StatusError, When: "the file could not be written"})
	return cmd
}

func newUnsetCmd(env *cli.Env, run func(context.Context, *cli.Env, SetOptions) error) *cobra.Command {
	var opts SetOptions
	cmd := &cobra.Command{
		Use:               "unset KEY",
		Short:             "Take a setting out of its file",
		Example:           "  $ hooks config unset to\n  $ hooks config unset secrets.canvelete",
		Args:              cli.Args(1, 1, "a key"),
		ValidArgsFunction: completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Key = args[0]
			return run(cmd.Context(), env, opts)
		},
	}
	projectFlag(cmd, &opts.Project, "take it out of the project's hooks.yaml")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the setting is not in the file"},
		cli.Exit{Status: cli.StatusError, When: "the file could not be written"})
	return cmd
}

func projectFlag(cmd *cobra.Command, p *bool, usage string) {
	cmd.Flags().BoolVar(p, "project", false, usage)
}

// RunSet changes a setting or takes it out.
func RunSet(_ context.Context, env *cli.Env, opts SetOptions) error {
	s, err := env.Workspace().Settings()
	if err != nil {
		return err
	}
	e := config.Edit{File: s.UserFile(), Profile: env.Global.Profile, Key: opts.Key, Texts: opts.Values}
	switch {
	case opts.Project && env.Global.Config != "":
		return cli.Usagef("--project and --config exclude each other")
	case opts.Project:
		e.File = s.ProjectPath()
	case env.Global.Config != "":
		e.File = env.Path(env.Global.Config)
	default:
		e.File = followed(e.File)
	}
	if len(opts.Values) > 1 && !isList(opts.Key) {
		return cli.Usagef("%s takes one value", opts.Key)
	}
	trusted := opts.Project && s.Trusted()
	if err := config.Write(e); err != nil {
		return err
	}
	env.Verbose("wrote %s", env.Workspace().Shown(e.File))
	if trusted {
		return trustAgain(env)
	}
	return nil
}

// trustAgain keeps a file trusted that its reader has changed himself.
func trustAgain(env *cli.Env) error {
	s, err := env.Workspace().Reload()
	if err != nil {
		return err
	}
	return trust(s, true)
}

// followed is the file behind a link: people keep their settings elsewhere.
func followed(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// PathOptions is the command line of path, parsed.
type PathOptions struct{ Project bool }

func newPathCmd(env *cli.Env, run func(context.Context, *cli.Env, PathOptions) error) *cobra.Command {
	var opts PathOptions
	cmd := &cobra.Command{
		Use:     "path",
		Short:   "Print where your settings are",
		Example: "  $ hooks config path\n  $ ${EDITOR:-vi} \"$(hooks config path)\"",
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), env, opts)
		},
	}
	projectFlag(cmd, &opts.Project, "print the path of the project's hooks.yaml that counts here")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the path was printed, whether or not the file exists"},
		cli.Exit{Status: cli.StatusNo, When: "--project, and there is none here"})
	return cmd
}

// paths is what path prints as JSON.
type paths struct {
	User    string  `json:"user"`
	Project *string `json:"project"`
	Trusted bool    `json:"project_trusted"`
	Store   string  `json:"store"`
}

// RunPath prints where settings are. A file with a mistake is no hindrance:
// whoever asks may want to mend it.
func RunPath(ctx context.Context, env *cli.Env, opts PathOptions) error {
	user, project := env.Workspace().Places()
	if env.Global.WantsJSON() {
		return pathJSON(ctx, env, user, project)
	}
	path := user
	switch {
	case opts.Project && project == "":
		return cli.NoBecause(fmt.Errorf("there is no %s here", config.ProjectFile), "hooks config set KEY VALUE --project makes one")
	case opts.Project:
		path = project
	case env.Global.Config != "":
		path = env.Path(env.Global.Config)
	}
	if _, err := io.WriteString(env.Out, path+"\n"); err != nil {
		return cli.Failed(fmt.Errorf("write the path: %w", err))
	}
	return nil
}

func pathJSON(ctx context.Context, env *cli.Env, user, project string) error {
	s, err := env.Workspace().Settings()
	if err != nil {
		return err
	}
	store, err := env.Workspace().StorePath()
	if err != nil {
		return err
	}
	out := paths{User: user, Trusted: s.Trusted(), Store: store}
	if project != "" {
		out.Project = &project
	}
	return env.JSON(ctx, out)
}

// TrustOptions is the command line of trust, parsed.
type TrustOptions struct{ Revoke bool }

func newTrustCmd(env *cli.Env, run func(context.Context, *cli.Env, TrustOptions) error) *cobra.Command {
	var opts TrustOptions
	cmd := &cobra.Command{
		Use:     "trust",
		Short:   "Listen to everything in the project's hooks.yaml",
		Long:    "A hooks.yaml that came with a repository may choose what is shown and use this machine. What could reach another machine, read files outside of the project or delete captures is left out until you trust the file. Trust ends when the file changes.",
		Example: "  $ hooks config trust\n  $ hooks config trust --revoke",
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), env, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Revoke, "revoke", false, "trust it no longer")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "it is trusted, or no longer so"},
		cli.Exit{Status: cli.StatusUsage, When: "there is no hooks.yaml here, or it has a mistake"},
		cli.Exit{Status: cli.StatusError, When: "the trust could not be recorded"})
	return cmd
}

// RunTrust records that the project's file is trusted, and tells what counts
// from now on.
func RunTrust(_ context.Context, env *cli.Env, opts TrustOptions) error {
	s, err := env.Workspace().Reload() // without the warning of what is left out
	if err != nil {
		return err
	}
	if s.Project() == "" {
		return cli.Usage(fmt.Errorf("there is no %s here", config.ProjectFile), "go to the project first")
	}
	if err := trust(s, !opts.Revoke); err != nil {
		return err
	}
	name := env.Workspace().Shown(s.Project())
	if opts.Revoke {
		env.Say("✓ %s is not trusted", name)
		return nil
	}
	env.Say("✓ %s is trusted as it is now", name)
	for _, ig := range s.Ignored() {
		env.Say("  line %d: %s counts now", ig.Line, ig.Key)
	}
	return nil
}

func trust(s *config.Settings, yes bool) error {
	if err := s.Trust(yes); err != nil {
		return cli.Failed(fmt.Errorf("record the trust: %w", err))
	}
	return nil
}
