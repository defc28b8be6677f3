package provider

// formFile is the text that explains the form of a definition.
const formFile = "form.txt"

// Form returns the text that explains how a definition is written, every field
// of it.
func Form() string {
	text, err := files.ReadFile(formFile)
	if err != nil {
		return "" // it is embedded
	}
	return string(text)
}
