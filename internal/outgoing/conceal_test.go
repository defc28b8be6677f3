package outgoing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
)

func TestConceal(t *testing.T) {
	t.Parallel()
	const events = "\nevents: [{type: a, sample: '{}'}]\n"
	tests := map[string]struct{ schemes, secret, shown string }{
		"token":    {`[{algorithm: token, signature: {in: "header:X-Token"}}]`, "canary-0123456789", ""},
		"short":    {`[{algorithm: token, signature: {in: "header:X-Token"}}]`, "abc", ""},
		"basic":    {`[{algorithm: basic, signature: {in: "header:Authorization"}}]`, "user:canary-0123456789", ""},
		"query":    {`[{algorithm: token, signature: {in: "query:key"}}]`, "canary/0123 456789", ""},
		"hmac":     {`[{algorithm: hmac-sha256, signature: {in: "header:X-Sig"}}]`, "canary-0123456789", "X-Sig"},
		"hmac-one": {`[{algorithm: hmac-sha256, signature: {in: "header:X-Sig"}}]`, "a", "X-Sig"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := provider.Load(provider.Source{Name: name, Data: []byte("id: test\nname: Test\nschemes: " + tt.schemes + events)})
			if err != nil {
				t.Fatal(err)
			}
			p, err := c.Get("test")
			if err != nil {
				t.Fatal(err)
			}
			s, err := outgoing.NewSigner(p, provider.NamedSecret{Name: "x", Secret: safetext.NewSecret(tt.secret)})
			if err != nil {
				t.Fatal(err)
			}
			signed, err := s.Sign(sample(), now())
			if err != nil {
				t.Fatal(err)
			}
			before := fmt.Sprintf("%+v", *signed)
			shown := s.Conceal(signed)
			if after := fmt.Sprintf("%+v", *signed); after != before {
				t.Errorf("the delivery that was passed is now %s", after)
			}
			text := fmt.Sprint(shown.Header, shown.URL, shown.Query)
			if tt.shown != "" {
				if shown != signed || shown.Header.Get(tt.shown) == "" {
					t.Errorf("something was taken out: %s", text)
				}
				return
			}
			if len(shown.Redacted) != 1 || len(tt.secret) > 3 && strings.Contains(text, "canary") || strings.Contains(text, ":[abc]") {
				t.Errorf("redacted %v, shown %s", shown.Redacted, text)
			}
		})
	}
}
