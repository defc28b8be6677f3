package outgoing

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// minContained is how long a secret is to be looked for within a word: the
// letters of a shorter one stand in any text.
const minContained = 8

// Conceal returns d without the secrets that it was signed with, for being
// shown: some providers sign by sending the secret itself. What was taken out
// is named in Redacted. A delivery that holds no secret is returned as it is.
func (s *Signer) Conceal(d *webhook.Delivery) *webhook.Delivery {
	var header http.Header
	var names []string
	for name, values := range d.Header {
		for i, v := range values {
			if !s.reveals(v) {
				continue
			}
			if header == nil {
				header = d.Header.Clone()
			}
			header[name][i] = safetext.MaskValue(v)
			names = append(names, name)
		}
	}
	raw := s.reveals(d.URL)
	if header == nil && !raw {
		return d
	}
	out := *d
	if header != nil {
		out.Header = header
	}
	if raw {
		SetURL(&out, concealQuery(d.URL, s.reveals))
		names = append(names, "url")
	}
	out.Redacted = append(slices.Clone(d.Redacted), names...)
	slices.Sort(out.Redacted)
	out.Redacted = slices.Compact(out.Redacted)
	return &out
}

// concealQuery takes the values that give something away out of a URL.
func concealQuery(raw string, reveals func(string) bool) string {
	u, err := url.Parse(raw)
	if err != nil {
		return safetext.Masked
	}
	u.User = nil
	parts := strings.Split(u.RawQuery, "&")
	for i, part := range parts {
		if name, _, ok := strings.Cut(part, "="); ok && reveals(part) {
			parts[i] = name + "=redacted"
		}
	}
	u.RawQuery = strings.Join(parts, "&")
	return u.String()
}

// Reveals says whether text holds one of the secrets in a form from which it
// can be read.
func (s *Signer) reveals(text string) bool {
	for _, secret := range s.secrets {
		for _, form := range forms(secret.Reveal()) {
			if len(form) >= minContained && strings.Contains(text, form) || slices.Contains(words(text), form) {
				return true
			}
		}
	}
	return false
}

// forms lists how a secret may be written.
func forms(secret string) []string {
	if i := strings.LastIndexByte(secret, '\n'); i >= 0 && !strings.Contains(secret, "-----") {
		secret = secret[i+1:] // behind the lines of further values
	}
	if secret == "" {
		return nil
	}
	b := []byte(secret)
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString(b),
		base64.StdEncoding.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b),
		base64.URLEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b),
	}
}
