package render

// Heading writes a line above a section. It ends with a newline.
func (v View) Heading(text string) string { return v.Palette.Strong(v.line(text)) + "\n" }
