package render

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// Load tells the account of a load: what was sent and answered, each status
// and each kind of failure with its share, the latencies. It ends with a
// newline.
func (v View) Load(r deliver.Report) string {
	var b strings.Builder
	glyph := v.Palette.Good(yes)
	if r.Accepted < r.Planned {
		glyph = v.Palette.Bad(no)
	}
	fmt.Fprintf(&b, "%s %s in %s · %s\n", glyph, v.Palette.Strong(safetext.Thousands(r.Sent)+" sent"), Duration(r.Elapsed),
		rate(r.Throughput())+" answers/s")
	rows := v.loadRows(r)
	b.WriteString("\n" + inset(v.narrow(2).Table([]Column{
		{Title: "outcome", Shrink: true}, {Title: "count", Right: true}, {Title: "share", Right: true}, {Title: "for example", Shrink: true, Drop: 1},
	}, rows)))
	if r.Answered > 0 {
		b.WriteString("\n" + inset(v.narrow(2).latencies(r)))
	}
	if r.Lost > 0 {
		b.WriteString("\n" + inset(v.lost(r)))
	}
	return b.String()
}

func rate(perSecond float64) string {
	if perSecond >= 100 {
		return safetext.Thousands(int(perSecond + 0.5))
	}
	return decimal(perSecond, 1)
}

func (v View) loadRows(r deliver.Report) [][]string {
	var rows [][]string
	add := func(what string, n int, example string) {
		rows = append(rows, []string{what, safetext.Thousands(n), share(n, r.Planned), v.Palette.Dim(v.line(example))})
	}
	for _, code := range slices.Sorted(maps.Keys(r.Statuses)) {
		add(v.Status(code), r.Statuses[code], "")
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Errors)) {
		add(v.Palette.Bad(v.line(strings.ReplaceAll(string(kind), "_", " "))), r.Errors[kind], r.Texts[kind])
	}
	if r.NotSent > 0 {
		add(v.Palette.Warn("not sent"), r.NotSent, "the load ended before their turn")
	}
	return rows
}

// share writes n of all in percent; only nothing is 0 and only all is 100.
func share(n, all int) string {
	if all <= 0 {
		return "-"
	}
	percent := float64(n) / float64(all) * 100
	switch {
	case n == 0:
		return "0 %"
	case n == all:
		return "100 %"
	case percent < 0.1:
		return "< 0.1 %"
	case percent > 99.9:
		return "> 99.9 %"
	}
	return strconv.FormatFloat(percent, 'f', 1, 64) + " %"
}

func (v View) latencies(r deliver.Report) string {
	columns := []Column{{Title: "latency"}}
	for _, title := range []string{"min", "p50", "p90", "p95", "p99", "p99.9", "max"} {
		columns = append(columns, Column{Title: title, Right: true})
	}
	columns[1].Drop, columns[4].Drop, columns[6].Drop = 2, 3, 1
	rows := [][]string{latencyRow("from its moment", r.Latency)}
	if r.Service != r.Latency {
		rows = append(rows, latencyRow("from its start", r.Service))
	} else {
		rows[0][0] = "of the answer"
	}
	if v.Width == 0 {
		titles := make([]string, len(columns))
		for i, c := range columns {
			titles[i] = c.Title
		}
		rows = slices.Insert(rows, 0, titles) // a program's reader needs them too
	}
	return v.Table(columns, rows)
}

func latencyRow(what string, l deliver.Latencies) []string {
	return []string{
		what, Duration(l.Min), Duration(l.P50), Duration(l.P90), Duration(l.P95), Duration(l.P99), Duration(l.P999), Duration(l.Max),
	}
}

func (v View) lost(r deliver.Report) string {
	text := v.Palette.Bad(Plural(r.Lost, "request")+" lost") + ": written, and no answer came"
	const shown = 5
	ids := r.LostIDs[:min(len(r.LostIDs), shown)]
	for _, id := range ids {
		text += "\n" + v.line(id)
	}
	if n := r.Lost - len(ids); n > 0 && len(ids) > 0 {
		text += "\n" + v.Palette.Dim("… "+safetext.Thousands(n)+" more")
	}
	return text + "\n"
}
