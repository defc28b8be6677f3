package scheme

import (
	"hash"
	"strings"
)

// A writer takes the text of a template: into a hash, or if there is none into
// a buffer.
type writer struct {
	h   hash.Hash
	buf []byte
}

// bytes writes b, after the text that came before it.
func (w *writer) bytes(b []byte) {
	if w.h == nil {
		w.buf = append(w.buf, b...)
		return
	}
	w.flush()
	w.h.Write(b)
}

// text writes s through the buffer, since a hash takes no strings and short
// writes are dear.
func (w *writer) text(s string) { w.buf = append(w.buf, s...) }

// flush gives the buffer to the hash, if there is one.
func (w *writer) flush() {
	if w.h != nil && len(w.buf) > 0 {
		w.h.Write(w.buf)
		w.buf = w.buf[:0]
	}
}

// write gives the text of the template to w. Only parts that are filtered,
// and places, allocate.
func (t *template) write(w *writer, r *reading) {
	for i := range t.nodes {
		n := &t.nodes[i]
		if !n.plain() {
			w.bytes(n.filtered(r))
			continue
		}
		switch n.kind {
		case nodeText:
			w.text(n.text)
		case nodeBody:
			w.bytes(r.m.Body)
		case nodeTimestamp:
			w.text(r.timestamp)
		case nodeID:
			w.text(r.id)
		case nodeMethod:
			w.text(r.m.Method)
		case nodeURL:
			w.text(r.urlPiece(n.text))
		case nodeSecret:
			if r.key != nil {
				w.bytes(r.key.secret)
			}
		case nodeGroup:
			n.sub.write(w, r)
		default:
			w.text(n.value(r))
		}
	}
}

// value is the text of the kinds of parts that need more than a look.
func (n *node) value(r *reading) string {
	switch n.kind {
	case nodePlace:
		values := n.loc.all(r)
		if len(values) == 0 {
			r.incomplete = true
			return ""
		}
		return values[0]
	case nodeParam:
		if r.key != nil {
			return r.key.fields[n.text]
		}
	case nodePart:
		return r.s.part(r, n.text)
	case nodeIf:
		complete := !r.incomplete
		for _, c := range n.conds {
			if c.text(r) != "" {
				r.incomplete = !complete
				return n.sub.text(r)
			}
		}
		r.incomplete = !complete
	case nodeNonce:
		return r.nonce
	case nodeSignedHeaders:
		return r.s.signed.text(r)
	case nodeVariable:
		switch n.text {
		case "signature":
			return r.variables[0]
		case "name":
			return r.variables[1]
		case "value":
			return r.variables[2]
		}
	}
	return ""
}

// filtered is the text of a part after its filters.
func (n *node) filtered(r *reading) []byte {
	var b []byte
	complete := !r.incomplete
	if n.kind != nodeFields {
		bare := *n
		bare.filters = nil
		w := writer{}
		(&template{[]node{bare}}).write(&w, r)
		b = w.buf
	}
	for _, f := range n.filters {
		b = f(b, r)
	}
	if n.defaults && len(b) > 0 {
		r.incomplete = !complete
	}
	return b
}

// text returns what the template says about r.
func (t *template) text(r *reading) string {
	if t == nil {
		return ""
	}
	w := writer{}
	t.write(&w, r)
	return string(w.buf)
}

// A signedHeaders is a compiled SignedHeaders.
type signedHeaders struct {
	names     *template
	place     location
	inFormat  string // name of the element of the signature's format, if it stands there
	separator string
	send      []string
	format    *template
	join      string
}

// text joins the headers that the request names.
func (sh *signedHeaders) text(r *reading) string {
	if sh == nil {
		return ""
	}
	var out []string
	r.more = true
	for name := range strings.SplitSeq(sh.names.text(r), sh.separator) {
		r.variables[1] = name
		r.variables[2] = strings.Join(r.header(canonical(name)), ",")
		out = append(out, sh.format.text(r))
	}
	return strings.Join(out, sh.join)
}
