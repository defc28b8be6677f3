package render

import (
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// A Pair is a name and what is said about it. The name is made safe by Pairs;
// the text has to be so already, as it may be coloured.
type Pair struct{ Name, Text string }

// maxName is how wide the column of names gets at most; longer ones push their
// text to the right.
const maxName = 32

// Pairs lists names and texts in two columns. Text that is too long for the
// width goes on below itself. It ends with a newline, or is empty.
func (v View) Pairs(rows []Pair) string { return v.pairs(rows, v.Palette.Dim) }

func (v View) pairs(rows []Pair, color func(string) string) string {
	column := 0
	for i := range rows {
		if n := width(safetext.Line(rows[i].Name)); n > column && n <= maxName {
			column = n
		}
	}
	if v.Width > 0 {
		column = min(column, max(v.Width/2, minFold))
	}
	var b strings.Builder
	for _, r := range rows {
		name := v.line(r.Name)
		cell := pad(name, column)
		at := width(cell) + 2
		indent := at
		if v.Width > 0 && v.Width-at < minFold {
			indent = 4
		}
		b.WriteString(color(cell) + "  " + v.fold(r.Text, at, indent) + "\n")
	}
	return b.String()
}
