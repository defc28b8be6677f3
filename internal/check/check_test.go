package check_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func catalogue(t testing.TB) *provider.Catalogue {
	t.Helper()
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t testing.TB, id string) *provider.Provider {
	t.Helper()
	p, err := catalogue(t).Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// secretOf makes a secret as p's are.
func secretOf(t testing.TB, p *provider.Provider) []provider.NamedSecret {
	t.Helper()
	if len(p.Schemes()) == 0 {
		return nil
	}
	s, err := p.SecretForm().New()
	if err != nil {
		t.Fatal(err)
	}
	return []provider.NamedSecret{{Name: p.ID, Secret: s}}
}

// An app is a handler for the deliveries of one provider, right unless it is
// told otherwise.
type app struct {
	provider *provider.Provider
	verifier *provider.Verifier
}

func newApp(p *provider.Provider, secrets []provider.NamedSecret) *app {
	return &app{p, p.Verifier(secrets...)}
}

// read takes the request as a scheme sees it.
func read(r *http.Request) *scheme.Message {
	body, _ := io.ReadAll(r.Body)
	return &scheme.Message{Method: r.Method, URL: "http://" + r.Host + r.RequestURI, Header: r.Header, Body: body}
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != a.provider.Delivery.Method {
		http.Error(w, "", http.StatusMethodNotAllowed)
		return
	}
	v := a.verifier.Verify(read(r), scheme.VerifyOptions{Now: time.Now()})
	if len(a.provider.Schemes()) > 0 && v.Status != webhook.Verified {
		http.Error(w, string(v.Reason), http.StatusUnauthorized)
		return
	}
	_, _ = io.WriteString(w, "ok")
}

func options(t testing.TB, p *provider.Provider, secrets []provider.NamedSecret, h http.Handler) check.Options {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	client := deliver.New(time.Now, deliver.Options{})
	t.Cleanup(client.Close)
	return check.Options{
		URL: srv.URL + p.Delivery.Path, Provider: p, Secrets: secrets, Client: client, Now: time.Now,
		Select: func(id string) bool { return id != "survives-slow-client" },
	}
}

func run(t testing.TB, o check.Options) check.Report {
	t.Helper()
	r, err := check.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func failures(r check.Report) []string {
	var out []string
	for _, c := range r.Cases {
		if c.Status == check.Failed {
			out = append(out, c.ID)
		}
	}
	slices.Sort(out)
	return out
}

// TestEveryProvider: a handler that verifies by the provider's definition fails
// no case, whatever the provider.
func TestEveryProvider(t *testing.T) {
	t.Parallel()
	for i, p := range catalogue(t).All() {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			secrets := secretOf(t, p)
			o := options(t, p, secrets, newApp(p, secrets))
			left := []string{"survives-slow-client"}
			if i%8 != 0 { // these cost the most and depend the least on the provider
				left = append(left, "answers-burst", "accepts-large-body")
			}
			o.Select = func(id string) bool { return !slices.Contains(left, id) }
			r := run(t, o)
			for _, c := range r.Cases {
				if c.Status == check.Failed {
					t.Errorf("%s failed: %s", c.ID, c.Actual)
				}
			}
			if !r.Passed || r.Opening != "" || len(r.Cases) != len(check.Cases())-len(left) {
				t.Errorf("passed %v, %d cases, %q", r.Passed, len(r.Cases), r.Opening)
			}
		})
	}
}
