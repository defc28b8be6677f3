package render

import (
	"strings"

	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Glyph returns the verdict as one coloured character: ✓ verified, ✗ invalid
// or unsigned, • cannot be judged.
func (v View) Glyph(s webhook.Status) string {
	switch s {
	case webhook.Verified:
		return v.Palette.Good(yes)
	case webhook.Invalid, webhook.Unsigned:
		return v.Palette.Bad(no)
	}
	return v.Palette.Warn(unknown)
}

// Verification says the verdict in a sentence: "verified · hmac-sha256 with
// the secret canvelete", "invalid · signature_mismatch: the signature …".
func (v View) Verification(w webhook.Verification) string {
	var b strings.Builder
	b.WriteString(v.verdictWord(w.Status))
	if w.Status == webhook.Verified {
		b.WriteString(" · " + v.line(or(w.Scheme)))
		if w.SecretName != "" {
			b.WriteString(" with " + v.line(secret.Words(w.SecretName)))
		}
		return b.String()
	}
	if w.Reason != "" {
		b.WriteString(" · " + v.line(string(w.Reason)))
		if words := ReasonWords(w.Reason); words != "" {
			b.WriteString(": " + words)
		}
	}
	if w.Scheme != "" {
		b.WriteString(v.Palette.Dim(" (" + v.line(w.Scheme) + ")"))
	}
	return b.String()
}

func (v View) verdictWord(s webhook.Status) string {
	word := v.line(string(s))
	switch s {
	case webhook.Verified:
		return v.Palette.Good(word)
	case webhook.Invalid, webhook.Unsigned:
		return v.Palette.Bad(word)
	case "":
		return v.Palette.Warn("not judged")
	}
	return v.Palette.Warn(word)
}

// ReasonWords says a reason as a person would, without a period. A reason it
// does not know gives "".
func ReasonWords(r webhook.Reason) string {
	switch r {
	case webhook.SignatureMissing:
		return "no signature came with it"
	case webhook.SignatureMismatch:
		return "no known secret makes this signature for these bytes"
	case webhook.SignatureMalformed:
		return "the signature is not in the form of its scheme"
	case webhook.TimestampMissing:
		return "no timestamp came with it"
	case webhook.TimestampMalformed:
		return "the timestamp is not in the form of its scheme"
	case webhook.TimestampExpired:
		return "the signed timestamp is too old"
	case webhook.TimestampFuture:
		return "the signed timestamp is in the future"
	case webhook.SecretUnknown:
		return "no secret of this provider is known"
	case webhook.ProviderUnknown:
		return "the provider is not recognised"
	}
	return ""
}
