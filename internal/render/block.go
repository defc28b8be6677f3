package render

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
)

// Error writes how something failed and what to try next, in the form of every
// message of the program. It ends with a newline.
func (v View) Error(message string, hints ...string) string {
	out := v.Palette.Bad("hooks: error:") + " " + v.line(message) + "\n"
	for _, h := range hints {
		out += v.Hint(h)
	}
	return out
}

// Hint writes what to try next. It ends with a newline.
func (v View) Hint(text string) string {
	return v.Palette.Dim("hooks: hint:") + " " + v.line(text) + "\n"
}

// Heading writes a line above a section. It ends with a newline.
func (v View) Heading(text string) string { return v.Palette.Strong(v.line(text)) + "\n" }

// Box puts a frame around text, which has been made safe and may be coloured
// and have several lines. For a program there is no frame. It ends with a
// newline.
func (v View) Box(title, text string) string {
	text = strings.TrimRight(text, "\n")
	heading := ""
	if title != "" {
		heading = v.Palette.Strong(v.line(title)) + "\n"
	}
	if v.Width == 0 {
		return heading + text + "\n"
	}
	const frame = 4 // a border and a space on either side
	inner := max(v.Width-frame, minFold)
	var lines []string
	for line := range strings.SplitSeq(heading+text, "\n") {
		lines = append(lines, v.narrow(frame).fold(line, 0, 0))
	}
	body := strings.Join(lines, "\n")
	style := plainRenderer().NewStyle().Border(lipgloss.RoundedBorder()).Padding(0, 1)
	if lipgloss.Width(body) > inner {
		style = style.MaxWidth(v.Width)
	}
	return style.Render(body) + "\n"
}
