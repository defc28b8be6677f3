package render

import (
	"fmt"
	"strings"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// caseColumn is how wide the ids of cases are.
func caseColumn() int {
	n := 0
	for _, c := range check.Cases() {
		n = max(n, len(c.ID))
	}
	return n
}

// CheckGlyph returns the outcome of a case as one coloured character: ✓ passed,
// ✗ failed, • failed where that is only advice, - skipped.
func (v View) CheckGlyph(r *check.Result) string {
	switch {
	case r.Status == check.Passed:
		return v.Palette.Good(yes)
	case r.Status == check.Skipped:
		return v.Palette.Dim("-")
	case r.Level == check.Advice:
		return v.Palette.Warn(unknown)
	}
	return v.Palette.Bad(no)
}

// CheckLine tells the outcome of a case on one line:
//
//	✓ rejects-unsigned            401 Unauthorized
//	✗ rejects-tampered-body       200 OK
//	- rejects-stale-timestamp     canvelete signs no timestamp
func (v View) CheckLine(r *check.Result) string {
	id := pad(v.line(r.ID), caseColumn())
	text := v.line(r.Actual)
	switch {
	case r.Status == check.Skipped:
		id, text = v.Palette.Dim(id), v.Palette.Dim(text)
	case r.Status == check.Failed:
		id = v.Palette.Strong(id)
	}
	at := 2 + caseColumn() + 2
	return v.CheckGlyph(r) + " " + id + "  " + v.fold(text, at, at)
}

// CheckReport tells what is wrong with a handler, why that matters and what to
// change, and ends with the verdict. It ends with a newline.
func (v View) CheckReport(r *check.Report) string {
	var b strings.Builder
	if r.Opening != "" {
		b.WriteString("\n" + v.fold(v.Palette.Bad(no)+" "+v.line(r.Opening), 0, 2) + "\n")
	}
	var follow []string
	for i := range r.Cases {
		switch c := &r.Cases[i]; {
		case c.Follows:
			follow = append(follow, c.ID)
		case c.Status == check.Failed:
			b.WriteString("\n" + v.checkCase(c))
		}
	}
	if len(follow) > 0 {
		text := "refused in the same way: " + strings.Join(follow, ", ")
		b.WriteString("\n" + v.fold(v.Palette.Bad(no)+" "+v.line(text), 0, 2) + "\n")
	}
	if r.Framework != "" && !r.Passed {
		b.WriteString("\n" + v.Palette.Dim("the app looks like "+v.line(r.Framework)) + "\n")
	}
	b.WriteString("\n" + v.checkVerdict(r) + "\n")
	return b.String()
}

// checkCase tells all about one case that failed.
func (v View) checkCase(c *check.Result) string {
	head := v.CheckGlyph(c) + " " + v.Palette.Strong(v.line(c.ID))
	if c.Level == check.Advice {
		head += v.Palette.Dim(" (advice)")
	}
	rows := []Pair{
		{"sent", v.line(c.Sends)},
		{"expected", v.line(c.Expected)},
		{"came", v.line(c.Actual)},
		{"why", v.line(c.Why)},
		{"fix", v.line(strings.TrimSuffix(c.Fix, " "+c.Code))},
	}
	out := head + "\n" + inset(v.narrow(2).Pairs(rows))
	// What is to be copied is never broken into lines.
	if c.Code != "" {
		out += v.toCopy("", c.Code)
	}
	return out + v.toCopy("again", c.Reproduce)
}

// toCopy is a line of checkCase that is as long as it has to be.
func (v View) toCopy(name, text string) string {
	return "  " + v.Palette.Dim(pad(name, len("expected"))) + "  " + v.line(text) + "\n"
}

func (v View) checkVerdict(r *check.Report) string {
	count := func(l check.Level, s check.Status) int { return r.Count(l, s) }
	failed, advised := count(check.Required, check.Failed), count(check.Advice, check.Failed)
	tried := failed + count(check.Required, check.Passed)
	var parts []string
	if advised > 0 {
		parts = append(parts, fmt.Sprintf("advice in %s", Plural(advised, "case")))
	}
	if n := count(check.Required, check.Skipped) + count(check.Advice, check.Skipped); n > 0 {
		parts = append(parts, fmt.Sprintf("%s skipped", safetext.Thousands(n)))
	}
	rest := ""
	if len(parts) > 0 {
		rest = v.Palette.Dim("; " + strings.Join(parts, ", "))
	}
	if failed > 0 {
		return v.Palette.Bad(fmt.Sprintf("%s %s of %s failed", no, safetext.Thousands(failed), Plural(tried, "required case"))) + rest
	}
	return v.Palette.Good(fmt.Sprintf("%s %s passed", yes, Plural(tried, "required case"))) + rest
}
