package events

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/difference"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// ShowOptions is the command line of show, parsed.
type ShowOptions struct {
	ID          string
	Raw         string // "" for none, "yes", "force"
	Credentials bool
}

func newShowCmd(env *cli.Env, run func(context.Context, *cli.Env, ShowOptions) error) *cobra.Command {
	var o ShowOptions
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one delivery",
		Long:  "Shows a delivery with its headers, body and attempts: one of the store, or what the file of that name holds. --raw writes the body's bytes as they came; on a terminal it takes --raw=force, since they can hold anything.",
		Example: "  $ hooks events show last\n  $ hooks events show evt_abc123 --format curl\n" +
			"  $ hooks events show last --raw > body.json",
		Args:              cli.Args(1, 1, "an id or a file"),
		ValidArgsFunction: env.CompleteIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ID = args[0]
			if o.Raw != "" && (env.Global.WantsJSON() || env.Global.Format != "") {
				return cli.Usagef("--raw and another form exclude each other")
			}
			return run(cmd.Context(), env, o)
		},
	}
	cli.Choice(cmd, &o.Raw, "raw", "", "write the bytes of the body and nothing else", "yes", "force")
	cmd.Flags().Lookup("raw").NoOptDefVal = "yes"
	cmd.Flags().BoolVar(&o.Credentials, "show-credentials", false, "do not mask headers and addresses that hold credentials")
	cli.Formats(cmd, httptext.Formats()...)
	exits(cmd, "it was shown", cli.Exit{Status: cli.StatusNo, When: "there is no such delivery"})
	return cmd
}

// RunShow shows a delivery.
func RunShow(ctx context.Context, env *cli.Env, o ShowOptions) error {
	d, err := env.Delivery(ctx, o.ID)
	if err != nil {
		return err
	}
	if o.Raw != "" {
		return raw(env, d, o.Raw)
	}
	shown := d
	if !o.Credentials {
		shown = httptext.Masked(d)
	}
	switch format := env.Global.Format; {
	case env.Global.WantsJSON():
		return env.JSON(ctx, shown)
	case format != "" && format != "text":
		return write(env, httptext.Format(format), o.Credentials, d)
	}
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return err
	}
	view := env.View()
	view.Credentials = o.Credentials
	j := &judge.Judge{Catalogue: catalogue}
	return env.Print(view.Full(d, render.FullOptions{Signed: j.Covered(d), Attempts: true}))
}

// raw writes the body's bytes. On a terminal they could do anything.
func raw(env *cli.Env, d *webhook.Delivery, how string) error {
	if env.OutTerminal && how != "force" {
		return cli.Usage(errors.New("--raw writes whatever the sender sent to the terminal"), "give --raw=force, or write it to a file: --output FILE")
	}
	return env.Print(string(d.Body))
}

// DiffOptions is the command line of diff, parsed.
type DiffOptions struct {
	A, B        string
	Credentials bool
}

func newDiffCmd(env *cli.Env, run func(context.Context, *cli.Env, DiffOptions) error) *cobra.Command {
	var o DiffOptions
	cmd := &cobra.Command{
		Use:               "diff ID ID",
		Short:             "Compare two deliveries",
		Long:              "Tells how two deliveries, of the store or in files, differ: request line, headers, verdict, and the payload value by value where both are JSON.",
		Example:           "  $ hooks events diff dlv_01jd dlv_01je\n  $ hooks events diff evt_abc123 last --json",
		Args:              cli.Args(2, 2, "two ids or files"),
		ValidArgsFunction: env.CompleteIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.A, o.B = args[0], args[1]
			return run(cmd.Context(), env, o)
		},
	}
	cmd.Flags().BoolVar(&o.Credentials, "show-credentials", false, "compare headers that hold credentials openly")
	exits(cmd, "they are the same", cli.Exit{Status: cli.StatusNo, When: "they differ, or one was not found"})
	return cmd
}

// RunDiff compares two deliveries.
func RunDiff(ctx context.Context, env *cli.Env, o DiffOptions) error {
	a, err := env.Delivery(ctx, o.A)
	if err != nil {
		return err
	}
	b, err := env.Delivery(ctx, o.B)
	if err != nil {
		return err
	}
	report := difference.Compare(a, b, difference.Options{Credentials: o.Credentials})
	if env.Global.WantsJSON() {
		err = env.JSON(ctx, report)
	} else {
		err = env.Print(env.View().Diff(report))
	}
	if err != nil || report.Same() {
		return err
	}
	return cli.No()
}
