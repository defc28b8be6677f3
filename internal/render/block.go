package render

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
