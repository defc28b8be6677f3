// Package render turns values into text for people: deliveries, attempts,
// verdicts, tables, reports. One glance tells provider, event, id, verdict,
// status, time and size; the rest is there, but quiet.
//
// It is the only package that knows the library for layout. It prints nothing,
// decides nothing and reads no clock: every function returns text, and every
// value that came from the network passes through package safetext on its way.
// What it returns is bounded, however large or deep a body is.
package render

import (
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/term"
)

// A View is how its reader sees text. The zero value writes for a program:
// no colour, nothing folded, padded or shortened to fit a line. A View holds
// no state and is safe for concurrent use.
type View struct {
	Width   int // columns; 0 if no terminal shows the text
	Palette term.Palette

	// Now is what ages are counted from; times are shown in its location.
	Now time.Time

	// Credentials shows the values of headers that carry a credential.
	Credentials bool
}

// Glyphs begin a line. They are text, not emoji: one column wide everywhere.
const (
	yes     = "✓"
	no      = "✗"
	unknown = "•"
	sent    = "→"
	came    = "←"
)

// line returns text of the network on one line, its escapes dimmed.
func (v View) line(s string) string {
	if !v.Palette.Enabled() {
		return safetext.Line(s)
	}
	return safetext.Mark(s, v.Palette.Dim)
}

// block returns text of the network with its lines kept.
func (v View) block(s string) string {
	if !v.Palette.Enabled() {
		return safetext.Block(s)
	}
	return safetext.MarkBlock(s, v.Palette.Dim)
}

// bytes returns the beginning of b on one line, limit bytes at most.
func (v View) bytes(b []byte, limit int) string {
	if !v.Palette.Enabled() {
		return safetext.MarkBytes(b, limit, nil)
	}
	return safetext.MarkBytes(b, limit, v.Palette.Dim)
}

// or returns the text, or a dash where there is none.
func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// narrow returns the View of text that is set in by some columns.
func (v View) narrow(by int) View {
	if v.Width > 0 {
		v.Width = max(v.Width-by, 1)
	}
	return v
}

// value is line for something that may be empty and shows that it is.
func (v View) value(s string) string {
	if s == "" {
		return v.Palette.Dim(`""`)
	}
	return v.line(s)
}

// folded is value for something long that is not the point of the page: on a
// terminal it gets a few lines.
func (v View) folded(s string) string {
	if limit := v.valueLimit(); len(s) > limit {
		return v.bytes([]byte(s), limit)
	}
	return v.value(s)
}

// valueLimit is how many bytes of one value are shown.
func (v View) valueLimit() int {
	if v.Width == 0 {
		return maxString
	}
	return min(maxString, foldLines*v.Width)
}

// foldLines is about how many lines of a terminal one value gets.
const foldLines = 6

// width returns how many columns s takes.
func width(s string) int {
	if ascii(s) {
		return len(s) // no look at each character
	}
	return ansi.StringWidth(s)
}

// ascii says whether every byte of s is one column wide.
func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Wrap breaks text, which is our own, between words where a terminal would
// break it within one.
func (v View) Wrap(text string) string {
	if v.Width <= 0 {
		return text
	}
	return ansi.Wordwrap(text, v.Width, "")
}

// Hang is Wrap for text that stands behind so many columns, below which it goes
// on. Behind nothing, or where there is next to no room, it is left as it is.
func (v View) Hang(text string, column int) string {
	if column == 0 || v.Width-column < minFold {
		return text
	}
	return strings.ReplaceAll(v.Indented(column).Wrap(text), "\n", "\n"+strings.Repeat(" ", column))
}

// Indented is the view of text that stands behind so many columns.
func (v View) Indented(columns int) View {
	if v.Width > 0 {
		v.Width = max(v.Width-columns, 1)
	}
	return v
}

// shorten cuts s, which has been made safe and may be coloured, to columns.
func shorten(s string, columns int) string {
	if columns <= 0 || width(s) <= columns {
		return s
	}
	return ansi.Truncate(s, columns, "…")
}

// pad fills s with spaces to columns.
func pad(s string, columns int) string {
	if n := columns - width(s); n > 0 {
		return s + strings.Repeat(" ", n)
	}
	return s
}

// inset puts two spaces before every line that is not empty.
func inset(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
