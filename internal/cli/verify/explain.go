package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// explanation writes a report for a person.
func explanation(v render.View, report diagnose.Report) string {
	var b strings.Builder
	for i, f := range report.Findings {
		b.WriteString("\n")
		if i > 0 {
			b.WriteString(v.Heading("Or, as likely as that"))
		}
		b.WriteString(finding(v, f, report.RuledOut()))
	}
	if !report.Complete && len(report.Findings) > 0 && report.Findings[0].Causes[0] == diagnose.Unknown {
		b.WriteString("\nThe search was broken off: there is more that was not tried.\n")
	}
	return b.String()
}

// finding writes one way in which the signature is right: what it is, the
// evidence, and what to do.
func finding(v render.View, f diagnose.Finding, ruledOut string) string {
	var ids []string
	for _, c := range f.Causes {
		ids = append(ids, string(c))
	}
	rows := []render.Pair{{Name: "cause", Text: strings.Join(ids, " + ")}}
	name := "proof"
	proof, _, _ := strings.Cut(f.Detail, "; ruled out: ")
	if f.Causes[0] == diagnose.Unknown && f.Capture == "" {
		name = "search"
	}
	rows = append(rows, render.Pair{Name: name, Text: safetext.Line(proof)})
	if f.Causes[0] == diagnose.Unknown && ruledOut != "" {
		rows = append(rows, render.Pair{Name: "ruled out", Text: ruledOut})
	}
	if f.Signed != nil || f.Received != nil {
		rows = append(rows, difference(f.Signed, f.Received, "signed", "received")...)
	}
	for i, h := range f.Header {
		label := ""
		if i == 0 {
			label = "headers"
		}
		rows = append(rows, render.Pair{Name: label, Text: safetext.Line(h.Name + ": " + h.Note)})
	}
	var b strings.Builder
	for _, a := range f.Advice {
		if a.Say != "" {
			rows = append(rows, render.Pair{Name: "fix", Text: a.Say})
		}
		for i, step := range a.Steps {
			label := ""
			if i == 0 {
				label = "try next"
			}
			rows = append(rows, render.Pair{Name: label, Text: fmt.Sprintf("%d. %s", i+1, step)})
		}
		b.WriteString(v.Pairs(rows))
		rows = nil
		lines := diagnose.Together(a.Lines)
		for _, line := range lines {
			fmt.Fprintf(&b, "  %-*s  %s\n", widest(lines), line.Framework, line.Code)
		}
	}
	if len(rows) > 0 {
		b.WriteString(v.Pairs(rows))
	}
	return b.String()
}

func widest(lines []diagnose.Line) int {
	n := 0
	for _, l := range lines {
		n = max(n, len(l.Framework))
	}
	return n
}

// margin is how many bytes are shown on each side of a difference, and longest
// how many of the difference itself.
const (
	margin  = 24
	longest = 32
)

// difference shows two bodies where they begin to differ, and how far.
func difference(a, b []byte, nameA, nameB string) []render.Pair {
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	end := 0 // bytes that are the same at the end
	for end < len(a)-from && end < len(b)-from && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	onlyA, onlyB := a[from:len(a)-end], b[from:len(b)-end]
	return []render.Pair{
		{Name: nameA, Text: around(a, from)},
		{Name: nameB, Text: around(b, from)},
		{Name: "differ", Text: fmt.Sprintf("from byte %s: %s, %s",
			safetext.Thousands(from), counted(onlyA, nameA), counted(onlyB, nameB))},
	}
}

// around is the text of b on both sides of a place, and how long it is.
func around(b []byte, at int) string {
	from, to := max(0, at-margin), min(len(b), at+margin)
	text := safetext.Line(string(b[from:to]))
	if from > 0 {
		text = "…" + text
	}
	if to < len(b) {
		text += "…"
	}
	return fmt.Sprintf("%s  (%s bytes)", text, safetext.Thousands(len(b)))
}

// counted says what stands in one body alone.
func counted(b []byte, name string) string {
	switch {
	case len(b) == 0:
		return "nothing " + name
	case len(b) > longest:
		return fmt.Sprintf("%s bytes %s", safetext.Thousands(len(b)), name)
	}
	return fmt.Sprintf(`"%s" %s`, safetext.Line(string(b)), name)
}

// captures looks in the store for those that carry the signature of d and
// another body (what the app has dumped is then not what came), and for other
// bodies of its provider, which show how it writes. They are an addition to the
// diagnosis, which stands without them: a store that cannot be read is only
// told with --verbose.
func captures(ctx context.Context, env *cli.Env, p *provider.Provider, d *webhook.Delivery) (same []*webhook.Delivery, examples [][]byte) {
	st, err := env.Workspace().OpenStore(ctx, func(o *store.Options) { o.NoCreate = true })
	if err != nil {
		env.Verbose("no captures to compare with: %v", err)
		return nil, nil
	}
	for _, value := range signatures(p, d) {
		found, err := st.Search(ctx, value, store.Query{Limit: 20})
		if err != nil {
			env.Verbose("the captures cannot be searched: %v", err)
			return nil, nil
		}
		for _, m := range found.Matches {
			if m.Delivery.ID != d.ID && m.Delivery.Direction == webhook.Received && strings.HasPrefix(m.Path, "headers.") && string(m.Delivery.Body) != string(d.Body) {
				same = append(same, m.Delivery)
			}
		}
	}
	page, err := st.List(ctx, store.Query{Provider: p.ID, Statuses: []webhook.Status{webhook.Verified}, Limit: maxExamples})
	if err != nil {
		env.Verbose("the captures cannot be listed: %v", err)
	}
	for _, one := range page.Deliveries {
		examples = append(examples, one.Body)
	}
	return same, examples
}

// maxExamples is how many captures show how a provider writes.
const maxExamples = 12

// shortest is how long a value must be that two requests do not share by
// chance.
const shortest = 20

// signatures are the values of the headers in which the provider signs.
func signatures(p *provider.Provider, d *webhook.Delivery) []string {
	var out []string
	for _, s := range p.Schemes() {
		for _, name := range s.SignatureHeaders() {
			for _, v := range d.Header[name] {
				if len(v) >= shortest {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

// bodiesOf is what the search for causes takes of captures.
func bodiesOf(captured []*webhook.Delivery) []diagnose.Capture {
	var out []diagnose.Capture
	for _, c := range captured {
		out = append(out, diagnose.Capture{ID: c.ID, Body: c.Body})
	}
	return out
}

// compared tells how the body differs from the one that was captured with the
// same signature.
func compared(v render.View, d, captured *webhook.Delivery) string {
	rows := []render.Pair{{Name: "capture", Text: captured.ID + ", " + string(captured.Verification.Status)}}
	return "\n" + v.Heading("Compared with the capture that carries this signature") +
		v.Pairs(append(rows, difference(captured.Body, d.Body, "captured", "here")...))
}
