package scheme_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// sign signs m with the secret that prepared uses.
func sign(tb testing.TB, s *scheme.Scheme, m *scheme.Message) *scheme.Key {
	tb.Helper()
	key, err := s.Key(safetext.NewSecret("a secret of usual length"))
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
		tb.Fatal(err)
	}
	return key
}

// TestMalformedHeadersAreRefused puts hundreds of damaged values where a right
// signature was; none may pass, and none may panic.
func TestMalformedHeadersAreRefused(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, f := range families() {
		s, key := f.build(t)
		if len(s.SignatureHeaders()) == 0 {
			continue
		}
		m := f.message(f.body)
		if f.body == "" {
			m.Body = []byte(plainBody)
		}
		if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
			t.Fatal(err)
		}
		name := s.SignatureHeaders()[0]
		right := m.Header.Get(name)
		for what, value := range damaged(right) {
			if f.spec.Message != nil && strings.Trim(value, " ") == right {
				continue // structured fields may have spaces around them
			}
			if what == "twice" && s.Several() {
				continue // what is right stands beside what is not
			}
			tried++
			bad := clone(m)
			bad.Header[name] = []string{value}
			v := s.Verify(bad, []scheme.NamedKey{{Name: "own", Key: key}}, scheme.VerifyOptions{Now: now})
			if v.Status == webhook.Verified {
				t.Errorf("%s: %s passes: %q", f.name, what, value)
			}
			if v.Reason == "" {
				t.Errorf("%s: %s has no reason", f.name, what)
			}
		}
		twice := clone(m)
		twice.Header.Add(name, right)
		if v := s.Verify(twice, []scheme.NamedKey{{Name: "own", Key: key}}, scheme.VerifyOptions{Now: now}); v.Status == webhook.Verified {
			t.Errorf("%s: the header twice passes", f.name)
		}
	}
	if tried < 300 {
		t.Errorf("only %d values were tried", tried)
	}
}

func damaged(right string) map[string]string {
	half := len(right) / 2
	last := right[len(right)-1]
	return map[string]string{
		"nothing":           "",
		"a space":           " ",
		"a space before":    " " + right,
		"a space after":     right + " ",
		"a line feed after": right + "\n",
		"a NUL after":       right + "\x00",
		"a quote around":    `"` + right + `"`,
		"the last byte off": right[:len(right)-1],
		"the first off":     right[1:],
		"half of it":        right[:half],
		"twice":             right + right,
		"a comma after":     right + ",",
		"a letter after":    right + "a",
		"another case":      swapCase(right),
		"two bytes swapped": right[:half-1] + string(right[half]) + string(right[half-1]) + right[half+1:] + "!",
		"the end doubled":   right + string(last),
		"not ASCII":         right[:len(right)-1] + "é",
		"a line end within": right[:half] + "\r\n" + right[half:],
		"a tab within":      right[:half] + "\t" + right[half:],
		"very long":         strings.Repeat("a", 100_000),
		"only a separator":  ",",
		"a minus":           "-" + right,
	}
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}

// TestEncodingsAreStrict: each encoding takes what it writes and none of what
// the others write.
func TestEncodingsAreStrict(t *testing.T) {
	t.Parallel()
	names := []string{"hex", "hex-upper", "base64", "base64-raw", "base64url", "base64url-raw", "base64-hex"}
	for _, own := range names {
		for _, other := range names {
			spec := hexHMAC()
			spec.Signature.Encoding = own
			s, keys, m := prepared(t, spec, 7, now)
			spec.Signature.Encoding = other
			_, _, foreign := prepared(t, spec, 7, now)
			same := m.Header.Get("X-Signature") == foreign.Header.Get("X-Signature")
			v := s.Verify(foreign, keys, scheme.VerifyOptions{Now: now})
			if same != (v.Status == webhook.Verified) {
				t.Errorf("%s takes %s: %+v", own, other, v)
			}
			if !same && v.Reason != webhook.SignatureMalformed {
				t.Errorf("%s in %s: reason %q", other, own, v.Reason)
			}
		}
	}
	// The last digit of base64 has bits that mean nothing; they must be zero.
	spec := hexHMAC()
	spec.Signature.Format, spec.Signature.Encoding = "", "base64"
	s, keys, m := prepared(t, spec, 7, now)
	right := m.Header.Get("X-Signature")
	raw, err := base64.StdEncoding.DecodeString(right)
	if err != nil {
		t.Fatal(err)
	}
	for c := range 64 {
		digit := base64.StdEncoding.EncodeToString([]byte{byte(c << 2), 0, 0})[:1]
		text := right[:len(right)-2] + digit + "="
		if same, err := base64.StdEncoding.DecodeString(text); text == right || err != nil || string(same) != string(raw) {
			continue
		}
		bad := clone(m)
		bad.Header.Set("X-Signature", text)
		if v := s.Verify(bad, keys, scheme.VerifyOptions{Now: now}); v.Status == webhook.Verified {
			t.Errorf("%q passes for %q", text, right)
		}
	}
}

func TestEverySignatureIsComparedWithEveryKey(t *testing.T) {
	t.Parallel()
	s, err := scheme.Compile(stripeLike())
	if err != nil {
		t.Fatal(err)
	}
	var keys []scheme.NamedKey
	var signing []*scheme.Key
	for i := range 16 {
		key, err := s.Key(safetext.NewSecret(fmt.Sprintf("secret %d", i)))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, scheme.NamedKey{Name: fmt.Sprint(i), Key: key})
		signing = append(signing, key)
	}
	m := &scheme.Message{Body: []byte(plainBody)}
	if err := s.Sign(m, scheme.SignOptions{Keys: signing, At: now}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(m.Header.Get("X-Signature"), "v1="); n != 16 {
		t.Fatalf("%d signatures, want one for each key", n)
	}
	for i := range keys {
		if v := s.Verify(m, keys[i:i+1], scheme.VerifyOptions{Now: now}); v.SecretName != fmt.Sprint(i) {
			t.Errorf("key %d: %+v", i, v)
		}
		one := &scheme.Message{Body: m.Body}
		if err := s.Sign(one, scheme.SignOptions{Keys: signing[i : i+1], At: now}); err != nil {
			t.Fatal(err)
		}
		if v := s.Verify(one, keys, scheme.VerifyOptions{Now: now}); v.SecretName != fmt.Sprint(i) {
			t.Errorf("signature %d among all keys: %+v", i, v)
		}
	}
	full := m.Header.Get("X-Signature")
	m.Header.Set("X-Signature", full+",v1="+strings.Repeat("0", 64))
	if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Reason != webhook.SignatureMalformed {
		t.Errorf("17 signatures: %+v", v)
	}
	m.Header.Set("X-Signature", full+",v0=abc,v2=")
	if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Status != webhook.Verified {
		t.Errorf("elements of other versions: %+v", v)
	}
	m.Header.Set("X-Signature", "t=1,"+full)
	if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Reason != webhook.SignatureMalformed {
		t.Errorf("two timestamps: %+v", v)
	}
	m.Header.Set("X-Signature", full[strings.Index(full, "v1="):])
	if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Reason != webhook.TimestampMissing {
		t.Errorf("no timestamp: %+v", v)
	}
}

// TestStampAmongSignedHeaders signs the time as one of the headers that a
// request names, or as a header like any other.
func TestStampAmongSignedHeaders(t *testing.T) {
	t.Parallel()
	named := scheme.Spec{
		Algorithm: "hmac-sha256", Content: []string{"{signed-headers}", "{body}"},
		Signature: in("header:X-Signature", ""), Timestamp: scheme.Timestamp{In: "header:X-Time"},
		SignedHeaders: &scheme.SignedHeaders{Names: "header:X-Signed", Send: []string{"x-signed", "x-time"}, Format: "{name}:{value}", Join: ";"},
	}
	plain := scheme.Spec{
		Algorithm: "hmac-sha256", Content: []string{"{header:X-Time}", "{body}"},
		Signature: in("header:X-Signature", ""), Timestamp: scheme.Timestamp{In: "header:X-Time"},
	}
	for name, spec := range map[string]scheme.Spec{"named": named, "plain": plain} {
		s, keys, m := prepared(t, spec, 10, now)
		if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Status != webhook.Verified || !s.Timestamped() {
			t.Errorf("%s: %+v, timestamped %t", name, v, s.Timestamped())
		}
		if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now.Add(time.Hour)}); v.Reason != webhook.TimestampExpired {
			t.Errorf("%s, an hour later: %+v", name, v)
		}
	}
}

func TestWithoutSignatureOrKey(t *testing.T) {
	t.Parallel()
	s, keys, m := prepared(t, hexHMAC(), 10, now)
	bare := &scheme.Message{Body: m.Body}
	for _, tc := range []struct {
		m    *scheme.Message
		keys []scheme.NamedKey
		want webhook.Verification
	}{
		{bare, keys, webhook.Verification{Status: webhook.Unsigned, Reason: webhook.SignatureMissing, Scheme: "hmac-sha256"}},
		{bare, nil, webhook.Verification{Status: webhook.Unsigned, Reason: webhook.SignatureMissing, Scheme: "hmac-sha256"}},
		{m, nil, webhook.Verification{Status: webhook.Unverified, Reason: webhook.SecretUnknown, Scheme: "hmac-sha256"}},
		{m, []scheme.NamedKey{{Name: "nil"}}, webhook.Verification{Status: webhook.Unverified, Reason: webhook.SecretUnknown, Scheme: "hmac-sha256"}},
		{m, append([]scheme.NamedKey{{Name: "nil"}}, keys...), webhook.Verification{Status: webhook.Verified, Scheme: "hmac-sha256", SecretName: "test"}},
	} {
		if got := s.Verify(tc.m, tc.keys, scheme.VerifyOptions{Now: now}); got != tc.want {
			t.Errorf("Verify = %+v, want %+v", got, tc.want)
		}
	}
	// A key that another scheme prepared is none for this one.
	other, err := scheme.Compile(hexHMAC())
	if err != nil {
		t.Fatal(err)
	}
	if v := other.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Reason != webhook.SecretUnknown {
		t.Errorf("another scheme's key: %+v", v)
	}
	if err := other.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{keys[0].Key}}); !errors.Is(err, scheme.ErrNoKey) {
		t.Errorf("signing with another scheme's key: %v", err)
	}
}

// TestAlgorithmIsTheSchemesOwn: other hashes of the same content, also without
// a key, are refused.
func TestAlgorithmIsTheSchemesOwn(t *testing.T) {
	t.Parallel()
	s, keys, m := prepared(t, hexHMAC(), 10, now)
	for _, algorithm := range []string{"hmac-sha1", "hmac-sha384", "hmac-sha512", "hmac-md5", "sha256", "sha1"} {
		spec := hexHMAC()
		if spec.Algorithm = algorithm; !strings.HasPrefix(algorithm, "hmac-") {
			spec.Content = []string{"{body}{if:part:none}{secret}{end}"}
		}
		other, err := scheme.Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		bad := clone(m)
		sign(t, other, bad)
		if v := s.Verify(bad, keys, scheme.VerifyOptions{Now: now}); v.Status != webhook.Invalid {
			t.Errorf("%s: %+v", algorithm, v)
		}
	}
}

// TestTokenAlgorithmsCannotBeChosen by the token: none, another one, or the
// public key as the secret of an HMAC.
func TestTokenAlgorithmsCannotBeChosen(t *testing.T) {
	t.Parallel()
	f := familyOf("jwt-es256-body-hash")
	s, key := f.build(t)
	m := f.message(plainBody)
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
		t.Fatal(err)
	}
	token := strings.Split(m.Header.Get("Plaid-Verification"), ".")
	head := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for what, value := range map[string]string{
		"none":           head(`{"alg":"none"}`) + "." + token[1] + ".",
		"none signed":    head(`{"alg":"none"}`) + "." + token[1] + "." + token[2],
		"HS256":          head(`{"alg":"HS256"}`) + "." + token[1] + "." + token[2],
		"es256":          head(`{"alg":"es256"}`) + "." + token[1] + "." + token[2],
		"no alg":         head(`{"typ":"JWT"}`) + "." + token[1] + "." + token[2],
		"two algs":       head(`{"alg":"none","alg":"ES256"}`) + "." + token[1] + "." + token[2],
		"crit":           head(`{"alg":"ES256","crit":["x"]}`) + "." + token[1] + "." + token[2],
		"other claims":   token[0] + "." + head(`{"iat":1760000000}`) + "." + token[2],
		"no signature":   token[0] + "." + token[1] + ".",
		"two parts":      token[0] + "." + token[1],
		"four parts":     strings.Join(token, ".") + ".x",
		"header no JSON": head("x") + "." + token[1] + "." + token[2],
		"padding":        token[0] + "=." + token[1] + "." + token[2],
		"zero signature": token[0] + "." + token[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
	} {
		bad := clone(m)
		bad.Header.Set("Plaid-Verification", value)
		if v := s.Verify(bad, []scheme.NamedKey{{Key: key}}, scheme.VerifyOptions{Now: now}); v.Status != webhook.Invalid {
			t.Errorf("%s: %+v", what, v)
		}
	}
}

// TestDuplicateNamesInABodyAreRefused where the signature stands in the body,
// since parsers differ in which of them counts.
func TestDuplicateNamesInABodyAreRefused(t *testing.T) {
	t.Parallel()
	f := familyOf("signature-in-body")
	s, key := f.build(t)
	m := f.message(f.body)
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
		t.Fatal(err)
	}
	m.Body = []byte(strings.Replace(string(m.Body), `"token":"abc"`, `"token":"evil","token":"abc"`, 1))
	if v := s.Verify(m, []scheme.NamedKey{{Key: key}}, scheme.VerifyOptions{Now: now}); v.Status != webhook.Invalid {
		t.Errorf("Verify = %+v", v)
	}
}

func TestConditionsChooseTheScheme(t *testing.T) {
	t.Parallel()
	spec := hexHMAC()
	spec.When = map[string]string{"header:X-Version": "2", "header:X-Kind": "a*"}
	s, err := scheme.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	m := &scheme.Message{Header: map[string][]string{"X-Kind": {"abc"}}, Body: []byte(plainBody)}
	key := sign(t, s, m)
	keys := []scheme.NamedKey{{Key: key}}
	if m.Header.Get("X-Version") != "2" || !s.Applies(m) || s.Verify(m, keys, scheme.VerifyOptions{}).Status != webhook.Verified {
		t.Errorf("signed under its conditions: %v", m.Header)
	}
	m.Header.Set("X-Version", "1")
	if s.Applies(m) || s.Verify(m, keys, scheme.VerifyOptions{}).Status == webhook.Verified {
		t.Error("another version passes")
	}
}

func TestSecondPlace(t *testing.T) {
	t.Parallel()
	f := familyOf("box-two-headers")
	s, primary := f.build(t)
	secondary, err := s.Key(safetext.NewSecret("secondary"))
	if err != nil {
		t.Fatal(err)
	}
	m := f.message(plainBody)
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{primary, secondary}, At: now}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []*scheme.Key{primary, secondary} {
		if v := s.Verify(m, []scheme.NamedKey{{Key: k}}, scheme.VerifyOptions{Now: now}); v.Status != webhook.Verified {
			t.Errorf("Verify = %+v of %v", v, m.Header)
		}
	}
	if a, b := m.Header.Get("Box-Signature-Primary"), m.Header.Get("Box-Signature-Secondary"); a == "" || b == "" || a == b {
		t.Errorf("headers %q and %q", a, b)
	}
}

func TestEveryItemHasToBeRight(t *testing.T) {
	t.Parallel()
	f := familyOf("items")
	s, key := f.build(t)
	keys := []scheme.NamedKey{{Name: "k", Key: key}}
	m := f.message(f.body)
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
		t.Fatal(err)
	}
	if v := s.Verify(m, keys, scheme.VerifyOptions{}); v.Status != webhook.Verified {
		t.Fatalf("Verify = %+v of %s", v, m.Body)
	}
	for what, change := range map[string][2]string{
		"first changed":  {`"value":2`, `"value":4`},
		"second changed": {`"value":3`, `"value":4`},
		"none left":      {`"items"`, `"other"`},
	} {
		bad := clone(m)
		bad.Body = []byte(strings.Replace(string(m.Body), change[0], change[1], 1))
		if v := s.Verify(bad, keys, scheme.VerifyOptions{}); v.Status == webhook.Verified {
			t.Errorf("%s: %+v", what, v)
		}
	}
	bad := clone(m)
	bad.Body = []byte(strings.Replace(string(m.Body), `]}`, `,{"id":"3","value":1,"extra":{}}]}`, 1))
	if v := s.Verify(bad, keys, scheme.VerifyOptions{}); v.Reason != webhook.SignatureMissing {
		t.Errorf("an unsigned item more: %+v", v)
	}
}

// TestLargeForm: a form as large as an event may be is signed with its fields,
// so that a change in it is seen.
func TestLargeForm(t *testing.T) {
	t.Parallel()
	s, err := scheme.Compile(scheme.Spec{Algorithm: "hmac-sha1", Content: []string{"{url}{form|sort|join}"}, Signature: in("header:X-Sig", "")})
	if err != nil {
		t.Fatal(err)
	}
	m := &scheme.Message{Method: "POST", URL: "http://127.0.0.1/", Header: make(map[string][]string), Body: []byte("a=1&b=" + strings.Repeat("x", 1<<20))}
	keys := []scheme.NamedKey{{Name: "own", Key: sign(t, s, m)}}
	if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Status != webhook.Verified {
		t.Errorf("Verify = %+v, want verified", v)
	}
	m.Body[2] = '2'
	if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Reason != webhook.SignatureMismatch {
		t.Errorf("Verify of another form = %+v, want %s", v, webhook.SignatureMismatch)
	}
}
