package provider_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// TestPublicKeyIsNoSharedSecret: whoever knows the public key of a sender must
// not be able to sign with it, however the receiver has written it down.
func TestPublicKeyIsNoSharedSecret(t *testing.T) {
	t.Parallel()
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	bare := base64.StdEncoding.EncodeToString(public)
	for _, id := range []string{"standard-webhooks", "svix"} {
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		forger, err := p.Keys(safetext.NewSecret("whsec_" + bare))
		if err != nil {
			t.Fatal(err)
		}
		m := &scheme.Message{Method: "POST", Header: http.Header{}, Body: []byte("{}")}
		if err := p.Sign(m, scheme.SignOptions{Keys: forger, At: at, ID: "msg_1"}); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{bare, "whpk_" + bare} {
			v := p.Verifier(provider.NamedSecret{Name: "public", Secret: safetext.NewSecret(key)}).Verify(m, scheme.VerifyOptions{Now: at})
			if v.Status == webhook.Verified {
				t.Errorf("%s: forged with the public key and verified with %.5s…", id, key)
			}
		}
		if _, err := p.Keys(safetext.NewSecret(bare)); err == nil {
			t.Errorf("%s takes a text that could be either", id)
		}
	}
}
