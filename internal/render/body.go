package render

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/inflate"
)

// Body shows a body as what it is: JSON, a form, text, or bytes in hex. A
// compressed one is expanded for that, and it says so. What is left out is
// said, with more as the command that shows everything. It ends with a
// newline.
func (v View) Body(h http.Header, body []byte, more string) string {
	if len(body) == 0 {
		return v.Palette.Dim("no body") + "\n"
	}
	plain, encoding, err := inflate.Body(h, body)
	switch {
	case err != nil:
		return v.Palette.Warn(v.line(encoding+": "+err.Error())) + "\n" + v.Hex(body, more)
	case encoding != "":
		note := fmt.Sprintf("%s, %s expanded to %s", encoding, Size(len(body)), Size(len(plain)))
		return v.Palette.Dim(v.line(note)) + "\n" + v.plainBody(h, plain, more)
	}
	return v.plainBody(h, body, more)
}

func (v View) plainBody(h http.Header, body []byte, more string) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	if strings.Contains(kind, "json") || looksLikeJSON(body) {
		out, err := v.JSON(bytes.TrimPrefix(body, []byte(byteOrderMark)), more)
		switch {
		case err != nil:
			return v.Palette.Warn(v.line("not JSON: "+err.Error())) + "\n" + v.Text(body, more)
		case bytes.HasPrefix(body, []byte(byteOrderMark)):
			return v.Palette.Dim("begins with a byte order mark") + "\n" + out
		}
		return out
	}
	if kind == "application/x-www-form-urlencoded" && len(body) <= maxText {
		if out, ok := v.form(body, more); ok {
			return out
		}
	}
	return v.Text(body, more)
}

const byteOrderMark = "\ufeff"

func looksLikeJSON(body []byte) bool {
	body = bytes.TrimPrefix(head(body, maxText), []byte(byteOrderMark))
	at := skipSpace(body, 0)
	return at < len(body) && (body[at] == '{' || body[at] == '[')
}

// Text shows text with its lines, or bytes in hex if it is none. Lines are
// folded to the width. It ends with a newline.
func (v View) Text(body []byte, more string) string {
	if !isText(head(body, maxText)) {
		return v.Hex(body, more)
	}
	var b strings.Builder
	for lines, shown := 0, 0; len(body) > 0 && shown < maxText && lines < maxTokens; lines++ {
		line := body
		if end := bytes.IndexByte(body, '\n'); end >= 0 {
			line = body[:end]
			body = body[end+1:]
		} else {
			body = nil
		}
		text := v.textLine(line)
		b.WriteString(v.fold(text, 0, 0))
		b.WriteByte('\n')
		shown += len(text) + 1
	}
	if len(body) > 0 {
		b.WriteString(v.Palette.Dim("… "+Size(len(body))+" more"+hint(more)) + "\n")
	}
	return b.String()
}

// head returns the beginning of b up to limit, without a part of a character
// at its end.
func head(b []byte, limit int) []byte {
	if len(b) <= limit {
		return b
	}
	end := limit
	for end > limit-utf8.UTFMax && !utf8.RuneStart(b[end]) {
		end--
	}
	return b[:end]
}

// textLine makes a line of a body safe: tabs stay, and it is cut where it gets
// absurd.
func (v View) textLine(line []byte) string {
	if len(line) <= maxLine {
		return v.block(string(line))
	}
	return v.bytes(line, maxLine)
}

func hint(more string) string {
	if more == "" {
		return ""
	}
	return " (" + more + ")"
}

// isText says whether b can be read: UTF-8 with hardly any control characters.
func isText(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	controls := 0
	for _, c := range b {
		switch {
		case c == 0:
			return false
		case c < 0x20 && c != '\n' && c != '\r' && c != '\t' || c == 0x7f:
			controls++
		}
	}
	return controls <= len(b)/4
}

// maxFields is how many fields of a form are shown.
const maxFields = 200

// form shows the fields of a form, decoded, in their order. A field that holds
// JSON, as those of Slack and GitHub do, is shown as JSON.
func (v View) form(body []byte, more string) (string, bool) {
	var b strings.Builder
	rest, fields := string(body), 0
	var rows []Pair
	for rest != "" && fields < maxFields {
		var field string
		field, rest, _ = strings.Cut(rest, "&")
		name, value, ok := strings.Cut(field, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if !ok || err1 != nil || err2 != nil {
			return "", false
		}
		fields++
		if looksLikeJSON([]byte(value)) {
			if json, err := v.narrow(2).JSON([]byte(value), more); err == nil {
				b.WriteString(v.pairs(rows, v.Palette.Key) + v.Palette.Key(v.line(name)) + "\n" + inset(json))
				rows = nil
				continue
			}
		}
		rows = append(rows, Pair{name, v.value(value)})
	}
	b.WriteString(v.pairs(rows, v.Palette.Key))
	if rest != "" {
		b.WriteString(v.Palette.Dim("… "+Plural(strings.Count(rest, "&")+1, "field")+" more"+hint(more)) + "\n")
	}
	return b.String(), true
}
