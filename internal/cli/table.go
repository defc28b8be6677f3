package cli

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// Timestamp writes a time as every JSON document of hooks has it: RFC 3339 in
// UTC with six digits of a second.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

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
