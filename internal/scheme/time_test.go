package scheme_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// TestTolerance: exactly the tolerance is in time, a second more is not, both
// ways, for each place in which a timestamp can stand.
func TestTolerance(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"slack", "stripe", "standard-webhooks", "recurly-positions", "persona-sets", "box-two-headers", "signature-in-body", "jwt-es256-body-hash", "rfc9421-hmac"} {
		f := familyOf(name)
		s, key := f.build(t)
		keys := []scheme.NamedKey{{Name: "own", Key: key}}
		m := f.message(f.body)
		if f.body == "" {
			m.Body = []byte(plainBody)
		}
		if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, tc := range []struct {
			late   time.Duration
			o      scheme.VerifyOptions
			reason webhook.Reason
		}{
			{0, scheme.VerifyOptions{}, ""},
			{299 * time.Second, scheme.VerifyOptions{}, ""},
			{300 * time.Second, scheme.VerifyOptions{}, ""},
			{300*time.Second + 999*time.Millisecond, scheme.VerifyOptions{}, ""},
			{301 * time.Second, scheme.VerifyOptions{}, webhook.TimestampExpired},
			{-299 * time.Second, scheme.VerifyOptions{}, ""},
			{-300 * time.Second, scheme.VerifyOptions{}, ""},
			{-301 * time.Second, scheme.VerifyOptions{}, webhook.TimestampFuture},
			{400 * time.Second, scheme.VerifyOptions{Tolerance: 400 * time.Second}, ""},
			{11 * time.Second, scheme.VerifyOptions{Tolerance: 10 * time.Second}, webhook.TimestampExpired},
			{1e6 * time.Second, scheme.VerifyOptions{AgeOff: true}, ""},
			{-1e6 * time.Second, scheme.VerifyOptions{AgeOff: true}, ""},
			{-290 * 365 * 24 * time.Hour, scheme.VerifyOptions{}, webhook.TimestampFuture},
		} {
			tc.o.Now = now.Add(tc.late)
			v := s.Verify(m, keys, tc.o)
			if v.Reason != tc.reason || (v.Status == webhook.Verified) != (tc.reason == "") {
				t.Errorf("%s: %v late, %+v: Verify = %+v, want reason %q", name, tc.late, tc.o, v, tc.reason)
			}
		}
	}
}

func familyOf(name string) family {
	for _, f := range families() {
		if f.name == name {
			return f
		}
	}
	panic("no family " + name)
}

func TestToleranceOfTheProvider(t *testing.T) {
	t.Parallel()
	spec := stampedHMAC()
	spec.Timestamp.Tolerance = scheme.Known(5 * time.Second)
	s, keys, m := prepared(t, spec, 10, now)
	if got := s.Tolerance(); got != 5*time.Second || !s.Timestamped() {
		t.Errorf("Tolerance = %v, %v", got, s.Timestamped())
	}
	if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now.Add(6 * time.Second)}); v.Reason != webhook.TimestampExpired {
		t.Errorf("after 6 s: %+v", v)
	}
	plain, plainKeys, pm := prepared(t, hexHMAC(), 10, now)
	if plain.Timestamped() || plain.Tolerance() != 0 {
		t.Error("a scheme without timestamp says that it has one")
	}
	if v := plain.Verify(pm, plainKeys, scheme.VerifyOptions{Now: now.AddDate(10, 0, 0)}); v.Status != webhook.Verified {
		t.Errorf("a scheme without timestamp: %+v", v)
	}
}

// TestTimestampsAreReadStrictly: what a sender would never write is refused,
// even if it is signed.
func TestTimestampsAreReadStrictly(t *testing.T) {
	t.Parallel()
	spec := stampedHMAC()
	s, keys, m := prepared(t, spec, 10, now)
	unix := strconv.FormatInt(now.Unix(), 10)
	for _, text := range []string{
		"", " ", "-1", "+" + unix, unix + ".0", unix + ".5", "0" + unix, " " + unix, unix + " ", unix + "\n", "0x10", "1e9", "1_000",
		fmt.Sprint(uint64(1)<<53 + 1), "99999999999999999999", "NaN", "now", "２０２４", now.UTC().Format(time.RFC3339), unix + "," + unix,
	} {
		bad := clone(m)
		bad.Header.Set("X-Timestamp", text)
		content := &scheme.Message{Header: bad.Header, Body: s.SignedContent(bad, keys[0].Key)}
		bare, err := scheme.Compile(hexHMAC())
		if err != nil {
			t.Fatal(err)
		}
		sign(t, bare, content)
		bad.Header["X-Signature"] = content.Header["X-Signature"]
		for _, o := range []scheme.VerifyOptions{{Now: now}, {Now: now, AgeOff: true}} {
			if v := s.Verify(bad, keys, o); v.Status != webhook.Invalid || v.Reason != webhook.TimestampMalformed {
				t.Errorf("%q: Verify = %+v", text, v)
			}
		}
	}
	missing := clone(m)
	missing.Header.Del("X-Timestamp")
	if v := s.Verify(missing, keys, scheme.VerifyOptions{Now: now}); v.Reason != webhook.TimestampMissing {
		t.Errorf("no timestamp: %+v", v)
	}
	twice := clone(m)
	twice.Header.Add("X-Timestamp", unix)
	if v := s.Verify(twice, keys, scheme.VerifyOptions{Now: now}); v.Reason != webhook.TimestampMalformed {
		t.Errorf("two timestamps: %+v", v)
	}
}

func TestUnitsOfTimestamps(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 3, 4, 5, 6, 789_123_456, time.UTC)
	for unit, want := range map[string]string{
		"s": "1770091506", "ms": "1770091506789", "rfc3339": "2026-02-03T04:05:06Z", "rfc3339ms": "2026-02-03T04:05:06.789Z",
		"rfc3339nano": "2026-02-03T04:05:06.789123456Z", "local-ms": "2026-02-03T04:05:06.789", "s-or-ms": "1770091506",
	} {
		spec := stampedHMAC()
		spec.Timestamp.Unit = scheme.Known(unit)
		s, keys, m := prepared(t, spec, 10, at)
		if got := m.Header.Get("X-Timestamp"); got != want {
			t.Errorf("%s: %q, want %q", unit, got, want)
		}
		if v := s.Verify(m, keys, scheme.VerifyOptions{Now: at.Add(300 * time.Second)}); v.Status != webhook.Verified {
			t.Errorf("%s: %+v", unit, v)
		}
		if got := s.Time(m); got.Sub(at).Abs() >= time.Second {
			t.Errorf("%s: Time = %v", unit, got)
		}
	}
}

// TestWhereATimestampIsSigned: only there is it judged.
func TestWhereATimestampIsSigned(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		change func(*scheme.Spec)
		signed bool
	}{
		{func(s *scheme.Spec) { s.Timestamp.In = "header:X-Time" }, false},
		{func(s *scheme.Spec) { s.Timestamp.In = "query:t" }, false},
		{func(s *scheme.Spec) { s.Timestamp.In = "$.time" }, true},
		{func(s *scheme.Spec) { s.Timestamp.In, s.Content = "$.time", []string{"{$.id}"} }, false},
		{func(s *scheme.Spec) { s.Timestamp.In, s.Content = "$.time", []string{"{$.id}{$.time}"} }, true},
		{func(s *scheme.Spec) { s.Timestamp.In, s.Content = "$.time", []string{"{json|only:id,time|join}"} }, true},
		{func(s *scheme.Spec) { s.Timestamp.In, s.Content = "$.time", []string{"{body|sha256}"} }, true},
		{func(s *scheme.Spec) { s.Signature.Format, s.Signature.Separator = "t={timestamp},v1={signature}", "," }, false},
		{func(s *scheme.Spec) { s.Algorithm, s.Signature.Format, s.Timestamp.In = "jwt-hs256", "", "jwt:iat" }, true},
		{func(s *scheme.Spec) {
			s.Algorithm, s.Signature.Format, s.Timestamp.In = "jwt-hs256", "", "header:X-Time"
		}, false},
	} {
		spec := hexHMAC()
		tc.change(&spec)
		s, err := scheme.Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		if s.Timestamped() != tc.signed {
			t.Errorf("%+v: Timestamped = %v", spec, s.Timestamped())
		}
	}
}
