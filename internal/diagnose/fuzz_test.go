package diagnose_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// FuzzExplain takes anything for a request. Every finding has causes, a detail
// and a fix, and what nobody has signed is explained by nothing.
func FuzzExplain(f *testing.F) {
	for _, body := range []string{"", "{}", "[[[[1]]]]", `{"a":{"b":[1,2.50,"\u00e9\/"]}}`, "{'a': None}", `{"a"=>nil}`, "b'x\\xe9'", "payload=%7B%7D", "eyJhIjoxfQ==", "\xff\xfe{\x00}\x00", "\"\\ud800\"", `{"type":"Buffer","data":[1,2]}`} {
		f.Add("stripe", body, "t=1768473000,v1=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "X-Time", "2026-01-15", "\"whsec_x\"\n")
	}
	f.Add("twilio", "a=1&b=2", "sha1=AAAA%2B", "X-Forwarded-Host", "a,b", "s")
	f.Add("discord", "{}", "00", "X-Signature-Timestamp", "1", "-----BEGIN PUBLIC KEY-----")
	f.Add("gitlab", "{}", "Bearer x", "Authorization", "Basic eDp5", "x:y")
	f.Fuzz(func(t *testing.T, id, body, value, name, other, secret string) {
		p, err := catalogue().Get(id)
		if err != nil || secret == "" || len(p.Schemes()) == 0 {
			return
		}
		m := &scheme.Message{Method: "POST", URL: "https://app.example/a//b?x=1", Header: http.Header{}, Body: []byte(body)}
		m.Header[http.CanonicalHeaderKey(name)] = []string{other}
		for _, h := range p.Schemes()[0].SignatureHeaders() {
			m.Header[h] = []string{value}
		}
		r := diagnose.Request{
			Message: m, Provider: p, Now: time.Unix(1768473000, 0), Secrets: []diagnose.Secret{{Name: "given", Secret: safetext.NewSecret(secret)}},
		}
		for _, finding := range diagnose.Explain(t.Context(), r).Findings {
			if len(finding.Causes) == 0 || finding.Detail == "" || finding.Fix == "" {
				t.Errorf("an empty finding: %+v", finding)
			}
		}
	})
}

// TestDeepBodies explains bodies that would take a careless search for ever.
func TestDeepBodies(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"lists":   strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"objects": strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000),
		"wide":    `{"a":` + strings.Repeat("[", 60) + strings.Repeat("1,", 20000) + "1" + strings.Repeat("]", 60) + "}",
		"names":   `{` + strings.Repeat(`"a":1,`, 20000) + `"b":2}`,
		"escapes": `["` + strings.Repeat(`\u0001`, 20000) + `"]`,
	} {
		b := newBench(t, "canvelete", body)
		b.spoilSignature()
		expectCauses(t, name, b.explain(t), diagnose.Unknown)
	}
}
