package draft_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/contract"
	"github.com/hooks-cli/hooks/internal/draft"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

var update = flag.Bool("update", false, "write what is made of documents anew")

func now() time.Time { return time.Unix(1_700_000_000, 0).UTC() }

// use loads a definition and sends each of its samples through signing and
// verifying.
func use(t *testing.T, definition []byte) *provider.Provider {
	t.Helper()
	for _, p := range provider.Validate(definition) {
		t.Errorf("%s\n%s", p, definition)
	}
	if t.Failed() {
		t.FailNow()
	}
	c, err := provider.Load(provider.Source{Name: "draft", Data: definition, Layer: 1})
	if err != nil {
		t.Fatal(err)
	}
	var p *provider.Provider
	for _, s := range c.Summaries() {
		if s.Origin == "draft" {
			if p, err = c.Get(s.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range p.Events {
		ev, err := p.Build(provider.BuildOptions{Type: e.Type, At: now()})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Schemes()) == 0 {
			continue
		}
		secret, err := p.SecretForm().New()
		if err != nil {
			t.Fatal(err)
		}
		keys, err := p.Keys(secret)
		if err != nil {
			t.Fatal(err)
		}
		m := &scheme.Message{Method: ev.Method, URL: "https://app.example/hook", Header: ev.Header, Body: ev.Body}
		if err := p.Sign(m, scheme.SignOptions{Keys: keys, At: now()}); err != nil {
			t.Fatal(err)
		}
		v := p.Verifier(provider.NamedSecret{Name: "s", Secret: secret}).Verify(m, scheme.VerifyOptions{Now: now()})
		if v.Status != webhook.Verified {
			t.Errorf("%s: %+v", e.Type, v)
		}
	}
	return p
}

// TestLikeEveryProvider: whichever provider is the example, what is written is
// a definition that works, and the other one is not named in it.
func TestLikeEveryProvider(t *testing.T) {
	t.Parallel()
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range c.IDs() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			model, err := c.YAML(id)
			if err != nil {
				t.Fatal(err)
			}
			definition, err := draft.Like(draft.Provider{ID: "my-shop"}, model)
			if err != nil {
				t.Fatal(err)
			}
			p := use(t, definition)
			if p.ID != "my-shop" || p.Name != "My Shop" || len(p.Events) == 0 || len(p.Sources) > 0 || p.Rank != 1000 {
				t.Errorf("%+v", p)
			}
			for _, s := range p.Schemes() {
				for _, name := range s.SignatureHeaders() {
					if strings.Contains(strings.ToLower(name), "-"+id) || strings.HasPrefix(strings.ToLower(name), id+"-") {
						t.Errorf("the signature is in %s", name)
					}
				}
			}
		})
	}
}

func TestLikeHasTheOthersWay(t *testing.T) {
	t.Parallel()
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	model, err := c.YAML("stripe")
	if err != nil {
		t.Fatal(err)
	}
	definition, err := draft.Like(draft.Provider{ID: "acme", Name: "Acme: Inc"}, model)
	if err != nil {
		t.Fatal(err)
	}
	p := use(t, definition)
	s := p.Schemes()[0].Spec()
	if p.Name != "Acme: Inc" || s.Algorithm != "hmac-sha256" || s.Signature.In[0] != "header:Acme-Signature" || s.Secret.Env != "ACME_WEBHOOK_SECRET" || len(p.Events) != 3 {
		t.Errorf("%+v %+v", p, s)
	}
	if !strings.HasPrefix(string(definition), "# How Acme: Inc sends webhooks, after the example of Stripe.\n") {
		t.Errorf("begins with %.80q", definition)
	}
	if _, err := draft.Like(draft.Provider{ID: "acme"}, []byte("a: [")); err == nil {
		t.Error("an example that is no YAML is taken")
	}
}

// TestContracts imports documents of each kind and compares with what was
// looked at once.
func TestContracts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.in")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := contract.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			definition, notes, err := draft.Contract(draft.Provider{ID: "imported"}, doc, nil)
			if err != nil {
				t.Fatal(err)
			}
			use(t, definition)
			got := string(definition) + "\n"
			for _, n := range notes {
				got += "# note: " + n.String() + "\n"
			}
			golden := strings.TrimSuffix(name, ".in") + ".out"
			want, err := os.ReadFile(golden)
			if err != nil || got != string(want) {
				if !*update {
					t.Fatalf("%v; -update writes\n%s", err, got)
				}
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestContractSignsLikeAnother: in the header that the document names.
func TestContractSignsLikeAnother(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/shop.in")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := contract.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	model, err := c.YAML("shopify")
	if err != nil {
		t.Fatal(err)
	}
	definition, notes, err := draft.Contract(draft.Provider{ID: "shop"}, doc, model)
	if err != nil {
		t.Fatal(err)
	}
	p := use(t, definition)
	if got := p.Schemes()[0].SignatureHeaders(); !slices.Equal(got, []string{"X-Shop-Signature"}) {
		t.Errorf("the signature is in %v", got)
	}
	for _, n := range notes {
		if strings.Contains(n.Text, "signature") {
			t.Errorf("noted: %s", n)
		}
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"Corner Shop API": "corner-shop-api", "  Ünïcode!": "n-code", "": "", "A--b": "a-b", strings.Repeat("a", 80): strings.Repeat("a", 64)} {
		if got := draft.ID(in); got != want {
			t.Errorf("ID(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzContract: whatever document is read makes a definition that is right.
func FuzzContract(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.in")
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := contract.Read(data)
		if err != nil {
			return
		}
		definition, _, err := draft.Contract(draft.Provider{ID: "fuzz"}, doc, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range provider.Validate(definition) {
			t.Errorf("%s\n%s", p, definition)
		}
	})
}
