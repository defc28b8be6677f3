package scheme

import (
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A jwtForm is a compiled JWT (RFC 7519, RFC 7515). Of the algorithms only the
// scheme's own is accepted, whatever the token says.
type jwtForm struct {
	spec   JWT
	claims []claimForm
	header []setting
}

type claimForm struct {
	Claim
	template *template
}

func (s *Scheme) compileJWT(sc scope) (err error) {
	if s.alg.jwt == "" {
		if s.spec.JWT != nil {
			return wrong("jwt", fmt.Errorf("%s is no jwt-… algorithm", s.alg.name))
		}
		return nil
	}
	s.jwt = &jwtForm{}
	if s.spec.JWT == nil {
		return nil
	}
	s.jwt.spec = *s.spec.JWT
	if s.jwt.spec.Wrap && (s.at[0].kind != locBody || s.jwt.spec.Detached) {
		return wrong("jwt.wrap", errors.New("signature.in must be a place in the body"))
	}
	for _, c := range s.jwt.spec.Claims {
		t, err := sc.template(c.Value)
		if err != nil {
			return wrong("jwt.claims", err)
		}
		s.jwt.claims = append(s.jwt.claims, claimForm{c, t})
	}
	s.jwt.header, err = sc.settings(s.jwt.spec.Header, nil)
	return wrong("jwt.header", err)
}

var tokenBase64 = base64.RawURLEncoding

// A token is a JSON web token, taken apart.
type token struct {
	signed    []byte // what the signature covers
	header    []byte
	claims    []byte
	signature []byte
}

func (f *jwtForm) parse(text string, body []byte) (t token, ok bool) {
	head, rest, ok1 := strings.Cut(text, ".")
	claims, sig, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || strings.Contains(sig, ".") || f.spec.Detached != (claims == "") {
		return token{}, false
	}
	if t.header, ok = decodeToken(head); !ok {
		return token{}, false
	}
	if t.signature, ok = decodeToken(sig); !ok {
		return token{}, false
	}
	if f.spec.Detached {
		t.claims = body
		t.signed = f.signedBody(head, body)
		return t, true
	}
	t.claims, ok = decodeToken(claims)
	t.signed = []byte(head + "." + claims)
	return t, ok
}

func (f *jwtForm) signedBody(head string, body []byte) []byte {
	if f.spec.Unencoded {
		return append([]byte(head+"."), body...)
	}
	return tokenBase64.AppendEncode([]byte(head+"."), body)
}

func decodeToken(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") || text == "" {
		return nil, false
	}
	out, err := tokenBase64.Strict().DecodeString(text)
	return out, err == nil
}

// rightHeader says whether the header names this algorithm and asks for
// nothing that is not understood.
func (s *Scheme) rightHeader(header []byte) bool {
	found, err := payload.Find(header, payload.MustPath("alg"), payload.MustPath("crit"), payload.MustPath("b64"))
	if err != nil {
		return false
	}
	for _, m := range found {
		if m.Ambiguous {
			return false
		}
	}
	if alg := found[0].Value(); alg.Kind != payload.String || alg.Text() != s.alg.jwt {
		return false
	}
	if s.jwt.spec.Unencoded {
		return string(payload.Compact(found[1].Value().Raw)) == `["b64"]` && found[2].Value().Text() == "false"
	}
	return found[1].Value().Kind == payload.Absent && found[2].Value().Kind == payload.Absent
}

func (s *Scheme) verifyToken(st *state, keys []NamedKey, o VerifyOptions) webhook.Verification {
	values := s.at[0].all(&st.r)
	if len(values) == 0 {
		return s.verdict(webhook.Unsigned, webhook.SignatureMissing)
	}
	if len(values) > 1 || !s.signature.parse(&st.p, values[0]) || st.p.n != 1 {
		return s.invalid(webhook.SignatureMalformed)
	}
	t, ok := s.jwt.parse(st.p.text[0], st.r.m.Body)
	if !ok || !s.rightHeader(t.header) || payload.Valid(t.claims) != nil && !s.jwt.spec.Detached {
		return s.invalid(webhook.SignatureMalformed)
	}
	st.r.claims, st.r.more = t.claims, true
	if s.jwt.spec.Detached {
		st.r.claims = nil
	}
	key := s.keyOf(st, keys, t.signed, t.signature)
	if key < 0 {
		return s.invalid(webhook.SignatureMismatch)
	}
	if bad := s.afterToken(st, o); bad != "" {
		return s.invalid(bad)
	}
	v := s.verdict(webhook.Verified, "")
	v.SecretName = keys[key].Name
	return v
}

// keyOf returns which key made the signature of content, and -1. All are
// tried.
func (s *Scheme) keyOf(st *state, keys []NamedKey, content, signature []byte) int {
	hit := -1
	for i := range keys {
		st.r.key = keys[i].Key
		one := keys[i].Key.states.Get().(*state)
		if one.w.h != nil {
			one.w.h.Reset()
			one.w.h.Write(content)
			one.sum = one.w.h.Sum(one.sum[:0])
		}
		ok := false
		if s.alg.kind == kindPublic {
			for _, p := range keys[i].Key.pair.Public {
				if s.alg.pair.Verify(p.Key, content, one.sum, signature) {
					ok = true
				}
			}
		} else {
			ok = hmac.Equal(one.sum, signature)
		}
		keys[i].Key.release(one)
		if ok && hit < 0 {
			hit = i
		}
	}
	if hit >= 0 {
		st.r.key = keys[hit].Key
	}
	return hit
}

// afterToken judges the claims of a token whose signature is right.
func (s *Scheme) afterToken(st *state, o VerifyOptions) webhook.Reason {
	for _, c := range s.jwt.claims {
		if !c.Check {
			continue
		}
		got, ok := st.r.claim(c.Name)
		if !ok || !hmac.Equal([]byte(got), []byte(c.template.text(&st.r))) {
			return webhook.SignatureMismatch
		}
	}
	if bad := s.lifetime(st, o); bad != "" {
		return bad
	}
	if s.stamp.place.kind == locClaim {
		text, ok := st.r.claim(s.stamp.place.name)
		if !ok {
			return webhook.TimestampMissing
		}
		if bad := st.r.stamp(s.stamp.unit, text); bad != "" {
			return bad
		}
	} else if bad := s.takeStamp(st); bad != "" {
		return bad
	}
	return s.after(st, o)
}

// lifetime judges the claims exp and nbf, which are honoured wherever they
// are. What counts as expired is exact; a sender's clock may be ahead of ours.
func (s *Scheme) lifetime(st *state, o VerifyOptions) webhook.Reason {
	if text, ok := st.r.claim("exp"); ok {
		t, ok := unitSeconds.parse(text)
		if !ok {
			return webhook.TimestampMalformed
		}
		if !o.AgeOff && o.Now.After(t) && s.stamp.place.name != "exp" {
			return webhook.TimestampExpired
		}
	}
	if text, ok := st.r.claim("nbf"); ok {
		t, ok := unitSeconds.parse(text)
		if !ok {
			return webhook.TimestampMalformed
		}
		if !o.AgeOff && t.After(o.Now.Add(s.stamp.tolerance)) {
			return webhook.TimestampFuture
		}
	}
	return ""
}

func (s *Scheme) signToken(m *Message, key *Key, o SignOptions) error {
	st := &state{r: *s.read(m)}
	st.r.key = key
	s.restore(&st.r, o)
	head := `{"alg":"` + s.alg.jwt + `"`
	if !s.jwt.spec.Unencoded {
		head += `,"typ":"JWT"`
	} else {
		head += `,"b64":false,"crit":["b64"]`
	}
	text := []byte(head)
	if key.id() != "" && s.spec.JWT.headerless("kid") {
		text = payload.AppendQuoted(append(text, `,"kid":`...), key.id())
	}
	for _, h := range s.jwt.header {
		text = append(payload.AppendQuoted(append(text, ','), h.name), ':')
		text = payload.AppendQuoted(text, h.value.text(&st.r))
	}
	encoded := tokenBase64.EncodeToString(append(text, '}'))
	claims := ""
	var signed []byte
	if s.jwt.spec.Detached {
		signed = s.jwt.signedBody(encoded, m.Body)
	} else {
		claims = tokenBase64.EncodeToString(s.claimsFor(&st.r, o))
		if s.jwt.spec.Wrap {
			claims = tokenBase64.EncodeToString(s.unwrap(m))
			m.Body = []byte("{}")
		}
		signed = []byte(encoded + "." + claims)
	}
	raw, err := s.signBytes(key, signed, o)
	if err != nil {
		return err
	}
	return s.at[0].set(m, s.signature.render(&st.r, []string{encoded + "." + claims + "." + tokenBase64.EncodeToString(raw)}))
}

// unwrap returns the claims of a token that the body is to become: those of
// the token that it already holds, or else the body itself.
func (s *Scheme) unwrap(m *Message) []byte {
	if values := s.at[0].all(s.read(m)); len(values) == 1 {
		if t, ok := s.jwt.parse(values[0], m.Body); ok {
			return t.claims
		}
	}
	return m.Body
}

func (j *JWT) headerless(name string) bool {
	if j == nil {
		return true
	}
	_, ok := j.Header[name]
	return !ok
}

// claimsFor makes the payload of a token.
func (s *Scheme) claimsFor(r *reading, o SignOptions) []byte {
	r.timestamp = s.stamp.unit.format(o.At)
	out := []byte{'{'}
	add := func(name string, json []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(payload.AppendQuoted(out, name), ':'), json...)
	}
	stamped := s.stamp.place.kind != locClaim
	for _, c := range s.jwt.claims {
		text := c.template.text(r)
		stamped = stamped || c.Name == s.stamp.place.name
		if c.JSON || c.Claim.Value == "{timestamp}" {
			add(c.Name, []byte(text))
			continue
		}
		add(c.Name, payload.AppendQuoted(nil, text))
	}
	if !stamped && s.stamp.place.name != "exp" {
		add(s.stamp.place.name, []byte(r.timestamp))
	}
	if life := s.jwt.spec.Expires; life > 0 {
		add("exp", []byte(unitSeconds.format(o.At.Add(life))))
	}
	return append(out, '}')
}

// signBytes signs content itself, without the scheme's template.
func (s *Scheme) signBytes(key *Key, content []byte, o SignOptions) ([]byte, error) {
	var digest []byte
	if h := s.newHash(key); h != nil {
		digest = sum(h, content)
	}
	if s.alg.kind != kindPublic {
		return digest, nil
	}
	return s.alg.pair.Sign(o.random(), key.pair.Private, content, digest)
}
