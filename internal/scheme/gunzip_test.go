package scheme_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// TestGunzip: where the text is signed before it is compressed, it verifies in
// either form, and a stream that is broken in neither.
func TestGunzip(t *testing.T) {
	t.Parallel()
	s, err := scheme.Compile(scheme.Spec{
		Algorithm: "hmac-sha256", Content: []string{"{body|gunzip}"}, Signature: scheme.Signature{In: []string{"header:X-Sig"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Key(safetext.NewSecret("secret"))
	if err != nil {
		t.Fatal(err)
	}
	m := &scheme.Message{Method: "POST", URL: "https://app.example/", Header: http.Header{}, Body: []byte(`{"a":1}`)}
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}}); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(m.Body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(packed.Bytes())
	broken[len(broken)-5] ^= 1 // of the checksum
	for name, tt := range map[string]struct {
		body []byte
		want webhook.Status
	}{
		"plain": {m.Body, webhook.Verified}, "packed": {packed.Bytes(), webhook.Verified},
		"broken": {broken, webhook.Invalid}, "cut": {packed.Bytes()[:12], webhook.Invalid},
	} {
		m.Body = tt.body
		if v := s.Verify(m, []scheme.NamedKey{{Name: "s", Key: key}}, scheme.VerifyOptions{}); v.Status != tt.want {
			t.Errorf("%s: %+v, want %s", name, v, tt.want)
		}
	}
}
