package diagnose

import (
	"strings"

	"github.com/hooks-cli/hooks/internal/provider"
)

// An Advice is what to do about a cause.
type Advice struct {
	Say   string   // in a sentence
	Lines []Line   // the line that does it, in the frameworks that it concerns
	Steps []string // of Unknown: what to try next, in this order
}

// A Line is the line of code that goes right in one framework.
type Line struct {
	Framework string
	Code      string
}

// Together puts frameworks whose line is the same into one line, so that a
// person reads it once.
func Together(lines []Line) []Line {
	var out []Line
	for _, l := range lines {
		if n := len(out); n > 0 && out[n-1].Code == l.Code {
			out[n-1].Framework += ", " + l.Framework
			continue
		}
		out = append(out, l)
	}
	return out
}

// AdviceFor returns what to do about a cause, in the words of a provider: its
// header, its hash, how it joins what it signs. p may be nil.
func AdviceFor(c Cause, p *provider.Provider) Advice {
	t := termsOf(p)
	a := Advice{Say: say(c), Lines: t.lines(c)}
	if p != nil {
		a.Say = strings.ReplaceAll(a.Say, "PROVIDER", p.ID)
	}
	return a
}

// advise returns the advice for a set of causes, what is the same for two of
// them once, and all of it as one text.
func advise(p *provider.Provider, causes []Cause) (text string, list []Advice) {
	said, shown := map[string]bool{}, map[string]bool{}
	var out []string
	for _, c := range causes {
		a := AdviceFor(c, p)
		if said[a.Say] {
			continue
		}
		said[a.Say] = true
		out = append(out, a.Say)
		if len(a.Lines) > 0 && shown[a.Lines[0].Code] {
			a.Lines = nil
		}
		for _, l := range Together(a.Lines) {
			shown[a.Lines[0].Code] = true
			out = append(out, l.Framework+": "+l.Code)
		}
		list = append(list, a)
	}
	return strings.Join(out, "\n"), list
}

// say is the advice in a sentence.
func say(c Cause) string {
	switch c {
	case BodyTrailingNewline, BodyWhitespace, BodyCRLF, BodyBOM:
		return "verify the bytes as they came; write bodies by hand with printf or curl --data-binary, which add and change nothing"
	case BodyReserialised, BodyUnicodeEscaped:
		return "verify the raw body before any JSON parser touches it"
	case BodyCharset:
		return "verify the body as bytes: do not decode it to text and encode it again"
	case BodyBase64:
		return "decode the body first where the gateway says that it is base64 (isBase64Encoded)"
	case BodyFormEncoded:
		return "verify the raw body, before the form is decoded; or choose application/json in the provider's settings"
	case BodyEmpty:
		return "something reads the body before it is verified: keep the bytes when they are read first"
	case SecretWhitespace:
		return "trim the secret where it is read: a file or a copied line ends in a newline"
	case SecretQuoted:
		return "take the quotes out of the .env file or the variable (docker --env-file keeps them), or off where it is read"
	case SecretEncoding:
		return "make the key of the secret as the provider does: hooks providers show PROVIDER says whether it is decoded first"
	case SecretPrefix:
		return "take the secret with its prefix, or without it, as hooks providers show PROVIDER says"
	case SecretOther:
		return "use the secret of this endpoint: each endpoint and each mode has its own"
	case SignaturePrefix, SignatureEncoding, SignatureCase:
		return "spell the signature as the provider does, on both sides: hooks providers show PROVIDER shows it"
	case SignatureTruncated:
		return "something cuts the signature off: look for a database column, a buffer, a split or a log line of that length"
	case SignatureHeader:
		return "read the header that the provider sends; if a proxy renames it, read it there or let it pass"
	case AlgorithmOther:
		return "compute an HMAC with the hash that the provider names, and with the secret as its key"
	case TimestampMissing, TimestampUnit, TimestampFormat, ContentSeparator:
		return "join what is signed as the provider does, with the timestamp exactly as its header spells it: hooks providers show PROVIDER has the picture"
	case TimestampExpired:
		return "set the clocks (NTP) and verify on arrival; for an old request, --at TIME judges as of then and --tolerance off judges the signature alone"
	case ContentURL:
		return "verify with the address that the provider calls: the public one from your settings, or let the framework trust the proxy's headers"
	case ProviderOther:
		return "verify it as what it is"
	case HeaderMissing:
		return "let the proxy or framework in front pass the header on; or the sender signs nothing yet: set a secret there"
	case Unknown:
	}
	return ""
}
