package provider

import (
	"net/http"
	"slices"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A recognition is a compiled recogniseRule.
type recognition struct {
	headers []headerPattern
	body    []payload.Path
	shared  bool
}

type headerPattern struct{ name, pattern string }

// likeness is how well a request fits a provider.
type likeness uint8

const (
	unlike   likeness = iota
	possible          // its signature stands where this provider, and others, put theirs
	unsigned          // its other headers are the provider's, it has no sound signature
	certain           // nothing but this provider sends such a request
)

func (c *compiler) recognise() {
	r := &c.def.Recognise
	c.out.rule.shared = r.Shared
	for name, pattern := range r.Headers {
		c.out.rule.headers = append(c.out.rule.headers, headerPattern{http.CanonicalHeaderKey(name), pattern})
	}
	for _, text := range r.Body {
		p, err := payload.ParsePath(text)
		if err != nil {
			c.wrong("recognise.body", "%v", err)
		}
		c.out.rule.body = append(c.out.rule.body, p)
	}
}

// like says how well m fits p. shared says that the header of its signature is
// also another provider's.
func (p *Provider) like(m *scheme.Message, shared bool) likeness {
	ruled := len(p.rule.headers) > 0
	if ruled && !p.rule.headersFit(m) {
		return unlike
	}
	signed, sound := p.carries(m)
	switch {
	case !signed && !ruled:
		return unlike
	case ruled && sound:
		return certain
	case ruled:
		return unsigned
	}
	if p.rule.shared || shared || len(p.signatureHeaders()) == 0 {
		if !sound || !p.rule.bodyFits(m) {
			return unlike
		}
		if len(p.rule.body) == 0 {
			return possible
		}
	}
	return certain
}

// carries says whether m has a signature of p, and whether it is well-formed.
func (p *Provider) carries(m *scheme.Message) (signed, sound bool) {
	for _, s := range p.schemes {
		if s.Applies(m) {
			signed = true
			if _, ok := s.Read(m); ok {
				return true, true
			}
		}
	}
	return signed, false
}

func (p *Provider) signatureHeaders() []string {
	var out []string
	for _, s := range p.schemes {
		out = append(out, s.SignatureHeaders()...)
	}
	return out
}

func (r *recognition) headersFit(m *scheme.Message) bool {
	for _, h := range r.headers {
		if !slices.ContainsFunc(m.Header[h.name], func(v string) bool { return scheme.Fits(v, h.pattern) }) {
			return false
		}
	}
	return true
}

func (r *recognition) bodyFits(m *scheme.Message) bool {
	if len(r.body) == 0 {
		return true
	}
	found, err := payload.Find(m.Body, r.body...)
	if err != nil {
		return false
	}
	for _, f := range found {
		if len(f.Values) == 0 {
			return false
		}
	}
	return true
}

// Recognise says which provider a request is from, by its headers and, where
// providers share a header, by the shape of the body. One result is certain;
// several mean that the request fits each of them, best rank first; none that
// it fits no provider well enough. It never names one provider where another
// one is as likely: see Candidates for the weaker question.
func (c *Catalogue) Recognise(m *scheme.Message) []*Provider {
	found := c.sift(m)
	for _, level := range []likeness{certain, unsigned} {
		if len(found[level]) > 0 {
			return found[level]
		}
	}
	if len(found[possible]) > 1 {
		return found[possible]
	}
	return nil
}

// Candidates lists every provider that a request may be from, best rank first,
// also a single one that is not certain. The secret that verifies decides.
func (c *Catalogue) Candidates(m *scheme.Message) []*Provider {
	found := c.sift(m)
	out := slices.Concat(found[certain], found[unsigned], found[possible])
	for _, e := range c.known(m) {
		if !slices.ContainsFunc(out, func(p *Provider) bool { return p.ID == e.id }) {
			if p, err := e.provider(); err == nil {
				out = append(out, p)
			}
		}
	}
	return out
}

// sift sorts the providers that a request may be from by how well it fits.
func (c *Catalogue) sift(m *scheme.Message) (found [certain + 1][]*Provider) {
	for _, e := range c.known(m) {
		if p, err := e.provider(); err == nil {
			level := p.like(m, c.isShared(p))
			found[level] = append(found[level], p)
		}
	}
	found[unlike] = nil
	return found
}

// known returns the entries by whose headers or shape the index knows the
// request, best rank first.
func (c *Catalogue) known(m *scheme.Message) []*entry {
	var out []*entry
	for name := range m.Header {
		for _, e := range c.byHeader[name] {
			if !slices.Contains(out, e) {
				out = append(out, e)
			}
		}
	}
	if len(out) == 0 {
		out = c.shapedLike(m.Body)
	}
	slices.SortFunc(out, byRank)
	return out
}

// shapedLike returns the entries that are known by their bodies alone and fit
// this one. The body is walked once for all of them.
func (c *Catalogue) shapedLike(body []byte) []*entry {
	if len(c.shapes) == 0 {
		return nil
	}
	found, err := payload.Find(body, c.shapes...)
	if err != nil {
		return nil
	}
	var out []*entry
	for _, e := range c.entries {
		n := len(e.shape)
		if n == 0 {
			continue
		}
		fits := true
		for _, f := range found[:n] {
			fits = fits && len(f.Values) > 0
		}
		if found = found[n:]; fits {
			out = append(out, e)
		}
	}
	return out
}

// isShared says whether another provider of the catalogue is known by one of
// the headers in which p puts its signature.
func (c *Catalogue) isShared(p *Provider) bool {
	for _, s := range p.schemes {
		for _, name := range s.SignatureHeaders() {
			if len(c.byHeader[name]) > 1 {
				return true
			}
		}
	}
	return false
}
