package providers

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// inWords tells a scheme in a sentence.
func inWords(s scheme.Spec) string {
	at := definite(where(s))
	switch {
	case s.Message != nil:
		return "An HTTP message signature (RFC 9421) over " + strings.Join(s.Message.Components, ", ") + "."
	case s.Algorithm == "token":
		return safetext.Line("The secret itself is sent, in " + at + "; nothing is computed from the body, so nothing protects it.")
	case s.Algorithm == "basic":
		return safetext.Line("A user name and a password are sent, in " + at + "; nothing is computed from the body, so nothing protects it.")
	case strings.HasPrefix(s.Algorithm, "jwt-"):
		return safetext.Line(fmt.Sprintf("A JSON web token (%s) in %s%s.", strings.ToUpper(strings.TrimPrefix(s.Algorithm, "jwt-")), at, claims(s)))
	}
	return safetext.Line(fmt.Sprintf("%s of %s, in %s, stands in %s.", kind(s.Algorithm), contentInWords(s), encoding(s), at))
}

// definite is a place, or several, as a sentence has them.
func definite(at string) string {
	parts := strings.Split(at, ", then ")
	for i, p := range parts {
		if strings.HasPrefix(p, "$") || strings.HasPrefix(p, "@") {
			parts[i] = "the body, at " + p
		} else {
			parts[i] = "the " + p
		}
	}
	return strings.Join(parts, ", then ")
}

// kind names an algorithm.
func kind(algorithm string) string {
	upper := strings.ToUpper(algorithm)
	switch family, rest, _ := strings.Cut(algorithm, "-"); family {
	case "hmac":
		return "An " + upper
	case "rsa":
		return "An RSA signature (" + strings.ToUpper(strings.ReplaceAll(rest, "-", ", ")) + ")"
	case "ecdsa":
		return "An ECDSA signature (" + strings.ToUpper(strings.ReplaceAll(rest, "-", ", ")) + ")"
	case "ed25519":
		return "An Ed25519 signature"
	}
	return "The plain " + upper
}

func encoding(s scheme.Spec) string {
	otherwise := "base64"
	if strings.HasPrefix(s.Algorithm, "hmac-") || !strings.Contains(s.Algorithm, "-") && s.Algorithm != "ed25519" {
		otherwise = "hex"
	}
	switch e := cmp.Or(s.Signature.Encoding, otherwise); e {
	case "hex-upper":
		return "hex with capital letters"
	case "base64-hex":
		return "base64 of the hex digest"
	case "base64url-raw", "base64-raw":
		return strings.TrimSuffix(e, "-raw") + " without padding"
	default:
		return e
	}
}

// claims says what a token has to say.
func claims(s scheme.Spec) string {
	if s.JWT == nil {
		return ""
	}
	var parts []string
	for _, c := range s.JWT.Claims {
		if c.Check {
			parts = append(parts, "the claim "+c.Name+" is "+template(c.Value))
		}
	}
	switch {
	case s.JWT.Wrap:
		return " is the body; its claims are the event"
	case len(parts) == 0:
		return ""
	}
	return "; " + strings.Join(parts, ", and ")
}

// contentInWords says what is signed.
func contentInWords(s scheme.Spec) string {
	switch {
	case len(s.Content) == 0:
		return "the body"
	case s.Sort:
		parts := make([]string, len(s.Content))
		for i, c := range s.Content {
			parts[i] = template(c)
		}
		return and(parts) + ", sorted"
	}
	text := template(strings.Join(s.Content, s.Join))
	if s.Each != "" {
		text += ", of each item of " + s.Each
	}
	return text
}

// template says what a template is made of. One that is too much for a sentence
// is left to the picture.
func template(t string) string {
	if strings.Contains(t, "{(") || strings.Contains(t, "{if:") || strings.Contains(t, "{{") {
		return "what is drawn below"
	}
	tokens := regexp.MustCompile(`\{[^{}]*\}`)
	var parts, separators []string
	last := -1
	for _, at := range tokens.FindAllStringIndex(t, -1) {
		if last >= 0 {
			separators = append(separators, t[last:at[0]])
		} else if at[0] > 0 {
			parts, separators = append(parts, fmt.Sprintf("%q", t[:at[0]])), append(separators, "")
		}
		parts, last = append(parts, piece(t[at[0]+1:at[1]-1])), at[1]
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%q", t)
	}
	out := and(parts)
	if joined := distinct(separators); len(joined) == 1 && joined[0] != "" {
		out += fmt.Sprintf(", joined by %q", joined[0])
	} else if len(joined) > 0 && strings.Join(joined, "") == "" && len(parts) > 1 {
		out += ", one right after the other"
	}
	return out
}

func distinct(texts []string) []string {
	var out []string
	for _, t := range texts {
		if len(out) == 0 || out[len(out)-1] != t {
			out = append(out, t)
		}
	}
	return out
}

// piece names a part of a template.
func piece(token string) string {
	name, filters, filtered := strings.Cut(token, "|")
	text := map[string]string{
		"body": "the body", "timestamp": "the time", "id": "the message id", "method": "the method", "url": "the address", "url-base": "the address without its query",
		"path": "the path", "query": "the query", "path-query": "path and query", "host": "the host", "secret": "the secret", "lf": "a line feed", "form": "the form fields",
		"json": "the top fields of the JSON body", "signed-headers": "the headers that it names", "origin": "the origin", "scheme": "the scheme", "nonce": "a random text",
	}[name]
	switch {
	case text != "":
	case strings.HasPrefix(name, "param:"):
		text = strings.TrimPrefix(name, "param:")
	case strings.HasPrefix(name, "part:"):
		text = strings.TrimPrefix(name, "part:") + " of the header"
	case strings.HasPrefix(name, "$") || strings.HasPrefix(name, "@"):
		text = name
	default:
		text = "the " + place(name)
	}
	if filtered {
		var names []string
		for f := range strings.SplitSeq(filters, "|") {
			if name, _, args := strings.Cut(f, ":"); args && name != "only" && name != "except" && name != "path" {
				f = name
			}
			names = append(names, f)
		}
		text += " (" + strings.Join(names, ", ") + ")"
	}
	return text
}

func and(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}
