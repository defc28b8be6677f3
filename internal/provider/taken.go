package provider

import "github.com/hooks-cli/hooks/internal/scheme"

// Takes returns what the answer to m would hold of what m says, piece by
// piece: what a stranger can make this machine repeat, or sign.
func (h *Handshake) Takes(m *scheme.Message) []string {
	var out []string
	if h.body != nil {
		out = append(out, h.body.Taken(m)...)
	}
	for _, one := range h.headers {
		out = append(out, one.text.Taken(m)...)
	}
	return out
}
