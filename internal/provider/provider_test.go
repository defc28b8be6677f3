package provider_test

import (
	"bytes"
	"maps"
	"slices"
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
	t.Parallel()
	c := load(t)
	for _, p := range c.All() {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			var secret safetext.Secret
			var keys []*scheme.Key
			if len(p.Schemes()) > 0 {
				var err error
				if secret, err = p.SecretForm().New(); err != nil {
					t.Fatal(err)
				}
				if keys, err = p.Keys(secret); err != nil {
					t.Fatal(err)
				}
			}
			for _, ev := range p.Events {
				checkSample(t, c, p, ev.Type, secret, keys)
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
	v := p.Verifier(provider.NamedSecret{Name: "own", Secret: secret}).Verify(m, scheme.VerifyOptions{Now: at})
	if len(p.Schemes()) > 0 && (v.Status != webhook.Verified || v.SecretName != "own") {
		t.Errorf("%s: Verify = %+v", typ, v)
	}
	info := p.Describe(m)
	want := typ
	if len(p.Places.Type) == 0 {
		want = ""
	}
	if info.EventID != ev.ID || info.EventType != want {
		t.Errorf("%s: Describe = %q, %q, want %q, %q", typ, info.EventID, info.EventType, ev.ID, want)
	}
	if len(info.Ambiguous) > 0 {
		t.Errorf("%s: ambiguous: %v", typ, info.Ambiguous)
	}
	if off := info.CreatedAt.Sub(at).Abs(); len(p.Places.Time) > 0 && off > 24*time.Hour {
		t.Errorf("%s: Describe says it was created at %v, want %v", typ, info.CreatedAt, at)
	}
	checkRecognised(t, c, p, typ, m)
}

// checkRecognised: a sample is never taken for another provider's, and where
// the provider can be told at all it is among those that it may be from.
func checkRecognised(t *testing.T, c *provider.Catalogue, p *provider.Provider, typ string, m *scheme.Message) {
	t.Helper()
	if found := c.Recognise(m); len(found) == 1 && found[0].ID != p.ID {
		t.Errorf("%s is taken for %s", typ, found[0].ID)
	}
	is := func(o *provider.Provider) bool { return o.ID == p.ID }
	byHeader := slices.ContainsFunc(c.Summaries(), func(s provider.Summary) bool { return s.ID == p.ID && len(s.Headers) > 0 })
	if byHeader && !slices.ContainsFunc(c.Candidates(m), is) {
		t.Errorf("%s is not among the candidates for its own sample", typ)
	}
	if p.Rank <= 4 && !slices.ContainsFunc(c.Recognise(m), is) {
		t.Errorf("%s is not recognised", typ)
	}
}

func TestSeedReproducesTheBody(t *testing.T) {
	t.Parallel()
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
			same := func(a, b *provider.Event) bool {
				return bytes.Equal(a.Body, b.Body) && maps.EqualFunc(a.Header, b.Header, slices.Equal[[]string])
			}
			if same(a, build(&other, time.Time{})) {
				t.Errorf("%s %s: another seed gives the same event", p.ID, e.Type)
			}
			if same(build(nil, at), build(nil, at)) {
				t.Errorf("%s %s: without a seed two events are the same", p.ID, e.Type)
			}
		}
	}
}
