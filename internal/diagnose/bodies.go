package diagnose

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// bodies lists the body as it is and as it would be without each mistake, the
// likely ones first. No two are the same: what several mistakes explain is put
// down to the likeliest.
func bodies(body []byte) []change {
	l := &bodyList{changes: []change{{body: body}}, seen: map[string]bool{string(body): true}}
	l.newlines(body)
	l.rewritten(body)
	l.spelled(body)
	l.wrapped(body)
	if len(body) > 0 {
		l.add(BodyEmpty, []byte{}, "what was signed is an empty body")
	}
	return l.changes
}

type bodyList struct {
	changes []change
	seen    map[string]bool
}

func (l *bodyList) add(c Cause, body []byte, detail string) {
	if l.seen[string(body)] {
		return
	}
	l.seen[string(body)] = true
	l.changes = append(l.changes, change{cause: c, detail: detail, rank: len(l.changes), body: body})
}

func (l *bodyList) newlines(body []byte) {
	switch {
	case bytes.HasSuffix(body, []byte("\r\n")):
		l.add(BodyTrailingNewline, body[:len(body)-2], "the body ends in CRLF, what was signed does not")
		l.add(BodyTrailingNewline, body[:len(body)-1], "the body has one newline more than what was signed")
	case bytes.HasSuffix(body, []byte("\n")):
		l.add(BodyTrailingNewline, body[:len(body)-1], "the body has one newline more than what was signed")
	}
	l.add(BodyTrailingNewline, append(bytes.Clone(body), '\n'), "what was signed ends in a newline that the body has not")
	lf := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	l.add(BodyCRLF, lf, fmt.Sprintf("%d lines end in CRLF that ended in LF when they were signed", bytes.Count(body, []byte("\r\n"))))
	crlf := bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n"))
	l.add(BodyCRLF, crlf, fmt.Sprintf("%d lines end in LF that ended in CRLF when they were signed", bytes.Count(lf, []byte("\n"))))
	l.add(BodyCRLF, bytes.TrimSuffix(crlf, []byte("\r\n")), "lines ended in CRLF when they were signed, and the last had no end")
	l.add(BodyWhitespace, bytes.TrimSpace(body), fmt.Sprintf("%d bytes of white space stand around what was signed", len(body)-len(bytes.TrimSpace(body))))
	bom := []byte("\xef\xbb\xbf")
	if rest, ok := bytes.CutPrefix(body, bom); ok {
		l.add(BodyBOM, rest, "the body begins with a byte order mark that was not signed")
	} else {
		l.add(BodyBOM, append(bytes.Clone(bom), body...), "what was signed begins with a byte order mark")
	}
}

// spelled has the mistakes of character sets.
func (l *bodyList) spelled(body []byte) {
	if once, ok := latin1(body); ok {
		l.add(BodyCharset, once, "UTF-8 was encoded to UTF-8 a second time: each byte above 7f became two")
	}
	var twice []byte
	for _, b := range body {
		twice = utf8.AppendRune(twice, rune(b))
	}
	l.add(BodyCharset, twice, "what was signed is UTF-8 that was taken for Latin-1 and encoded again")
	if once, ok := windows1252(body); ok {
		l.add(BodyCharset, once, "Windows-1252 was signed, and the body is UTF-8")
	}
}

// latin1 writes UTF-8 as Latin-1, if every character has a place there.
func latin1(body []byte) ([]byte, bool) {
	if !utf8.Valid(body) {
		return nil, false
	}
	out := make([]byte, 0, len(body))
	for _, r := range string(body) {
		if r > 0xff {
			return nil, false
		}
		out = append(out, byte(r))
	}
	return out, true
}

// windows1252 is latin1 with the characters that Windows has at 80 to 9f.
func windows1252(body []byte) ([]byte, bool) {
	if !utf8.Valid(body) {
		return nil, false
	}
	high := []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")
	out := make([]byte, 0, len(body))
	for _, r := range string(body) {
		i := strings.IndexRune(string(high), r)
		switch {
		case i >= 0 && r >= 0x80:
			out = append(out, byte(0x80+utf8.RuneCountInString(string(high)[:i])))
		case r > 0xff:
			return nil, false
		default:
			out = append(out, byte(r))
		}
	}
	return out, true
}

// wrapped has the mistakes of gateways and forms.
func (l *bodyList) wrapped(body []byte) {
	text := strings.TrimSpace(string(body))
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding} {
		if raw, err := enc.DecodeString(text); err == nil && len(raw) > 0 {
			l.add(BodyBase64, raw, "the body is base64 of what was signed, as an API gateway hands it on")
		}
	}
	l.add(BodyBase64, []byte(base64.StdEncoding.EncodeToString(body)), "base64 of the body was signed")
	if form, err := url.ParseQuery(text); err == nil && strings.Contains(text, "=") {
		for name, values := range form {
			if len(form) == 1 && len(values) == 1 {
				l.add(BodyFormEncoded, []byte(values[0]), fmt.Sprintf("what was signed is the value of the form field %q", name))
			}
		}
	}
	if plain, err := url.QueryUnescape(text); err == nil {
		l.add(BodyFormEncoded, []byte(plain), "the body is form-encoded, what was signed is not")
	}
	l.add(BodyFormEncoded, []byte("payload="+url.QueryEscape(string(body))), "what was signed is a form with the body in the field payload")
	l.add(BodyFormEncoded, []byte(url.QueryEscape(string(body))), "what was signed is the body, form-encoded")
}
