package judge

import (
	"bytes"
	"maps"
	"slices"

	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Covered returns what says whether the signature that verified d covers the
// header of a canonical name, or is that header. It is nil where d is not
// verified: then nothing is covered.
func (j *Judge) Covered(d *webhook.Delivery) func(name string) bool {
	if d.Verification.Status != webhook.Verified {
		return nil
	}
	p, err := j.Catalogue.Get(d.Provider)
	if err != nil {
		return nil
	}
	m := Message(d)
	for _, s := range p.Schemes() {
		if s.Name() == d.Verification.Scheme && s.Applies(m) {
			return CoveredBy(s, m)
		}
	}
	return nil
}

// CoveredBy returns what says whether a signature of s over m covers the header
// of a canonical name, or is that header. It asks the scheme itself: what
// changes its content when it is missing is covered. The body, which may be
// large, is not looked at.
func CoveredBy(s *scheme.Scheme, m *scheme.Message) func(name string) bool {
	bare := *m
	bare.Body = nil
	whole := s.SignedContent(&bare, nil)
	return func(name string) bool {
		if slices.Contains(s.SignatureHeaders(), name) {
			return true
		}
		without := bare
		without.Header = maps.Clone(m.Header)
		delete(without.Header, name)
		return !bytes.Equal(s.SignedContent(&without, nil), whole)
	}
}
