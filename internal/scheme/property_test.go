package scheme_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
	"pgregory.net/rapid"
)

var now = time.Unix(1_760_000_000, 0)

func clone(m *scheme.Message) *scheme.Message {
	c := *m
	c.Header = m.Header.Clone()
	c.Body = slices.Clone(m.Body)
	return &c
}

func (f family) bodyOf(rt *rapid.T) string {
	if f.body != "" || !f.covers {
		if f.body == "" {
			return plainBody
		}
		return f.body
	}
	return string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "body"))
}

// TestSignedIsVerified: what a scheme signs it accepts, and after any change of
// a byte that it signs, of the signature or of the secret it does not.
func TestSignedIsVerified(t *testing.T) {
	for _, f := range families() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s, key := f.build(t)
			keys := []scheme.NamedKey{{Name: "own", Key: key}}
			o := scheme.VerifyOptions{Now: now}
			rapid.Check(t, func(rt *rapid.T) {
				m := f.message(f.bodyOf(rt))
				if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
					rt.Fatal(err)
				}
				if v := s.Verify(m, keys, o); v.Status != webhook.Verified || v.SecretName != "own" || v.Scheme != s.Name() {
					rt.Fatalf("Verify = %+v of %v %s", v, m.Header, m.Body)
				}
				if bad := f.changed(rt, s, m); bad != nil {
					if v := s.Verify(bad, keys, o); v.Status == webhook.Verified {
						rt.Fatalf("verified after a change: %v %s", bad.Header, bad.Body)
					}
				}
			})
			f.otherSecret(t, s, keys)
		})
	}
}

// changed flips one byte of the body, where the scheme covers it, or of a
// signature.
func (f family) changed(rt *rapid.T, s *scheme.Scheme, m *scheme.Message) *scheme.Message {
	bad := clone(m)
	if f.covers && len(m.Body) > 0 && rapid.Bool().Draw(rt, "in body") {
		at := rapid.IntRange(0, len(m.Body)-1).Draw(rt, "at")
		bad.Body[at] ^= byte(1 << rapid.IntRange(0, 7).Draw(rt, "bit"))
		return bad
	}
	headers := s.SignatureHeaders()
	if len(headers) == 0 {
		return nil
	}
	name := headers[0]
	value := m.Header.Get(name)
	read, ok := s.Read(m)
	if !ok || f.spec.JWT != nil || f.spec.Message != nil || f.spec.Signature.Wrap != "" {
		return nil
	}
	sig := read.Signatures[0]
	at := strings.Index(value, sig) + rapid.IntRange(0, len(sig)-1).Draw(rt, "in signature")
	with := rapid.Byte().Filter(func(b byte) bool { return b != value[at] }).Draw(rt, "with")
	bad.Header[name] = []string{value[:at] + string(rune(with)) + value[at+1:]}
	return bad
}

func (f family) otherSecret(t *testing.T, s *scheme.Scheme, right []scheme.NamedKey) {
	t.Helper()
	var other string
	switch {
	case s.Asymmetric():
		return // covered by TestOtherPairs
	case f.secret == nil:
		other = "another secret"
	case f.spec.Algorithm == "basic":
		other = "user:pasS"
	case f.spec.Secret.Encoding == "hex":
		other = "00ff10a2"
	default:
		other = strings.Replace(f.secret(), "M", "N", 1)
	}
	key, err := s.Key(safetext.NewSecret(other))
	if err != nil {
		t.Fatal(err)
	}
	m := f.message(f.body)
	if f.body == "" {
		m.Body = []byte(plainBody)
	}
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
		t.Fatal(err)
	}
	if v := s.Verify(m, right, scheme.VerifyOptions{Now: now}); v.Reason != webhook.SignatureMismatch || v.Status != webhook.Invalid {
		t.Errorf("with another secret Verify = %+v", v)
	}
}
