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
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func now() time.Time { return time.Unix(1_700_000_000, 0).UTC() }

func specs() map[string]scheme.Spec {
	return map[string]scheme.Spec{
		"body-hex": {Algorithm: "hmac-sha256", Signature: scheme.Signature{In: []string{"header:X-Sig"}, Format: "sha256={signature}"}},
		"base64":   {Algorithm: "hmac-sha256", Signature: scheme.Signature{In: []string{"header:X-Sig"}, Encoding: "base64"}},
		"list": {
			Algorithm: "hmac-sha256", Content: []string{"{timestamp}.{body}"},
			Signature: scheme.Signature{In: []string{"header:X-Sig"}, Format: "t={timestamp},v1={signature}", Separator: ","},
		},
		"two-headers": {
			Algorithm: "hmac-sha256", Content: []string{"{timestamp}.{body}"},
			Signature: scheme.Signature{In: []string{"header:X-Sig"}, Format: "sha256={signature}"},
			Timestamp: scheme.Timestamp{In: "header:X-Time"},
		},
		"rfc3339": {
			Algorithm: "hmac-sha1", Content: []string{"{timestamp}{body}"}, Signature: scheme.Signature{In: []string{"header:X-Sig"}},
			Timestamp: scheme.Timestamp{In: "header:X-Time", Unit: scheme.Known("rfc3339")},
		},
		"in-the-body": {Algorithm: "hmac-sha256", Content: []string{"{$.data.id}"}, Signature: scheme.Signature{In: []string{"$.sig"}}},
		"in-the-query": {
			Algorithm: "hmac-sha256", Content: []string{"{timestamp}{body}"}, Signature: scheme.Signature{In: []string{"query:sig"}},
			Timestamp: scheme.Timestamp{In: "query:ts"},
		},
	}
}

func compile(t testing.TB, spec scheme.Spec) (*scheme.Scheme, scheme.NamedKey, *scheme.Key) {
	t.Helper()
	s, err := scheme.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Key(safetext.NewSecret("secret"))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := s.Key(safetext.NewSecret("another"))
	if err != nil {
		t.Fatal(err)
	}
	return s, scheme.NamedKey{Name: "ours", Key: key}, wrong
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
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, key, _ := compile(t, spec)
			d := sample()
			got, err := (&outgoing.Signer{Scheme: s, Keys: []scheme.NamedKey{key}}).Sign(d, now())
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
	for name, spec := range specs() {
		for _, fault := range outgoing.Faults() {
			t.Run(name+"-"+fault, func(t *testing.T) {
				t.Parallel()
				s, key, wrong := compile(t, spec)
				signer := outgoing.Signer{Scheme: s, Keys: []scheme.NamedKey{key}, Fault: outgoing.Fault(fault), Wrong: wrong}
				d, err := signer.Sign(sample(), now())
				stampless := !s.Timestamped() && fault == "timestamp"
				hidden := len(s.SignatureHeaders()) == 0 && fault != "secret" && fault != "body" // no header that could be changed
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
	s, key, _ := compile(t, specs()["two-headers"])
	d, err := (&outgoing.Signer{Scheme: s, Keys: []scheme.NamedKey{key}, Age: 10 * time.Minute}).Sign(sample(), now())
	if err != nil || d.Verification.Reason != webhook.TimestampExpired || d.Header.Get("X-Time") != "1699999400" {
		t.Errorf("err %v, %+v, timestamp %s", err, d.Verification, d.Header.Get("X-Time"))
	}
	d, err = (&outgoing.Signer{Scheme: s, Keys: []scheme.NamedKey{key}, At: now().Add(time.Hour)}).Sign(sample(), now())
	if err != nil || d.Verification.Reason != webhook.TimestampFuture {
		t.Errorf("err %v, %+v", err, d.Verification)
	}
	s, key, _ = compile(t, specs()["body-hex"])
	if _, err := (&outgoing.Signer{Scheme: s, Keys: []scheme.NamedKey{key}, Age: time.Minute}).Sign(sample(), now()); !errors.Is(err, outgoing.ErrNoTimestamp) {
		t.Errorf("err = %v, want ErrNoTimestamp", err)
	}
}

func TestUnsignedAndOwnHeaders(t *testing.T) {
	t.Parallel()
	s, key, _ := compile(t, specs()["body-hex"])
	d, err := (&outgoing.Signer{Scheme: s}).Sign(sample(), now())
	if err != nil || d.Verification.Status != webhook.Unsigned || d.Header.Get("X-Sig") != "" {
		t.Errorf("err %v, %+v, %v", err, d.Verification, d.Header)
	}
	own := http.Header{"X-Sig": {"sha256=00"}, "Content-Type": nil, "x-lower": {"1"}}
	d, err = (&outgoing.Signer{Scheme: s, Keys: []scheme.NamedKey{key}, Header: own}).Sign(sample(), now())
	want := http.Header{"X-Sig": {"sha256=00"}, "x-lower": {"1"}}
	if err != nil || !reflect.DeepEqual(d.Header, want) || d.Verification.Status != webhook.Invalid {
		t.Errorf("err %v, headers %v, want %v; %+v", err, d.Header, want, d.Verification)
	}
	d, err = (&outgoing.Signer{}).Sign(sample(), now())
	if err != nil || d.Verification.Status != webhook.Unverified {
		t.Errorf("without a scheme: err %v, %+v", err, d.Verification)
	}
}

func TestTamperedBodyKeepsItsShape(t *testing.T) {
	t.Parallel()
	s, key, _ := compile(t, specs()["body-hex"])
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
		got, err := (&outgoing.Signer{Scheme: s, Keys: []scheme.NamedKey{key}, Fault: outgoing.BodyFault}).Sign(d, now())
		if err != nil || string(got.Body) != want {
			t.Errorf("%s became %s (%v), want %s", in, got.Body, err, want)
		}
	}
	d := sample()
	d.Body = nil
	if _, err := (&outgoing.Signer{Scheme: s, Keys: []scheme.NamedKey{key}, Fault: outgoing.BodyFault}).Sign(d, now()); !errors.Is(err, outgoing.ErrNothingToTamper) {
		t.Errorf("an empty body: err = %v", err)
	}
}

// FuzzTamper: whatever the body, the tampered one differs in one byte or has
// one more, is JSON if the body was, and the body itself is left alone.
func FuzzTamper(f *testing.F) {
	f.Add([]byte(`{"a":["x",1,{"b":"c"}]}`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, key, _ := compile(t, specs()["body-hex"])
		d, before := sample(), bytes.Clone(body)
		d.Body = body
		got, err := (&outgoing.Signer{Scheme: s, Keys: []scheme.NamedKey{key}, Fault: outgoing.BodyFault}).Sign(d, now())
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
