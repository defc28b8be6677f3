// Package diagnose finds out why a signature does not verify.
//
// It repeats the mistakes that are really made with webhooks, one at a time and
// then two together, and computes the signature again under each. A cause is
// reported only if the signature that came is right under it: nothing is
// guessed. What is known about a request it gets as arguments; it does no I/O,
// and a report holds neither a secret nor a signature that was expected.
package diagnose

import (
	"context"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Cause is one way in which a signature comes to be wrong. Its text is an id
// that scripts match on: it never changes.
type Cause string

// The causes. Each says under which change the signature is right.
const (
	BodyTrailingNewline Cause = "body_trailing_newline" // one final newline removed or added
	BodyWhitespace      Cause = "body_whitespace"       // white space around the body trimmed
	BodyCRLF            Cause = "body_crlf"             // CRLF and LF exchanged
	BodyBOM             Cause = "body_bom"              // a byte order mark removed or added
	BodyReserialised    Cause = "body_reserialised"     // the JSON written again
	BodyUnicodeEscaped  Cause = "body_unicode_escaped"  // \uXXXX and literal characters exchanged
	BodyCharset         Cause = "body_charset"          // Latin-1 and UTF-8 exchanged, or encoded twice
	BodyBase64          Cause = "body_base64"           // base64 undone or done
	BodyFormEncoded     Cause = "body_form_encoded"     // form encoding undone or done
	BodyEmpty           Cause = "body_empty"            // an empty body was signed
	SecretWhitespace    Cause = "secret_whitespace"     // white space around the secret trimmed
	SecretQuoted        Cause = "secret_quoted"         // quotes around it removed
	SecretEncoding      Cause = "secret_encoding"       // it is decoded first, or is not
	SecretPrefix        Cause = "secret_prefix"         // its prefix is kept, or removed
	SecretOther         Cause = "secret_other"          // another known secret
	SignaturePrefix     Cause = "signature_prefix"      // the prefix of the signature is missing or too many
	SignatureEncoding   Cause = "signature_encoding"    // hex, base64, base64url exchanged
	SignatureCase       Cause = "signature_case"        // hex in capitals
	SignatureTruncated  Cause = "signature_truncated"   // only a part of it arrived
	SignatureHeader     Cause = "signature_header"      // it stands in another header
	AlgorithmOther      Cause = "algorithm_other"       // another hash, or one without a key
	TimestampMissing    Cause = "timestamp_missing"     // the timestamp left out of, or put into, what is signed
	TimestampUnit       Cause = "timestamp_unit"        // seconds and milliseconds exchanged
	TimestampFormat     Cause = "timestamp_format"      // Unix and RFC 3339 exchanged
	TimestampExpired    Cause = "timestamp_expired"     // the signature is right, its time is not
	ContentSeparator    Cause = "content_separator"     // the parts are joined otherwise
	ContentURL          Cause = "content_url"           // another address was signed
	ProviderOther       Cause = "provider_other"        // it is another provider's signature
	HeaderMissing       Cause = "header_missing"        // no signature came at all
	Unknown             Cause = "unknown"               // nothing that was tried makes it right
)

// A Secret is a secret to try and the name under which it is told of.
type Secret struct {
	Name   string
	Secret safetext.Secret
}

// A Request is what is to be explained.
type Request struct {
	Message   *scheme.Message
	Provider  *provider.Provider // by whose schemes it should verify
	Secrets   []Secret           // that it should verify with
	Others    []Secret           // other secrets that are known here
	Providers []*provider.Provider
	Now       time.Time     // as of when its age is judged
	Tolerance time.Duration // 0: the scheme's own
}

// A Finding is a set of causes that together make the signature right.
type Finding struct {
	Causes []Cause `json:"causes"`
	Detail string  `json:"detail"` // the evidence, in a sentence
	Fix    string  `json:"fix"`    // what to change

	// Signed and Received are the two bodies where they differ, for whoever
	// shows them beside each other.
	Signed, Received []byte `json:"-"`
}

// A Report is everything that was found out.
type Report struct {
	Findings []Finding      // those of the nearest tier, most likely first; Unknown alone if there is none
	Tried    map[string]int // combinations that were ruled out, by family
	Complete bool           // the search was not broken off
}

// Explain says why the request does not verify. A request that does gets a
// report without findings. When ctx ends the search ends with what is ruled out
// so far.
func Explain(ctx context.Context, r Request) Report {
	if len(r.Provider.Schemes()) == 0 {
		return nothing(Report{Complete: true}, "the provider signs nothing")
	}
	if f, done := plain(r); done {
		return Report{Findings: f, Complete: true}
	}
	s := newSearch(r)
	found := s.run(ctx)
	report := Report{Findings: found, Tried: s.tried, Complete: ctx.Err() == nil}
	if len(found) == 0 {
		return nothing(report, "none of the usual mistakes makes this signature right")
	}
	return report
}

func nothing(r Report, detail string) Report {
	r.Findings = []Finding{{Causes: []Cause{Unknown}, Detail: detail, Fix: fixOf(Unknown)}}
	return r
}

// plain tells what needs no search: a valid request, one that is only too old,
// one without a signature.
func plain(r Request) ([]Finding, bool) {
	missing := true
	for _, s := range r.Provider.Schemes() {
		if len(r.Provider.Schemes()) > 1 && !s.Applies(r.Message) {
			continue
		}
		keys := keysOf(s, r.Secrets)
		v := s.Verify(r.Message, keys, scheme.VerifyOptions{Now: r.Now, Tolerance: r.Tolerance})
		missing = missing && v.Reason == webhook.SignatureMissing
		if v.Status == webhook.Verified {
			return nil, true
		}
		if v.Reason == webhook.TimestampExpired || v.Reason == webhook.TimestampFuture {
			if s.Verify(r.Message, keys, scheme.VerifyOptions{Now: r.Now, AgeOff: true}).Status == webhook.Verified {
				return []Finding{expired(s, r)}, true
			}
		}
	}
	if missing && !carriesAny(r) {
		return []Finding{headerMissing(r)}, true
	}
	return nil, false
}

// keysOf prepares the secrets that the scheme takes.
func keysOf(s *scheme.Scheme, secrets []Secret) []scheme.NamedKey {
	var keys []scheme.NamedKey
	for _, one := range secrets {
		if key, err := s.Key(one.Secret); err == nil {
			keys = append(keys, scheme.NamedKey{Name: one.Name, Key: key})
		}
	}
	return keys
}
