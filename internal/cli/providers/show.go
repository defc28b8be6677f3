package providers

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// ShowOptions is the command line of show, parsed.
type ShowOptions struct {
	Provider string
	Event    string // the event whose sample is shown, "" for the first
}

func newShowCmd(env *cli.Env, run func(context.Context, *cli.Env, ShowOptions) error) *cobra.Command {
	var opts ShowOptions
	cmd := &cobra.Command{
		Use:   "show PROVIDER",
		Short: "Explain a provider",
		Long: "Explains how a provider signs, with what is signed as a picture, when it retries, which events it sends, a sample, and " +
			"where the facts come from. What no source states is marked as assumed. --format yaml prints the definition itself.",
		Example: "  $ hooks providers show canvelete\n" +
			"  $ hooks providers show sketchpen --event video.failed\n" +
			"  $ hooks providers show generic --json --jq .delivery",
		Args:              cli.Args(1, 1, "a provider"),
		ValidArgsFunction: completeProvider(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Provider = args[0]
			return run(cmd.Context(), env, opts)
		},
	}
	cli.Formats(cmd, "yaml")
	cmd.Flags().StringVarP(&opts.Event, "event", "e", "", "the event whose sample is shown")
	env.CompleteEvents(cmd, "event")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the provider was explained"},
		cli.Exit{Status: cli.StatusError, When: "a definition of your own could not be read"})
	return cmd
}

// completeProvider offers the names of providers.
func completeProvider(env *cli.Env) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		catalogue, err := env.Workspace().Catalogue()
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return catalogue.IDs(), cobra.ShellCompDirectiveNoFileComp
	}
}

// RunShow explains a provider.
func RunShow(ctx context.Context, env *cli.Env, opts ShowOptions) error {
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return err
	}
	p, err := catalogue.Get(opts.Provider)
	if err != nil {
		return err
	}
	if env.Global.Format == "yaml" {
		definition, err := catalogue.YAML(p.ID)
		if err != nil {
			return err
		}
		return env.Print(string(definition))
	}
	if opts.Event == "" && len(p.Events) > 0 {
		opts.Event = p.Events[0].Type
	}
	var sample *provider.Event
	if opts.Event != "" {
		if sample, err = p.Build(provider.BuildOptions{Type: opts.Event, At: env.Now()}); err != nil {
			return err
		}
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, describe(p, sample))
	}
	return env.Print(explain(env.View(), p, sample))
}

// explain writes everything about p for a person.
func explain(v render.View, p *provider.Provider, sample *provider.Event) string {
	var b strings.Builder
	section := func(title, text string) {
		if text != "" {
			b.WriteString("\n" + v.Heading(title) + text)
		}
	}
	b.WriteString(v.Heading(p.Name + " (" + p.ID + ")"))
	b.WriteString(v.Pairs(about(p)))
	for i, s := range p.Schemes() {
		title := "Signature"
		if len(p.Schemes()) > 1 {
			title = fmt.Sprintf("Signature %d: %s", i+1, s.Name())
		}
		section(title, inWords(s.Spec())+"\n\n"+indent(picture(s.Spec()))+"\n"+v.Pairs(signature(s.Spec())))
	}
	if len(p.Schemes()) == 0 {
		section("Signature", "Nothing is signed.\n")
	}
	section("Event", v.Pairs(places(p)))
	section("Handshake", handshakes(v, p))
	section("Delivery", v.Pairs(delivery(&p.Delivery))+attempts(v, &p.Delivery))
	section("Events", events(v, p))
	if sample != nil {
		section("Sample: "+safetext.Line(sample.Type), v.Headers(sample.Header, nil)+v.Body(sample.Header, sample.Body, "hooks send --dry-run"))
	}
	section("Where this is from", sources(v, p))
	section("Try it", try(p, sample))
	return b.String()
}

func about(p *provider.Provider) []render.Pair {
	return pairs("home", p.Home, "docs", p.Docs, "note", p.Note, "definition", p.Origin)
}

func places(p *provider.Provider) []render.Pair {
	id := strings.Join(p.Places.ID, ", ")
	if id == "" {
		id = "none: a repeated event is known by its body"
	}
	return pairs("id", id, "type", strings.Join(p.Places.Type, ", "), "time", strings.Join(p.Places.Time, ", "), "order", p.Places.Order)
}

// pairs makes rows of names and texts, without those that have no text.
func pairs(namesAndTexts ...string) []render.Pair {
	var out []render.Pair
	for i := 0; i < len(namesAndTexts); i += 2 {
		if text := namesAndTexts[i+1]; text != "" {
			out = append(out, render.Pair{Name: namesAndTexts[i], Text: safetext.Line(text)})
		}
	}
	return out
}

// delivery tells how a provider delivers.
func delivery(d *provider.Delivery) []render.Pair {
	known := func(field, text, instead string) string {
		switch {
		case text == "":
			return ""
		case !slices.Contains(d.Assumed, field):
			return text
		case !d.Stated(field):
			return "not published; " + instead
		}
		return text + " (assumed)"
	}
	var waits []string
	for _, wait := range d.Schedule {
		waits = append(waits, render.Duration(wait))
	}
	retryAfter := ""
	if d.RetryAfter {
		retryAfter = "honoured"
	}
	return pairs("request", d.Method+" "+d.Path, "time-out", known("timeout", render.Duration(d.Timeout), "hooks waits "+render.Duration(d.Timeout)),
		"success", known("success", strings.Join(d.Success, ", "), strings.Join(d.Success, ", ")+" is taken for it"),
		"ends at", known("stop", strings.Join(d.Stop, ", "), ""),
		"schedule", known("schedule", strings.Join(waits, ", "), "hooks sends once"), "Retry-After", retryAfter, "retries", d.Retries, "source", d.Source)
}

// attempts says when each attempt is made, where there is more than one.
func attempts(v render.View, d *provider.Delivery) string {
	if len(d.Schedule) < 2 {
		return ""
	}
	var rows [][]string
	var after time.Duration
	for i, wait := range d.Schedule {
		after += wait
		when := "at once"
		if wait > 0 {
			when = "after " + render.Duration(wait)
		}
		since := "-"
		if after > 0 {
			since = render.Duration(after)
		}
		rows = append(rows, []string{"attempt " + strconv.Itoa(i+1), when, since})
	}
	return "\n" + v.Table([]render.Column{{Title: "ATTEMPT"}, {Title: "WAIT"}, {Title: "SINCE THE FIRST", Right: true}}, rows)
}

// handshakes tells what the provider asks before it delivers.
func handshakes(v render.View, p *provider.Provider) string {
	var rows []render.Pair
	for _, h := range p.Handshakes() {
		parts := []string{h.Method}
		for _, one := range []struct {
			is   bool
			text string
		}{
			{h.Signed, "signed as deliveries are"},
			{h.Refuse != 0, fmt.Sprintf("and once wrongly, which has to be answered with %d", h.Refuse)},
			{h.HandsOver(), "brings the secret"},
			{h.NeedsSecret(), "the answer is made with the secret"},
			{h.Note != "", h.Note},
		} {
			if one.is {
				parts = append(parts, one.text)
			}
		}
		rows = append(rows, render.Pair{Name: safetext.Line(h.Name), Text: safetext.Line(strings.Join(parts, "; "))})
	}
	if len(rows) == 0 {
		return ""
	}
	return v.Pairs(rows) + "\nhooks send --handshake --provider " + p.ID + " URL performs it.\n"
}

func events(v render.View, p *provider.Provider) string {
	var rows [][]string
	synthetic := false
	for _, e := range p.Events {
		shape := "documented"
		if e.Synthetic {
			shape, synthetic = "synthetic", true
		}
		rows = append(rows, []string{safetext.Line(e.Type), safetext.Line(e.Summary), shape})
	}
	out := v.Table([]render.Column{{Title: "TYPE"}, {Title: "WHEN", Drop: 1, Shrink: true}, {Title: "SAMPLE", Drop: 2}}, rows)
	if synthetic {
		out += "\nA synthetic sample has the provider's shape as far as it is known, and no source word by word.\n"
	}
	return out
}

func sources(v render.View, p *provider.Provider) string {
	var rows []render.Pair
	for i, s := range p.Sources {
		rows = append(rows, render.Pair{Name: once(i, "read"), Text: safetext.Line(s)})
	}
	for i, s := range p.SDK {
		rows = append(rows, render.Pair{Name: once(i, "library"), Text: safetext.Line(s)})
	}
	if p.Checked != "" {
		rows = append(rows, render.Pair{Name: "checked", Text: safetext.Line(p.Checked)})
	}
	return v.Pairs(rows)
}

// once is name for the first of several rows.
func once(i int, name string) string {
	if i > 0 {
		return ""
	}
	return name
}

// try names the commands that use what was explained.
func try(p *provider.Provider, sample *provider.Event) string {
	if sample == nil {
		return ""
	}
	out := "hooks send --provider " + p.ID + " --event '" + safetext.Line(sample.Type) + "' --dry-run\n"
	if len(p.Schemes()) > 0 {
		out += "hooks secrets set " + p.ID + "\n"
	}
	return out + "hooks listen --provider " + p.ID + "\n"
}

// indent sets text off from what stands around it.
func indent(text string) string {
	return "  " + strings.Join(strings.Split(strings.TrimRight(text, "\n"), "\n"), "\n  ") + "\n"
}
