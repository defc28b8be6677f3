package provider_test

import (
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// BenchmarkLoad is what every command pays for the catalogue.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := provider.Load(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGet is what a command pays for the one provider that it works with.
func BenchmarkGet(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := load(b).Get("canvelete"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBuildAndSign is what a load generator does for each request.
func BenchmarkBuildAndSign(b *testing.B) {
	p, err := load(b).Get("canvelete")
	if err != nil {
		b.Fatal(err)
	}
	keys, err := p.Keys(safetext.NewSecret("a secret"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		ev, err := p.Build(provider.BuildOptions{Type: "render.completed", At: at})
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Sign(message(p, ev), scheme.SignOptions{Keys: keys, At: at}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecogniseAndDescribe is what a listener does for each delivery
// besides verifying it.
func BenchmarkRecogniseAndDescribe(b *testing.B) {
	c := load(b)
	p, err := c.Get("canvelete")
	if err != nil {
		b.Fatal(err)
	}
	keys, err := p.Keys(safetext.NewSecret("a secret"))
	if err != nil {
		b.Fatal(err)
	}
	ev, err := p.Build(provider.BuildOptions{Type: "render.completed", At: at})
	if err != nil {
		b.Fatal(err)
	}
	m := message(p, ev)
	if err := p.Sign(m, scheme.SignOptions{Keys: keys, At: at}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(c.Recognise(m)) != 1 || p.Describe(m).EventID == "" {
			b.Fatal("not recognised")
		}
	}
}
