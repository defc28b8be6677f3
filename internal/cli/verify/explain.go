package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// explanation writes a report for a person.
func explanation(v render.View, report diagnose.Report) string {
	var b strings.Builder
	for i, f := range report.Findings {
		if i > 0 {
			b.WriteString("\n" + v.Heading("or, as well"))
		} else {
			b.WriteString("\n")
		}
		var ids []string
		for _, c := range f.Causes {
			ids = append(ids, string(c))
		}
		rows := []render.Pair{{Name: "cause", Text: strings.Join(ids, " + ")}, {Name: "proof", Text: safetext.Line(f.Detail)}}
		if f.Signed != nil || f.Received != nil {
			signed, received := around(f.Signed, f.Received)
			rows = append(rows, render.Pair{Name: "signed", Text: signed}, render.Pair{Name: "received", Text: received})
		}
		b.WriteString(v.Pairs(append(rows, render.Pair{Name: "fix", Text: f.Fix})))
		for _, line := range lines(f.Causes) {
			fmt.Fprintf(&b, "  %-12s %s\n", line.Framework, line.Code)
		}
	}
	b.WriteString(ruledOut(report))
	return b.String()
}

// lines are those of the first cause that has any.
func lines(causes []diagnose.Cause) []diagnose.Line {
	for _, c := range causes {
		if l := diagnose.Lines(c); len(l) > 0 {
			return l
		}
	}
	return nil
}

// ruledOut tells what was tried where nothing was found.
func ruledOut(report diagnose.Report) string {
	if len(report.Findings) == 0 || report.Findings[0].Causes[0] != diagnose.Unknown {
		return ""
	}
	var parts []string
	for family, n := range report.Tried {
		parts = append(parts, fmt.Sprintf("%s %s", safetext.Thousands(n), family))
	}
	slices.Sort(parts)
	text := "ruled out: " + strings.Join(parts, ", ") + "\n"
	if !report.Complete {
		text += "the search was broken off: there is more that was not tried\n"
	}
	return text
}

// margin is how many bytes are shown on each side of the first difference.
const margin = 24

// around shows two bodies where they first differ, byte by byte.
func around(signed, received []byte) (string, string) {
	at := 0
	for at < len(signed) && at < len(received) && signed[at] == received[at] {
		at++
	}
	cut := func(b []byte) string {
		from, to := max(0, at-margin), min(len(b), at+margin)
		text := ""
		if from < to {
			text = safetext.Line(string(b[from:to]))
		}
		if from > 0 {
			text = "…" + text
		}
		if to < len(b) {
			text += "…"
		}
		return fmt.Sprintf("%s  (byte %d of %d)", text, min(at, len(b)), len(b))
	}
	return cut(signed), cut(received)
}

// sameSignature finds the capture that carries the signature of d and another
// body: the one that the app dumped is then not what came. It is an addition to
// the diagnosis, which stands without it: a store that cannot be read is only
// told with --verbose.
func sameSignature(ctx context.Context, env *cli.Env, o Options, d *webhook.Delivery) *webhook.Delivery {
	if o.Signature == "" {
		return nil
	}
	st, err := env.Workspace().OpenStore(ctx, func(o *store.Options) { o.NoCreate = true })
	if err != nil {
		env.Verbose("no captures to compare with: %v", err)
		return nil
	}
	found, err := st.Search(ctx, o.Signature, store.Query{Limit: 20})
	if err != nil {
		env.Verbose("the captures cannot be searched: %v", err)
		return nil
	}
	for _, m := range found.Matches {
		if m.Delivery.Direction == webhook.Received && strings.HasPrefix(m.Path, "headers.") && string(m.Delivery.Body) != string(d.Body) {
			return m.Delivery
		}
	}
	return nil
}

// compared tells how the body differs from the one that was captured with the
// same signature.
func compared(v render.View, d, captured *webhook.Delivery) string {
	was, is := around(captured.Body, d.Body)
	return "\n" + v.Heading("Compared with the capture that carries this signature") + v.Pairs([]render.Pair{
		{Name: "capture", Text: captured.ID + ", " + string(captured.Verification.Status)},
		{Name: "captured", Text: was},
		{Name: "here", Text: is},
	})
}
