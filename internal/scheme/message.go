package scheme

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/structured"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// HTTP message signatures (RFC 9421): the header Signature-Input lists, under
// a label, the covered components and the parameters; Signature holds the
// signature under the same label. What is signed is one line per component,
// `"name": value`, and last the list itself as "@signature-params".

// A messageForm is a compiled MessageSig.
type messageForm struct {
	spec       MessageSig
	components []structured.Item
	alg        string // the name in the registry of RFC 9421
}

// messageAlgorithms are the names in RFC 9421's registry.
var messageAlgorithms = [...]struct{ ours, registered string }{
	{"hmac-sha256", "hmac-sha256"},
	{"ed25519", "ed25519"},
	{"ecdsa-p256-sha256-raw", "ecdsa-p256-sha256"},
	{"ecdsa-p384-sha384-raw", "ecdsa-p384-sha384"},
	{"rsa-pss-sha512", "rsa-pss-sha512"},
	{"rsa-sha256", "rsa-v1_5-sha256"},
}

func (s *Scheme) compileMessage(scope) error {
	if s.spec.Message == nil {
		return nil
	}
	f := &messageForm{spec: *s.spec.Message}
	for _, a := range messageAlgorithms {
		if a.ours == s.alg.name {
			f.alg = a.registered
		}
	}
	if f.alg == "" {
		return wrong("algorithm", fmt.Errorf("%s is none that RFC 9421 registers", s.alg.name))
	}
	for _, text := range f.spec.Components {
		quoted := text
		if !strings.HasPrefix(text, `"`) {
			name, params, hasParams := strings.Cut(text, ";")
			if quoted = `"` + name + `"`; hasParams {
				quoted += ";" + params
			}
		}
		item, ok := structured.ParseItem(quoted)
		if !ok || !structured.IsKey(strings.TrimPrefix(item.Text, "@")) {
			return wrong("http_message.components", fmt.Errorf("%q is no component", text))
		}
		f.components = append(f.components, item)
	}
	s.message, s.stamp.signed = f, true
	return nil
}

const (
	signatureHeader = "Signature"
	inputHeader     = "Signature-Input"
)

// verifyMessage judges the labels that fit the scheme. One right signature
// that covers what it has to is enough.
func (s *Scheme) verifyMessage(st *state, keys []NamedKey, o VerifyOptions) webhook.Verification {
	m := st.r.m
	if len(m.Header[signatureHeader]) == 0 && len(m.Header[inputHeader]) == 0 {
		return s.verdict(webhook.Unsigned, webhook.SignatureMissing)
	}
	inputs, ok1 := structured.ParseDictionary(m.Header[inputHeader])
	signatures, ok2 := structured.ParseDictionary(m.Header[signatureHeader])
	if !ok1 || !ok2 || len(inputs) > MaxSignatures {
		return s.invalid(webhook.SignatureMalformed)
	}
	bad := webhook.SignatureMalformed
	for _, in := range inputs {
		if s.message.spec.Label != "" && in.Name != s.message.spec.Label {
			continue
		}
		sig, ok := structured.Find(signatures, in.Name)
		if !ok || !in.IsList || sig.Bytes == nil {
			continue
		}
		key, reason := s.judgeMember(st, keys, in, sig.Bytes, o)
		if reason == "" {
			v := s.verdict(webhook.Verified, "")
			v.SecretName = keys[key].Name
			return v
		}
		bad = reason
	}
	return s.invalid(bad)
}

func (s *Scheme) judgeMember(st *state, keys []NamedKey, in structured.Member, sig []byte, o VerifyOptions) (int, webhook.Reason) {
	spec := &s.message.spec
	if alg, ok := in.Param("alg"); ok && alg != s.message.alg {
		return 0, webhook.SignatureMalformed
	}
	if tag, _ := in.Param("tag"); spec.Tag != "" && tag != spec.Tag {
		return 0, webhook.SignatureMalformed
	}
	if id, ok := in.Param("keyid"); ok && spec.KeyID != "" && id != spec.KeyID {
		return 0, webhook.SecretUnknown
	}
	for _, c := range s.message.components {
		if !in.Covers(c) {
			return 0, webhook.SignatureMalformed
		}
	}
	base, ok := signatureBase(&st.r, in)
	if !ok {
		return 0, webhook.SignatureMalformed
	}
	key := s.keyOf(st, keys, base, sig)
	if key < 0 {
		return 0, webhook.SignatureMismatch
	}
	if bad := s.checkDigests(&st.r); bad != "" {
		return 0, bad
	}
	return key, s.judgeParams(in, o)
}

// judgeParams judges created and expires.
func (s *Scheme) judgeParams(in structured.Member, o VerifyOptions) webhook.Reason {
	if text, ok := in.Param("expires"); ok {
		t, ok := unitSeconds.parse(text)
		if !ok {
			return webhook.TimestampMalformed
		}
		if !o.AgeOff && o.Now.After(t) {
			return webhook.TimestampExpired
		}
	}
	text, ok := in.Param("created")
	if !ok {
		if o.AgeOff {
			return ""
		}
		return webhook.TimestampMissing
	}
	t, ok := unitSeconds.parse(text)
	if !ok {
		return webhook.TimestampMalformed
	}
	return s.stamp.judge(t, o)
}

// signMessage sets Signature-Input and Signature, one label per key.
func (s *Scheme) signMessage(m *Message, keys []*Key, o SignOptions) error {
	var inputs, signatures []string
	for i, key := range keys {
		label := s.message.spec.Label
		if label == "" {
			label = "sig1"
		}
		if i > 0 {
			label = "sig" + strconv.Itoa(i+1)
		}
		text, err := s.messageInput(key, o)
		if err != nil {
			return err
		}
		in, ok := structured.ParseDictionary([]string{label + "=" + text})
		if !ok || len(in) != 1 {
			return errors.New("http_message: label, keyid or tag cannot be written in a header")
		}
		r := s.read(m)
		base, ok := signatureBase(r, in[0])
		if !ok {
			return errors.New("http_message: the request lacks a component that has to be covered")
		}
		raw, err := s.signBytes(key, base, o)
		if err != nil {
			return err
		}
		inputs = append(inputs, label+"="+text)
		signatures = append(signatures, label+"=:"+base64.StdEncoding.EncodeToString(raw)+":")
	}
	m.Header[inputHeader] = []string{strings.Join(inputs, ", ")}
	m.Header[signatureHeader] = []string{strings.Join(signatures, ", ")}
	return nil
}

// messageInput writes the list of covered components and the parameters.
func (s *Scheme) messageInput(key *Key, o SignOptions) (string, error) {
	spec := &s.message.spec
	items := make([]string, len(s.message.components))
	for i, c := range s.message.components {
		items[i] = c.Raw
	}
	out := "(" + strings.Join(items, " ") + ");created=" + unitSeconds.format(o.At)
	if spec.Expires > 0 {
		out += ";expires=" + unitSeconds.format(o.At.Add(spec.Expires))
	}
	id := spec.KeyID
	if id == "" {
		id = key.id()
	}
	if id != "" {
		out += `;keyid="` + id + `"`
	}
	if spec.Alg {
		out += `;alg="` + s.message.alg + `"`
	}
	if spec.Nonce {
		var b [16]byte
		if _, err := o.random().Read(b[:]); err != nil {
			return "", fmt.Errorf("nonce: %w", err)
		}
		out += `;nonce="` + tokenBase64.EncodeToString(b[:]) + `"`
	}
	if spec.Tag != "" {
		out += `;tag="` + spec.Tag + `"`
	}
	return out, nil
}

// messageContent is what the first signature of a request covers.
func (s *Scheme) messageContent(st *state) []byte {
	inputs, ok := structured.ParseDictionary(st.r.m.Header[inputHeader])
	if !ok || len(inputs) == 0 {
		return nil
	}
	base, _ := signatureBase(&st.r, inputs[0])
	return base
}

// signatureBase writes what a signature covers. It fails where a component is
// missing from the request, occurs twice, or is of a kind that is not known.
func signatureBase(r *reading, in structured.Member) ([]byte, bool) {
	var out []byte
	seen := map[string]bool{}
	for _, c := range in.Items {
		if seen[c.Raw] {
			return nil, false
		}
		seen[c.Raw] = true
		value, ok := componentValue(r, c)
		if !ok || strings.ContainsAny(value, "\r\n") {
			return nil, false
		}
		out = append(out, c.Raw+": "+value+"\n"...)
	}
	return append(out, `"@signature-params": `+in.Raw...), true
}

func componentValue(r *reading, c structured.Item) (string, bool) {
	if strings.HasPrefix(c.Text, "@") {
		return derivedComponent(r, c)
	}
	if c.Text != strings.ToLower(c.Text) {
		return "", false
	}
	values := r.header(canonical(c.Text))
	if len(values) == 0 {
		return "", false
	}
	if len(c.Params) == 0 {
		return joinValues(values), true
	}
	if len(c.Params) > 1 {
		return "", false
	}
	switch p := c.Params[0]; p.Name {
	case "key":
		list, ok := structured.ParseDictionary(values)
		if !ok {
			return "", false
		}
		m, ok := structured.Find(list, p.Text)
		return m.Raw, ok
	case "bs":
		out := make([]string, len(values))
		for i, v := range values {
			out[i] = ":" + base64.StdEncoding.EncodeToString([]byte(strings.Trim(v, " \t"))) + ":"
		}
		return strings.Join(out, ", "), true
	}
	return "", false
}

func joinValues(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.Trim(v, " \t")
	}
	return strings.Join(out, ", ")
}

func derivedComponent(r *reading, c structured.Item) (string, bool) {
	if c.Text == "@query-param" {
		return queryParam(r, c)
	}
	if len(c.Params) > 0 {
		return "", false
	}
	switch c.Text {
	case "@method":
		return r.m.Method, true
	case "@target-uri":
		return r.m.URL, true
	case "@scheme":
		return strings.ToLower(r.urlPiece("scheme")), true
	case "@authority":
		host := strings.ToLower(r.urlPiece("host"))
		switch strings.ToLower(r.urlPiece("scheme")) {
		case "http":
			host = strings.TrimSuffix(host, ":80")
		case "https":
			host = strings.TrimSuffix(host, ":443")
		}
		return host, true
	case "@path":
		return r.urlPiece("path"), true
	case "@query":
		return "?" + r.urlPiece("query"), true
	case "@request-target":
		return r.urlPiece("path-query"), true
	}
	return "", false
}

func queryParam(r *reading, c structured.Item) (string, bool) {
	if len(c.Params) != 1 || c.Params[0].Name != "name" {
		return "", false
	}
	values := r.query().all(unescape(c.Params[0].Text))
	if len(values) != 1 {
		return "", false
	}
	return percentEncode(values[0], "-._*"), true
}
