package provider_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

var at = time.Date(2026, 1, 15, 10, 30, 0, 123456000, time.UTC)

func load(tb testing.TB, user ...provider.Source) *provider.Catalogue {
	tb.Helper()
	c, err := provider.Load(user...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// message is what would be sent for an event.
func message(p *provider.Provider, ev *provider.Event) *scheme.Message {
	return &scheme.Message{Method: ev.Method, URL: "http://127.0.0.1:3000" + p.Delivery.Path, Header: ev.Header, Body: ev.Body}
}

// TestEverySample sends each sample of each provider through building,
// signing, recognising, describing and verifying.
func TestEverySample(t *testing.T) {
	c := load(t)
	for _, p := range c.All() {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			secret := make(chan safetext.Secret, 1)
			if len(p.Schemes()) > 0 {
				s, err := p.SecretForm().New()
				if err != nil {
					t.Fatal(err)
				}
				secret <- s
				keys, err := p.Keys(s)
				if err != nil {
					t.Fatal(err)
				}
				for _, ev := range p.Events {
					checkSample(t, c, p, ev.Type, s, keys)
				}
			}
		})
	}
}

func checkSample(t *testing.T, c *provider.Catalogue, p *provider.Provider, typ string, secret safetext.Secret, keys []*scheme.Key) {
	t.Helper()
	ev, err := p.Build(provider.BuildOptions{Type: typ, At: at})
	if err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	if ev.Header.Get("Content-Type") == "application/json" && payload.Valid(ev.Body) != nil {
		t.Errorf("%s: the sample is not JSON: %s", typ, ev.Body)
	}
	m := message(p, ev)
	if err := p.Sign(m, scheme.SignOptions{Keys: keys, At: at, ID: ev.ID}); err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	v := p.Verify(m, []provider.NamedSecret{{Name: "own", Secret: secret}}, scheme.VerifyOptions{Now: at})
	if v.Status != webhook.Verified || v.SecretName != "own" {
		t.Errorf("%s: Verify = %+v", typ, v)
	}
	info := p.Describe(m)
	if info.EventID != ev.ID || info.EventType != typ {
		t.Errorf("%s: Describe = %q, %q, want %q, %q", typ, info.EventID, info.EventType, ev.ID, typ)
	}
	if len(p.Places.Time) > 0 && !info.CreatedAt.Truncate(time.Second).Equal(at.Truncate(time.Second)) {
		t.Errorf("%s: Describe says it was created at %v, want %v", typ, info.CreatedAt, at)
	}
	if found := c.Recognise(m); len(found) == 1 && found[0].ID != p.ID {
		t.Errorf("%s is taken for %s", typ, found[0].ID)
	} else if len(found) == 0 {
		t.Errorf("%s is not recognised", typ)
	}
}

func TestSeedReproducesTheBody(t *testing.T) {
	c := load(t)
	seed, other := int64(7), int64(8)
	for _, p := range c.All() {
		for _, e := range p.Events {
			build := func(seed *int64, at time.Time) *provider.Event {
				ev, err := p.Build(provider.BuildOptions{Type: e.Type, Seed: seed, At: at})
				if err != nil {
					t.Fatal(err)
				}
				return ev
			}
			a, b := build(&seed, time.Time{}), build(&seed, time.Time{})
			if !bytes.Equal(a.Body, b.Body) || a.ID != b.ID {
				t.Errorf("%s %s: the same seed gives other bodies:\n%s\n%s", p.ID, e.Type, a.Body, b.Body)
			}
			if bytes.Equal(a.Body, build(&other, time.Time{}).Body) {
				t.Errorf("%s %s: another seed gives the same body", p.ID, e.Type)
			}
			if bytes.Equal(build(nil, at).Body, build(nil, at).Body) && strings.Contains(string(a.Body), "_") {
				t.Errorf("%s %s: without a seed two bodies are the same", p.ID, e.Type)
			}
		}
	}
}
