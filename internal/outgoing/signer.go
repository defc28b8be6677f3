package outgoing

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Signer signs requests as a provider does, or wrongly on purpose. It is
// only read while it signs, so several goroutines may use one.
type Signer struct {
	Scheme *scheme.Scheme    // nil: nothing is signed
	Keys   []scheme.NamedKey // the newest first; none: nothing is signed
	At     time.Time         // the signed time; zero: the time of signing
	Age    time.Duration     // how much older than that the signed time is
	ID     string            // the id that is signed, where one is; "" keeps the one in the request
	Fault  Fault             // what is wrong
	Wrong  *scheme.Key       // signs for SecretFault
	Header http.Header       // replaces what signing has set; an empty list removes
	Rand   io.Reader         // for nonces and ids; nil is the system's
	Keep   bool              // a timestamp that stands in the body stays as it is
}

// Signs says whether requests come out signed.
func (s *Signer) Signs() bool { return s.Scheme != nil && len(s.Keys) > 0 }

// ErrNoTimestamp is returned where an age is asked for and the scheme signs no
// timestamp.
var ErrNoTimestamp = errors.New("the scheme signs no timestamp")

// Sign returns a copy of d, signed as of now, with what a receiver that knows
// the keys would say of it. It shares d's bytes; d is only read.
func (s *Signer) Sign(d *webhook.Delivery, now time.Time) (*webhook.Delivery, error) {
	out, err := s.sign(d, now)
	if err != nil {
		return nil, err
	}
	out.Verification = s.verdict(out, now)
	return out, nil
}

func (s *Signer) verdict(d *webhook.Delivery, now time.Time) webhook.Verification {
	if s.Scheme == nil {
		return webhook.Verification{Status: webhook.Unverified, Reason: webhook.ProviderUnknown}
	}
	m := message(d)
	return s.Scheme.Verify(&m, s.Keys, scheme.VerifyOptions{Now: now})
}

// sign is Sign without the verdict.
func (s *Signer) sign(d *webhook.Delivery, now time.Time) (*webhook.Delivery, error) {
	m := message(d)
	m.Header = maps.Clone(d.Header)
	if s.Signs() {
		at := s.At
		if at.IsZero() {
			at = now
		}
		if s.Age != 0 && !s.Scheme.Timestamped() {
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
	if m.URL != d.URL { // it is signed there
		SetURL(&out, m.URL)
	}
	return &out, nil
}

// signMessage signs m and makes the fault.
func (s *Signer) signMessage(m *scheme.Message, at time.Time) error {
	o := scheme.SignOptions{At: at, ID: s.ID, Rand: s.Rand, KeepStamp: s.Keep}
	for _, k := range s.Keys {
		o.Keys = append(o.Keys, k.Key)
	}
	if s.Fault == SecretFault {
		o.Keys = []*scheme.Key{s.Wrong}
	}
	var later scheme.Message
	if s.Fault == TimestampFault {
		later = *m
		later.Header = maps.Clone(m.Header)
	}
	if err := s.Scheme.Sign(m, o); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	switch s.Fault {
	case BodyFault:
		body, err := tamperBody(m.Body, func(b []byte) bool { return !s.verifies(m, b) })
		if err != nil {
			return err
		}
		m.Body = body
	case SignatureFault:
		return tamperSignature(s.Scheme, m)
	case TimestampFault:
		o.At = at.Add(time.Minute)
		if err := s.Scheme.Sign(&later, o); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		return tamperTimestamp(s.Scheme, m, &later)
	case NoFault, SecretFault:
	}
	return nil
}

// verifies says whether a receiver takes m with the given body, old or not.
func (s *Signer) verifies(m *scheme.Message, body []byte) bool {
	other := *m
	other.Body = body
	return s.Scheme.Verify(&other, s.Keys, scheme.VerifyOptions{Now: s.At, AgeOff: true}).Status == webhook.Verified
}

// message is d as a scheme sees it. It shares d's header and body.
func message(d *webhook.Delivery) scheme.Message {
	return scheme.Message{Method: d.Method, URL: d.URL, Header: d.Header, Body: d.Body}
}
