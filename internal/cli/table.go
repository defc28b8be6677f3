package cli

import (
	"strings"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// Columns writes rows with their cells below each other, made safe for a
// terminal. The last cell of a row is not padded; where it is too long for the
// terminal, it goes on below itself.
func (e *Env) Columns(rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			row[i] = safetext.Line(cell)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	view := e.View()
	for _, row := range rows {
		var line strings.Builder
		column := 0
		for i, cell := range row {
			if i == len(row)-1 {
				line.WriteString(view.Hang(cell, column))
				break
			}
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			column += widths[i] + 2
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return e.write([]byte(b.String()))
}
