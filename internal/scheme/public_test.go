package scheme_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

func TestPublicPEM(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := scheme.Compile(scheme.Spec{Algorithm: "ed25519", Signature: scheme.Signature{In: []string{"header:X-Signature"}}})
	if err != nil {
		t.Fatal(err)
	}
	secret := safetext.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	key, err := pair.Key(secret)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode([]byte(key.PublicPEM()))
	if block == nil || len(rest) > 0 || strings.Contains(key.PublicPEM(), "PRIVATE") {
		t.Fatalf("PublicPEM = %q", key.PublicPEM())
	}
	got, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil || !public.Equal(got) {
		t.Errorf("PublicPEM has the key %v, %v, want %v", got, err, public)
	}
	shared, err := scheme.Compile(scheme.Spec{Algorithm: "hmac-sha256", Signature: scheme.Signature{In: []string{"header:X-Signature"}}})
	if err != nil {
		t.Fatal(err)
	}
	key, err = shared.Key(safetext.NewSecret("shared"))
	if err != nil || key.PublicPEM() != "" {
		t.Errorf("PublicPEM of a shared secret = %q, %v", key.PublicPEM(), err)
	}
}
