package diagnose

import (
	"bytes"
	"slices"
	"strings"
)

// rewritten has the body as the usual libraries would write the same JSON.
func (l *bodyList) rewritten(b []byte) {
	d := parseJSON(b)
	if d == nil {
		return
	}
	l.later(BodyUnicodeEscaped, func() []byte { return literal(b) },
		`characters are escaped as \uXXXX that were literal when they were signed`)
	for _, digits := range []string{lowerDigits, upperDigits} {
		l.later(BodyUnicodeEscaped, func() []byte { return escaped(b, digits) },
			`characters are literal that were escaped as \uXXXX when they were signed`)
	}
	l.styled(d, "what was signed is the same JSON ")
}

// styled has the document in every style, and then with what libraries lose.
func (l *bodyList) styled(d *document, what string) {
	all := styles()
	for i, s := range all {
		s.rare = s.rare || i >= common
		l.style(d, s, what+s.name)
	}
	l.arranged(d.ordered(sorted), all[:usual], what+"with sorted names, ")
	l.arranged(d.ordered(byLength), all[1:4], what+"with the shortest names first, as PostgreSQL's jsonb and MySQL keep it, ")
	if like := l.learned(); like != nil {
		l.arranged(d.ordered(like), all[:usual], what+"in the order in which the provider writes it, ")
	}
	l.exchanged(d, all, what)
	l.pointed(d, all, what)
}

// arranged has a document whose names were put into another order.
func (l *bodyList) arranged(d *document, styles []style, what string) {
	if l.size > smallBody {
		styles = styles[:min(len(styles), 3)]
	}
	for i, s := range styles {
		s.order, s.rare = nil, i > 2
		l.style(d, s, what+s.name)
	}
}

// maxPointed bounds the integers that may have been written with a point, and
// the size of the body that they stand in.
const (
	maxPointed     = 6
	maxPointedSize = 4 << 10
)

// pointed has integers as numbers with a point, which JavaScript drops: 20.0 is
// 20 there. Any of them may have had one.
func (l *bodyList) pointed(d *document, all []style, what string) {
	var at []int
	for i, t := range d.tokens {
		if t.kind == 'n' && strings.Trim(string(t.raw), "0123456789") == "" && len(t.raw) < 16 {
			at = append(at, i)
		}
	}
	if len(at) == 0 || len(at) > maxPointed || l.size > maxPointedSize {
		return
	}
	for set := 1; set < 1<<len(at); set++ {
		other := &document{tokens: slices.Clone(d.tokens)}
		for i, token := range at {
			if set>>i&1 == 1 {
				other.tokens[token].raw = append(slices.Clone(d.tokens[token].raw), ".0"...)
			}
		}
		for _, s := range all[1:5] {
			s.numbers = nil
			l.styleOnce(other, s, what+s.name+", with .0 where JavaScript writes an integer")
			l.queue[len(l.queue)-1].alone = true
		}
	}
}

// usual is how many styles are written sorted, with numbers as they stand, and
// with empty lists and objects exchanged.
const usual = 10

// common is how many styles are tried together with other mistakes on a large
// body.
const common = 8

func (l *bodyList) exchanged(d *document, all []style, what string) {
	if d.emptyList {
		objects := d.exchanged("[]", "{}")
		for _, s := range all[:usual] {
			l.style(objects, s, what+s.name+", with {} where [] is now: PHP cannot tell them apart")
		}
	}
	if d.emptyObject {
		lists := d.exchanged("{}", "[]")
		for _, s := range all {
			if bytes.Contains([]byte(s.name), []byte("PHP")) {
				l.style(lists, s, what+s.name+", with [] where {} is now")
			}
		}
	}
}

// style queues the document in one style, and where that changes how a number
// is written, once more with the numbers as they stand.
func (l *bodyList) style(d *document, s style, detail string) {
	if s.numbers != nil && slices.ContainsFunc(d.tokens, s.changes) {
		l.styleOnce(d, s, detail)
		s.numbers, s.rare = nil, true
		detail += ", but for the numbers"
	}
	l.styleOnce(d, s, detail)
}

func (l *bodyList) styleOnce(d *document, s style, detail string) {
	l.later(BodyReserialised, func() []byte {
		if s.order != nil {
			return s.write(d.ordered(s.order))
		}
		return s.write(d)
	}, detail).rare = s.rare
}
