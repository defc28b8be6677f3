package diagnose

import "bytes"

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
	for _, s := range all {
		l.style(d, s, what+s.name)
	}
	arranged := d.ordered(sorted)
	for i, s := range all {
		if i < usual && s.order == nil {
			s.rare = i > 6
			l.style(arranged, s, what+"with sorted names, "+s.name)
		}
	}
	for i, s := range all {
		if i < usual && s.numbers != nil {
			s.numbers, s.rare = nil, true
			l.style(d, s, what+s.name+", but for the numbers")
		}
	}
	if like := l.learned(); like != nil {
		provided := d.ordered(like)
		for i, s := range all {
			if i < usual {
				s.order, s.rare = nil, i > 6
				l.style(provided, s, what+"in the order in which the provider writes it, "+s.name)
			}
		}
	}
	l.exchanged(d, all, what)
}

// usual is how many styles are written sorted, with numbers as they stand, and
// with empty lists and objects exchanged.
const usual = 10

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

// style queues the document in one style.
func (l *bodyList) style(d *document, s style, detail string) {
	l.later(BodyReserialised, func() []byte {
		if s.order != nil {
			return s.write(d.ordered(s.order))
		}
		return s.write(d)
	}, detail).rare = s.rare
}
