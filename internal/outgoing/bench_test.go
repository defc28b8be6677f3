package outgoing_test

import (
	"testing"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// BenchmarkFreshEvent is what a load does for each request besides sending it:
// an event with an id of its own, and its signature.
func BenchmarkFreshEvent(b *testing.B) {
	c, err := provider.Load()
	if err != nil {
		b.Fatal(err)
	}
	p, err := c.Get("canvelete")
	if err != nil {
		b.Fatal(err)
	}
	s, err := outgoing.NewSigner(p, provider.NamedSecret{Name: "x", Secret: safetext.NewSecret("secret")})
	if err != nil {
		b.Fatal(err)
	}
	o := outgoing.Order{Provider: p, URL: "http://127.0.0.1:3000/x", Type: "render.completed"}
	b.ReportAllocs()
	for b.Loop() {
		d, err := outgoing.Compose(o.Fresh(now()))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Sign(d, now()); err != nil {
			b.Fatal(err)
		}
	}
}
