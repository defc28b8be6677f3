// Package snippet writes webhook handlers: whole programs, or the files that an
// app of a framework needs, which receive what a provider sends and verify it.
//
// What a handler has to do follows from the provider's definition and is the
// same in every language: Describe says it, as a Handler. The templates, one a
// language, only spell it. What they cannot spell is refused: a handler that
// verifies less than the provider signs would be worse than none.
package snippet

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A Handler is what the handler of a provider's webhooks has to do, in words
// that belong to no programming language. All texts are printable ASCII.
type Handler struct {
	Provider string // its id
	Name     string // for people
	Path     string // at which it listens
	Method   string // of deliveries

	SecretEnv string // the variable that holds the secret
	URLEnv    string // the variable that holds the address, "" if it is not signed
	Key       Key

	// Token says that nothing is signed: the secret itself is sent, as it is
	// ("plain") or with "Basic " and in base64 ("basic"). It is "" for an HMAC.
	Token    string
	Hash     string // of the HMAC: sha1, sha256, sha384 or sha512
	Encoding string // of the signature: hex, hex-upper, base64 or base64url-raw
	Content  []Part // what is signed, one after the other
	Prefix   string // stands before a signature

	// Headers carry the signature, and one right one is enough. Where Split is
	// not empty there is one header, a list of elements that Split separates,
	// of which one right one is enough.
	Headers []string
	Split   string
	Again   string // further separator of elements
	Trim    bool   // there may be white space around elements

	Stamp *Stamp // nil if no time is signed

	ID   Place // of the event, none if it has none
	Type Place // of the event, none if it has none
	Form bool  // the body is a form, not JSON
	List bool  // the body is a JSON array, not an object

	Handshakes []Handshake
	Notes      []string // what whoever uses the handler has to know
}

// registers says whether one of the handshakes is a GET request.
func (h *Handler) registers() bool {
	return slices.ContainsFunc(h.Handshakes, func(one Handshake) bool { return one.Get })
}

// Key says how the key is made of the secret.
type Key struct {
	Encoding string // raw, base64 or hex
	Prefix   string // taken off, where it is there
}

// A Part is a piece of what is signed, or of an answer.
type Part struct {
	// Kind is text, body, bodyhash (its SHA-256 in hex), timestamp, header,
	// url or form (the fields of a form, sorted by name: names and values), and in an answer also value,
	// json (a value as a JSON string) or mac (the HMAC of a value, in hex or
	// base64).
	Kind     string
	Text     string // of text; the name of a header
	Place    Place  // of a value
	Encoding string // of a mac
	Unique   bool   // of a form: the values of a name are sorted, each once
}

// Stamp says where the signed time stands and how old it may be.
type Stamp struct {
	Header  string // the header that holds it alone, or
	Prefix  string // stands before it in an element of the signature's header, or
	First   bool   // it is the first element, or
	Path    []any  // where it is in the body
	Unit    string // s, ms, s-or-ms, rfc3339 or local (RFC 3339 without a zone)
	Seconds int    // how old it may be
}

// A Place is where a value stands in a request. The zero Place is none.
type Place struct {
	Kind string // header, query, form or body
	Name string // but for body
	Path []any  // in a body: names (string) and positions (int)
}

// A Handshake is a request with which the provider asks whether the address
// wants its deliveries. One that is a POST is signed as deliveries are.
type Handshake struct {
	Get         bool
	When        []Condition
	Answer      []Part
	ContentType string
	VerifyEnv   string // the variable that holds what the parameter hub.verify_token has to be
}

// A Condition holds if the value at Place is Equals or, if that is "", there.
type Condition struct {
	Place  Place
	Equals string
}

// An UnsupportedError says why no handler can be written for a provider.
type UnsupportedError struct{ Provider, Why string }

// Error names the provider and says why.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("no snippet for %s: %s", e.Provider, e.Why)
}

// Describe says what a handler of p's webhooks has to do. The error is an
// *UnsupportedError.
func Describe(p *provider.Provider) (*Handler, error) {
	h := &Handler{Provider: p.ID, Name: p.Name, Path: path(p), Method: p.Delivery.Method}
	spec, note, err := hmacSpec(p)
	if err == nil {
		d := describer{Handler: h, spec: spec}
		err = d.describe(p)
	}
	if note != "" {
		h.Notes = append(h.Notes, note)
	}
	if err == nil && !plain(fmt.Sprint(*h)) {
		err = unsupported("its definition has other than printable ASCII characters")
	}
	if err == nil {
		err = spellable(h)
	}
	if err != nil {
		return nil, &UnsupportedError{Provider: p.ID, Why: err.Error()}
	}
	return h, nil
}

// unsupported is the Why of an UnsupportedError.
type unsupported string

func (u unsupported) Error() string { return string(u) }

// hmacSpec chooses the scheme that a handler verifies: the strongest with a
// shared secret, and of those the one that is for requests in general. The note
// names those that the handler refuses for that.
func hmacSpec(p *provider.Provider) (spec scheme.Spec, note string, err error) {
	var first error
	for _, s := range p.Schemes() {
		one := s.Spec()
		why := unfit(s)
		switch {
		case why != nil && first == nil:
			first = why
		case why != nil:
		case spec.Algorithm == "":
			spec = one
		case len(spec.When) > 0 && len(one.When) == 0:
			note = "Requests with " + strings.Join(slices.Sorted(maps.Keys(spec.When)), " and ") + " are signed otherwise, and refused."
			spec = one
		}
	}
	switch {
	case spec.Algorithm != "":
		return spec, note, nil
	case first == nil:
		return spec, "", unsupported("it signs nothing")
	}
	return spec, "", first
}

// unfit says why a handler cannot verify a scheme, nil if it could.
func unfit(s *scheme.Scheme) error {
	switch algorithm := s.Spec().Algorithm; {
	case s.Asymmetric():
		return unsupported("it signs with a key pair (" + algorithm + "), not with an HMAC")
	case strings.HasPrefix(algorithm, "jwt-"):
		return unsupported("its signature is a JSON web token, which wants a library")
	case strings.HasPrefix(algorithm, "hmac-"), algorithm == "token", algorithm == "basic":
		return nil
	default:
		return unsupported("it signs with a plain hash (" + algorithm + "), not with an HMAC")
	}
}

// describer fills a Handler from a scheme.
type describer struct {
	*Handler
	spec scheme.Spec
}

func (d *describer) describe(p *provider.Provider) error {
	spec := d.spec
	switch {
	case spec.Each != "":
		return unsupported("every item of the body is signed on its own")
	case spec.SignedHeaders != nil:
		return unsupported("the request itself names the headers that are signed")
	case spec.Message != nil:
		return unsupported("its signature is an HTTP message signature (RFC 9421)")
	case len(spec.Digests) > 0 || spec.Sort || spec.Signature.Wrap != "" || len(spec.Secret.Fields) > 0:
		return unsupported("more is signed than a short handler can say")
	}
	d.Form, d.List = bodyForm(p)
	if err := d.signature(); err != nil {
		return err
	}
	if err := d.key(p.SecretForm().Env); err != nil {
		return err
	}
	d.ID, d.Type = firstPlace(p.Places.ID), firstPlace(p.Places.Type)
	d.handshakes(p)
	if d.Token != "" {
		return nil
	}
	if err := d.timestamp(); err != nil {
		return err
	}
	return d.content()
}

// bodyForm says what the provider's bodies are, from a sample.
func bodyForm(p *provider.Provider) (form, list bool) {
	if len(p.Events) == 0 {
		return false, false
	}
	e, err := p.Build(provider.BuildOptions{Type: p.Events[0].Type, At: time.Unix(0, 0)})
	if err != nil {
		return false, false
	}
	form = strings.HasPrefix(e.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	return form, !form && strings.HasPrefix(strings.TrimSpace(string(e.Body)), "[")
}

func (d *describer) key(env string) error {
	s := d.spec.Secret
	d.SecretEnv = env
	if env == "" {
		d.SecretEnv = variable(d.Provider) + "_WEBHOOK_SECRET"
	}
	d.Key = Key{Encoding: s.Encoding}
	switch s.Encoding {
	case "":
		d.Key.Encoding = "raw"
	case "raw", "base64", "hex":
	default:
		return unsupported("its secret is spelled in " + s.Encoding)
	}
	switch len(s.Prefix) {
	case 0:
	case 1:
		d.Key.Prefix = s.Prefix[0]
	default:
		return unsupported("its secret may begin in several ways")
	}
	switch s.Key {
	case "":
	case "{secret|unhtml}":
		d.Notes = append(d.Notes, "In the variable, write & < > \" for HTML entities in the secret: they are decoded before it signs.")
	default:
		return unsupported("its key is derived from the secret")
	}
	return nil
}

// variable is a provider's id as it stands in the name of a variable.
func variable(id string) string { return strings.ToUpper(strings.ReplaceAll(id, "-", "_")) }

// path is where the handler listens: what routers take for a pattern is not
// put there.
func path(p *provider.Provider) string {
	if regexp.MustCompile(`^(/[A-Za-z0-9_.~-]+)+$`).MatchString(p.Delivery.Path) {
		return p.Delivery.Path
	}
	return "/webhooks/" + p.ID
}

// plain says whether text can stand in every programming language as it is.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
