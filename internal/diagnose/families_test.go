package diagnose_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// newPair holds a request that is signed with a fresh secret in the provider's
// form; of a key pair the public half is what verifies.
func newPair(tb testing.TB, id, body string) *bench {
	tb.Helper()
	p, err := catalogue().Get(id)
	if err != nil {
		tb.Fatal(err)
	}
	b := &bench{catalogue: catalogue(), provider: p}
	s, err := p.SecretForm().New()
	if err != nil {
		tb.Fatal(err)
	}
	b.secret, b.private = s.Reveal(), s.Reveal()
	b.m = scheme.Message{Method: "POST", URL: "https://app.example/webhooks?a=1&b=2", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
	b.sign(tb, b.secret)
	keys, err := p.Keys(s)
	if err != nil {
		tb.Fatal(err)
	}
	if pem := keys[0].PublicPEM(); pem != "" {
		b.secret = pem
	}
	return b
}

// signature returns the name of the header that holds the signature.
func (b *bench) signature(tb testing.TB) string {
	tb.Helper()
	for _, s := range b.provider.Schemes() {
		for _, name := range s.SignatureHeaders() {
			if b.m.Header.Get(name) != "" {
				return name
			}
		}
	}
	tb.Fatalf("%s signs in no header", b.provider.ID)
	return ""
}

// TestKeyPairs spoils what is signed with key pairs of every kind.
func TestKeyPairs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"discord", "sendgrid", "fireblocks", "utila"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			b := newPair(t, id, compact)
			for cause, ways := range spoils {
				b.m.Body = []byte(ways[0](compact))
				expectCauses(t, string(cause), b.explain(t), cause)
			}
			b.m.Body = []byte(compact)
			name := b.signature(t)
			value := b.m.Header.Get(name)
			b.m.Header.Set(name, respell(t, value))
			expectCauses(t, "spelling", b.explain(t), diagnose.SignatureEncoding)
			b.m.Header.Set("X-Original-Signature", value)
			b.m.Header.Del(name)
			expectCauses(t, "renamed", b.explain(t), diagnose.SignatureHeader)
			b.m.Header.Del("X-Original-Signature")
			b.m.Header.Set(name, value)
			other := newPair(t, id, compact).secret
			expectCauses(t, "other key", b.explain(t, other, b.secret), diagnose.SecretOther)
			expectCauses(t, "nobody's key", b.explain(t, other), diagnose.Unknown)
			expectCauses(t, "quoted key", b.explain(t, `"`+b.secret+`"`), diagnose.SecretQuoted)
			b.m.Body = append(b.m.Body, '\n')
			b.m.Header.Set(name, respell(t, value))
			expectCauses(t, "newline and spelling", b.explain(t), diagnose.BodyTrailingNewline, diagnose.SignatureEncoding)
		})
	}
}

// respell exchanges hex and base64.
func respell(t *testing.T, value string) string {
	t.Helper()
	if raw, err := hex.DecodeString(value); err == nil {
		return base64.StdEncoding.EncodeToString(raw)
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(raw)
}

// TestKeyPairContents signs other parts than the provider does.
func TestKeyPairContents(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]diagnose.Cause{
		"{body}": diagnose.TimestampMissing, "{timestamp}.{body}": diagnose.ContentSeparator, "{body}{timestamp}": diagnose.ContentSeparator,
	} {
		b := newPair(t, "discord", compact)
		public := b.secret
		spec := b.provider.Schemes()[0].Spec()
		spec.Content, b.secret = []string{content}, b.private
		resign(t, b, spec)
		expectCauses(t, content, b.explain(t, public), want)
	}
	for _, spoilt := range []struct{ id, algorithm string }{{"fireblocks", "rsa-sha256"}, {"fireblocks", "rsa-pss-sha512"}, {"circle", "ecdsa-p256-sha384"}} {
		b := newPair(t, spoilt.id, compact)
		public := b.secret
		spec := b.provider.Schemes()[0].Spec()
		spec.Algorithm, b.secret = spoilt.algorithm, b.private
		resign(t, b, spec)
		expectCauses(t, spoilt.id+" with "+spoilt.algorithm, b.explain(t, public), diagnose.AlgorithmOther)
	}
}

// TestTokens spoils secrets that are sent as they are.
func TestTokens(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"gitlab", "postmark", "monday"} {
		b := newPair(t, id, compact)
		name := b.signature(t)
		value := b.m.Header.Get(name)
		expectCauses(t, id+" newline", b.explain(t, b.secret+"\n"), diagnose.SecretWhitespace)
		expectCauses(t, id+" quotes", b.explain(t, `"`+b.secret+`"`), diagnose.SecretQuoted)
		expectCauses(t, id+" other", b.explain(t, newPair(t, id, compact).secret, b.secret), diagnose.SecretOther)
		expectCauses(t, id+" nobody's", b.explain(t, newPair(t, id, compact).secret), diagnose.Unknown)
		b.m.Header.Set("X-Original-Token", value)
		b.m.Header.Del(name)
		expectCauses(t, id+" renamed", b.explain(t), diagnose.SignatureHeader)
		b.m.Header.Del("X-Original-Token")
		if front, rest, ok := strings.Cut(value, " "); ok {
			b.m.Header.Set(name, rest)
			expectCauses(t, id+" without "+front, b.explain(t), diagnose.SignaturePrefix)
			continue
		}
		b.m.Header.Set(name, "Bearer "+value)
		expectCauses(t, id+" with Bearer", b.explain(t), diagnose.SignaturePrefix)
	}
	b := newPair(t, "gitlab", compact)
	b.m.Header.Set("X-Gitlab-Token", url.QueryEscape(b.secret+"+/"))
	expectCauses(t, "encoded", b.explain(t, b.secret+"+/"), diagnose.SignatureEncoding)
	b.m.Header.Del("X-Gitlab-Token")
	expectCauses(t, "missing", b.explain(t), diagnose.HeaderMissing)
}

// TestWholeRequests spoils schemes whose signature covers more than a body.
func TestWholeRequests(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"plaid", "rfc9421"} {
		b := newPair(t, id, compact)
		b.m.Body = append(b.m.Body, '\n')
		expectCauses(t, id+" newline", b.explain(t), diagnose.BodyTrailingNewline)
		b.m.Body = []byte(strings.ReplaceAll(compact, ":", ": "))
		expectCauses(t, id+" rewritten", b.explain(t), diagnose.BodyReserialised)
	}
	b := newPair(t, "rfc9421", compact)
	b.m.URL = "http://127.0.0.1:3000/webhooks?a=1&b=2"
	b.m.Header.Set("X-Forwarded-Host", "app.example")
	b.m.Header.Set("X-Forwarded-Proto", "https")
	expectCauses(t, "address", b.explain(t), diagnose.ContentURL)

	const item = `{"live":"false","notificationItems":[{"NotificationRequestItem":{"additionalData":{"hmacSignature":""},"amount":{"currency":"EUR","value":1130},"eventCode":"AUTHORISATION","merchantAccountCode":"Shop","merchantReference":"r1","originalReference":"","pspReference":"p1","success":"true"}}]}`
	b = newPair(t, "adyen", item)
	expectCauses(t, "items", b.explain(t, b.secret+"\n"), diagnose.SecretWhitespace)
	spec := b.provider.Schemes()[0].Spec()
	spec.Secret.Encoding = "raw"
	resign(t, b, spec)
	expectCauses(t, "items with the hex as the key", b.explain(t), diagnose.SecretEncoding)
}

// TestPlainHashes spoils schemes that hash the secret with the rest.
func TestPlainHashes(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"hubspot-v1", "hubspot-v2", "hubspot-v3"} {
		b := newPair(t, id, compact)
		expectCauses(t, id+" secret", b.explain(t, b.secret+"\n"), diagnose.SecretWhitespace)
		b.m.Body = append(b.m.Body, '\n')
		expectCauses(t, id+" body", b.explain(t), diagnose.BodyTrailingNewline)
		expectCauses(t, id+" both", b.explain(t, `'`+b.secret+`'`), diagnose.BodyTrailingNewline, diagnose.SecretQuoted)
	}
	b := newPair(t, "hubspot-v3", compact)
	b.m.URL = "http://10.0.0.1:8080/webhooks?a=1&b=2"
	b.m.Header.Set("X-Forwarded-Host", "app.example")
	b.m.Header.Set("X-Forwarded-Proto", "https")
	expectCauses(t, "address", b.explain(t), diagnose.ContentURL)
}

// TestExpected says what should have come, and not for a public key.
func TestExpected(t *testing.T) {
	t.Parallel()
	b := newBench(t, "stripe", compact)
	right := b.m.Header.Get("Stripe-Signature")
	b.spoilSignature()
	p := b.provider
	r := diagnose.Request{Message: &b.m, Provider: p, Now: now, Secrets: []diagnose.Secret{{Name: "given", Secret: safetext.NewSecret(b.secret)}}}
	if name, value, ok := diagnose.Expected(r); !ok || name != "Stripe-Signature" || value != right {
		t.Errorf("Expected = %s: %s, %v, want %s", name, value, ok, right)
	}
	pair := newPair(t, "discord", compact)
	r = diagnose.Request{Message: &pair.m, Provider: pair.provider, Now: now, Secrets: []diagnose.Secret{{Name: "given", Secret: safetext.NewSecret(pair.secret)}}}
	if name, value, ok := diagnose.Expected(r); ok {
		t.Errorf("a public key tells what should have come: %s: %s", name, value)
	}
}
