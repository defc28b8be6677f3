package scheme_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// FuzzVerify: whatever a request holds, no scheme panics, and a verdict has a
// reason exactly if it is not a good one.
func FuzzVerify(f *testing.F) {
	all := families()
	schemes, keys := make([]*scheme.Scheme, len(all)), make([][]scheme.NamedKey, len(all))
	for i, fam := range all {
		s, key := fam.build(f)
		schemes[i], keys[i] = s, []scheme.NamedKey{{Name: "own", Key: key}}
		m := fam.message(fam.body)
		if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
			f.Fatal(err)
		}
		value := ""
		if names := s.SignatureHeaders(); len(names) > 0 {
			value = m.Header.Get(names[0])
		}
		f.Add(byte(i), value, m.Header.Get("Signature-Input"), m.URL, m.Body)
	}
	f.Fuzz(func(t *testing.T, which byte, value, other, url string, body []byte) {
		i := int(which) % len(all)
		s := schemes[i]
		m := &scheme.Message{Method: "POST", URL: url, Header: http.Header{"Signature-Input": {other}}, Body: body}
		for _, name := range s.SignatureHeaders() {
			m.Header[name] = []string{value}
		}
		m.Header["X-Timestamp"] = []string{other}
		v := s.Verify(m, keys[i], scheme.VerifyOptions{Now: now, AgeOff: true})
		if v.Status == webhook.Verified && v.Reason != "" || v.Status != webhook.Verified && v.Reason == "" {
			t.Errorf("%s: %+v", all[i].name, v)
		}
		s.Read(m)
		s.Applies(m)
		s.SignedContent(m, keys[i][0].Key)
	})
}

// FuzzTemplate: no text makes the compiler of templates panic, and what it
// accepts can be read from any request.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{"{timestamp}.{body}", "{(a{body|sha256}b)|hex}", "{if:body,id}x{end}", "{form|sort|join:=:&}", `{json|only:a|join:\n:\n}`, "{{}}", "{header:X#0|default:y}", "{body|path:$.a}"} {
		f.Add(text, `{"a":1}`)
	}
	f.Fuzz(func(t *testing.T, text, body string) {
		texts, err := scheme.NewTexts([]string{text})
		if err != nil {
			return
		}
		m := &scheme.Message{Method: "POST", URL: "http://x/?" + body, Header: http.Header{"X": {body}}, Body: []byte(body)}
		texts.Read(m, nil)
	})
}

// FuzzKey: no secret makes a key of any kind panic, and no error shows it.
func FuzzKey(f *testing.F) {
	var schemes []*scheme.Scheme
	for _, name := range []string{"standard-webhooks", "ed25519", "ecdsa-p256", "rsa-pss", "rsa-crc", "basic", "sha512-upper"} {
		fam := familyOf(name)
		s, _ := fam.build(f)
		schemes = append(schemes, s)
		secret := "user:pass"
		if fam.secret != nil {
			secret = fam.secret()
		}
		f.Add(secret)
	}
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}]}`)
	f.Fuzz(func(t *testing.T, secret string) {
		for _, s := range schemes {
			if _, err := s.Key(safetext.NewSecret(secret)); err != nil && len(secret) > 12 && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error shows the secret: %v", s.Name(), err)
			}
		}
	})
}
