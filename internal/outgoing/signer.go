package outgoing

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Signer signs requests as a provider does, or wrongly on purpose. Its fields
// are set before it is used; it may then be used by several goroutines at once.
type Signer struct {
	At     time.Time     // the signed time; zero: the time of signing
	Age    time.Duration // how much older than that the signed time is
	ID     string        // the id that is signed, where one is; "" keeps the one in the request
	Header http.Header   // replaces what signing has set; an empty list removes
	Rand   io.Reader     // for nonces and ids; nil is the system's
	Keep   bool          // a timestamp that stands in the body stays as it is

	provider *provider.Provider // nil if it is not known: nothing is signed
	secrets  []safetext.Secret
	keys     []*scheme.Key
	verifier *provider.Verifier
	fault    Fault
	wrong    []*scheme.Key // sign for SecretFault
}

// NewSigner returns a signer for p with its secrets, the newest first. Without
// a provider, or without secrets, requests stay unsigned. The error says which
// secret p cannot sign with; it holds nothing of it.
func NewSigner(p *provider.Provider, secrets ...provider.NamedSecret) (*Signer, error) {
	s := &Signer{provider: p}
	if p == nil {
		return s, nil
	}
	for _, one := range secrets {
		keys, err := p.Keys(one.Secret)
		if err != nil {
			return nil, fmt.Errorf("the secret %s: %w", one.Name, err)
		}
		s.keys = append(s.keys, keys...)
		s.secrets = append(s.secrets, one.Secret)
	}
	s.verifier = p.Verifier(secrets...)
	return s, nil
}

// Break makes the requests that s signs wrong on purpose. For SecretFault they
// are signed with wrong.
func (s *Signer) Break(f Fault, wrong safetext.Secret) error {
	s.fault = f
	if f != SecretFault {
		return nil
	}
	keys, err := s.provider.Keys(wrong)
	s.wrong = keys
	return err
}

// Signs says whether requests come out signed.
func (s *Signer) Signs() bool { return len(s.keys) > 0 }

// ErrNoTimestamp is returned where an age is asked for and no timestamp is
// signed.
var ErrNoTimestamp = errors.New("no timestamp is signed")

// Timestamped says whether a signed request carries the time of signing.
func (s *Signer) Timestamped() bool {
	return slices.ContainsFunc(s.schemes(), (*scheme.Scheme).Timestamped)
}

// schemes are those by which requests are signed.
func (s *Signer) schemes() []*scheme.Scheme {
	if s.provider == nil {
		return nil
	}
	var out []*scheme.Scheme
	for _, one := range s.provider.Schemes() {
		if slices.ContainsFunc(s.keys, func(k *scheme.Key) bool { return k.Of(one) }) && (len(out) == 0 || one.Spec().Also) {
			out = append(out, one)
		}
	}
	return out
}

// headers are the names of the headers in which the signatures stand.
func (s *Signer) headers() []string {
	var out []string
	for _, one := range s.schemes() {
		out = append(out, one.SignatureHeaders()...)
	}
	return out
}

// Sign returns a copy of d, signed as of now. It shares d's bytes; d is only
// read. ErrNoTimestamp and ErrNothingToTamper say that what was asked for
// cannot be done to such a request.
func (s *Signer) Sign(d *webhook.Delivery, now time.Time) (*webhook.Delivery, error) {
	m := message(d)
	m.Header = maps.Clone(d.Header)
	called := m.URL
	if s.Signs() {
		at := s.At
		if at.IsZero() {
			at = now
		}
		if s.Age != 0 && !s.Timestamped() {
			return nil, ErrNoTimestamp
		}
		if err := s.signMessage(&m, at.Add(-s.Age)); err != nil {
			return nil, err
		}
	}
	for name, values := range s.Header {
		if len(values) == 0 {
			delete(m.Header, name)
			continue
		}
		m.Header[name] = values
	}
	out := *d
	out.Header, out.Body = m.Header, m.Body
	if m.URL != called { // it is signed there
		SetURL(&out, m.URL)
	}
	return &out, nil
}

// Judge says what a receiver that knows the secrets makes of d as of now.
func (s *Signer) Judge(d *webhook.Delivery, now time.Time) webhook.Verification {
	if s.provider == nil {
		return webhook.Verification{Status: webhook.Unverified, Reason: webhook.ProviderUnknown}
	}
	m := message(d)
	return s.verifier.Verify(&m, scheme.VerifyOptions{Now: now})
}

// signMessage signs m and makes the fault.
func (s *Signer) signMessage(m *scheme.Message, at time.Time) error {
	o := scheme.SignOptions{Keys: s.keys, At: at, ID: s.ID, Rand: s.Rand, KeepStamp: s.Keep}
	if s.fault == SecretFault {
		o.Keys = s.wrong
	}
	var later scheme.Message
	if s.fault == TimestampFault {
		later = *m
		later.Header = maps.Clone(m.Header)
	}
	if err := s.provider.Sign(m, o); err != nil {
		return err
	}
	switch s.fault {
	case BodyFault:
		body, err := tamperBody(m.Body, func(b []byte) bool { return !s.takes(m, b) })
		if err != nil {
			return err
		}
		m.Body = body
	case SignatureFault:
		return tamperSignature(s.headers(), m)
	case TimestampFault:
		if !s.Timestamped() {
			return ErrNothingToTamper
		}
		o.At = at.Add(time.Minute)
		if err := s.provider.Sign(&later, o); err != nil {
			return err
		}
		return tamperTimestamp(s.headers(), m, &later)
	case NoFault, SecretFault:
	}
	return nil
}

// takes says whether a receiver takes m with the given body, old or not.
func (s *Signer) takes(m *scheme.Message, body []byte) bool {
	other := *m
	other.Body = body
	return s.verifier.Verify(&other, scheme.VerifyOptions{AgeOff: true}).Status == webhook.Verified
}

// message is d as a scheme sees it. It shares d's header and body.
func message(d *webhook.Delivery) scheme.Message {
	return scheme.Message{Method: d.Method, URL: Rooted(d.URL), Header: d.Header, Body: d.Body}
}
