package verify_test

import (
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/cli/verify"
)

// TestShowExpected prints the signature that should have come to a person who
// asks for it, and to nobody else.
func TestShowExpected(t *testing.T) {
	t.Parallel()
	const right = "885412de5278f5d8c546aa08e858262e38a9150e81d1394b298a06058dd09bb2" // openssl dgst -sha256 -hmac s3cret of the body
	for _, tt := range []struct {
		name              string
		terminal, asked   bool
		json, explain, ok bool
	}{
		{name: "asked-at-a-terminal", terminal: true, asked: true, ok: true},
		{name: "asked-and-explained", terminal: true, asked: true, explain: true, ok: true},
		{name: "asked-in-a-pipe", asked: true},
		{name: "asked-for-json", terminal: true, asked: true, json: true, explain: true},
		{name: "not-asked", terminal: true, explain: true},
		{name: "not-asked-for-json", terminal: true, explain: true, json: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := clitest.New(t)
			w.In, w.OutTerminal = strings.NewReader("{}\n"), tt.terminal
			w.Global.JSON = tt.json
			err := verify.Run(t.Context(), w.Env, verify.Options{
				Subject: "-", Provider: "canvelete", Secrets: []string{"s3cret"}, HasSignature: true,
				Signature: "sha256=" + strings.Repeat("0", 64), Explain: tt.explain, ShowExpected: tt.asked,
			})
			if err == nil {
				t.Fatal("Run found it valid")
			}
			shown := w.Stdout.String() + w.Stderr.String() + err.Error()
			if got := strings.Contains(shown, right); got != tt.ok {
				t.Errorf("expected signature shown: %v, want %v:\n%s", got, tt.ok, shown)
			}
			if strings.Contains(shown, "s3cret") {
				t.Errorf("the secret is shown:\n%s", shown)
			}
		})
	}
}
