package scheme_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func TestEmptySecretIsNoKey(t *testing.T) {
	t.Parallel()
	for _, f := range families() {
		s, _ := f.build(t)
		for _, text := range []string{"", "whsec_", "webhook_id=WH-1\n"} {
			if f.spec.Secret.Encoding != "base64" && f.spec.Secret.Fields == nil && text != "" {
				continue
			}
			if k, err := s.Key(safetext.NewSecret(text)); err == nil || k != nil {
				t.Errorf("%s takes the secret %q", f.name, text)
			}
		}
	}
}

// TestSecretsAreDecodedAsTheSpecSays, and an error never shows one.
func TestSecretsAreDecodedAsTheSpecSays(t *testing.T) {
	t.Parallel()
	const wrong = "Not-The-Right-Kind-Of-Secret!"
	for _, tc := range []struct {
		spec    scheme.Secret
		text    string
		sameAs  string // the raw secret that gives the same key
		refused bool
	}{
		{scheme.Secret{}, " a b\n", " a b\n", false},
		{scheme.Secret{Encoding: "raw"}, "whsec_x", "whsec_x", false},
		{scheme.Secret{Prefix: []string{"sk_", "pk_"}}, "pk_abc", "abc", false},
		{scheme.Secret{Encoding: "base64", Prefix: []string{"whsec_"}}, "whsec_YWJj", "abc", false},
		{scheme.Secret{Encoding: "base64", Prefix: []string{"whsec_"}}, "YWJj", "abc", false},
		{scheme.Secret{Encoding: "base64"}, "YWI=", "ab", false},
		{scheme.Secret{Encoding: "base64"}, "YWI", "ab", false},
		{scheme.Secret{Encoding: "base64url"}, "_-8", "\xff\xef", false},
		{scheme.Secret{Encoding: "hex"}, "6162", "ab", false},
		{scheme.Secret{Key: "{secret}&"}, "x", "x&", false},
		{scheme.Secret{Key: "{secret|sha256|hex}"}, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false},
		{scheme.Secret{Key: "{secret}{param:site}", Fields: []string{"site"}}, "site=acme\nkey", "keyacme", false},
		{scheme.Secret{Encoding: "base64"}, wrong, "", true},
		{scheme.Secret{Encoding: "base64"}, "YWJj\n", "", true},
		{scheme.Secret{Encoding: "base64"}, "_-8", "", true},
		{scheme.Secret{Encoding: "hex"}, wrong, "", true},
		{scheme.Secret{Encoding: "hex"}, "616", "", true},
		{scheme.Secret{Fields: []string{"site"}}, wrong, "", true},
	} {
		spec := hexHMAC()
		spec.Secret = tc.spec
		s, err := scheme.Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		key, err := s.Key(safetext.NewSecret(tc.text))
		if tc.refused {
			if err == nil || strings.Contains(err.Error(), tc.text) {
				t.Errorf("%+v with %q: %v", tc.spec, tc.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", tc.spec, err)
			continue
		}
		m, want := &scheme.Message{Body: []byte("x")}, &scheme.Message{Body: []byte("x")}
		plain, err := scheme.Compile(hexHMAC())
		if err != nil {
			t.Fatal(err)
		}
		plainKey, err := plain.Key(safetext.NewSecret(tc.sameAs))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}}), plain.Sign(want, scheme.SignOptions{Keys: []*scheme.Key{plainKey}})); err != nil {
			t.Fatal(err)
		}
		if m.Header.Get("X-Signature") != want.Header.Get("X-Signature") {
			t.Errorf("%+v: %q is not the key %q", tc.spec, tc.text, tc.sameAs)
		}
	}
}

// TestKeyPairsInEveryForm: whatever spells the public key verifies what the
// private key signs, and cannot sign.
func TestKeyPairsInEveryForm(t *testing.T) {
	t.Parallel()
	edPublic, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(pairs()["rsa"]))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	rs := parsed.(*rsa.PrivateKey)
	b64 := base64.RawURLEncoding.EncodeToString
	ecPoint, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	ecScalar, err := ec.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	seed := base64.StdEncoding.EncodeToString(ed.Seed())
	for _, tc := range []struct {
		algorithm string
		key       crypto.Signer
		private   []string
		public    []string
	}{
		{
			"ed25519", ed,
			[]string{"whsk_" + seed, "v1a,whsk_" + seed, "whsk_" + base64.StdEncoding.EncodeToString(ed), hex.EncodeToString(ed), fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q,"d":%q}`, b64(edPublic), b64(ed.Seed()))},
			[]string{"whpk_" + base64.StdEncoding.EncodeToString(edPublic), hex.EncodeToString(edPublic), fmt.Sprintf(`{"keys":[{"kty":"oct","k":"x"},{"kty":"OKP","crv":"Ed25519","x":%q}]}`, b64(edPublic))},
		},
		{
			"ecdsa-p256-sha256", ec,
			[]string{fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q,"d":%q}`, b64(ecPoint[1:33]), b64(ecPoint[33:]), b64(ecScalar))},
			[]string{fmt.Sprintf(`{"key":{"kty":"EC","crv":"P-256","kid":"k","x":%q,"y":%q}}`, b64(ecPoint[1:33]), b64(ecPoint[33:]))},
		},
		{
			"rsa-sha256", rs,
			[]string{fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB","d":%q,"p":%q,"q":%q}`, b64(rs.N.Bytes()), b64(rs.D.Bytes()), b64(rs.Primes[0].Bytes()), b64(rs.Primes[1].Bytes())), pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rs))},
			[]string{fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB"}`, b64(rs.N.Bytes())), pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rs.PublicKey))},
		},
	} {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(tc.key)
		if err != nil {
			t.Fatal(err)
		}
		spki, err := x509.MarshalPKIXPublicKey(tc.key.Public())
		if err != nil {
			t.Fatal(err)
		}
		cert := certificate(t, tc.key)
		tc.private = append(tc.private, pemOf("PRIVATE KEY", pkcs8), base64.StdEncoding.EncodeToString(pkcs8))
		tc.public = append(tc.public, pemOf("PUBLIC KEY", spki), "\n "+pemOf("PUBLIC KEY", spki)+"\n", base64.StdEncoding.EncodeToString(spki), hex.EncodeToString(spki), pemOf("CERTIFICATE", cert), base64.StdEncoding.EncodeToString(cert))
		checkPair(t, tc.algorithm, tc.private, tc.public)
	}
}

func checkPair(t *testing.T, algorithm string, private, public []string) {
	t.Helper()
	s, err := scheme.Compile(scheme.Spec{Algorithm: algorithm, Signature: in("header:X-S", "")})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range private {
		signer, err := s.Key(safetext.NewSecret(text))
		if err != nil || !signer.CanSign() {
			t.Errorf("%s private %d: %v", algorithm, i, err)
			continue
		}
		m := &scheme.Message{Body: []byte("body")}
		if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{signer}}); err != nil {
			t.Fatal(err)
		}
		for j, text := range append(public, private...) {
			key, err := s.Key(safetext.NewSecret(text))
			if err != nil {
				t.Errorf("%s public %d: %v", algorithm, j, err)
				continue
			}
			if v := s.Verify(m, []scheme.NamedKey{{Key: key}}, scheme.VerifyOptions{}); v.Status != webhook.Verified {
				t.Errorf("%s: public %d does not verify private %d: %+v", algorithm, j, i, v)
			}
			if j < len(public) {
				if err := s.Sign(&scheme.Message{}, scheme.SignOptions{Keys: []*scheme.Key{key}}); !errors.Is(err, scheme.ErrPublicKey) {
					t.Errorf("%s: public %d signs: %v", algorithm, j, err)
				}
			}
		}
	}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func certificate(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hooks"}, NotAfter: time.Unix(2e9, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestKeyPairsThatDoNotFit(t *testing.T) {
	t.Parallel()
	small := "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALRiMLAHudeSA/x3hB2f+2NRkJLA9sL8\nb0MmU2a0+0sF1yvX1p2mJrJDFzvEXbFGfXRcKjJ6VT2bKqvCw6BvUFMCAwEAAQ==\n-----END PUBLIC KEY-----\n"
	for algorithm, secrets := range map[string][]string{
		"ed25519":           {pairs()["P-256"], pairs()["rsa"], "abc", "zz", "{}", "{", `{"kty":"OKP","crv":"X25519","x":"AA"}`, "-----BEGIN X-----\n-----END X-----\n", strings.Repeat("00", 31)},
		"ecdsa-p256-sha256": {pairs()["ed25519"], pairs()["P-384"], pairs()["P-521"], `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`},
		"rsa-sha256":        {pairs()["ed25519"], small, `{"kty":"RSA","n":"AQAB","e":"AQAB"}`},
	} {
		s, err := scheme.Compile(scheme.Spec{Algorithm: algorithm, Signature: in("header:X-S", "")})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range secrets {
			if k, err := s.Key(safetext.NewSecret(text)); err == nil || k != nil {
				t.Errorf("%s takes %.40q", algorithm, text)
			} else if len(text) > 8 && strings.Contains(err.Error(), text[len(text)/2:]) {
				t.Errorf("%s: the error shows the secret: %v", algorithm, err)
			}
		}
	}
}

func TestOtherPairs(t *testing.T) {
	t.Parallel()
	for _, f := range families() {
		s, own := f.build(t)
		if !s.Asymmetric() {
			continue
		}
		_, other, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if f.spec.Algorithm != "ed25519" && f.spec.Algorithm != "jwt-eddsa" {
			continue
		}
		foreign, err := s.Key(safetext.NewSecret(hex.EncodeToString(other)))
		if err != nil {
			t.Fatal(err)
		}
		m := f.message(plainBody)
		if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{foreign}, At: now}); err != nil {
			t.Fatal(err)
		}
		if v := s.Verify(m, []scheme.NamedKey{{Key: own}}, scheme.VerifyOptions{Now: now}); v.Reason != webhook.SignatureMismatch {
			t.Errorf("%s: another pair: %+v", f.name, v)
		}
	}
}
