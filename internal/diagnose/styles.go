package diagnose

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A style is how a JSON library writes.
type style struct {
	name    string
	layout  layout
	escape  escapes
	numbers func(string) string // nil: as they stand
	order   order               // nil: as they stand
	rare    bool
}

// A layout is where white space goes.
type layout struct {
	item, key string // between items, after a name
	indent    string // of a level; "" for one line
	newline   string // "\n" if left out
	spaced    bool   // as Jackson's printer: space inside lists and empty objects, lists on one line
}

// escapes says which characters a library writes as \uXXXX besides those that
// JSON wants.
type escapes struct {
	wide  bool   // all beyond ASCII, and DEL
	lines bool   // U+2028 and U+2029
	more  string // of ASCII
	slash bool   // / as \/
	upper bool   // hex digits in capitals
}

// styles are those of the libraries that senders and receivers really use, the
// usual ones first.
func styles() []style {
	compact, spaced := layout{item: ",", key: ":"}, layout{item: ", ", key: ": "}
	lines := func(indent string) layout { return layout{item: ",", key: ": ", indent: indent} }
	ascii, html := escapes{wide: true}, escapes{more: "<>&", lines: true}
	php := escapes{wide: true, slash: true}
	return []style{
		{name: "compact, as JavaScript's JSON.stringify writes it", layout: compact, numbers: javaScriptNumber, order: asJavaScript},
		{name: "compact, as Ruby's to_json and Java's Jackson write it", layout: compact},
		{name: "with spaces, as Python's json.dumps writes it", layout: spaced, escape: ascii, numbers: pythonNumber},
		{name: "with spaces and literal characters, as Python's json.dumps(ensure_ascii=False) writes it", layout: spaced, numbers: pythonNumber},
		{name: "compact with escaped characters, as Python's json.dumps(separators=(',', ':')) writes it", layout: compact, escape: ascii, numbers: pythonNumber},
		{name: "with slashes and characters escaped, as PHP's json_encode writes it", layout: compact, escape: php, numbers: phpNumber},
		{name: "with <, > and & escaped, as Go's encoding/json and Rails write it", layout: compact, escape: html, numbers: goNumber},
		{name: "indented by 2, as JSON.stringify(value, null, 2), jq and Ruby's pretty_generate write it", layout: lines("  "), numbers: javaScriptNumber, order: asJavaScript},
		{name: "indented by 4 with escaped characters, as Python's json.dumps(indent=4) and json.tool write it", layout: lines("    "), escape: ascii, numbers: pythonNumber},
		{name: "with slashes, <, > and & escaped, as Shopify writes it", layout: compact, escape: escapes{more: "<>&", lines: true, slash: true}},
		{name: "with slashes escaped and literal characters, as PHP's json_encode(…, JSON_UNESCAPED_UNICODE) writes it", layout: compact, escape: escapes{slash: true, lines: true}, numbers: phpNumber},
		{name: "with literal slashes, as PHP's json_encode(…, JSON_UNESCAPED_SLASHES) writes it", layout: compact, escape: ascii, numbers: phpNumber},
		{name: "as PHP's json_encode(…, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE) writes it", layout: compact, escape: escapes{lines: true}, numbers: phpNumber},
		{name: "indented by 2 with escaped characters, as Python's json.dumps(indent=2) writes it", layout: lines("  "), escape: ascii, numbers: pythonNumber},
		{name: "indented by 4", layout: lines("    "), numbers: javaScriptNumber},
		{name: "indented by 2 with <, > and & escaped, as Go's MarshalIndent writes it", layout: lines("  "), escape: html, numbers: goNumber},
		{name: "indented by tabs", layout: lines("\t"), numbers: javaScriptNumber},
		{name: "indented by 4 with slashes escaped, as PHP's JSON_PRETTY_PRINT writes it", layout: lines("    "), escape: php, numbers: phpNumber},
		{name: "with \\u0022 and the like, as .NET's System.Text.Json writes it", layout: compact, escape: escapes{wide: true, upper: true, more: "\"<>&'+`"}},
		{name: "with <, > and & and all beyond ASCII escaped", layout: compact, escape: escapes{wide: true, more: "<>&"}, rare: true},
		{name: "with <, >, &, = and ' escaped, as Java's Gson writes it", layout: compact, escape: escapes{more: "<>&='", lines: true}, rare: true},
		{name: "with <, >, &, \" and ' escaped, as Symfony's JsonResponse writes it", layout: compact, escape: escapes{wide: true, slash: true, more: "<>&'\"", upper: true}, numbers: phpNumber, rare: true},
		{name: "indented, as Jackson's pretty printer writes it", layout: layout{item: ",", key: " : ", indent: "  ", spaced: true}, rare: true},
		{name: "compact with escaped characters, as Jackson's ESCAPE_NON_ASCII writes it", layout: compact, escape: escapes{wide: true, upper: true}, rare: true},
		{name: "indented by 2 with CRLF, as Json.NET's Formatting.Indented writes it on Windows", layout: layout{item: ",", key: ": ", indent: "  ", newline: "\r\n"}, rare: true},
		{name: "with a space after colons alone", layout: layout{item: ",", key: ": "}, rare: true},
		{name: "with a space after commas alone", layout: layout{item: ", ", key: ":"}, rare: true},
	}
}

// changes says whether the style writes a number otherwise than it stands.
func (s *style) changes(t token) bool {
	return t.kind == 'n' && t.number() && s.numbers(string(t.raw)) != string(t.raw)
}

// maxGrowth is how many times as long as its tokens a document may become: what
// is nested deeply grows without an end when it is indented.
const maxGrowth = 10

// write writes the document in the style, or nothing if that is far longer.
func (s *style) write(d *document) []byte {
	limit := 4 << 10
	for _, t := range d.tokens {
		limit += maxGrowth * len(t.raw)
	}
	w := &writer{style: s, out: make([]byte, 0, len(d.tokens)*8)}
	if w.newline = s.layout.newline; w.newline == "" {
		w.newline = "\n"
	}
	for i, t := range d.tokens {
		var before byte
		if i > 0 {
			before = d.tokens[i-1].kind
		}
		if w.token(before, t); len(w.out) > limit {
			return nil
		}
	}
	return w.out
}

// A writer writes one document.
type writer struct {
	*style
	out     []byte
	newline string
	open    []byte // { or [ for each level
}

func (w *writer) token(before byte, t token) {
	if t.kind == '}' || t.kind == ']' {
		w.open = w.open[:len(w.open)-1]
		if before == '{' || before == '[' {
			w.inside()
		} else {
			w.line(t.kind == ']')
		}
		w.out = append(w.out, t.kind)
		return
	}
	switch before {
	case 0, 'k':
	case '{', '[':
		w.line(before == '[')
	default:
		w.out = append(w.out, w.layout.item...)
		w.line(w.open[len(w.open)-1] == '[')
	}
	switch t.kind {
	case '{', '[':
		w.open = append(w.open, t.kind)
		w.out = append(w.out, t.kind)
	case 'k':
		w.string(t)
		w.out = append(w.out, w.layout.key...)
	case 's':
		w.string(t)
	default:
		w.number(t)
	}
}

// inside stands in an empty list or object.
func (w *writer) inside() {
	if w.layout.spaced {
		w.out = append(w.out, ' ')
	}
}

// line begins a line, where the layout has lines.
func (w *writer) line(list bool) {
	switch {
	case w.layout.indent == "":
	case list && w.layout.spaced:
		w.out = append(w.out, ' ')
	default:
		w.out = append(w.out, w.newline...)
		for _, kind := range w.open {
			if kind == '{' || !w.layout.spaced {
				w.out = append(w.out, w.layout.indent...)
			}
		}
	}
}

func (w *writer) string(t token) {
	if t.plain {
		w.out = append(w.out, t.raw...)
		return
	}
	w.out = w.escape.quote(w.out, t.text())
}

func (w *writer) number(t token) {
	if w.numbers == nil || !t.number() {
		w.out = append(w.out, t.raw...)
		return
	}
	w.out = append(w.out, w.numbers(string(t.raw))...)
}

// quote appends s as a JSON string.
func (e *escapes) quote(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf && strings.IndexByte(e.more, byte(r)) >= 0:
			dst = e.unit(dst, r)
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r)) // #nosec G115 -- ASCII
		case r == '/' && e.slash:
			dst = append(dst, '\\', '/')
		case r < 0x20:
			dst = e.control(dst, r)
		case e.wide && r > 0x7e, e.lines && (r == '\u2028' || r == '\u2029'):
			dst = e.unit(dst, r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

func (e *escapes) control(dst []byte, r rune) []byte {
	if i := slices.Index([]rune("\b\f\n\r\t"), r); i >= 0 {
		return append(dst, '\\', "bfnrt"[i])
	}
	return e.unit(dst, r)
}

func (e *escapes) unit(dst []byte, r rune) []byte {
	digits := lowerDigits
	if e.upper {
		digits = upperDigits
	}
	return appendUnits(dst, r, digits)
}
