// Package snippet is `hooks snippet`: it prints a webhook handler to paste into
// an app.
package snippet

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/snippet"
)

// Options is the command line, parsed.
type Options struct {
	Provider string
	Lang     string
	List     bool
}

const example = `  $ hooks snippet stripe --lang node-express -o server.js
  $ hooks snippet canvelete --lang python-flask
  $ hooks snippet --list`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:               "snippet [PROVIDER] --lang LANGUAGE",
		Short:             "Print a correct handler to paste into an app",
		Long:              long(),
		Example:           example,
		Args:              cli.Args(0, 1, "one provider"),
		ValidArgsFunction: complete(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Provider = args[0]
			}
			return run(cmd.Context(), env, o)
		},
	}
	cmd.Flags().StringVar(&o.Lang, "lang", "", "write it in `LANGUAGE`: see --list")
	cmd.Flags().BoolVar(&o.List, "list", false, "list the languages, and the providers that there is no snippet for")
	cli.CompleteFlagFunc(cmd, "lang", func(string) []string {
		var ids []string
		for _, l := range snippet.Languages() {
			ids = append(ids, l.ID+"\t"+l.Name)
		}
		return ids
	})
	cli.Quick(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the handler was printed"},
		cli.Exit{Status: cli.StatusUsage, When: "it was used wrongly, or no handler can be written for the provider"},
		cli.Exit{Status: cli.StatusError, When: "a definition of your own could not be read"},
	)
	return cmd
}

func long() string {
	var tested, written []string
	for _, l := range snippet.Languages() {
		if l.Tested {
			tested = append(tested, l.ID)
		} else {
			written = append(written, l.ID)
		}
	}
	text := "A whole handler for a provider's webhooks: it verifies the bytes as they came, in constant time, refuses what is too old, takes each event once, answers at once, and never throws, whatever comes. Its comments say why each line is there.\n\nThe tests of hooks run and check the ones in " +
		strings.Join(tested, ", ") + "."
	if len(written) > 0 {
		text += " Not run here: " + strings.Join(written, ", ") + "."
	}
	return text + "\n\nhooks check says whether a handler, this one or yours, is right."
}

// complete offers the names of providers.
func complete(env *cli.Env) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		catalogue, err := env.Workspace().Catalogue()
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return catalogue.IDs(), cobra.ShellCompDirectiveNoFileComp
	}
}

// A written handler; its JSON form is the command's.
type written struct {
	Provider string `json:"provider"`
	Lang     string `json:"lang"`
	File     string `json:"file"`
	Env      string `json:"secret_env"`
	Path     string `json:"path"`
	Tested   bool   `json:"tested"`
	Code     string `json:"code"`
}

// Run writes the handler.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return err
	}
	if o.List {
		return list(ctx, env, catalogue)
	}
	if o.Provider == "" {
		return cli.Usage(errors.New("no provider"), "hooks snippet stripe --lang node-express", "hooks providers list shows them all")
	}
	p, err := catalogue.Get(o.Provider)
	if err != nil {
		return err
	}
	lang, err := snippet.Find(o.Lang)
	if err != nil {
		return cli.Usage(err, "hooks snippet --list tells more about them")
	}
	h, err := snippet.Describe(p)
	if err != nil {
		return cli.Usage(err, "hooks providers show "+p.ID+" tells how it signs and which libraries verify that",
			"there is one for every provider that signs with an HMAC in a header, in every language: hooks snippet --list")
	}
	code, err := snippet.Generate(h, lang)
	if err != nil {
		return err
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, written{p.ID, lang.ID, lang.FileFor(h), h.SecretEnv, h.Path, lang.Tested, code})
	}
	if !lang.Tested {
		env.Say("the tests of hooks do not run handlers in %s: hooks check says whether yours is right", lang.Name)
	}
	return env.Print(code)
}

// choices is what there is to choose from; its JSON form is the command's.
type choices struct {
	Languages []language `json:"languages"`
	Without   []without  `json:"without"`
}

type language struct {
	Lang   string `json:"lang"`
	Name   string `json:"name"`
	File   string `json:"file"`
	Tested bool   `json:"tested"`
}

type without struct {
	Provider string `json:"provider"`
	Why      string `json:"why"`
}

func list(ctx context.Context, env *cli.Env, catalogue *provider.Catalogue) error {
	out := choices{Languages: []language{}, Without: []without{}}
	for _, l := range snippet.Languages() {
		out.Languages = append(out.Languages, language{l.ID, l.Name, l.File, l.Tested})
	}
	for _, p := range catalogue.All() {
		_, err := snippet.Describe(p)
		if no := (*snippet.UnsupportedError)(nil); errors.As(err, &no) {
			out.Without = append(out.Without, without{no.Provider, no.Why})
		}
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, out)
	}
	rows := make([][]string, len(out.Languages))
	for i, l := range out.Languages {
		tested := "run and checked by the tests of hooks"
		if !l.Tested {
			tested = "not run here"
		}
		rows[i] = []string{l.Lang, l.Name, l.File, tested}
	}
	if err := env.Print(env.View().Table([]render.Column{
		{Title: "LANGUAGE"}, {Title: "IS", Drop: 1}, {Title: "FILE", Shrink: true}, {Title: "TESTS", Drop: 2},
	}, rows)); err != nil {
		return err
	}
	if err := env.Print(fmt.Sprintf("\nFor every provider but these %d:\n\n", len(out.Without))); err != nil {
		return err
	}
	reasons := make([][]string, len(out.Without))
	for i, w := range out.Without {
		reasons[i] = []string{w.Provider, w.Why}
	}
	return env.Columns(reasons)
}
