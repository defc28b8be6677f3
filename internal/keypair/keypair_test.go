package keypair_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/keypair"
)

func pemOf(tb testing.TB, key any) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func ed() keypair.Algorithm { return keypair.Algorithm{Name: "ed25519", Family: keypair.Ed25519} }

func p256(fixed bool) keypair.Algorithm {
	return keypair.Algorithm{Name: "ecdsa", Family: keypair.ECDSA, Hash: crypto.SHA256, Curve: elliptic.P256(), Fixed: fixed}
}

// TestKeysOfOtherKindsArePassedOver, so that a file of several keys will do;
// a private key of another kind never signs.
func TestKeysOfOtherKindsArePassedOver(t *testing.T) {
	t.Parallel()
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(edKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	both := pemOf(t, ecKey) + string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
	pair, err := keypair.Parse(both, ed(), 16)
	if err != nil || pair.Private != nil || len(pair.Public) != 1 {
		t.Errorf("Parse = %+v, %v", pair, err)
	}
	if pair, err := keypair.Parse(both, p256(false), 16); err != nil || pair.Private == nil || len(pair.Public) != 1 {
		t.Errorf("Parse = %+v, %v", pair, err)
	}
	if !strings.HasPrefix(pair.PublicPEM(), "-----BEGIN PUBLIC KEY-----") {
		t.Errorf("PublicPEM = %s", pair.PublicPEM())
	}
	var bad *keypair.Error
	if _, err := keypair.Parse(pemOf(t, edKey)+pemOf(t, ecKey), ed(), 16); !errors.As(err, &bad) {
		t.Errorf("two private keys: %v", err)
	}
	if _, err := keypair.Parse(" \n", ed(), 16); !errors.Is(err, keypair.ErrEmpty) {
		t.Errorf("nothing: %v", err)
	}
}

func TestSetsAreLimited(t *testing.T) {
	t.Parallel()
	var keys []string
	for range 40 {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q}`, base64.RawURLEncoding.EncodeToString(public)))
	}
	pair, err := keypair.Parse(`{"keys":[`+strings.Join(keys, ",")+`]}`, ed(), 16)
	if err != nil || len(pair.Public) != 16 {
		t.Errorf("%v", err)
	}
}

// TestFixedSignatures have one length, and neither form passes for the other.
func TestFixedSignatures(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("content"))
	for range 40 {
		for _, fixed := range []bool{true, false} {
			a := p256(fixed)
			sig, err := a.Sign(rand.Reader, &keypair.Private{Key: key}, nil, digest[:])
			if err != nil || fixed && len(sig) != 64 {
				t.Fatalf("%d bytes, %v", len(sig), err)
			}
			if !a.Verify(key.Public(), nil, digest[:], sig) || p256(!fixed).Verify(key.Public(), nil, digest[:], sig) {
				t.Errorf("fixed %v: a signature is refused, or passes in the other form", fixed)
			}
			if a.Verify(key.Public(), nil, digest[:], append(sig, 0)) || a.Verify(key.Public(), nil, digest[:], nil) {
				t.Errorf("fixed %v: a signature of another length passes", fixed)
			}
		}
	}
}

// FuzzParse: no text makes it panic, and what it takes holds a key that fits.
func FuzzParse(f *testing.F) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pemOf(f, key))
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`)
	f.Add("whsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range []keypair.Algorithm{ed(), p256(true), {Name: "rsa", Family: keypair.RSA, Hash: crypto.SHA256}} {
			pair, err := keypair.Parse(text, a, 16)
			if err != nil {
				continue
			}
			for _, p := range pair.Public {
				if !a.Fits(p.Key) {
					t.Errorf("%s: a key that does not fit", a.Name)
				}
			}
		}
	})
}
