package diagnose_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

const secret = "k3y-for-the-tests-0123456789"

var now = time.Date(2026, 1, 15, 10, 30, 0, 0, time.UTC)

// A bench holds a request that is rightly signed, for tests to spoil.
type bench struct {
	catalogue *provider.Catalogue
	provider  *provider.Provider
	secret    string
	private   string // of a pair, what signs
	m         scheme.Message
}

// catalogue is decoded once for all tests.
var catalogue = sync.OnceValue(func() *provider.Catalogue {
	c, err := provider.Load()
	if err != nil {
		panic(err)
	}
	c.All()
	return c
})

func newBench(tb testing.TB, id, body string) *bench {
	tb.Helper()
	c := catalogue()
	p, err := c.Get(id)
	if err != nil {
		tb.Fatal(err)
	}
	b := &bench{catalogue: c, provider: p, secret: secret}
	if p.SecretForm().Encoding == "base64" {
		b.secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte(secret))
	}
	b.m = scheme.Message{Method: "POST", URL: "https://app.example/webhooks?a=1&b=2", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
	b.sign(tb, b.secret)
	return b
}

func (b *bench) sign(tb testing.TB, text string) {
	tb.Helper()
	keys, err := b.provider.Keys(safetext.NewSecret(text))
	if err != nil {
		tb.Fatal(err)
	}
	if err := b.provider.Sign(&b.m, scheme.SignOptions{Keys: keys, At: now, ID: "msg_1"}); err != nil {
		tb.Fatal(err)
	}
}

func (b *bench) explain(tb testing.TB, secrets ...string) diagnose.Report {
	tb.Helper()
	if len(secrets) == 0 {
		secrets = []string{b.secret}
	}
	r := diagnose.Request{Message: &b.m, Provider: b.provider, Now: now, Providers: b.catalogue.All()}
	for i, s := range secrets {
		if i == 0 {
			r.Secrets = append(r.Secrets, diagnose.Secret{Name: "given", Secret: safetext.NewSecret(s)})
			continue
		}
		r.Others = append(r.Others, diagnose.Secret{Name: "other", Secret: safetext.NewSecret(s)})
	}
	return diagnose.Explain(tb.Context(), r)
}

const sample = `{"eventId":"evt_1","eventType":"render.completed","timestamp":"2026-01-15T10:30:00Z","data":{"name":"Ünïcode/é","n":1.50,"list":[1,2,{"a":null}],"empty":{},"html":"<b>&</b>"}}`

// spoil says how a body comes to differ from what was signed: signed is what
// the sender signed, received is what is verified.
var spoils = map[diagnose.Cause][]func(signed string) string{
	diagnose.BodyTrailingNewline: {
		func(s string) string { return s + "\n" },
		func(s string) string { return s + "\r\n" },
	},
	diagnose.BodyWhitespace: {func(s string) string { return " \t" + s + "  " }},
	diagnose.BodyBOM:        {func(s string) string { return "\xef\xbb\xbf" + s }},
	diagnose.BodyUnicodeEscaped: {func(s string) string {
		return strings.NewReplacer("Ü", `\u00dc`, "ï", `\u00ef`, "é", `\u00e9`).Replace(s)
	}},
	diagnose.BodyCharset: {func(s string) string {
		var b []rune
		for _, c := range []byte(s) {
			b = append(b, rune(c))
		}
		return string(b)
	}},
	diagnose.BodyBase64:      {func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	diagnose.BodyFormEncoded: {func(s string) string { return "payload=" + url.QueryEscape(s) }},
	diagnose.BodyReserialised: {
		func(s string) string { return strings.NewReplacer(":", ": ", ",", ", ").Replace(s) },
		func(s string) string { return strings.ReplaceAll(s, ",\"data\"", ",\n  \"data\"") },
	},
}

// compact is a body that the writers above can bring back to itself.
const compact = `{"id":"evt_1","type":"x","created_at":"now","data":{"name":"Ünïcode/é","n":[1,2],"empty":{}}}`

func TestBodyCauses(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"canvelete", "loopcanvas", "generic", "sketchpen", "stripe", "github", "slack", "shopify", "standard-webhooks"} {
		for cause, ways := range spoils {
			for _, spoil := range ways {
				b := newBench(t, id, compact)
				b.m.Body = []byte(spoil(compact))
				expectCauses(t, id+" "+string(cause), b.explain(t), cause)
			}
		}
	}
}

// TestWriters has the bodies of one JSON value as the usual libraries write it.
// Each that was signed is found behind each that may have become of it.
func TestWriters(t *testing.T) {
	t.Parallel()
	writers := map[string]string{
		"JSON.stringify":            `{"b":"é/<","a":[1,2.5,1e+21],"c":{}}`,
		"json.dumps":                `{"b": "\u00e9/<", "a": [1, 2.5, 1e+21], "c": {}}`,
		"json.dumps-utf8":           `{"b": "é/<", "a": [1, 2.5, 1e+21], "c": {}}`,
		"json_encode":               `{"b":"\u00e9\/<","a":[1,2.5,1e+21],"c":{}}`,
		"encoding/json":             `{"b":"é/\u003c","a":[1,2.5,1e+21],"c":{}}`,
		"JSON.stringify(v,null,2)":  "{\n  \"b\": \"é/<\",\n  \"a\": [\n    1,\n    2.5,\n    1e+21\n  ],\n  \"c\": {}\n}",
		"json.dumps(indent=4)":      "{\n    \"b\": \"\\u00e9/<\",\n    \"a\": [\n        1,\n        2.5,\n        1e+21\n    ],\n    \"c\": {}\n}",
		"encoding/json-sorted":      `{"a":[1,2.5,1e+21],"b":"é/\u003c","c":{}}`,
		"json.dumps(sort_keys)":     `{"a": [1, 2.5, 1e+21], "b": "\u00e9/<", "c": {}}`,
		"json.dumps(separators=..)": `{"b":"\u00e9/<","a":[1,2.5,1e+21],"c":{}}`,
	}
	for signed, signedBody := range writers {
		for received, receivedBody := range writers {
			if signed == received || strings.Contains(received, "sort") && !strings.Contains(signed, "sort") {
				continue // the order of names is lost
			}
			b := newBench(t, "canvelete", signedBody)
			b.m.Body = []byte(receivedBody)
			got := b.explain(t)
			c := got.Findings[0].Causes
			if len(c) != 1 || c[0] != diagnose.BodyReserialised && c[0] != diagnose.BodyUnicodeEscaped {
				t.Errorf("signed by %s, received as %s: causes %v (%s)", signed, received, c, got.Findings[0].Detail)
			}
		}
	}
}

func expectCauses(t *testing.T, name string, got diagnose.Report, want ...diagnose.Cause) {
	t.Helper()
	var have []diagnose.Cause
	if len(got.Findings) > 0 {
		have = slices.Clone(got.Findings[0].Causes)
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("%s: causes %v, want %v", name, have, want)
		for _, f := range got.Findings {
			t.Logf("  %v: %s", f.Causes, f.Detail)
		}
	}
	for _, f := range got.Findings {
		if f.Detail == "" || f.Fix == "" {
			t.Errorf("%s: %v has no detail or no fix", name, f.Causes)
		}
	}
}

func TestSecretCauses(t *testing.T) {
	t.Parallel()
	b := newBench(t, "canvelete", sample)
	expectCauses(t, "newline", b.explain(t, secret+"\n"), diagnose.SecretWhitespace)
	expectCauses(t, "quotes", b.explain(t, `"`+secret+`"`), diagnose.SecretQuoted)
	expectCauses(t, "prefix", b.explain(t, "whsec_"+secret), diagnose.SecretPrefix)
	expectCauses(t, "other", b.explain(t, "wrong", secret), diagnose.SecretOther)
	b64 := base64.StdEncoding.EncodeToString([]byte(secret))
	expectCauses(t, "decoded", b.explain(t, b64), diagnose.SecretEncoding)
	b.sign(t, "whsec_"+secret)
	expectCauses(t, "prefix kept", b.explain(t, secret), diagnose.SecretPrefix)
	sw := newBench(t, "standard-webhooks", sample)
	sw.secret = base64.StdEncoding.EncodeToString([]byte(sw.secret))
	expectCauses(t, "nothing", sw.explain(t, "entirely-wrong"), diagnose.Unknown)
}

func TestSignatureCauses(t *testing.T) {
	t.Parallel()
	const name = "X-Canvelete-Signature"
	spoil := func(change func(value string) string) *bench {
		b := newBench(t, "canvelete", sample)
		b.m.Header.Set(name, change(b.m.Header.Get(name)))
		return b
	}
	expectCauses(t, "prefix", spoil(func(v string) string { return v[len("sha256="):] }).explain(t), diagnose.SignaturePrefix)
	expectCauses(t, "case", spoil(func(v string) string { return "sha256=" + strings.ToUpper(v[7:]) }).explain(t), diagnose.SignatureCase)
	expectCauses(t, "cut", spoil(func(v string) string { return v[:40] }).explain(t), diagnose.SignatureTruncated)
	expectCauses(t, "cut to the least", spoil(func(v string) string { return v[:7+16] }).explain(t), diagnose.SignatureTruncated)
	for length, want := range map[int]diagnose.Cause{10: diagnose.Unknown, 11: diagnose.SignatureTruncated} {
		shop := newBench(t, "shopify", sample)
		shop.m.Header.Set("X-Shopify-Hmac-Sha256", shop.m.Header.Get("X-Shopify-Hmac-Sha256")[:length])
		expectCauses(t, "base64 cut", shop.explain(t), want)
	}
	expectCauses(t, "cut too short", spoil(func(v string) string { return v[:7+15] }).explain(t), diagnose.Unknown)
	b := newBench(t, "canvelete", sample)
	b.m.Header["X-Signature-Original"] = b.m.Header[name]
	b.m.Header.Del(name)
	expectCauses(t, "renamed", b.explain(t), diagnose.SignatureHeader)
	b.m.Header.Del("X-Signature-Original")
	expectCauses(t, "missing", b.explain(t), diagnose.HeaderMissing)
	g := newBench(t, "github", sample)
	g.m.Header.Set("X-Hub-Signature-256", g.m.Header.Get("X-Hub-Signature"))
	g.m.Header.Del("X-Hub-Signature")
	expectCauses(t, "the SHA-1 signature in the header of the other", g.explain(t), diagnose.SignaturePrefix, diagnose.AlgorithmOther)
}

// TestAlgorithms makes the signature with another hash, in the provider's form.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"hmac-sha1", "hmac-sha512", "sha256"} {
		b := newBench(t, "generic", sample)
		spec := b.provider.Schemes()[0].Spec()
		spec.Algorithm = alg
		if alg == "sha256" { // without a key: the form wants to hear of the secret
			spec.Content = []string{"{body}{secret|first:0}"}
		}
		resign(t, b, spec)
		expectCauses(t, alg, b.explain(t), diagnose.AlgorithmOther)
	}
}

func resign(t *testing.T, b *bench, spec scheme.Spec) {
	t.Helper()
	s, err := scheme.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Key(safetext.NewSecret(b.secret))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sign(&b.m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now, ID: "msg_1"}); err != nil {
		t.Fatal(err)
	}
}

func TestContentAndTime(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]diagnose.Cause{
		"{body}":                   diagnose.TimestampMissing,
		"{timestamp}:{body}":       diagnose.ContentSeparator,
		"{timestamp}{body}":        diagnose.ContentSeparator,
		"{body}.{timestamp}":       diagnose.ContentSeparator,
		"v0:{timestamp}:{body}":    diagnose.ContentSeparator,
		"{timestamp}\n{body}":      diagnose.ContentSeparator,
		"{timestamp}.{body|upper}": diagnose.Unknown,
	} {
		b := newBench(t, "sketchpen", sample)
		spec := b.provider.Schemes()[0].Spec()
		spec.Content = []string{content}
		resign(t, b, spec)
		expectCauses(t, content, b.explain(t), want)
	}
	b := newBench(t, "sketchpen", sample)
	b.m.Header.Set("X-Sketchpen-Timestamp", b.m.Header.Get("X-Sketchpen-Timestamp")+"000")
	expectCauses(t, "milliseconds", b.explain(t), diagnose.TimestampUnit)
	b = newBench(t, "sketchpen", sample)
	b.m.Header.Set("X-Sketchpen-Timestamp", now.Format(time.RFC3339))
	expectCauses(t, "rfc3339", b.explain(t), diagnose.TimestampFormat)
	b = newBench(t, "sketchpen", sample)
	r := diagnose.Request{
		Message: &b.m, Provider: b.provider, Now: now.Add(2 * time.Hour),
		Secrets: []diagnose.Secret{{Name: "given", Secret: safetext.NewSecret(secret)}},
	}
	expectCauses(t, "expired", diagnose.Explain(t.Context(), r), diagnose.TimestampExpired)
	if f := diagnose.Explain(t.Context(), r).Findings[0]; !strings.Contains(f.Detail, "2 h old") || !strings.Contains(f.Detail, "wrong zone") {
		t.Errorf("detail %q", f.Detail)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for _, seen := range []string{
		"http://app.example/webhooks?a=1&b=2", "https://127.0.0.1:3000/webhooks?a=1&b=2", "https://app.example/webhooks/?a=1&b=2",
		"https://app.example/webhooks?b=2&a=1",
	} {
		b := newBench(t, "square", sample)
		b.m.URL = seen
		b.m.Header.Set("X-Forwarded-Host", "app.example")
		expectCauses(t, seen, b.explain(t), diagnose.ContentURL)
	}
}

func TestOtherProvider(t *testing.T) {
	t.Parallel()
	b := newBench(t, "loopcanvas", `{"id":"evt_1","type":"canvas.completed","created":1768473000,"data":{"id":"canvas_1"}}`)
	p, err := b.catalogue.Get("canvelete")
	if err != nil {
		t.Fatal(err)
	}
	b.provider = p
	expectCauses(t, "loopcanvas for canvelete", b.explain(t), diagnose.ProviderOther)
}

// TestPairs spoils two things at once, in two dimensions.
func TestPairs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"canvelete", "sketchpen", "stripe", "slack"} {
		for cause, ways := range spoils {
			if cause == diagnose.BodyCharset {
				continue
			}
			b := newBench(t, id, compact)
			b.m.Body = []byte(ways[0](compact))
			expectCauses(t, id+" newline in the secret and "+string(cause), b.explain(t, secret+"\n"), cause, diagnose.SecretWhitespace)
			expectCauses(t, id+" another secret and "+string(cause), b.explain(t, "wrong", secret), cause, diagnose.SecretOther)
		}
	}
}

// TestNoFalseCertainty gives random signatures: nothing may be claimed.
func TestNoFalseCertainty(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"canvelete", "generic", "sketchpen", "stripe", "shopify", "standard-webhooks", "square"} {
		b := newBench(t, id, sample)
		b.spoilSignature()
		expectCauses(t, id, b.explain(t), diagnose.Unknown)
	}
	b := newBench(t, "canvelete", sample)
	if got := b.explain(t); len(got.Findings) != 0 {
		t.Errorf("a valid request is explained: %+v", got.Findings)
	}
}

// spoilSignature makes the signature another one of the same form.
func (b *bench) spoilSignature() {
	for name, values := range b.m.Header {
		if strings.Contains(strings.ToLower(name), "signature") || strings.Contains(strings.ToLower(name), "hmac") {
			values[0] = flip(values[0])
		}
	}
}

// flip changes the end of a signature to another one that is spelled as well.
func flip(v string) string {
	b := []byte(v)
	for i := len(b) - 8; i < len(b)-4; i++ {
		if b[i] == '1' {
			b[i] = '2'
		} else {
			b[i] = '1'
		}
	}
	return string(b)
}

// TestNothingIsShown looks for the secret and for the signature that would be
// right in everything that a report holds.
func TestNothingIsShown(t *testing.T) {
	t.Parallel()
	b := newBench(t, "canvelete", sample)
	right := b.m.Header.Get("X-Canvelete-Signature")[7:]
	b.m.Body = append(b.m.Body, '\n')
	b.m.Header.Set("X-Canvelete-Signature", "sha256="+right[:40])
	for _, f := range append(b.explain(t).Findings, b.explain(t, secret+"\n").Findings...) {
		text := f.Detail + f.Fix
		if strings.Contains(text, secret) || strings.Contains(text, right[40:]) || bytes.Contains(f.Signed, []byte(secret)) {
			t.Errorf("%v shows a secret: %q", f.Causes, text)
		}
	}
}

func TestEndsWithContext(t *testing.T) {
	t.Parallel()
	b := newBench(t, "canvelete", sample)
	b.m.Header.Set("X-Canvelete-Signature", flip(b.m.Header.Get("X-Canvelete-Signature")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := diagnose.Explain(ctx, diagnose.Request{
		Message: &b.m, Provider: b.provider, Now: now, Secrets: []diagnose.Secret{{Name: "given", Secret: safetext.NewSecret(secret)}},
	})
	if got.Complete || got.Findings[0].Causes[0] != diagnose.Unknown {
		t.Errorf("a search that was broken off says %+v", got)
	}
}

// BenchmarkUnknown is the longest search, that finds nothing.
func BenchmarkUnknown(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1kB", 1 << 10}, {"1MiB", 1 << 20}} {
		for _, id := range []string{"canvelete", "sketchpen", "stripe", "standard-webhooks", "square", "discord"} {
			b.Run(size.name+"/"+id, func(b *testing.B) {
				body := `{"eventId":"evt_1","eventType":"render.completed","data":{"text":"` + strings.Repeat("é<a/b> ", size.bytes/8) + `"}}`
				bench := newBench(b, id, body)
				bench.spoilSignature()
				for b.Loop() {
					bench.explain(b)
				}
			})
		}
	}
}
