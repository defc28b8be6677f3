package providers

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// signature tells a scheme in words.
func signature(s scheme.Spec) []render.Pair {
	algorithm := s.Algorithm
	if s.Assumed {
		algorithm += " (assumed)"
	}
	stamp := ""
	if t := s.Timestamp; t.In != "" || strings.Contains(s.Signature.Format, "{timestamp}") {
		stamp = place(cmp.Or(t.In, strings.Join(s.Signature.In, ", "))) + ", in " + units(cmp.Or(t.Unit.Value, "s"))
		if t.Unit.Assumed {
			stamp += " (assumed)"
		}
	}
	return pairs("algorithm", algorithm, "in", where(s), "key", key(s), "timestamp", stamp, "tolerance", tolerance(s, stamp != ""),
		"message id", place(s.ID), "secret", s.Secret.Note, "usually kept in", s.Secret.Env, "note", s.Note, "source", s.Source)
}

// where says where the signature stands.
func where(s scheme.Spec) string {
	if s.Message != nil {
		return "headers Signature-Input and Signature (RFC 9421)"
	}
	var places []string
	for _, in := range s.Signature.In {
		places = append(places, place(in))
	}
	return strings.Join(places, ", then ")
}

// place says a place of a scheme as a person would.
func place(p string) string {
	kind, name, ok := strings.Cut(p, ":")
	switch {
	case !ok:
		return p
	case kind == "body":
		return name
	case kind == "query":
		return "query parameter " + name
	case kind == "form":
		return "form field " + name
	case kind == "jwt":
		return "claim " + name + " of the token"
	}
	return kind + " " + name
}

func units(unit string) string {
	switch unit {
	case "s":
		return "Unix seconds"
	case "ms":
		return "Unix milliseconds"
	case "s-or-ms":
		return "Unix seconds or milliseconds"
	}
	return unit
}

// key says how the key is made of the secret.
func key(s scheme.Spec) string {
	var b strings.Builder
	switch {
	case s.Secret.Key != "":
		b.WriteString("made from the secret: " + s.Secret.Key)
	case s.Secret.Encoding == "" || s.Secret.Encoding == "raw":
		b.WriteString("the secret as it is")
	default:
		b.WriteString("the secret, decoded from " + s.Secret.Encoding)
	}
	if len(s.Secret.Prefix) > 0 {
		b.WriteString(", without " + strings.Join(s.Secret.Prefix, " or "))
	}
	if len(s.Secret.Fields) > 0 {
		b.WriteString("; before it, in lines NAME=VALUE: " + strings.Join(s.Secret.Fields, ", "))
	}
	return b.String()
}

func tolerance(s scheme.Spec, stamped bool) string {
	switch t := s.Timestamp.Tolerance; {
	case !stamped:
		return "no replay protection in this scheme"
	case t.Value == 0:
		return render.Duration(scheme.DefaultTolerance) + " (not stated)"
	case t.Assumed:
		return render.Duration(t.Value) + " (assumed)"
	default:
		return render.Duration(t.Value)
	}
}

// picture draws what is signed, how, and where it ends up.
func picture(s scheme.Spec) string {
	signed := safetext.Line(content(s))
	width := max(3, utf8.RuneCountInString(signed))
	middle := width / 2
	pad := strings.Repeat(" ", middle)
	lines := []string{
		signed,
		"└" + strings.Repeat("─", middle-1) + "┬" + strings.Repeat("─", width-middle-2) + "┘",
		pad + "│ " + safetext.Line(how(s)),
		pad + "▼",
	}
	format := cmp.Or(s.Signature.Format, "{signature}")
	if s.Message != nil {
		return strings.Join(append(lines, "Signature: {signature}"), "\n")
	}
	for _, in := range s.Signature.In {
		lines = append(lines, safetext.Line(strings.TrimPrefix(place(in), "header ")+": "+format))
	}
	return strings.Join(lines, "\n")
}

// content is what is signed, as a template.
func content(s scheme.Spec) string {
	switch {
	case s.Message != nil:
		return strings.Join(s.Message.Components, " ")
	case len(s.Content) == 0:
		return "{body}"
	case s.Sort:
		sorted := slices.Clone(s.Content)
		return "sorted: " + strings.Join(sorted, cmp.Or(s.Join, " "))
	}
	return strings.Join(s.Content, s.Join)
}

// how says what makes the signature of the content.
func how(s scheme.Spec) string {
	switch {
	case s.Algorithm == "token":
		return "the secret itself, nothing is computed"
	case s.Algorithm == "basic":
		return "user name and password, nothing is computed"
	case strings.HasPrefix(s.Algorithm, "hmac-"):
		return s.Algorithm + " with the key, in " + cmp.Or(s.Signature.Encoding, "hex")
	case strings.HasPrefix(s.Algorithm, "jwt-"):
		return s.Algorithm + ", a JSON web token"
	}
	return s.Algorithm + ", in " + cmp.Or(s.Signature.Encoding, "base64")
}
