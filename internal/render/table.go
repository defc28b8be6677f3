package render

import (
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// A Column says how a column of a table behaves where the table is too wide.
type Column struct {
	Title string
	Right bool // numbers stand at the right

	// Drop is the order in which columns are left out: the highest first, 0
	// never.
	Drop int
	// Shrink lets the cells be shortened, after nothing more can be left out.
	Shrink bool
}

// minShrunk is what a shortened column keeps at least.
const minShrunk = 8

// gap is what stands between two columns.
const gap = "  "

// Table lines up rows of cells, which have been made safe and may be coloured.
// On a terminal it has a line of titles and fits the width as far as its
// columns let it; for a program it is plain text, with spaces and no tabs, and
// nothing is shortened. It ends with a newline; without rows it is empty.
func (v View) Table(columns []Column, rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	widths := naturalWidths(columns, rows, v.Width > 0)
	shown := make([]int, len(columns))
	for i := range columns {
		shown[i] = i
	}
	if v.Width > 0 {
		shown = v.drop(columns, widths, shown)
		v.shrink(columns, widths, shown)
	}
	r := plainRenderer()
	var b strings.Builder
	if v.Width > 0 {
		titles := make([]string, len(columns))
		for i, c := range columns {
			titles[i] = v.Palette.Dim(c.Title)
		}
		b.WriteString(row(r, columns, widths, shown, titles))
	}
	for _, cells := range rows {
		b.WriteString(row(r, columns, widths, shown, cells))
	}
	return b.String()
}

// plainRenderer lays out and leaves colour alone. Told its profile, it does
// not ask the terminal for one.
func plainRenderer() *lipgloss.Renderer {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.Ascii)
	r.SetHasDarkBackground(true)
	return r
}

func naturalWidths(columns []Column, rows [][]string, titles bool) []int {
	widths := make([]int, len(columns))
	for i, c := range columns {
		if titles {
			widths[i] = width(c.Title)
		}
		for _, cells := range rows {
			widths[i] = max(widths[i], width(cells[i]))
		}
	}
	return widths
}

func total(widths []int, shown []int) int {
	n := len(gap) * (len(shown) - 1)
	for _, i := range shown {
		n += widths[i]
	}
	return n
}

// drop leaves out columns until the rest fits if it is shrunk as well.
func (v View) drop(columns []Column, widths, shown []int) []int {
	for {
		least := slices.Clone(widths)
		worst := -1
		for at, i := range shown {
			if columns[i].Shrink {
				least[i] = min(least[i], 2*minShrunk)
			}
			if columns[i].Drop > 0 && (worst < 0 || columns[i].Drop > columns[shown[worst]].Drop) {
				worst = at
			}
		}
		if worst < 0 || total(least, shown) <= v.Width {
			return shown
		}
		shown = slices.Delete(shown, worst, worst+1)
	}
}

// shrink takes columns off the widest cell that allows it, until the table
// fits.
func (v View) shrink(columns []Column, widths, shown []int) {
	for over := total(widths, shown) - v.Width; over > 0; over-- {
		widest := -1
		for _, i := range shown {
			if columns[i].Shrink && widths[i] > minShrunk && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

func row(r *lipgloss.Renderer, columns []Column, widths, shown []int, cells []string) string {
	out := make([]string, 0, len(shown))
	for _, i := range shown {
		align := lipgloss.Left
		if columns[i].Right {
			align = lipgloss.Right
		}
		cell := shorten(cells[i], widths[i])
		if widths[i] > 0 {
			cell = r.NewStyle().Inline(true).Width(widths[i]).Align(align).Render(cell)
		}
		out = append(out, cell)
	}
	return strings.TrimRight(strings.Join(out, gap), " ") + "\n"
}
