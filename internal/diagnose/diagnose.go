// Package diagnose finds out why a signature does not verify.
//
// It repeats the mistakes that are really made with webhooks, one at a time,
// then two together, then three that go together, and computes the signature again under each. A cause is
// reported only if the signature that came is right under it: nothing is
// guessed. What is known about a request it gets as arguments; it does no I/O,
// and a report holds neither a secret nor a signature that was expected.
package diagnose

import (
	"context"
	"sync"
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

// Causes lists the causes in the order in which a finding has them.
func Causes() []Cause {
	return []Cause{
		BodyTrailingNewline, BodyWhitespace, BodyCRLF, BodyBOM, BodyReserialised, BodyUnicodeEscaped, BodyCharset, BodyBase64, BodyFormEncoded,
		BodyEmpty, SecretWhitespace, SecretQuoted, SecretEncoding, SecretPrefix, SecretOther, SignaturePrefix, SignatureEncoding, SignatureCase,
		SignatureTruncated, SignatureHeader, AlgorithmOther, TimestampMissing, TimestampUnit, TimestampFormat, TimestampExpired, ContentSeparator,
		ContentURL, ProviderOther, HeaderMissing, Unknown,
	}
}

// A Secret is a secret to try and the name under which it is told of.
type Secret struct {
	Name   string
	Secret safetext.Secret
}

// A Capture is a body that arrived with the same signature.
type Capture struct {
	ID   string
	Body []byte
}

// A Request is what is to be explained.
type Request struct {
	Message   *scheme.Message
	Provider  *provider.Provider   // by whose schemes it should verify
	Secrets   []Secret             // that it should verify with
	Others    []Secret             // other secrets that are known here
	Providers []*provider.Provider // whose signature it may be instead
	Captures  []Capture            // what came with the same signature
	Examples  [][]byte             // other bodies of the provider, to learn from how it writes
	Now       time.Time            // as of when its age is judged
	Tolerance time.Duration        // 0: the scheme's own
	AgeOff    bool                 // how old it is does not matter
}

// A Finding is a set of causes that together make the signature right.
type Finding struct {
	Causes []Cause `json:"causes"`
	Detail string  `json:"detail"` // the evidence, in a sentence
	Fix    string  `json:"fix"`    // what to change, and the line that does it in the usual frameworks

	// What follows is the same for whoever shows it in parts.

	Signed, Received []byte   `json:"-"` // the two bodies, where they differ
	Header           []Header `json:"-"` // the headers that it is about
	Advice           []Advice `json:"-"` // Fix by cause
	Capture          string   `json:"-"` // the id of the capture that was compared with
}

// A Header is a header of the request and what there is to say about it.
type Header struct{ Name, Note string }

// A Report is everything that was found out.
type Report struct {
	Findings []Finding      // those of the nearest tier, most likely first; Unknown alone if there is none
	Tried    map[string]int // what was ruled out, by family
	Complete bool           // the search was not broken off
}

// The families of Report.Tried that are no beginning of a cause: combinations
// of two mistakes and of three.
const (
	Pairs  = "pairs"
	Threes = "threes"
)

// maxMistakes is how many mistakes are combined, besides those in spelling the
// signature.
const maxMistakes = 3

// Explain says why the request does not verify. A request that does gets a
// report without findings. When ctx ends the search ends with what is ruled out
// so far.
func Explain(ctx context.Context, r Request) Report {
	if len(r.Provider.Schemes()) == 0 {
		return r.unknown(Report{Complete: true}, "the provider signs nothing")
	}
	f, missing, done := plain(r)
	if done {
		return Report{Findings: f, Complete: true}
	}
	report := Report{Tried: map[string]int{}}
	bodies := newBodies(ctx, r.Message.Body, sync.OnceValue(func() order { return learned(r.examples()) }))
	var searches []*search
	for _, sch := range r.schemes() {
		searches = append(searches, newSearch(r, sch, bodies))
	}
	var others []Finding
	likelier := false // than a mistake with the provider's own scheme
	for n := 0; n <= maxMistakes && len(report.Findings) == 0 && ctx.Err() == nil; n++ {
		switch n {
		case 1:
			bodies.once()
			others, likelier = r.others(report.Tried)
		case 2:
			bodies.twice()
		}
		for _, s := range searches {
			s.tier(ctx, n)
		}
		report.Findings = r.found(searches, n)
		if likelier {
			report.Findings, others = append(others, report.Findings...), nil
		}
		report.Findings, others = append(report.Findings, others...), nil
	}
	report.Complete = ctx.Err() == nil && !bodies.full
	return r.conclude(report, searches, missing)
}

// found returns what the searches have found with n mistakes, and after the
// last tier what they have found with more in spelling.
func (r Request) found(searches []*search, n int) []Finding {
	if n == maxMistakes {
		n = 2 * maxMistakes
	}
	for _, s := range searches {
		for i := range s.hits {
			n = min(n, s.hits[i].weight())
		}
	}
	var out []Finding
	for _, s := range searches {
		out = append(out, r.findings(s.base, best(s.hits, n))...)
	}
	return out
}

// conclude adds what was ruled out, and where nothing was found what that means.
func (r Request) conclude(report Report, searches []*search, missing bool) Report {
	for _, s := range searches {
		for family, n := range s.tried {
			report.Tried[family] += n
		}
		report.Tried["signature"] += len(s.claims)
	}
	if len(report.Findings) > 0 {
		return report
	}
	for _, s := range searches {
		if f, ok := r.compared(s); ok {
			report.Findings = []Finding{f}
			return report
		}
	}
	if missing {
		report.Findings = []Finding{headerMissing(r)}
		return report
	}
	return r.unknown(report, "none of the usual mistakes makes this signature right")
}

// maxSchemes bounds the schemes that are tried where the request claims none.
const maxSchemes = 3

// schemes are those by which the request may be signed: those that it claims,
// or the provider's first.
func (r Request) schemes() []*scheme.Scheme {
	all := r.Provider.Schemes()
	var out []*scheme.Scheme
	for _, s := range all {
		if s.Applies(r.Message) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return all[:min(len(all), maxSchemes)]
	}
	return out
}

// plain tells what needs no search: a valid request, one that is only too old,
// one without a signature. missing says that none stands where it belongs.
func plain(r Request) (f []Finding, missing, done bool) {
	missing = true
	for _, s := range r.Provider.Schemes() {
		if len(r.Provider.Schemes()) > 1 && !s.Applies(r.Message) {
			continue
		}
		keys := keysOf(s, r.Secrets)
		v := s.Verify(r.Message, keys, scheme.VerifyOptions{Now: r.Now, Tolerance: r.Tolerance, AgeOff: r.AgeOff})
		missing = missing && v.Reason == webhook.SignatureMissing
		if v.Status == webhook.Verified {
			return nil, false, true
		}
		if v.Reason == webhook.TimestampExpired || v.Reason == webhook.TimestampFuture {
			return []Finding{r.expired(s)}, false, true
		}
	}
	if missing && !carriesAny(r) {
		return []Finding{headerMissing(r)}, true, true
	}
	return nil, missing, false
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
