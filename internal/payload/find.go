package payload

import "bytes"

// A Match is what a path names in one body.
type Match struct {
	Values []Value // in the body's order; without [*] in the path at most one

	// First is set where a name on the path occurs twice in one object, so that
	// what the path names depends on the parser. It is the value that a parser
	// finds which takes the first; Values is what the last one leads to.
	First     Value
	Ambiguous bool
}

// Value returns the last value, and the zero Value if there is none.
func (m Match) Value() Value {
	if len(m.Values) == 0 {
		return Value{}
	}
	return m.Values[len(m.Values)-1]
}

// maxPaths is how many paths one walk follows.
const maxPaths = 64

// Find looks up paths in body, all in one pass, and returns one Match per
// path. A body that is not JSON has an error that wraps ErrNotJSON, and no
// matches.
func Find(body []byte, paths ...Path) ([]Match, error) {
	out := make([]Match, 0, len(paths))
	for len(paths) > maxPaths {
		part, err := Find(body, paths[:maxPaths]...)
		if err != nil {
			return nil, err
		}
		out, paths = append(out, part...), paths[maxPaths:]
	}
	w := walker{scanner: scanner{data: body}, paths: paths, found: make([]Match, len(paths))}
	w.start()
	if err := w.value(0, 1<<len(paths)-1); err != nil {
		return nil, err
	}
	if err := w.end(); err != nil {
		return nil, err
	}
	return append(out, w.found...), nil
}

// FindOne looks up one path. It returns the zero Value where body is not JSON
// or holds nothing there.
func FindOne(body []byte, path Path) Value {
	found, err := Find(body, path)
	if err != nil {
		return Value{}
	}
	return found[0].Value()
}

// Valid says whether body is JSON, as an error that wraps ErrNotJSON.
func Valid(body []byte) error {
	s := scanner{data: body}
	s.start()
	if err := s.skip(); err != nil {
		return err
	}
	return s.end()
}

// A walker follows several paths through a document. Its stack is as deep as
// the longest path.
type walker struct {
	scanner
	paths []Path
	found []Match
}

// value moves over a value at the given depth, where live has a bit for each
// path whose first depth steps have led here.
func (w *walker) value(depth int, live uint64) (err error) {
	w.space()
	start := w.pos
	var deeper uint64
	for i := range w.paths {
		if live&(1<<i) != 0 && len(w.paths[i].steps) > depth {
			deeper |= 1 << i
		}
	}
	switch c := w.next(); {
	case deeper != 0 && c == '{':
		err = w.object(depth, deeper)
	case deeper != 0 && c == '[':
		err = w.array(depth, deeper)
	default:
		err = w.skip()
	}
	if err != nil {
		return err
	}
	v := Value{kindOf(w.data[start]), w.data[start:w.pos:w.pos], start}
	for i := range w.found {
		if live&^deeper&(1<<i) != 0 {
			w.hit(i, v)
		}
	}
	return nil
}

func (w *walker) hit(i int, v Value) {
	w.found[i].Values = append(w.found[i].Values, v)
}

func (w *walker) object(depth int, live uint64) error {
	w.pos++
	w.space()
	if w.next() == '}' {
		w.pos++
		return nil
	}
	var seen uint64
	for {
		w.space()
		start := w.pos
		if err := w.name(); err != nil {
			return err
		}
		here := w.matching(depth, live, w.data[start:w.pos])
		w.again(seen & here)
		seen |= here
		if err := w.value(depth+1, here); err != nil {
			return err
		}
		if more, err := w.more('}'); err != nil || !more {
			return err
		}
	}
}

// again notes that a name on the way of the given paths occurred before in the
// same object: what was found through it is what a parser sees that takes the
// first.
func (w *walker) again(paths uint64) {
	for i := range w.found {
		if paths&(1<<i) == 0 {
			continue
		}
		m := &w.found[i]
		if !m.Ambiguous && len(m.Values) > 0 {
			m.First = m.Values[len(m.Values)-1]
		}
		m.Ambiguous = true
		if !w.paths[i].Many() {
			m.Values = nil
		}
	}
}

// matching returns the paths whose step at depth is the name that stands, with
// its colon, in raw.
func (w *walker) matching(depth int, live uint64, raw []byte) (here uint64) {
	end := bytes.LastIndexByte(raw, '"') + 1
	name := unquote(raw[:end])
	for i := range w.paths {
		if live&(1<<i) != 0 {
			if s := &w.paths[i].steps[depth]; s.kind == byKey && s.key == string(name) {
				here |= 1 << i
			}
		}
	}
	return here
}

func (w *walker) array(depth int, live uint64) error {
	w.pos++
	w.space()
	if w.next() == ']' {
		w.pos++
		return nil
	}
	for n := 0; ; n++ {
		var here uint64
		for i := range w.paths {
			if live&(1<<i) != 0 {
				if s := w.paths[i].steps[depth]; s.kind == anyIndex || s.kind == byIndex && s.index == n {
					here |= 1 << i
				}
			}
		}
		if err := w.value(depth+1, here); err != nil {
			return err
		}
		if more, err := w.more(']'); err != nil || !more {
			return err
		}
	}
}

// more moves over a comma, or over the bracket that ends the container.
func (w *walker) more(last byte) (bool, error) {
	w.space()
	switch w.next() {
	case ',':
		w.pos++
		return true, nil
	case last:
		w.pos++
		return false, nil
	}
	return false, w.fail("',' or '" + string(last) + "' expected")
}
