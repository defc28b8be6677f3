package outgoing_test

import (
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func now() time.Time { return time.Unix(1_700_000_000, 0).UTC() }

// definitions are providers that sign in the ways that differ.
func definitions() map[string]string {
	return map[string]string{
		"body-hex":     `[{algorithm: hmac-sha256, signature: {in: "header:X-Sig", format: "sha256={signature}"}}]`,
		"base64":       `[{algorithm: hmac-sha256, signature: {in: "header:X-Sig", encoding: base64}}]`,
		"list":         `[{algorithm: hmac-sha256, content: "{timestamp}.{body}", signature: {in: "header:X-Sig", format: "t={timestamp},v1={signature}", separator: ","}}]`,
		"two-headers":  `[{algorithm: hmac-sha256, content: "{timestamp}.{body}", signature: {in: "header:X-Sig", format: "sha256={signature}"}, timestamp: {in: "header:X-Time"}}]`,
		"rfc3339":      `[{algorithm: hmac-sha1, content: "{timestamp}{body}", signature: {in: "header:X-Sig"}, timestamp: {in: "header:X-Time", unit: rfc3339}}]`,
		"in-the-body":  `[{algorithm: hmac-sha256, content: "{$.data.id}", signature: {in: "$.sig"}}]`,
		"in-the-query": `[{algorithm: hmac-sha256, content: "{timestamp}{body}", signature: {in: "query:sig"}, timestamp: {in: "query:ts"}}]`,
	}
}

func define(t testing.TB, name string) *provider.Provider {
	t.Helper()
	text := "id: test\nname: Test\nschemes: " + definitions()[name] + `
event: {id: $.id, type: $.type, id_form: "evt_{{digits 9}}"}
events: [{type: thing.made, sample: '{"id":"{{id}}","type":"thing.made","at":{{time s}},"data":{"id":"x9","n":12}}'}]
`
	c, err := provider.Load(provider.Source{Name: name, Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Get("test")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// signerFor signs as the provider of that name does, with the secret "ours".
func signerFor(t testing.TB, name string) *outgoing.Signer {
	t.Helper()
	s, err := outgoing.NewSigner(define(t, name), provider.NamedSecret{Name: "ours", Secret: safetext.NewSecret("secret")})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sign signs and judges.
func sign(s *outgoing.Signer, d *webhook.Delivery, now time.Time) (*webhook.Delivery, error) {
	out, err := s.Sign(d, now)
	if err == nil {
		out.Verification = s.Judge(out, now)
	}
	return out, err
}

func broken(t testing.TB, name string, f outgoing.Fault) *outgoing.Signer {
	t.Helper()
	s := signerFor(t, name)
	if err := s.Break(f, safetext.NewSecret("another")); err != nil {
		t.Fatal(err)
	}
	return s
}

func sample() *webhook.Delivery {
	return &webhook.Delivery{
		Method: "POST", URL: "http://127.0.0.1:3000/hook?a=1", Path: "/hook", Query: "a=1",
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(`{"id": "evt_1", "data": {"id": "x9", "ok": true, "n": 12, "list": []}}`),
	}
}

func TestSign(t *testing.T) {
	t.Parallel()
	for name := range definitions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := sample()
			got, err := sign(signerFor(t, name), d, now())
			if err != nil {
				t.Fatal(err)
			}
			if got.Verification.Status != webhook.Verified || got.Verification.SecretName != "ours" {
				t.Errorf("Verification = %+v", got.Verification)
			}
			if !reflect.DeepEqual(d, sample()) {
				t.Errorf("the delivery that was passed is now %+v", d)
			}
			if name == "in-the-query" && (got.Path != "/hook" || !strings.Contains(got.Query, "sig=") || !strings.Contains(got.URL, "sig=")) {
				t.Errorf("URL %q, path %q, query %q", got.URL, got.Path, got.Query)
			}
		})
	}
}

func TestFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	for name := range definitions() {
		for _, fault := range outgoing.Faults() {
			t.Run(name+"-"+fault, func(t *testing.T) {
				t.Parallel()
				s := broken(t, name, outgoing.Fault(fault))
				d, err := sign(s, sample(), now())
				stampless := !s.Timestamped() && fault == "timestamp"
				hidden := strings.HasPrefix(name, "in-the-") && fault != "secret" && fault != "body" // no header that could be changed
				if stampless || hidden {
					if !errors.Is(err, outgoing.ErrNothingToTamper) {
						t.Errorf("err = %v, want ErrNothingToTamper", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if d.Verification.Status != webhook.Invalid || d.Verification.Reason != webhook.SignatureMismatch {
					t.Errorf("Verification = %+v, want a mismatch; headers %v, body %s", d.Verification, d.Header, d.Body)
				}
				if err := payload.Valid(d.Body); err != nil {
					t.Errorf("the body is broken beyond its fault: %v", err)
				}
			})
		}
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	s := signerFor(t, "two-headers")
	s.Age = 10 * time.Minute
	d, err := sign(s, sample(), now())
	if err != nil || d.Verification.Reason != webhook.TimestampExpired || d.Header.Get("X-Time") != "1699999400" {
		t.Errorf("err %v, %+v, timestamp %s", err, d.Verification, d.Header.Get("X-Time"))
	}
	s = signerFor(t, "two-headers")
	s.At = now().Add(time.Hour)
	if d, err = sign(s, sample(), now()); err != nil || d.Verification.Reason != webhook.TimestampFuture {
		t.Errorf("err %v, %+v", err, d.Verification)
	}
	s = signerFor(t, "body-hex")
	s.Age = time.Minute
	if _, err := sign(s, sample(), now()); !errors.Is(err, outgoing.ErrNoTimestamp) {
		t.Errorf("err = %v, want ErrNoTimestamp", err)
	}
}

func TestUnsignedAndOwnHeaders(t *testing.T) {
	t.Parallel()
	s, err := outgoing.NewSigner(define(t, "body-hex"))
	if err != nil || s.Signs() {
		t.Fatalf("err %v, signs %v", err, s.Signs())
	}
	d, err := sign(s, sample(), now())
	if err != nil || d.Verification.Status != webhook.Unsigned || d.Header.Get("X-Sig") != "" {
		t.Errorf("err %v, %+v, %v", err, d.Verification, d.Header)
	}
	s = signerFor(t, "body-hex")
	s.Header = http.Header{"X-Sig": {"sha256=00"}, "Content-Type": nil, "x-lower": {"1"}}
	d, err = sign(s, sample(), now())
	want := http.Header{"X-Sig": {"sha256=00"}, "x-lower": {"1"}}
	if err != nil || !reflect.DeepEqual(d.Header, want) || d.Verification.Status != webhook.Invalid {
		t.Errorf("err %v, headers %v, want %v; %+v", err, d.Header, want, d.Verification)
	}
	if s, err = outgoing.NewSigner(nil); err != nil {
		t.Fatal(err)
	}
	d, err = sign(s, sample(), now())
	if err != nil || d.Verification.Status != webhook.Unverified {
		t.Errorf("without a provider: err %v, %+v", err, d.Verification)
	}
}

func TestSecretThatDoesNotFit(t *testing.T) {
	t.Parallel()
	_, err := outgoing.NewSigner(define(t, "body-hex"), provider.NamedSecret{Name: "--secret"})
	if err == nil || !strings.Contains(err.Error(), "the secret --secret") {
		t.Errorf("err = %v, want that it names the secret", err)
	}
}

func TestTamperedBodyKeepsItsShape(t *testing.T) {
	t.Parallel()
	s := broken(t, "body-hex", outgoing.BodyFault)
	for in, want := range map[string]string{
		`{"a":"b","c":true}`:           `{"a":"c","c":true}`,
		`{"a":{"n":10}}`:               `{"a":{"n":11}}`,
		`{"a":"\n","b":"\u00e9"}`:      `{"a":"\n","b":"\u00e1"}`,
		`[null,true]`:                  `[null,true] `,
		`{"z":null}`:                   `{"y":null}`,
		`name=value&x=9`:               `name=value&x=1`,
		`{"n":1e9,"s":"é"}`:            `{"n":1e1,"s":"é"}`,
		"\xff\xfe":                     "\xff\xfe ",
		`{"a":"` + "\U0001f600" + `"}`: `{"b":"` + "\U0001f600" + `"}`,
	} {
		d := sample()
		d.Body = []byte(in)
		got, err := sign(s, d, now())
		if err != nil || string(got.Body) != want {
			t.Errorf("%s became %s (%v), want %s", in, got.Body, err, want)
		}
	}
	d := sample()
	d.Body = nil
	if _, err := sign(s, d, now()); !errors.Is(err, outgoing.ErrNothingToTamper) {
		t.Errorf("an empty body: err = %v", err)
	}
}

// FuzzTamper: whatever the body, the tampered one differs in one byte or has
// one more, is JSON if the body was, and the body itself is left alone.
func FuzzTamper(f *testing.F) {
	f.Add([]byte(`{"a":["x",1,{"b":"c"}]}`))
	f.Add([]byte("\x00"))
	s := broken(f, "body-hex", outgoing.BodyFault)
	f.Fuzz(func(t *testing.T, body []byte) {
		d, before := sample(), bytes.Clone(body)
		d.Body = body
		got, err := sign(s, d, now())
		if !bytes.Equal(before, body) {
			t.Fatalf("%q became %q", before, body)
		}
		if err != nil {
			if len(body) > 0 {
				t.Fatal(err)
			}
			return
		}
		if got.Verification.Reason != webhook.SignatureMismatch || len(got.Body)-len(body) > 1 {
			t.Errorf("%q became %q: %+v", body, got.Body, got.Verification)
		}
		if payload.Valid(body) == nil && payload.Valid(got.Body) != nil {
			t.Errorf("%q became %q, which is not JSON", body, got.Body)
		}
	})
}
