// Package events is `hooks events`: what is in the store, listed, shown,
// searched, followed, carried in and out.
package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

const long = `What hooks listen has captured and hooks send has sent is kept in a store, by default for 30 days and up to 1 GiB. Any number of commands may read it while others write.

An id is dlv_…, an event id as the provider writes it, a unique beginning of either, or last. An event id means its newest received delivery.

Credentials in headers and addresses are masked wherever a delivery is shown, as JSON too; "redacted" names them. show and export have --show-credentials.`

// NewCmd returns the command with its own commands.
func NewCmd(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "List, show, search and keep what was captured",
		Long:    long,
		Example: "  $ hooks events list\n  $ hooks events show last\n  $ hooks events search ada@example.com",
	}
	cmd.AddCommand(
		newListCmd(env, RunList), newSearchCmd(env, RunSearch), newTailCmd(env, RunTail), newShowCmd(env, RunShow),
		newExportCmd(env, RunExport), newImportCmd(env, RunImport), newDiffCmd(env, RunDiff), newDeleteCmd(env, RunDelete),
	)
	return cmd
}

// usual is how many deliveries are listed where nobody says.
const usual = 50

// ListOptions is the command line of list, parsed.
type ListOptions struct {
	Selection cli.Selection
}

func newListCmd(env *cli.Env, run func(context.Context, *cli.Env, ListOptions) error) *cobra.Command {
	var o ListOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List deliveries, newest first",
		Long:  "Lists what was captured and sent, newest first. The flags narrow it; together they all have to hold.",
		Example: "  $ hooks events list\n  $ hooks events list --event 'render.*' --failed --since 1h\n" +
			"  $ hooks events list --where data.status=failed --json --jq '.[].event_id'",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), env, o) },
	}
	selects(env, cmd, &o.Selection, usual)
	exits(cmd, "the list was printed, if it is empty too")
	return cmd
}

// selects declares the flags that choose among deliveries.
func selects(env *cli.Env, cmd *cobra.Command, s *cli.Selection, limit int) {
	s.Bind(cmd, limit)
	env.CompleteProviders(cmd, "provider")
	env.CompleteEvents(cmd, "event")
}

// exits declares what every one of these commands ends with.
func exits(cmd *cobra.Command, done string, more ...cli.Exit) {
	cli.Exits(cmd, append(more,
		cli.Exit{Status: cli.OK, When: done},
		cli.Exit{Status: cli.StatusError, When: "the store could not be read"})...)
}

// RunList prints the list.
func RunList(ctx context.Context, env *cli.Env, o ListOptions) error {
	st, q, err := open(ctx, env, &o.Selection)
	if err != nil {
		return err
	}
	page, err := st.List(ctx, q)
	if err != nil {
		return err
	}
	warnDamaged(env, page.Damaged)
	if env.Global.WantsJSON() {
		out := []*webhook.Delivery{}
		for _, d := range page.Deliveries {
			out = append(out, httptext.Masked(d))
		}
		return env.JSON(ctx, out)
	}
	if len(page.Deliveries) == 0 {
		env.Say("nothing found; hooks listen captures")
	}
	if page.More && o.Selection.Limit == usual {
		env.Say("these are the newest %d; --limit N shows more", o.Selection.Limit)
	}
	return env.Print(env.View().Deliveries(page.Deliveries, nil))
}

// open opens the store and reads the selection.
func open(ctx context.Context, env *cli.Env, s *cli.Selection) (*store.Store, store.Query, error) {
	q, err := env.Query(s)
	if err != nil {
		return nil, q, err
	}
	q.Limit = s.Limit
	st, err := env.Workspace().Store(ctx)
	return st, q, err
}

// warnDamaged tells of deliveries that do not read back as they were stored.
// The rest is not affected.
func warnDamaged(env *cli.Env, damaged []*store.DamagedError) {
	if len(damaged) == 0 {
		return
	}
	text := damaged[0].Error()
	if len(damaged) > 1 {
		text += fmt.Sprintf(", and %d more", len(damaged)-1)
	}
	env.Warn(text, "the others are not affected; hooks events delete ID removes one")
}

// SearchOptions is the command line of search, parsed.
type SearchOptions struct {
	Text      string
	Selection cli.Selection
}

func newSearchCmd(env *cli.Env, run func(context.Context, *cli.Env, SearchOptions) error) *cobra.Command {
	var o SearchOptions
	cmd := &cobra.Command{
		Use:   "search TEXT",
		Short: "Find deliveries that contain a text",
		Long:  "Finds TEXT, in any letter case, as a part of anything: bodies, headers, addresses, ids, types. The field in which it was found is shown.",
		Example: "  $ hooks events search ada@example.com\n" +
			"  $ hooks events search render_xyz789 --provider canvelete --json",
		Args: cli.Args(1, 1, "a text"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Text = args[0]
			return run(cmd.Context(), env, o)
		},
	}
	selects(env, cmd, &o.Selection, usual)
	exits(cmd, "something was found", cli.Exit{Status: cli.StatusNo, When: "nothing contains it"})
	return cmd
}

// RunSearch prints what contains the text.
func RunSearch(ctx context.Context, env *cli.Env, o SearchOptions) error {
	if o.Text == "" {
		return cli.Usagef("the text to look for is empty")
	}
	st, q, err := open(ctx, env, &o.Selection)
	if err != nil {
		return err
	}
	found, err := st.Search(ctx, o.Text, q)
	if err != nil {
		return err
	}
	warnDamaged(env, found.Damaged)
	if err := printFound(ctx, env, found); err != nil {
		return err
	}
	if len(found.Matches) == 0 {
		return cli.NoBecause(fmt.Errorf("nothing contains %q", safetext.Line(o.Text)))
	}
	return nil
}

func printFound(ctx context.Context, env *cli.Env, found store.Found) error {
	if env.Global.WantsJSON() {
		out := []match{}
		for _, m := range found.Matches {
			m.Delivery = httptext.Masked(m.Delivery)
			out = append(out, match(m))
		}
		return env.JSON(ctx, out)
	}
	var ds []*webhook.Delivery
	for _, m := range found.Matches {
		ds = append(ds, m.Delivery)
	}
	if found.More {
		env.Say("there are more; --limit N shows them")
	}
	return env.Print(env.View().Deliveries(ds, func(i int) string { return found.Matches[i].Path }))
}

// match is a delivery in its JSON form with one field more: where the text was
// found.
type match store.Match

// MarshalJSON writes the delivery and "matched".
func (m match) MarshalJSON() ([]byte, error) {
	doc, err := m.Delivery.MarshalJSON()
	if err != nil {
		return nil, err
	}
	path, err := json.Marshal(m.Path)
	if err != nil {
		return nil, err
	}
	return append(append(append(doc[:len(doc)-1], `,"matched":`...), path...), '}'), nil
}

// TailOptions is the command line of tail, parsed.
type TailOptions struct {
	Selection cli.Selection
}

// before is how many deliveries tail shows before it waits for new ones.
const before = 10

func newTailCmd(env *cli.Env, run func(context.Context, *cli.Env, TailOptions) error) *cobra.Command {
	var o TailOptions
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show deliveries as they come",
		Long:  "Shows the newest deliveries and then each one that any process stores, until Ctrl-C. With --json each is an object on a line of its own.",
		Example: "  $ hooks events tail\n  $ hooks events tail --invalid\n" +
			"  $ hooks events tail --json --since now --jq .event_type",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), env, o) },
	}
	selects(env, cmd, &o.Selection, before)
	cli.Streams(cmd)
	exits(cmd, "it was ended by Ctrl-C")
	return cmd
}

// RunTail follows the store.
func RunTail(ctx context.Context, env *cli.Env, o TailOptions) error {
	st, q, err := open(ctx, env, &o.Selection)
	if err != nil {
		return err
	}
	// What comes between the list and the tail must not be missed: the tail
	// begins first, and the newest that was listed is where it goes on.
	tail, err := st.Tail(ctx, store.TailOptions{Query: q})
	if err != nil {
		return err
	}
	defer tail.Close()
	shown := map[string]bool{}
	page, err := st.List(ctx, q)
	if err != nil {
		return err
	}
	for i := len(page.Deliveries) - 1; i >= 0; i-- {
		shown[page.Deliveries[i].ID] = true
		if err := printOne(ctx, env, page.Deliveries[i]); err != nil {
			return err
		}
	}
	for {
		d, err := tail.Next(ctx)
		var damaged *store.DamagedError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &damaged):
			warnDamaged(env, []*store.DamagedError{damaged})
			continue
		case err != nil:
			return err
		case shown[d.ID]:
			delete(shown, d.ID)
			continue
		}
		if err := printOne(ctx, env, d); err != nil {
			return err
		}
	}
}

func printOne(ctx context.Context, env *cli.Env, d *webhook.Delivery) error {
	if env.Global.WantsJSON() {
		return env.JSONLine(ctx, httptext.Masked(d))
	}
	return env.Print(env.View().Line(d) + "\n")
}
