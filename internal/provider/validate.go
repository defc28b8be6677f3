package provider

// Validate says what is wrong with a definition, in the order of its lines;
// nothing, if it is right.
func Validate(data []byte) []Problem {
	_, problems := read(Source{Name: "definition", Data: data})
	return problems
}
