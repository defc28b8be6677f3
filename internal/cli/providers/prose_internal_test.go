package providers

import (
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
)

// TestInWords: what a person reads about a scheme, for each kind of them.
func TestInWords(t *testing.T) {
	t.Parallel()
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"stripe":     `An HMAC-SHA256 of the time and the body, joined by ".", in hex, stands in the header Stripe-Signature.`,
		"shopify":    `An HMAC-SHA256 of the body, in base64, stands in the header X-Shopify-Hmac-Sha256.`,
		"discord":    `An Ed25519 signature of the time and the body, one right after the other, in hex, stands in the header X-Signature-Ed25519.`,
		"square":     `An HMAC-SHA256 of the address and the body, one right after the other, in base64, stands in the header x-square-hmacsha256-signature.`,
		"cloudinary": `The plain SHA1 of the body, the time and the secret, one right after the other, in hex, stands in the header X-Cld-Signature.`,
		"tebex":      `An HMAC-SHA256 of the body (sha256, hex), in hex, stands in the header X-Signature.`,
		"plaid":      `A JSON web token (ES256) in the header Plaid-Verification; the claim request_body_sha256 is the body (sha256, hex).`,
		"gitlab":     `The secret itself is sent, in the header X-Gitlab-Token; nothing is computed from the body, so nothing protects it.`,
		"pipedrive":  `A user name and a password are sent, in the header Authorization; nothing is computed from the body, so nothing protects it.`,
		"rfc9421":    `An HTTP message signature (RFC 9421) over @method, @target-uri, content-digest.`,
	} {
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if got := inWords(p.Schemes()[0].Spec()); got != want {
			t.Errorf("%s:\n%s, want\n%s", id, got, want)
		}
	}
	for _, p := range c.All() {
		for _, s := range p.Schemes() {
			if got := inWords(s.Spec()); !strings.HasSuffix(got, ".") || strings.Contains(got, "  ") || strings.Contains(got, "the the") {
				t.Errorf("%s: %s", p.ID, got)
			}
		}
	}
}
