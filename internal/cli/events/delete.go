package events

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/units"
)

// DeleteOptions is the command line of delete, parsed.
type DeleteOptions struct {
	IDs    []string
	Before string
	All    bool
	Yes    bool
}

func newDeleteCmd(env *cli.Env, run func(context.Context, *cli.Env, DeleteOptions) error) *cobra.Command {
	var o DeleteOptions
	cmd := &cobra.Command{
		Use:   "delete ID…",
		Short: "Remove deliveries from the store",
		Long:  "Removes deliveries with their attempts. It asks before it does; where nobody can be asked, it needs --yes.",
		Example: "  $ hooks events delete dlv_01jd --yes\n  $ hooks events delete --before 7d --yes\n" +
			"  $ hooks events delete --all --yes",
		Args:              cli.Args(0, -1, "ids"),
		ValidArgsFunction: env.CompleteIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.IDs = args
			return run(cmd.Context(), env, o)
		},
	}
	cmd.Flags().StringVar(&o.Before, "before", "", "remove what is older than `TIME`: 7d, a date, RFC 3339")
	cmd.Flags().BoolVar(&o.All, "all", false, "remove everything")
	cmd.Flags().BoolVar(&o.Yes, "yes", false, "do not ask")
	exits(cmd, "they are gone", cli.Exit{Status: cli.StatusNo, When: "an id was not found, or the answer was no"})
	return cmd
}

// removed is the JSON form of what delete did.
type removed struct {
	Deleted int `json:"deleted"`
}

// RunDelete removes deliveries.
func RunDelete(ctx context.Context, env *cli.Env, o DeleteOptions) error {
	before, err := o.check(env)
	if err != nil {
		return err
	}
	st, err := env.Workspace().Store(ctx)
	if err != nil {
		return err
	}
	var list []string
	for _, ref := range o.IDs {
		id, err := env.CaptureID(ctx, ref)
		if err != nil {
			return err
		}
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	if err := o.confirm(ctx, env, st, before, list); err != nil {
		return err
	}
	var n int
	switch {
	case o.All:
		n, err = st.DeleteAll(ctx)
	case !before.IsZero():
		n, err = st.DeleteBefore(ctx, before)
	default:
		n, err = st.Delete(ctx, list...)
	}
	if err != nil {
		return err
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, removed{n})
	}
	return env.Print("deleted " + render.Plural(n, "delivery", "deliveries") + "\n")
}

// check returns the time of --before, zero if it was not given.
func (o *DeleteOptions) check(env *cli.Env) (time.Time, error) {
	ways := 0
	for _, given := range []bool{len(o.IDs) > 0, o.Before != "", o.All} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return time.Time{}, cli.Usage(errors.New("no delivery is named"), "give ids, --before TIME or --all")
	case ways > 1:
		return time.Time{}, cli.Usagef("ids, --before and --all exclude each other")
	case o.Before == "":
		return time.Time{}, nil
	}
	t, err := units.ParseTime(o.Before, env.Now())
	if err != nil {
		return t, cli.Usagef("--before: %w", err)
	}
	return t, nil
}

// confirm asks before anything is removed.
func (o *DeleteOptions) confirm(ctx context.Context, env *cli.Env, st *store.Store, before time.Time, list []string) error {
	if o.Yes {
		return nil
	}
	what := render.Plural(len(list), "delivery", "deliveries")
	if len(list) == 0 {
		n, err := st.Count(ctx)
		if err != nil {
			return err
		}
		what = "all " + render.Plural(int(n), "delivery", "deliveries")
		if !before.IsZero() {
			what = "every delivery before " + env.View().Moment(before)
		}
	}
	yes, asked, err := env.Confirm("delete " + what)
	switch {
	case err != nil:
		return err
	case !asked:
		return cli.Usage(errors.New("this deletes "+what), "say that it is meant: --yes")
	case !yes:
		return cli.NoBecause(errors.New("nothing was deleted"))
	}
	return nil
}
