package providers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/draft"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/render"
)

// NewOptions is the command line of new, parsed.
type NewOptions struct {
	ID   string
	Name string // "" makes one of the id
	Like string // the provider that is the example
	Place
}

// A Place says where a definition is written to.
type Place struct {
	User  bool // the user's folder, where every command finds it
	Force bool // in place of a file that is there
}

func (p *Place) bind(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.User, "user", false, "write it to your folder of providers, where every command finds it")
	cmd.Flags().BoolVar(&p.Force, "force", false, "replace a file that is there")
}

func newNewCmd(env *cli.Env, run func(context.Context, *cli.Env, NewOptions) error) *cobra.Command {
	var opts NewOptions
	cmd := &cobra.Command{
		Use:   "new ID",
		Short: "Begin a definition of your own",
		Long: "Writes ID.yaml, a definition that works as it stands, after the example of another provider: how it signs, " +
			"where it shows its events, when it retries, and three samples. Go on from there. With --output it goes where that says.",
		Example:           "  $ hooks providers new acme\n  $ hooks providers new acme --like stripe --name 'Acme Billing'\n  $ hooks providers new acme --like github -o -",
		Args:              cli.Args(1, 1, "the id of the new provider"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.ID = args[0]
			return run(cmd.Context(), env, opts)
		},
	}
	cmd.Flags().StringVar(&opts.Like, "like", "standard-webhooks", "take provider `P` as the example")
	cmd.Flags().StringVar(&opts.Name, "name", "", "call it `NAME`")
	opts.bind(cmd)
	env.CompleteProviders(cmd, "like")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the definition was written"},
		cli.Exit{Status: cli.StatusError, When: "it could not be written"})
	return cmd
}

// RunNew writes a definition after the example of another.
func RunNew(ctx context.Context, env *cli.Env, opts NewOptions) error {
	if err := checkID(env, opts.ID); err != nil {
		return err
	}
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return err
	}
	model, err := catalogue.YAML(opts.Like)
	if err != nil {
		return err
	}
	p := draft.Provider{ID: opts.ID, Name: opts.Name}
	definition, err := draft.Like(p, model)
	if err != nil {
		return cli.Failed(fmt.Errorf("write a definition like %s: %w", opts.Like, err))
	}
	return write(ctx, env, opts.ID, definition, opts.Place, nil)
}

// checkID refuses what is no id, and warns of one that is taken.
func checkID(env *cli.Env, id string) error {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`).MatchString(id) {
		err := fmt.Errorf("%q is no id for a provider: lower-case letters, digits and -", id)
		if other := draft.ID(id); other != "" {
			return cli.Usage(err, "for example "+other)
		}
		return cli.Usage(err)
	}
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return err
	}
	if catalogue.Has(id) {
		env.Warn(id+" is the id of a provider that is known: this definition replaces it", "another id leaves both there")
	}
	return nil
}

// written is what new and import print as JSON.
type written struct {
	File     string        `json:"file"`
	Provider string        `json:"provider"`
	Events   []string      `json:"events"`
	Notes    []writtenNote `json:"notes"`
}

type writtenNote struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// write puts a definition where it is to be, and says how to go on.
func write(ctx context.Context, env *cli.Env, id string, definition []byte, at Place, notes []writtenNote) error {
	if problems := provider.Validate(definition); len(problems) > 0 {
		return cli.Failed(fmt.Errorf("the definition that was made is wrong: %w", &provider.InvalidError{Source: id + ".yaml", Problems: problems}))
	}
	if env.Global.Output != "" {
		return env.Print(string(definition))
	}
	name := id + ".yaml"
	if at.User {
		name = filepath.Join(env.Workspace().ProvidersDir(), name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return cli.Failed(fmt.Errorf("make your folder of providers: %w", err))
		}
	}
	if _, err := os.Lstat(env.Path(name)); !at.Force && !errors.Is(err, fs.ErrNotExist) {
		return cli.Usage(fmt.Errorf("%s is there already", env.Workspace().Shown(env.Path(name))), "--force replaces it; -o FILE writes another one")
	}
	if err := env.WriteFile(name, definition); err != nil {
		return err
	}
	out := written{File: name, Provider: id, Events: eventsOf(definition), Notes: append([]writtenNote{}, notes...)}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, out)
	}
	return env.Print(next(env, out, at))
}

func eventsOf(definition []byte) []string {
	out := []string{}
	c, err := provider.Load(provider.Source{Data: definition, Layer: 1})
	if err != nil {
		return out
	}
	for _, s := range c.Summaries() {
		if s.Origin == "" {
			out = append(out, s.Events...)
		}
	}
	return out
}

// next says what was written and how to go on with it.
func next(env *cli.Env, w written, at Place) string {
	shown := env.Workspace().Shown(env.Path(w.File))
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", shown, render.Plural(len(w.Events), "event"))
	flag := ""
	if !at.User {
		flag = " --provider-file " + shown
	}
	fmt.Fprintf(&b, "  hooks providers validate %s\n  hooks providers show %s%s\n", shown, w.Provider, flag)
	if len(w.Events) > 0 {
		fmt.Fprintf(&b, "  hooks send --provider %s --event %s%s\n", w.Provider, w.Events[0], flag)
	}
	if !at.User {
		fmt.Fprintf(&b, "Every command knows it once hooks.yaml has  providers: [./%s]  or it lies in %s.\n",
			filepath.Base(w.File), env.Workspace().Shown(env.Workspace().ProvidersDir()))
	}
	return b.String()
}
