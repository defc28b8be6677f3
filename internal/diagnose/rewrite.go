package diagnose

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/payload"
)

// maxTokens bounds the JSON that is written again in other styles.
const maxTokens = 1 << 20

// A style is how a JSON library writes.
type style struct {
	name    string
	item    string // between items
	key     string // after a key
	indent  string // of a level; "" for one line
	escape  func(dst []byte, s string) []byte
	numbers bool // written anew, as JavaScript does
}

// rewritten has the body as the usual libraries would write the same JSON.
func (l *bodyList) rewritten(body []byte) {
	tokens := tokenize(body)
	if tokens == nil {
		return
	}
	l.add(BodyUnicodeEscaped, literal(body), "characters are escaped as \\uXXXX that were literal when they were signed")
	for _, digits := range []string{"0123456789abcdef", "0123456789ABCDEF"} {
		l.add(BodyUnicodeEscaped, escaped(body, digits), "characters are literal that were escaped as \\uXXXX when they were signed")
	}
	js := quoted(func(rune) bool { return false })
	ascii := quoted(func(r rune) bool { return r > 0x7e })
	goHTML := quoted(func(r rune) bool { return strings.ContainsRune("<>&\u2028\u2029", r) })
	styles := []style{
		{name: "compact, as JavaScript's JSON.stringify writes it", item: ",", key: ":", escape: js, numbers: true},
		{name: "compact", item: ",", key: ":", escape: js},
		{name: "with spaces, as Python's json.dumps writes it", item: ", ", key: ": ", escape: ascii},
		{name: "with spaces and literal characters, as Python's json.dumps(ensure_ascii=False) writes it", item: ", ", key: ": ", escape: js},
		{name: "compact with escaped characters, as Python's json.dumps(separators=(',', ':')) writes it", item: ",", key: ":", escape: ascii},
		{name: "as PHP's json_encode writes it", item: ",", key: ":", escape: phpQuoted},
		{name: "as Go's encoding/json writes it", item: ",", key: ":", escape: goHTML},
		{name: "indented by 2", item: ",", key: ": ", indent: "  ", escape: js},
		{name: "indented by 4", item: ",", key: ": ", indent: "    ", escape: js},
		{name: "indented by 4 with escaped characters", item: ",", key: ": ", indent: "    ", escape: ascii},
		{name: "indented by tabs", item: ",", key: ": ", indent: "\t", escape: js},
	}
	for _, s := range styles {
		l.add(BodyReserialised, s.write(tokens), "what was signed is the same JSON "+s.name)
	}
	sorted := payload.Canonical(body)
	l.add(BodyReserialised, sorted, "what was signed is the same JSON compact with sorted names")
	if t := tokenize(sorted); t != nil {
		for _, s := range styles[2:7] {
			l.add(BodyReserialised, s.write(t), "what was signed is the same JSON with sorted names, "+s.name)
		}
	}
}

// A token is one of JSON's: a delimiter, a string or a number, true, false,
// null as text.
type token struct {
	kind byte // one of {}[], or s, k for a key, or v
	text string
}

// tokenize returns the tokens of body, or nil if it is not one JSON value.
func tokenize(body []byte) []token {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
	d.UseNumber()
	var out []token
	var objects []bool // of each open level: is it an object
	key := false       // the next string is a key
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil || len(out) > maxTokens {
			return nil
		}
		switch v := t.(type) {
		case json.Delim:
			out, objects = delimiter(out, objects, byte(v))
		case string:
			if key {
				out, key = append(out, token{kind: 'k', text: v}), false
				continue
			}
			out = append(out, token{kind: 's', text: v})
		case json.Number:
			out = append(out, token{kind: 'v', text: v.String()})
		case bool:
			out = append(out, token{kind: 'v', text: strconv.FormatBool(v)})
		case nil:
			out = append(out, token{kind: 'v', text: "null"})
		}
		if len(objects) == 0 {
			break
		}
		key = objects[len(objects)-1]
	}
	if rest, err := io.ReadAll(d.Buffered()); err != nil || len(objects) > 0 || len(bytes.TrimSpace(rest)) > 0 || len(out) == 0 {
		return nil
	}
	return out
}

func delimiter(out []token, objects []bool, c byte) ([]token, []bool) {
	if c == '{' || c == '[' {
		return append(out, token{kind: c}), append(objects, c == '{')
	}
	return append(out, token{kind: c}), objects[:len(objects)-1]
}

// write writes tokens in the style.
func (s *style) write(tokens []token) []byte {
	var b []byte
	depth := 0
	first := true // nothing stands before at this level
	line := func() {
		if s.indent != "" {
			b = append(b, '\n')
			b = append(b, strings.Repeat(s.indent, depth)...)
		}
	}
	for i, t := range tokens {
		value := i > 0 && tokens[i-1].kind == 'k'
		switch {
		case t.kind == '}' || t.kind == ']':
			depth--
			if !first {
				line()
			}
			b = append(b, t.kind)
			first = false
			continue
		case i > 0 && !value && !first:
			b = append(b, s.item...)
			line()
		case i > 0 && !value:
			line()
		}
		first = false
		switch t.kind {
		case '{', '[':
			b = append(b, t.kind)
			depth++
			first = true
		case 'k':
			b = append(s.escape(b, t.text), s.key...)
		case 's':
			b = s.escape(b, t.text)
		default:
			b = append(b, s.number(t.text)...)
		}
	}
	return b
}

// number writes a number as it came, or as JavaScript does.
func (s *style) number(text string) string {
	if !s.numbers || !strings.ContainsAny(text, "0123456789") {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "null"
	}
	format := byte('f')
	if abs := max(f, -f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	out := strconv.FormatFloat(f, format, -1, 64)
	if out == "-0" {
		return "0"
	}
	mantissa, exponent, ok := strings.Cut(out, "e")
	if ok { // 1e-07 is 1e-7, and 1e+21 stays
		exponent = exponent[:1] + strings.TrimLeft(exponent[1:], "0")
		return mantissa + "e" + exponent
	}
	return out
}

// quoted returns what writes a JSON string and escapes what must be and what
// more says.
func quoted(more func(rune) bool) func(dst []byte, s string) []byte {
	return func(dst []byte, s string) []byte {
		dst = append(dst, '"')
		for _, r := range s {
			switch {
			case r == '"' || r == '\\':
				dst = append(dst, '\\', byte(r))
			case r == '\n':
				dst = append(dst, `\n`...)
			case r == '\r':
				dst = append(dst, `\r`...)
			case r == '\t':
				dst = append(dst, `\t`...)
			case r == '\b':
				dst = append(dst, `\b`...)
			case r == '\f':
				dst = append(dst, `\f`...)
			case r < 0x20 || more(r):
				dst = payload.AppendEscaped(dst, r)
			default:
				dst = utf8.AppendRune(dst, r)
			}
		}
		return append(dst, '"')
	}
}

// phpQuoted writes a JSON string as PHP's json_encode does: slashes are escaped
// too.
func phpQuoted(dst []byte, s string) []byte {
	from := len(dst)
	dst = quoted(func(r rune) bool { return r > 0x7e })(dst, s)
	return append(dst[:from], bytes.ReplaceAll(bytes.Clone(dst[from:]), []byte("/"), []byte(`\/`))...)
}

// literal writes the characters beyond ASCII that are escaped in body as
// themselves, and keeps everything else.
func literal(body []byte) []byte {
	var out []byte
	for i := 0; i < len(body); {
		if body[i] != '\\' || i+1 >= len(body) {
			out = append(out, body[i])
			i++
			continue
		}
		r, n := unescape(body[i:])
		if r < 0x80 {
			out = append(out, body[i], body[i+1])
			i += 2
			continue
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return out
}

// unescape reads \uXXXX, or two of them for a character beyond the first
// plane. It returns 0 for another escape.
func unescape(b []byte) (r rune, n int) {
	unit := func(b []byte) rune {
		if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
			return 0
		}
		v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
		if err != nil {
			return 0
		}
		return rune(v)
	}
	r = unit(b)
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if whole := utf16.DecodeRune(r, unit(b[6:])); whole != utf8.RuneError {
		return whole, 12
	}
	return 0, 0
}

// escaped writes the characters beyond ASCII in body as \uXXXX, and keeps
// everything else.
func escaped(body []byte, digits string) []byte {
	out := make([]byte, 0, len(body))
	unit := func(v rune) {
		out = append(out, '\\', 'u', digits[v>>12&15], digits[v>>8&15], digits[v>>4&15], digits[v&15])
	}
	for _, r := range string(body) {
		switch {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			unit(high)
			unit(low)
		default:
			unit(r)
		}
	}
	return out
}
