package snippet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// spellable says whether the templates can write down what h has. A definition
// may come from anywhere, and what it names stands in the code as it is: in
// comments, as a variable, between quotes of the languages' own kinds.
func spellable(h *Handler) error {
	switch {
	case !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(h.SecretEnv):
		return unsupported("the variable of its secret has no name that every shell takes")
	case h.Stamp != nil && !plain(fmt.Sprint(*h.Stamp)):
		return unsupported("its time stands beside other than printable ASCII characters")
	case !regexp.MustCompile(`^[A-Z]+$`).MatchString(h.Method):
		return unsupported("its method is none that a handler can name")
	case !regexp.MustCompile(`^[A-Za-z0-9_.:,=+-]*$`).MatchString(h.Key.Prefix):
		return unsupported("its secrets begin with what a language could take for code")
	case slices.ContainsFunc(h.names(), func(name string) bool { return strings.ContainsAny(name, "'\"`\\$#{}<>") }):
		return unsupported("a header or field that it needs has a name with what a language could take for code")
	}
	for _, text := range append([]string{h.Name}, h.Notes...) {
		for _, end := range []string{`\`, `"""`, "?>", "*/"} {
			if strings.Contains(text, end) {
				return unsupported("its name, or a note on it, has " + end + ", which ends a comment")
			}
		}
	}
	return nil
}

// names lists the headers, parameters and fields that the handler reads.
func (h *Handler) names() []string {
	names := slices.Clone(h.Headers)
	place := func(p Place) {
		names = append(names, p.Name)
		for _, step := range p.Path {
			if name, ok := step.(string); ok {
				names = append(names, name)
			}
		}
	}
	place(h.ID)
	place(h.Type)
	if h.Stamp != nil {
		place(Place{Name: h.Stamp.Header, Path: h.Stamp.Path})
	}
	parts := slices.Clone(h.Content)
	for _, one := range h.Handshakes {
		parts = append(parts, one.Answer...)
		for _, c := range one.When {
			place(c.Place)
		}
	}
	for _, p := range parts {
		place(p.Place)
		if p.Kind == "header" {
			names = append(names, p.Text)
		}
	}
	return names
}
