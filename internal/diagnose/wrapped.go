package diagnose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// wrapped has the mistakes of gateways and forms.
func (l *bodyList) wrapped(b []byte) {
	l.base64(b)
	l.envelope(b)
	l.form(b)
	for _, p := range percents() {
		l.later(BodyFormEncoded, func() []byte { return append([]byte("payload="), p.encode(b)...) },
			"what was signed is a form with the body in the field payload, "+p.name).rare = p.rare
	}
	for _, p := range percents()[:2] {
		l.later(BodyFormEncoded, func() []byte { return p.encode(b) }, "what was signed is the body, form-encoded "+p.name).rare = true
	}
}

func (l *bodyList) base64(b []byte) {
	if text := bytes.Join(bytes.Fields(b), nil); len(text) >= 4 && bytes.IndexByte(text, '{') < 0 {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if raw, err := enc.AppendDecode(nil, text); err == nil && len(raw) > 0 {
				l.found(BodyBase64, raw, "the body is base64 of what was signed, as an API gateway hands it on")
			}
		}
	}
	l.later(BodyBase64, func() []byte { return base64.StdEncoding.AppendEncode(nil, b) }, "base64 of the body was signed")
}

// envelope takes the body out of the event that a gateway gives to a function.
func (l *bodyList) envelope(b []byte) {
	var event struct {
		Body   *string `json:"body"`
		Base64 *bool   `json:"isBase64Encoded"`
	}
	if !bytes.Contains(b, []byte(`"isBase64Encoded"`)) || json.Unmarshal(b, &event) != nil || event.Body == nil || event.Base64 == nil {
		return
	}
	if !*event.Base64 {
		l.found(BodyReserialised, []byte(*event.Body), "the body is the gateway's event, and what was signed is the text in its field body")
		return
	}
	if raw, err := base64.StdEncoding.DecodeString(*event.Body); err == nil {
		l.found(BodyBase64, raw, "the body is the gateway's event, and what was signed is base64 in its field body")
	}
}

// form has forms that were decoded, or encoded again.
func (l *bodyList) form(b []byte) {
	if len(b) > smallBody*16 {
		return
	}
	if fields, ok := formOf(b); ok {
		if len(fields) == 1 {
			l.found(BodyFormEncoded, []byte(fields[0][1]), fmt.Sprintf("the body is a form, and what was signed is the value of its field %q", fields[0][0]))
		}
		l.written(fields, "the fields of the form, encoded ")
	}
	if plain, err := url.QueryUnescape(string(b)); err == nil && bytes.IndexByte(b, '%') >= 0 {
		l.found(BodyFormEncoded, []byte(plain), "the body is form-encoded, what was signed is not")
	}
	if fields, ok := fieldsOfJSON(b); ok {
		l.written(fields, "a form of these fields, encoded ")
	}
	if plain, err := url.PathUnescape(string(b)); err == nil {
		l.found(BodyFormEncoded, []byte(plain), "the body is percent-encoded, what was signed is not")
	}
}

// written has fields in each way of encoding them.
func (l *bodyList) written(fields [][2]string, what string) {
	for _, p := range percents() {
		l.later(BodyFormEncoded, func() []byte {
			var out []byte
			for i, f := range fields {
				if i > 0 {
					out = append(out, '&')
				}
				out = append(append(append(out, p.encode([]byte(f[0]))...), '='), p.encode([]byte(f[1]))...)
			}
			return out
		}, "what was signed is "+what+p.name).shown = true
	}
}

// formOf reads a form in its order.
func formOf(b []byte) (fields [][2]string, ok bool) {
	if !bytes.ContainsRune(b, '=') || bytes.ContainsAny(b, "{}<>\" ") {
		return nil, false
	}
	for pair := range strings.SplitSeq(string(b), "&") {
		name, value, _ := strings.Cut(pair, "=")
		plainName, err1 := url.QueryUnescape(name)
		plain, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, false
		}
		fields = append(fields, [2]string{plainName, plain})
	}
	return fields, true
}

// fieldsOfJSON reads an object whose values are strings, or lists of them, as
// the frameworks give a form to the app.
func fieldsOfJSON(b []byte) (fields [][2]string, ok bool) {
	d := parseJSON(b)
	if d == nil || d.tokens[0].kind != '{' {
		return nil, false
	}
	name, inList := "", false
	for _, t := range d.tokens[1 : len(d.tokens)-1] {
		switch t.kind {
		case 'k':
			name = t.text()
		case 's':
			fields = append(fields, [2]string{name, t.text()})
		case '[':
			ok, inList = !inList, true
			if !ok {
				return nil, false
			}
		case ']':
			inList = false
		default:
			return nil, false
		}
	}
	return fields, len(fields) > 0
}

// A percent is one way of percent-encoding.
type percent struct {
	name string
	safe string // besides letters and digits
	plus bool   // for a space
	rare bool
}

// percents are the ways, the usual ones first.
func percents() []percent {
	return []percent{
		{name: "as Python and Go write it", safe: "-_.~", plus: true},
		{name: "as a browser, URLSearchParams, Ruby and Java write it", safe: "*-._", plus: true},
		{name: "as PHP's urlencode writes it", safe: "-_.", plus: true, rare: true},
		{name: "as JavaScript's encodeURIComponent writes it", safe: "-_.!~*'()"},
		{name: "as RFC 3986 has it", safe: "-_.~", rare: true},
	}
}

func (p percent) encode(b []byte) []byte {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(b)*3/2)
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(p.safe, c) >= 0:
			out = append(out, c)
		case c == ' ' && p.plus:
			out = append(out, '+')
		default:
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return out
}
