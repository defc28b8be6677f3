// Package providers is `hooks providers`: what is known about the systems that
// send webhooks, and whether a definition of one's own is right.
package providers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
)

const long = `A provider is a system that sends webhooks: how it signs, what its events look like, how it delivers and retries. Each is a YAML definition; a definition of your own works in every command if it lies in your folder of providers, if hooks.yaml or your settings name its file under providers, or with --provider-file FILE.

hooks help providers tells how to write one.`

// NewCmd returns the command with its own commands.
func NewCmd(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "providers",
		Short:   "List and explain providers and their events",
		Long:    long,
		Example: "  $ hooks providers list\n  $ hooks providers show canvelete\n  $ hooks providers new acme --like stripe",
	}
	cmd.AddCommand(newListCmd(env, RunList), newShowCmd(env, RunShow), newNewCmd(env, RunNew), newImportCmd(env, RunImport), newValidateCmd(env, RunValidate))
	return cmd
}

// ListOptions is the command line of list, parsed.
type ListOptions struct {
	Words []string // what the names or events have to contain, none for all
}

func newListCmd(env *cli.Env, run func(context.Context, *cli.Env, ListOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list [WORD...]",
		Short:   "List providers",
		Long:    "Lists the providers, by group. With words, those whose name, group, headers or events contain each of them; where events do, they are named.",
		Example: "  $ hooks providers list\n  $ hooks providers list video.completed\n  $ hooks providers list --json --jq '.[].id'",
		Args:    cli.Args(0, -1, "words to look for"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), env, ListOptions{Words: args})
		},
	}
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the list was printed, if it is empty too"},
		cli.Exit{Status: cli.StatusError, When: "a definition of your own could not be read"})
	return cmd
}

// listed is one provider of the list; its JSON form is the command's.
type listed struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Group     string   `json:"group"`
	Rank      int      `json:"rank"`
	Origin    string   `json:"origin"`
	Signature []string `json:"signature_headers"`
	Headers   []string `json:"headers"`
	Events    []string `json:"events"`

	found []string // events that were looked for
}

// RunList prints the list.
func RunList(ctx context.Context, env *cli.Env, opts ListOptions) error {
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return err
	}
	out := []listed{}
	for _, s := range catalogue.Summaries() {
		l := listed{
			ID: s.ID, Name: s.Name, Group: s.Group, Rank: s.Rank, Origin: s.Origin,
			Signature: list(s.Signature), Headers: list(s.Headers), Events: list(s.Events),
		}
		if l.has(opts.Words) {
			out = append(out, l)
		}
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, out)
	}
	if len(out) == 0 {
		env.Say("no provider has %q in its name, group, headers or events", strings.Join(opts.Words, " "))
		return nil
	}
	if err := env.Print(table(env.View(), out)); err != nil {
		return err
	}
	if env.OutTerminal {
		env.Say("%s; hooks providers show NAME explains one", render.Plural(len(out), "provider"))
	}
	return nil
}

// has says whether each word, in any letter case, is part of what the list
// knows about the provider, and keeps the events that have the words which
// nothing else has.
func (l *listed) has(words []string) bool {
	l.found = l.Events
	for _, word := range words {
		has := func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(word)) }
		if has(l.ID) || has(l.Name) || has(l.Group) || slices.ContainsFunc(l.Headers, has) {
			continue
		}
		l.found = slices.DeleteFunc(slices.Clone(l.found), func(e string) bool { return !has(e) })
		if len(l.found) == 0 {
			return false
		}
	}
	return true
}

// maxNamed is how many events of a provider are named in the list.
const maxNamed = 3

// events counts the events, or names those that were looked for.
func (l *listed) events() string {
	if len(l.found) == len(l.Events) {
		return render.Plural(len(l.Events), "event")
	}
	text := strings.Join(l.found[:min(len(l.found), maxNamed)], ", ")
	if len(l.found) > maxNamed {
		text += fmt.Sprintf(" and %d more", len(l.found)-maxNamed)
	}
	return safetext.Line(text)
}

// table lists providers group by group.
func table(v render.View, list []listed) string {
	groups := map[string][]listed{}
	for _, l := range list {
		groups[l.Group] = append(groups[l.Group], l)
	}
	var rows [][]string
	for _, l := range list {
		for i, m := range groups[l.Group] {
			group, signature := m.Group, "-"
			if i > 0 && v.Width > 0 {
				group = "" // a person reads it once
			}
			if len(m.Signature) > 0 {
				signature = m.Signature[0]
			}
			rows = append(rows, []string{safetext.Line(group), m.ID, safetext.Line(m.Name), signature, m.events()})
		}
		delete(groups, l.Group)
	}
	return v.Table([]render.Column{
		{Title: "GROUP", Drop: 3},
		{Title: "PROVIDER"},
		{Title: "NAME", Drop: 2, Shrink: true},
		{Title: "SIGNATURE", Drop: 1, Shrink: true},
		{Title: "EVENTS", Drop: 4},
	}, rows)
}

// ValidateOptions is the command line of validate, parsed.
type ValidateOptions struct {
	Files []string
}

func newValidateCmd(env *cli.Env, run func(context.Context, *cli.Env, ValidateOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "validate FILE...",
		Short:   "Say what is wrong with a definition",
		Long:    "Reads provider definitions and prints every mistake with its line and column, and what was probably meant. - is standard input.",
		Example: "  $ hooks providers validate acme.yaml\n  $ hooks providers validate --json - < acme.yaml",
		Args:    cli.Args(1, -1, "one or more files"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), env, ValidateOptions{Files: args})
		},
	}
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "every definition is right"},
		cli.Exit{Status: cli.StatusNo, When: "one has mistakes"},
		cli.Exit{Status: cli.StatusError, When: "a file could not be read"})
	return cmd
}

// judged is what validate says of one file; its JSON form is the command's.
type judged struct {
	File     string    `json:"file"`
	Valid    bool      `json:"valid"`
	Problems []problem `json:"problems"`
}

type problem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// RunValidate judges definitions.
func RunValidate(ctx context.Context, env *cli.Env, opts ValidateOptions) error {
	results, bad := []judged{}, 0
	for _, name := range opts.Files {
		data, err := env.Input(name)
		if err != nil {
			return err
		}
		j := judged{File: name, Valid: true, Problems: []problem{}}
		for _, p := range provider.Validate(data) {
			j.Valid = false
			j.Problems = append(j.Problems, problem{p.Line, p.Column, p.Message})
		}
		if !j.Valid {
			bad++
		}
		results = append(results, j)
	}
	if err := report(ctx, env, results); err != nil {
		return err
	}
	if bad > 0 {
		return cli.No("hooks help providers tells how a definition is written")
	}
	return nil
}

func report(ctx context.Context, env *cli.Env, results []judged) error {
	if env.Global.WantsJSON() {
		return env.JSON(ctx, results)
	}
	var b strings.Builder
	for _, j := range results {
		if j.Valid {
			fmt.Fprintf(&b, "%s: ok\n", j.File)
		}
		for _, p := range j.Problems {
			b.WriteString(j.File + ":")
			if p.Line > 0 {
				fmt.Fprintf(&b, "%d:%d:", p.Line, p.Column)
			}
			b.WriteString(" " + p.Message + "\n")
		}
	}
	return env.Print(b.String())
}
