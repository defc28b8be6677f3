package provider_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
)

// FuzzValidate: no text makes it panic, and what has no problems can be loaded
// and makes all of its samples.
func FuzzValidate(f *testing.F) {
	names, err := filepath.Glob("data/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names[:min(len(names), 4)] {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), 1500)])
	}
	f.Add([]byte(acme))
	f.Add([]byte(greeter))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(provider.Validate(data)) > 0 {
			return
		}
		c, err := provider.Load(provider.Source{Name: "fuzz", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		for _, known := range c.Summaries() {
			if known.Origin != "fuzz" {
				continue
			}
			p, err := c.Get(known.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range p.Events {
				if _, err := p.Build(provider.BuildOptions{Type: e.Type, At: at}); err != nil {
					t.Errorf("%s: %v", e.Type, err)
				}
			}
		}
	})
}
