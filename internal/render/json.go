package render

import (
	"errors"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// The limits of what is shown of a body. They hold whatever it contains; the
// whole of it is what --raw prints.
const (
	maxDepth  = 64        // levels of JSON that are opened
	maxText   = 256 << 10 // bytes of text, without colour
	maxTokens = 20_000    // keys and values, or lines of text
	maxLine   = 16 << 10  // bytes of one line of text
	maxString = safetext.LineLimit
)

// JSON writes JSON text indented and coloured, one value a line, short lists
// of plain values on one line. Keys stay in their order, numbers and escapes
// as they came. What exceeds the limits is left out and said so, with more as
// the command that shows it. Several values in a row are written below each
// other.
//
// The work grows with the size of data, never with its depth times its size,
// and there is no recursion. An error says where data stops being JSON; then
// there is no text. It ends with a newline.
func (v View) JSON(data []byte, more string) (string, error) {
	w := jsonWriter{v: v, in: data, more: more, room: v.Width}
	if w.room == 0 {
		w.room = 80
	}
	if err := w.run(); err != nil {
		return "", err
	}
	w.out.WriteByte('\n')
	return w.out.String(), nil
}

// A jsonWriter goes over the text once, with a stack of the open containers
// that maxDepth bounds.
type jsonWriter struct {
	v    View
	in   []byte
	pos  int
	more string
	room int // columns that a short list may fill

	out    strings.Builder
	text   int  // bytes written, without colour
	tokens int  // keys and values written
	column int  // where the line that is being written has come to
	broken bool // a new line is due before the next text

	open  []byte // '{' and '['
	fresh bool   // the innermost container has no member yet
	spans []span // of the list that inline looks at
}

// A span is where a token begins and ends.
type span struct{ from, to int }

// errStop ends the writing where a limit is reached.
var errStop = errors.New("limit reached")

func (w *jsonWriter) run() error {
	err := w.values()
	if errors.Is(err, errStop) {
		w.broken = true
		w.write("… "+Size(len(w.in)-w.pos)+" more"+hint(w.more), w.v.Palette.Dim)
		return nil
	}
	return err
}

// values writes all values of the text.
func (w *jsonWriter) values() error {
	w.space()
	for first := true; first || w.pos < len(w.in); first = false {
		w.broken = !first
		if err := w.value(); err != nil {
			return err
		}
		for len(w.open) > 0 {
			if err := w.next(); err != nil {
				return err
			}
		}
		w.space()
	}
	return nil
}

// next writes what comes next in the innermost container: its end, or a member.
func (w *jsonWriter) next() error {
	w.space()
	if !w.fresh {
		closer := closerOf(w.open[len(w.open)-1])
		switch w.peek() {
		case closer:
			w.pos++
			w.open = w.open[:len(w.open)-1]
			w.broken = true
			w.write(string(closer), nil)
			return nil
		case ',':
			w.pos++
			w.write(",", nil)
			w.space()
		default:
			return w.unexpected()
		}
	}
	w.fresh = false
	w.broken = true
	if w.open[len(w.open)-1] == '[' {
		return w.value()
	}
	if w.peek() != '"' {
		return w.unexpected()
	}
	if err := w.token(w.v.Palette.Key); err != nil {
		return err
	}
	w.space()
	if w.peek() != ':' {
		return w.unexpected()
	}
	w.pos++
	w.write(": ", nil)
	w.space()
	return w.value()
}

func closerOf(opener byte) byte {
	if opener == '{' {
		return '}'
	}
	return ']'
}

// value writes a value, of a container only its beginning.
func (w *jsonWriter) value() error {
	switch c := w.peek(); {
	case c == '{' || c == '[':
		return w.container(c)
	}
	return w.token(w.colorOf(w.peek()))
}

func (w *jsonWriter) container(opener byte) error {
	start := w.pos
	w.pos++
	w.space()
	switch closer := closerOf(opener); {
	case w.peek() == closer:
		w.pos++
		return w.count(start, string([]byte{opener, closer}))
	case len(w.open) == maxDepth:
		return w.collapse(start, opener)
	case opener == '[' && w.inline():
		return nil
	}
	if err := w.count(start, string(opener)); err != nil {
		return err
	}
	w.open = append(w.open, opener)
	w.fresh = true
	return nil
}

// collapse goes over a container that is too deep to be opened.
func (w *jsonWriter) collapse(start int, opener byte) error {
	end, levels, err := skip(w.in, start)
	if err != nil {
		return err
	}
	if err := w.count(start, string(opener)); err != nil {
		return err
	}
	what := Size(end-start-2) + " more"
	if levels > 0 {
		what = Plural(levels, "level") + " more"
	}
	w.write("… "+what+hint(w.more), w.v.Palette.Dim)
	w.write(string(closerOf(opener)), nil)
	w.pos = end
	return nil
}

// inline writes a list of numbers, literals and short strings on one line if
// it fits there.
func (w *jsonWriter) inline() bool {
	room := w.room - w.column - 2
	if w.broken {
		room = w.room - 2*len(w.open) - 2
	}
	end := w.shortList(room)
	if end < 0 || w.tokens+len(w.spans) > maxTokens || w.text+w.room > maxText {
		return false
	}
	w.write("[", nil)
	for i, s := range w.spans {
		if i > 0 {
			w.write(", ", nil)
		}
		w.write(w.v.line(string(w.in[s.from:s.to])), w.colorOf(w.in[s.from]))
	}
	w.write("]", nil)
	w.tokens += len(w.spans)
	w.pos = end
	return true
}

// shortList finds the members of a list whose first one is next, as long as
// they are no containers and fit into room columns. It returns the index
// behind the list, or -1.
func (w *jsonWriter) shortList(room int) int {
	w.spans = w.spans[:0]
	near := w.in[:min(len(w.in), w.pos+4*max(room, 0))]
	for pos := w.pos; ; pos++ {
		from := skipSpace(near, pos)
		to, err := scalar(near, from)
		if err != nil {
			return -1
		}
		w.spans = append(w.spans, span{from, to})
		if room -= to - from + len(", "); room < 0 {
			return -1
		}
		pos = skipSpace(near, to)
		switch {
		case pos == len(near):
			return -1
		case near[pos] == ']':
			return pos + 1
		case near[pos] != ',':
			return -1
		}
	}
}

func (w *jsonWriter) colorOf(first byte) func(string) string {
	switch {
	case first == '"':
		return w.v.Palette.Text
	case first >= 'a':
		return w.v.Palette.Literal
	}
	return w.v.Palette.Number
}

// token writes the string, number or literal that comes next.
func (w *jsonWriter) token(color func(string) string) error {
	end, err := scalar(w.in, w.pos)
	if err != nil {
		return err
	}
	limit := w.v.valueLimit()
	text := w.in[w.pos:end]
	shown := w.v.bytes(text, limit)
	if len(text) > limit && text[0] == '"' {
		shown += `"`
	}
	if err := w.count(w.pos, ""); err != nil {
		return err
	}
	if w.text+len(shown) > maxText {
		return errStop
	}
	w.pos = end
	w.write(shown, color)
	return nil
}

// count writes a token that has no colour, or reports that there is no room
// for it.
func (w *jsonWriter) count(start int, s string) error {
	if w.tokens++; w.tokens > maxTokens || w.text+len(s) > maxText {
		w.pos = start
		return errStop
	}
	if s != "" {
		w.write(s, nil)
	}
	return nil
}

// write puts down text that has been made safe, where the width ends folded.
func (w *jsonWriter) write(s string, color func(string) string) {
	if w.broken {
		w.broken = false
		indent := 2 * len(w.open)
		w.out.WriteByte('\n')
		w.out.WriteString(strings.Repeat(" ", indent))
		w.text += 1 + indent
		w.column = indent
	}
	w.text += len(s)
	start, view := w.column, w.v.narrow(1) // a comma may follow
	if w.column += width(s); view.Width > 0 && w.column > view.Width {
		indent := start + 1
		if indent > view.Width/2 {
			indent = 2*len(w.open) + 4
		}
		s = view.fold(s, start, indent)
	}
	if color != nil {
		s = color(s)
	}
	w.out.WriteString(s)
}

func (w *jsonWriter) peek() byte {
	if w.pos >= len(w.in) {
		return 0
	}
	return w.in[w.pos]
}

func (w *jsonWriter) space() { w.pos = skipSpace(w.in, w.pos) }

func (w *jsonWriter) unexpected() error { return unexpectedAt(w.in, w.pos) }
