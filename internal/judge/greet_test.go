package judge_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// stranger judges as a machine does that has a secret of its own for every
// provider, but for those that hand theirs over.
func stranger(c *provider.Catalogue) (j *judge.Judge, kept map[string]string) {
	kept = map[string]string{}
	return &judge.Judge{
		Catalogue: c,
		Secrets: func(_ context.Context, id string) ([]secret.Named, error) {
			if s := kept[id]; s != "" {
				return []secret.Named{{Name: id, Secret: safetext.NewSecret(s)}}, nil
			}
			return nil, nil
		},
		Keep: func(_ context.Context, id string, s safetext.Secret) (string, error) {
			kept[id] = s.Reveal()
			return "memory", nil
		},
	}, kept
}

// TestEveryHandshakeIsAnswered performs the provider's side of every handshake
// that is built in: the answer is the one that the provider wants, and where it
// tries a wrong signature, that one is refused.
func TestEveryHandshakeIsAnswered(t *testing.T) {
	t.Parallel()
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, p := range c.Greeters() {
		for _, h := range p.Handshakes() {
			tried++
			t.Run(p.ID+"-"+h.Name, func(t *testing.T) {
				t.Parallel()
				j, kept := stranger(c)
				ours := newSecret(t, p)
				if !h.HandsOver() {
					kept[p.ID] = ours.Reveal()
				}
				m, ok := answered(t, j, p, h, ours, ours)
				if !ok {
					t.Fatal("it is not taken for a handshake")
				}
				if m.Refused != "" {
					t.Fatalf("refused: %s", m.Refused)
				}
				if h.HandsOver() && (kept[p.ID] != ours.Reveal() || m.Kept == "") {
					t.Errorf("the secret that was handed over is not kept (%q, %q)", m.Kept, m.NotKept)
				}
				if h.Refuse != 0 {
					if _, ok := answered(t, j, p, h, ours, newSecret(t, p)); ok {
						t.Error("a wrong signature is answered")
					}
				}
			})
		}
	}
	if tried < 25 {
		t.Errorf("%d handshakes, want all", tried)
	}
}

// TestOnlyTheFirstSecretCounts: anybody can hand over a secret, so none takes
// the place of one that is known.
func TestOnlyTheFirstSecretCounts(t *testing.T) {
	t.Parallel()
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	j, kept := stranger(c)
	p, err := j.Catalogue.Get("asana")
	if err != nil {
		t.Fatal(err)
	}
	h, first, second := p.Handshakes()[0], newSecret(t, p), newSecret(t, p)
	if g, _ := answered(t, j, p, h, first, first); g.Kept == "" || kept["asana"] != first.Reveal() {
		t.Errorf("the first: %+v", g)
	}
	if g, _ := answered(t, j, p, h, first, first); g.Kept != "" || g.NotKept != "" {
		t.Errorf("the first again: %+v", g)
	}
	g, _ := answered(t, j, p, h, second, second)
	if g.Kept != "" || g.NotKept == "" || kept["asana"] != first.Reveal() {
		t.Errorf("the second: %+v", g)
	}
	if strings.Contains(g.NotKept, second.Reveal()) {
		t.Error("the secret is told")
	}
	j.Keep = func(context.Context, string, safetext.Secret) (string, error) { return "", errors.New("disk full") }
	delete(kept, "asana")
	if g, _ := answered(t, j, p, h, second, second); g.Refused == "" || g.Status != 400 {
		t.Errorf("one that cannot be kept: %+v", g)
	}
}

func newSecret(t *testing.T, p *provider.Provider) safetext.Secret {
	t.Helper()
	if len(p.Schemes()) == 0 {
		return safetext.Secret{}
	}
	s, err := p.SecretForm().New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keysOf(t *testing.T, p *provider.Provider, s safetext.Secret) []*scheme.Key {
	t.Helper()
	if len(p.Schemes()) == 0 {
		return nil
	}
	keys, err := p.Keys(s)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// answered sends h, signed with a secret, and checks the answer.
func answered(t *testing.T, j *judge.Judge, p *provider.Provider, h *provider.Handshake, own, with safetext.Secret) (judge.Greeting, bool) {
	t.Helper()
	m, err := h.Request(p, "http://127.0.0.1:3000/hook", provider.BuildOptions{At: now()})
	if err != nil {
		t.Fatal(err)
	}
	if h.HandsOver() {
		if err := h.HandOver(m, own); err != nil {
			t.Fatal(err)
		}
	}
	if h.Signed {
		if err := p.Sign(m, scheme.SignOptions{Keys: keysOf(t, p, with), At: now()}); err != nil {
			t.Fatal(err)
		}
	}
	d := &webhook.Delivery{Method: m.Method, URL: m.URL, Header: m.Header, Body: m.Body, RemoteAddr: "203.0.113.9:1"}
	j.Judge(t.Context(), d, now())
	g, ok := j.Greet(t.Context(), d, now())
	if !ok || g.Refused != "" {
		return g, ok
	}
	var key *scheme.Key
	if keys := keysOf(t, p, own); len(keys) > 0 {
		key = keys[0]
	}
	if err := h.Check(m, key, g.Status, g.Header, g.Body); err != nil {
		t.Errorf("%s: %v", h.Name, err)
	}
	if g.Header.Get("X-Content-Type-Options") != "nosniff" || strings.HasPrefix(g.Header.Get("Content-Type"), "text/html") {
		t.Errorf("header %v", g.Header)
	}
	if h.HandsOver() && (strings.Contains(string(d.Body), own.Reveal()) || len(d.Redacted) != 1) {
		t.Errorf("the secret stands in what is kept: %s, redacted %v", d.Body, d.Redacted)
	}
	return g, ok
}
