// Package scheme signs requests as a provider does and says whether a request
// was signed so. A scheme is data: a Spec names the algorithm, what is signed,
// where the signature stands and how it is spelled, and Compile makes of it a
// Scheme that signs and verifies. No provider has code of its own here.
//
// Everything is a pure function of the request, the keys and the time that are
// passed in. There is no I/O, no clock, and no algorithm besides the one that
// the Spec names. A Scheme and its Keys may be used by several goroutines at
// once.
package scheme

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/keypair"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Message is the request that a scheme signs or judges. URL is the address
// as the provider calls it, query included. Sign changes the message; Verify
// and everything else only read it.
type Message struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
}

// A NamedKey is a key and the name under which a verification reports it.
type NamedKey struct {
	Name string
	Key  *Key
}

// Limits that hold for every request.
const (
	// MaxKeys is how many keys a verification tries; further ones are ignored.
	MaxKeys = 16
	// MaxSignatures is how many signatures one request may carry. A request
	// with more is malformed.
	MaxSignatures = 16
	// maxSignatureText is the length in bytes beyond which no signature is
	// looked at. The longest real ones are JSON web tokens with certificates.
	maxSignatureText = 16 << 10
)

// DefaultTolerance is how old or how far ahead a signed timestamp may be where
// the provider states nothing else.
const DefaultTolerance = 300 * time.Second

// VerifyOptions are the circumstances of a verification.
type VerifyOptions struct {
	Now       time.Time
	Tolerance time.Duration // 0: the scheme's own
	AgeOff    bool          // how old a signed timestamp is does not matter
}

// A Scheme is a compiled Spec.
type Scheme struct {
	spec Spec
	name string
	alg  algorithm

	paths     pathSet // the places in the body that any template reads
	itemPaths pathSet // those within one item, where the scheme signs items

	content   template
	sort      bool
	parts     []*template // of content, where they are sorted
	join      string
	signature sigForm
	at        []location // where the signature stands
	id        location
	stamp     stamp
	each      location
	when      []condition
	digests   []digest
	headers   []setting
	partValue []setting
	signed    *signedHeaders
	jwt       *jwtForm
	message   *messageForm
	secret    secretForm

	scratch sync.Pool // of *state, for reading without a key
}

// Name returns the name that a verification reports, such as "hmac-sha256".
func (s *Scheme) Name() string { return s.name }

// Spec returns what the scheme was compiled from. Changing a copy and
// compiling it again is how variants of a scheme are tried.
func (s *Scheme) Spec() Spec { return s.spec }

// Timestamped says whether the signature covers a timestamp, so that an old
// request can be told from a fresh one.
func (s *Scheme) Timestamped() bool { return s.stamp.signed }

// Tolerance returns how old a signed timestamp may be, and 0 where none is
// signed.
func (s *Scheme) Tolerance() time.Duration {
	if !s.stamp.signed {
		return 0
	}
	return s.stamp.tolerance
}

// Asymmetric says whether signing takes a private key and verifying only the
// public one.
func (s *Scheme) Asymmetric() bool { return s.alg.kind == kindPublic }

// Several says whether one request can carry several signatures, so that all
// current secrets sign.
func (s *Scheme) Several() bool {
	return s.signature.several() || len(s.at) > 1 || s.message != nil
}

// SignatureHeaders returns the canonical names of the headers in which the
// signature may stand; none, if it stands in the body or the query.
func (s *Scheme) SignatureHeaders() []string {
	var out []string
	for _, l := range s.at {
		if l.kind == locHeader {
			out = append(out, l.name)
		}
	}
	return out
}

// Applies says whether m claims to be signed so: a signature stands where the
// scheme puts it, and the scheme's conditions hold.
func (s *Scheme) Applies(m *Message) bool {
	st := s.borrow(m)
	defer s.giveBack(st)
	return s.holds(&st.r) && s.present(&st.r)
}

// Suits says whether m can be signed so. Signing sets what a condition says in
// so many words; what a condition with a pattern asks for has to be there.
func (s *Scheme) Suits(m *Message) bool {
	st := s.borrow(m)
	defer s.giveBack(st)
	for i := range s.when {
		if s.when[i].literal {
			continue
		}
		if values := s.when[i].place.all(&st.r); len(values) != 1 || !fits(values[0], s.when[i].pattern) {
			return false
		}
	}
	return true
}

// borrow returns a state for looking at m without a key.
func (s *Scheme) borrow(m *Message) *state {
	st, ok := s.scratch.Get().(*state)
	if !ok {
		st = &state{}
	}
	st.r.s, st.r.m = s, m
	return st
}

func (s *Scheme) giveBack(st *state) {
	st.clear()
	s.scratch.Put(st)
}

func (s *Scheme) verdict(status webhook.Status, reason webhook.Reason) webhook.Verification {
	return webhook.Verification{Status: status, Reason: reason, Scheme: s.name}
}

func (s *Scheme) invalid(reason webhook.Reason) webhook.Verification {
	return s.verdict(webhook.Invalid, reason)
}

// PairKind names the kind of key pair that the scheme signs with: ed25519,
// ecdsa-p256, ecdsa-p384, ecdsa-p521 or rsa; "" if it has none.
func (s *Scheme) PairKind() string {
	switch s.alg.pair.Family {
	case keypair.Ed25519:
		return "ed25519"
	case keypair.RSA, keypair.RSAPSS:
		return "rsa"
	case keypair.ECDSA:
		return "ecdsa-" + strings.ToLower(strings.ReplaceAll(s.alg.pair.Curve.Params().Name, "-", ""))
	}
	return ""
}
