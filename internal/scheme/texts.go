package scheme

import (
	"github.com/hooks-cli/hooks/internal/payload"
)

// Texts are templates or places that are read from requests together, so that
// a body is walked once. They may be used by several goroutines at once.
type Texts struct {
	paths pathSet
	list  [][]*template
}

// A Found is what a request says for one entry of Texts.
type Found struct {
	Text      string
	OK        bool                // all that the template names was there, and the text is not empty
	Ambiguous []payload.Ambiguity // what another parser would read otherwise
}

// NewTexts compiles entries, each a list of alternatives of which the first
// that is complete counts.
func NewTexts(entries ...[]string) (*Texts, error) {
	t := &Texts{}
	sc := scope{body: &t.paths}
	for _, alternatives := range entries {
		var list []*template
		for _, text := range alternatives {
			one, err := sc.value(text)
			if err != nil {
				return nil, err
			}
			list = append(list, one)
		}
		t.list = append(t.list, list)
	}
	return t, nil
}

// Read reads all entries from m. key is what the HMAC filters and {secret}
// use; it may be nil.
func (t *Texts) Read(m *Message, key *Key) []Found {
	r := &reading{s: &Scheme{paths: t.paths}, m: m, key: key}
	out := make([]Found, len(t.list))
	for i, alternatives := range t.list {
		for _, one := range alternatives {
			r.incomplete = false
			text := one.text(r)
			if r.incomplete || text == "" {
				continue
			}
			out[i] = Found{Text: text, OK: true, Ambiguous: one.ambiguities(r)}
			break
		}
	}
	return out
}

// ambiguities lists the places of the template that depend on the parser.
func (t *template) ambiguities(r *reading) (out []payload.Ambiguity) {
	t.any(func(n *node) bool {
		if n.kind == nodePlace && n.loc.kind == locBody {
			if m := r.match(n.loc.index); m.Ambiguous {
				out = append(out, payload.Ambiguity{
					Path: n.loc.path.String(), First: m.First.Text(), Last: m.Value().Text(),
				})
			}
		}
		return false
	})
	return out
}

// A Place is a compiled place, for whoever asks whether something is there.
type Place struct {
	loc   location
	paths pathSet
}

// ParsePlace compiles a place.
func ParsePlace(text string) (*Place, error) {
	p := &Place{}
	var err error
	p.loc, err = scope{body: &p.paths}.location(text)
	return p, err
}

// Header returns the canonical name, if the place is a whole header.
func (p *Place) Header() (name string, ok bool) {
	return p.loc.name, p.loc.kind == locHeader && p.loc.elem == ""
}

// Values returns what stands there, in the order of the request.
func (p *Place) Values(m *Message) []string {
	return p.loc.all(&reading{s: &Scheme{paths: p.paths}, m: m})
}

// Set puts value there. Not every place can be set.
func (p *Place) Set(m *Message, value string) error { return p.loc.set(m, value) }

// Fits says whether text is pattern, in which * stands for anything.
func Fits(text, pattern string) bool { return fits(text, pattern) }

// Keyed says whether any entry takes a key: {secret}, {param:…} or an HMAC.
func (t *Texts) Keyed() bool {
	for _, alternatives := range t.list {
		for _, one := range alternatives {
			if one.any(func(n *node) bool { return n.kind == nodeSecret || n.kind == nodeParam || n.keyed }) {
				return true
			}
		}
	}
	return false
}
