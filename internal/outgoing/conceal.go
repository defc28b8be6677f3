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
// shown: some providers sign by sending the secret itself, and an endpoint may
// send back what it got. What was taken out of the request is named in
// Redacted. A delivery that holds no secret is returned as it is.
func (s *Signer) Conceal(d *webhook.Delivery) *webhook.Delivery {
	out := *d
	var names []string
	out.Header, names = s.concealHeader(d.Header)
	if s.reveals(d.URL) {
		SetURL(&out, concealQuery(d.URL, s.reveals))
		names = append(names, "url")
	}
	attempts := s.concealAttempts(d.Attempts)
	if len(names) == 0 && attempts == nil {
		return d
	}
	if attempts != nil {
		out.Attempts = attempts
	}
	out.Redacted = append(slices.Clone(d.Redacted), names...)
	slices.Sort(out.Redacted)
	out.Redacted = slices.Compact(out.Redacted)
	return &out
}

// concealHeader masks values that give a secret away and names their headers.
// A header without any is returned as it is.
func (s *Signer) concealHeader(h http.Header) (http.Header, []string) {
	out := h
	var names []string
	for name, values := range h {
		for i, v := range values {
			if !s.reveals(v) {
				continue
			}
			if names == nil {
				out = h.Clone()
			}
			out[name][i] = safetext.MaskValue(v)
			names = append(names, name)
		}
	}
	return out, names
}

// concealAttempts returns nil where there is nothing to conceal.
func (s *Signer) concealAttempts(attempts []webhook.Attempt) []webhook.Attempt {
	var out []webhook.Attempt
	for i := range attempts {
		a := attempts[i]
		changed := false
		if s.reveals(a.URL) {
			a.URL, changed = concealQuery(a.URL, s.reveals), true
		}
		if text := s.Hide(a.Err); text != a.Err {
			a.Err, changed = text, true
		}
		if r := a.Response; r != nil {
			header, names := s.concealHeader(r.Header)
			if body := s.Hide(string(r.Body)); len(names) > 0 || body != string(r.Body) {
				a.Response, changed = &webhook.Response{Status: r.Status, Header: header, Body: []byte(body)}, true
			}
		}
		if changed && out == nil {
			out = slices.Clone(attempts)
		}
		if changed {
			out[i] = a
		}
	}
	return out
}

// Hide returns text with a placeholder in place of each secret of some length.
func (s *Signer) Hide(text string) string {
	for _, secret := range s.secrets {
		for _, form := range forms(secret.Reveal()) {
			if len(form) >= minContained {
				text = strings.ReplaceAll(text, form, safetext.Masked)
			}
		}
	}
	return text
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

// reveals says whether text holds one of the secrets in a form from which it
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
