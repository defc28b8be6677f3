package check

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"strings"

	"github.com/hooks-cli/hooks/internal/scheme"
)

// look takes from an answer what belongs to the whole run: what the app is made
// with, and whether it gives away what would let others sign.
func (s *seen) look(r *run, sh *shot, a *answer) {
	held := ""
	if a.status != 0 && !accepted(a) {
		held = r.kit.leaked(sh, a)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clues.take(a)
	if a.status == 0 || accepted(a) {
		return
	}
	s.rejects++
	if held != "" && s.leak == "" {
		s.leak, s.leakLine = held, sh.line
	}
}

// leaked says what of the app's secrets an answer holds, and "" if nothing.
func (k *kit) leaked(sh *shot, a *answer) string {
	var b strings.Builder
	for _, values := range a.header {
		b.WriteString(strings.Join(values, "\n") + "\n")
	}
	text := b.String() + string(a.body)
	text += html.UnescapeString(text)
	// Where the secret itself is sent, an app that repeats a request tells no news.
	if k.signer.Hide(text) != text && (sh.forged || !k.token()) {
		return "the signing secret"
	}
	if !sh.forged {
		return ""
	}
	sent := sh.delivery.URL + " " + string(sh.delivery.Body)
	for _, values := range sh.delivery.Header {
		sent += " " + strings.Join(values, " ")
	}
	for _, form := range k.expected(sh) {
		if strings.Contains(text, form) && !strings.Contains(sent, form) {
			return "the signature that would have been right"
		}
	}
	return ""
}

// minSignature is how long a text has to be to be known as a signature.
const minSignature = 16

// expected lists the spellings of the signatures that would have been right
// for what was sent.
func (k *kit) expected(sh *shot) []string {
	var out []string
	m := message(sh.delivery)
	o := scheme.SignOptions{Keys: k.keys, At: sh.at, KeepStamp: true}
	if k.token() || k.provider.Sign(m, o) != nil {
		return nil
	}
	signed := with(sh.delivery, m)
	_ = k.eachSignature(signed, func(_ *scheme.Scheme, value string, from, to int) string {
		out = append(out, spellings(value[from:to])...)
		return value
	})
	return out
}

// spellings lists how the bytes that text stands for could be written.
func spellings(text string) []string {
	if len(text) < minSignature {
		return nil
	}
	out := []string{text}
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if b, err := decode(text); err == nil {
			h := hex.EncodeToString(b)
			return append(out, h, strings.ToUpper(h), base64.RawStdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b))
		}
	}
	return out
}
