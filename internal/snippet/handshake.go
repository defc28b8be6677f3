package snippet

import (
	"maps"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/provider"
)

// handshakes adds those handshakes that an ordinary answer does not satisfy.
// The ones that a handler cannot answer are noted.
func (d *describer) handshakes(p *provider.Provider) {
	for _, h := range p.Handshakes() {
		rule := h.Rule()
		if h.Signed && rule.Body == "" && len(rule.Headers) == 0 {
			continue // 200 is the answer
		}
		if one, ok := d.handshake(h, rule); ok {
			d.Handshakes = append(d.Handshakes, one)
			continue
		}
		d.Notes = append(d.Notes, "It refuses the handshake "+h.Name+" of "+d.Name+", which `hooks listen` answers: set the webhook up with that.")
	}
}

func (d *describer) handshake(h *provider.Handshake, rule provider.HandshakeRule) (Handshake, bool) {
	out := Handshake{Get: h.Method == "GET", ContentType: rule.Headers["Content-Type"]}
	if !out.Get && (h.Method != "POST" || !h.Signed) || rule.Keep != "" {
		return out, false
	}
	if out.ContentType == "" {
		out.ContentType = "text/plain"
	}
	for _, place := range slices.Sorted(maps.Keys(rule.When)) {
		c := Condition{Place: parsePlace(place), Equals: rule.When[place]}
		if c.Equals == "*" {
			c.Equals = ""
		}
		if c.Place.Kind == "" || strings.Contains(c.Equals, "*") || out.Get == (c.Place.Kind == "body") || d.Form {
			return out, false
		}
		out.When = append(out.When, c)
	}
	if slices.Contains(rule.Query, "hub.verify_token") {
		out.VerifyEnv = variable(d.Provider) + "_VERIFY_TOKEN"
	}
	var ok bool
	out.Answer, ok = answer(rule.Body)
	return out, ok
}

// answer reads the template of an answer.
func answer(text string) ([]Part, bool) {
	// What is left after the doubled braces are set aside has only parts.
	text = strings.NewReplacer("{{", "\x00", "}}", "\x01").Replace(text)
	braces := strings.NewReplacer("\x00", "{", "\x01", "}")
	var out []Part
	for text != "" {
		at := part().FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		if at[0] > 0 {
			out = append(out, Part{Kind: "text", Text: braces.Replace(text[:at[0]])})
		}
		if at[0] == at[1] {
			break
		}
		place, filter, _ := strings.Cut(text[at[0]+1:at[1]-1], "|")
		one := Part{Place: parsePlace(place)}
		switch filter {
		case "":
			one.Kind = "value"
		case "json":
			one.Kind = "json"
		case "hmac-sha256|hex", "hmac-sha256|base64":
			one.Kind, one.Encoding = "mac", strings.TrimPrefix(filter, "hmac-sha256|")
		}
		if one.Kind == "" || one.Place.Kind == "" {
			return nil, false
		}
		out = append(out, one)
		text = text[at[1]:]
	}
	return out, len(out) > 0
}
