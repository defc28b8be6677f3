package diagnose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/diagnose"
)

// frameworks are those for which every line of code is given.
var frameworks = []string{"Express", "Fastify", "Next.js", "Flask", "Django", "FastAPI", "Rails", "Laravel", "Spring", "Go net/http", "ASP.NET"}

// TestAdvice has something to say about every cause, for every provider, and
// where it shows code, for every framework.
func TestAdvice(t *testing.T) {
	t.Parallel()
	for _, p := range catalogue().All() {
		for _, c := range diagnose.Causes() {
			a := diagnose.AdviceFor(c, p)
			if a.Say == "" && c != diagnose.Unknown {
				t.Errorf("%s: nothing to do about %s", p.ID, c)
			}
			var names []string
			for _, l := range a.Lines {
				names = append(names, l.Framework)
				for _, word := range []string{"FRONT", "BETWEEN", "SECRET ", "HASH", "CAPITALS", "CONTENT", "{timestamp}.{body}"} {
					if strings.Contains(strings.ReplaceAll(l.Code, "WEBHOOK_SECRET ", ""), word) {
						t.Errorf("%s: %s for %s is not filled in: %s", p.ID, c, l.Framework, l.Code)
					}
				}
			}
			if len(names) > 0 && c != diagnose.BodyBase64 && !slices.Equal(names, frameworks) {
				t.Errorf("%s: %s has lines for %v", p.ID, c, names)
			}
		}
	}
}

func TestAdviceInTheWordsOfAProvider(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		provider  string
		cause     diagnose.Cause
		framework string
		want      string
	}{
		{"slack", diagnose.ContentSeparator, "Flask", `signed = f"v0:{timestamp}:".encode() + request.get_data()`},
		{"stripe", diagnose.TimestampMissing, "Go net/http", `fmt.Fprintf(mac, "%s.%s", timestamp, body)`},
		{"standard-webhooks", diagnose.ContentSeparator, "Next.js", "const signed = `${id}.${timestamp}.${body}`"},
		{"standard-webhooks", diagnose.ContentSeparator, "Go net/http", `fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)`},
		{"standard-webhooks", diagnose.SecretEncoding, "Express", `const key = Buffer.from(secret.replace("whsec_", ""), "base64")`},
		{"stripe", diagnose.SecretEncoding, "Django", `key = secret.encode()  # the text itself, prefix and all`},
		{"github", diagnose.SignatureHeader, "Rails", `signature = request.headers["X-Hub-Signature-256"]`},
		{"shopify", diagnose.SignatureEncoding, "Laravel", `base64_encode(hash_hmac('sha256', $body, $key, true))`},
		{"canvelete", diagnose.SignatureCase, "ASP.NET", `"sha256=" + Convert.ToHexString(HMACSHA256.HashData(key, body)).ToLowerInvariant()`},
		{"twilio", diagnose.AlgorithmOther, "Spring", `Base64.getEncoder().encodeToString(mac.doFinal(body)) // Mac.getInstance("HmacSHA1")`},
	} {
		p, err := catalogue().Get(tt.provider)
		if err != nil {
			t.Fatal(err)
		}
		lines := diagnose.AdviceFor(tt.cause, p).Lines
		i := slices.IndexFunc(lines, func(l diagnose.Line) bool { return l.Framework == tt.framework })
		if i < 0 || lines[i].Code != tt.want {
			t.Errorf("%s, %s, %s: %v, want %s", tt.provider, tt.cause, tt.framework, lines, tt.want)
		}
	}
}
