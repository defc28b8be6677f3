package render

import (
	"strings"

	"github.com/hooks-cli/hooks/internal/difference"
)

// Diff tells how two deliveries differ, one value a line: ~ changed, + added,
// - removed. It ends with a newline.
func (v View) Diff(r difference.Report) string {
	if r.Same() {
		return v.Palette.Good(yes) + " no difference\n"
	}
	var b strings.Builder
	for _, c := range r.Changes {
		glyph, color := "~", v.Palette.Warn
		text := v.folded(c.Old) + v.Palette.Dim(" "+sent+" ") + v.folded(c.New)
		switch c.Kind {
		case difference.Added:
			glyph, color, text = "+", v.Palette.Good, v.folded(c.New)
		case difference.Removed:
			glyph, color, text = "-", v.Palette.Bad, v.folded(c.Old)
		}
		head := color(glyph) + " " + v.line(c.Where)
		b.WriteString(v.fold(head, 0, 4))
		if at := width(head) + 2; v.Width == 0 || at+width(text) <= v.Width {
			b.WriteString("  " + text + "\n")
		} else {
			b.WriteString("\n    " + v.fold(text, 4, 4) + "\n")
		}
	}
	if r.More > 0 {
		b.WriteString(v.Palette.Dim("… "+Plural(r.More, "difference")+" more") + "\n")
	}
	if r.SameJSON {
		note := "the bodies are the same JSON in other bytes: a signature of one is not valid for the other"
		b.WriteString(v.fold(v.Palette.Warn(note), 0, 0) + "\n")
	}
	return b.String()
}
