package scheme_test

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestStandardWebhooksLibrary: it accepts what is signed here, and what it
// signs is accepted here.
func TestStandardWebhooksLibrary(t *testing.T) {
	t.Parallel()
	f := familyOf("standard-webhooks")
	s, key := f.build(t)
	library, err := standardwebhooks.NewWebhook(f.secret())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	m := f.message(plainBody)
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: at}); err != nil {
		t.Fatal(err)
	}
	if err := library.Verify(m.Body, m.Header); err != nil {
		t.Errorf("the library refuses it: %v", err)
	}
	theirs, err := library.Sign("msg_1", at, m.Body)
	if err != nil {
		t.Fatal(err)
	}
	other := &scheme.Message{Method: "POST", Header: http.Header{}, Body: m.Body}
	other.Header.Set("webhook-id", "msg_1")
	other.Header.Set("webhook-timestamp", m.Header.Get("webhook-timestamp"))
	other.Header.Set("webhook-signature", theirs)
	if v := s.Verify(other, []scheme.NamedKey{{Key: key}}, scheme.VerifyOptions{Now: at}); v.Status != webhook.Verified {
		t.Errorf("the library's signature: %+v", v)
	}
}

// TestTokenLibrary: a common library for JSON web tokens accepts the tokens
// that are made here, and the other way round.
func TestTokenLibrary(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"jwt-hs256-claims", "jwt-es256-body-hash", "jwt-rs256"} {
		f := familyOf(name)
		s, key := f.build(t)
		m := f.message(plainBody)
		at := time.Now()
		if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: at}); err != nil {
			t.Fatal(err)
		}
		header := s.SignatureHeaders()[0]
		fields := strings.Fields(m.Header.Get(header))
		made := fields[len(fields)-1]
		var private, public any = []byte("a secret"), []byte("a secret")
		if f.secret != nil {
			block, _ := pem.Decode([]byte(f.secret()))
			signer, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			private, public = signer, signer.(crypto.Signer).Public()
		}
		alg := strings.ToUpper(strings.TrimPrefix(s.Name(), "jwt-"))
		parsed, err := jwt.Parse(made, func(*jwt.Token) (any, error) { return public, nil }, jwt.WithValidMethods([]string{alg}))
		if err != nil || !parsed.Valid {
			t.Errorf("%s: the library refuses it: %v", name, err)
			continue
		}
		theirs, err := jwt.NewWithClaims(jwt.GetSigningMethod(alg), parsed.Claims).SignedString(private)
		if err != nil {
			t.Fatal(err)
		}
		m.Header.Set(header, strings.Replace(m.Header.Get(header), made, theirs, 1))
		if v := s.Verify(m, []scheme.NamedKey{{Key: key}}, scheme.VerifyOptions{Now: at}); v.Status != webhook.Verified {
			t.Errorf("%s: the library's token: %+v", name, v)
		}
	}
}
