package workspace_test

import (
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/workspace"
)

// place is a home and a project of their own, and what the person was told.
type place struct {
	workspace.Options
	vars map[string]string
	told []string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	top := t.TempDir()
	p := &place{vars: map[string]string{}}
	p.Options = workspace.Options{
		Dir: filepath.Join(top, "project"), Home: filepath.Join(top, "home"),
		Config: filepath.Join(top, "home", "config"), Data: filepath.Join(top, "home", "data"), State: filepath.Join(top, "home", "state"),
		Rand:   rand.Reader,
		Getenv: func(name string) string { return p.vars[name] },
		Now:    func() time.Time { return time.Unix(1_700_000_000, 0) },
		Lookup: func(name string) (string, error) {
			if v := p.vars[name]; v != "" {
				return v, nil
			}
			return "", errors.New("no variable " + name)
		},
		Warn: func(message string, hints ...string) {
			p.told = append(p.told, strings.Join(append([]string{message}, hints...), " | "))
		},
	}
	for _, dir := range []string{p.Dir, p.Config} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *place) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const definition = `id: %s
name: Acme
delivery: {path: /acme}
`

func TestSecretsComeFromTheSettings(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, filepath.Join(p.Dir, "hooks.yaml"), "secrets:\n  canvelete: env:MINE\n  sketchpen: '@key'\n  generic: env:NONE\n  loopcanvas: '@empty'\n  canvelet: env:X\n")
	p.write(t, filepath.Join(p.Dir, "key"), "from-a-file\r\n")
	p.write(t, filepath.Join(p.Dir, "empty"), "\n")
	p.vars["MINE"] = "from-a-variable"
	r, err := workspace.New(p.Options).Secrets()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"canvelete": "from-a-variable", "sketchpen": "from-a-file"} {
		got, err := r.For(t.Context(), name)
		if err != nil || len(got) != 1 || got[0].Secret.Reveal() != want || !strings.HasPrefix(got[0].Source, "hooks.yaml:") {
			t.Errorf("For(%s) = %v, %v, want %s from hooks.yaml", name, got, err, want)
		}
	}
	for name, want := range map[string]string{"generic": "hooks.yaml:4: no variable NONE", "loopcanvas": "hooks.yaml:5: it is empty"} {
		if _, err := r.For(t.Context(), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("For(%s): %v, want an error with %q", name, err, want)
		}
	}
	if len(p.told) != 1 || !strings.Contains(p.told[0], `names a secret for "canvelet", which is no provider | did you mean canvelete?`) {
		t.Errorf("the person was told %q", p.told)
	}
}

func TestDevelopmentSecretIsTheSameInEveryRun(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	target, err := url.Parse("http://localhost:3000/")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for range 2 {
		r, err := workspace.New(p.Options).Secrets()
		if err != nil {
			t.Fatal(err)
		}
		list, err := r.ToSign(t.Context(), "canvelete", target)
		if err != nil || len(list) != 1 || list[0].Name != secret.DevelopmentName {
			t.Fatalf("ToSign = %v, %v", list, err)
		}
		texts = append(texts, list[0].Secret.Reveal())
	}
	if texts[0] != texts[1] || len(texts[0]) < 32 {
		t.Errorf("two runs have %d and %d bytes that differ", len(texts[0]), len(texts[1]))
	}
}

func TestNewSecretFitsEveryProvider(t *testing.T) {
	t.Parallel()
	c, err := workspace.New(newPlace(t).Options).Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	slow := 0
	for _, id := range c.IDs() {
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Schemes()) == 0 {
			continue
		}
		if strings.HasPrefix(p.SecretForm().Encoding, "rsa") {
			if slow++; slow > 1 {
				continue // making such a key takes a while; one shows that it works
			}
		}
		s, err := workspace.NewSecret(c, id, rand.Reader)
		if err != nil {
			t.Errorf("NewSecret(%s): %v", id, err)
			continue
		}
		if _, err := p.Keys(s); err != nil {
			t.Errorf("a new secret of %s is not one of its own: %v", id, err)
		}
	}
	var unknown *provider.UnknownError
	if _, err := workspace.NewSecret(c, "canvelet", rand.Reader); !errors.As(err, &unknown) {
		t.Errorf("NewSecret for no provider: %v", err)
	}
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, filepath.Join(p.Dir, "acme.yaml"), strings.ReplaceAll(definition, "%s", "acme"))
	p.write(t, filepath.Join(p.Dir, "hooks.yaml"), "providers:\n  - acme.yaml\n  - {id: inline, name: Inline}\n")
	c, err := workspace.New(p.Options).Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	if !c.Has("acme") || !c.Has("inline") || !c.Has("canvelete") {
		t.Errorf("the catalogue has %v", c.IDs())
	}
	p.write(t, filepath.Join(p.Dir, "hooks.yaml"), "to: :1\nproviders:\n  - {id: inline, nam: Inline}\n")
	var invalid *provider.InvalidError
	if _, err := workspace.New(p.Options).Catalogue(); !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), "hooks.yaml:3:") {
		t.Errorf("a mistake in a definition: %v, want its line in hooks.yaml", err)
	}
	p.write(t, filepath.Join(p.Config, "config.yaml"), "providers: [none.yaml]\n")
	p.write(t, filepath.Join(p.Dir, "hooks.yaml"), "")
	if _, err := workspace.New(p.Options).Catalogue(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "config.yaml:1") {
		t.Errorf("a definition that is not there: %v", err)
	}
}

func TestUntrustedIsToldOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, filepath.Join(p.Dir, "hooks.yaml"), "to: https://example.com/\nstore: x.db\n")
	w := workspace.New(p.Options)
	for range 2 {
		if _, err := w.Catalogue(); err != nil {
			t.Fatal(err)
		}
	}
	if want := "hooks.yaml is not trusted; left out: to (line 1), store (line 2) | if you trust who wrote it: hooks config trust"; len(p.told) != 1 || p.told[0] != want {
		t.Errorf("the person was told %q, want %q once", p.told, want)
	}
	if path, err := w.StorePath(); err != nil || path != filepath.Join(p.Data, "captures.db") {
		t.Errorf("StorePath = %s, %v", path, err)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, filepath.Join(p.Config, "config.yaml"), "store: ~/mine.db\nkeep: [2d, 100]\n")
	for name, want := range map[string]string{"": filepath.Join(p.Home, "mine.db"), filepath.Join(p.Home, "flag.db"): filepath.Join(p.Home, "flag.db")} {
		p.Store = name
		w := workspace.New(p.Options)
		s, err := w.Store(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if again, err := w.Store(t.Context()); s.Path() != want || again != s || err != nil {
			t.Errorf("Store is %s, and then %v, %v, want %s", s.Path(), again.Path(), err, want)
		}
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	if got, err := workspace.Retention("2d", "100", "1MiB"); err != nil || got != (store.Retention{Age: 48 * time.Hour, Count: 100, Bytes: 1 << 20}) {
		t.Errorf("Retention = %+v, %v", got, err)
	}
	if _, err := workspace.Retention("2d", "100m"); err == nil {
		t.Error("Retention of what could be minutes has no error")
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, filepath.Join(p.Config, "config.yaml"), "profiles: {staging: {to: ':1'}}\n")
	w := workspace.New(p.Options)
	c, err := w.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	s, err := workspace.NewSecret(c, "canvelete", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Keeper().Set(t.Context(), "live", "canvelete", s, false); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Profiles(); err != nil || !slices.Equal(got, []string{"live", "staging"}) {
		t.Errorf("Profiles = %v, %v", got, err)
	}
	for name, nearest := range map[string]string{"": "", "staging": "", "live": "", "stagin": "staging", "other": ""} {
		p.Profile = name
		err := workspace.New(p.Options).CheckProfile()
		var unknown *workspace.UnknownProfileError
		if bad := name == "stagin" || name == "other"; errors.As(err, &unknown) != bad || bad && unknown.Nearest != nearest {
			t.Errorf("CheckProfile of %q: %v, want nearest %q", name, err, nearest)
		}
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	w := workspace.New(p.Options)
	for path, want := range map[string]string{
		filepath.Join(p.Dir, "a", "b"):        filepath.Join("a", "b"),
		filepath.Join(p.Config, "x"):          filepath.Join("~", "config", "x"),
		filepath.Join(p.Dir, "..", "..", "c"): filepath.Clean(filepath.Join(p.Dir, "..", "..", "c")),
	} {
		if got := w.Shown(path); got != want && filepath.Clean(got) != want {
			t.Errorf("Shown(%s) = %s, want %s", path, got, want)
		}
	}
}

// TestWhereDefinitionsComeFrom: the user's folder, the settings and the command
// line, each replacing what stands before. A project that is not trusted adds
// providers and replaces none.
func TestWhereDefinitionsComeFrom(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	folder := filepath.Join(p.Config, "providers")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"acme.yaml": "id: acme\nname: folder\n", "more.yml": "id: more\nname: folder\n", "notes.txt": "no definition", ".swap.yaml": "no definition",
	} {
		p.write(t, filepath.Join(folder, name), text)
	}
	p.write(t, filepath.Join(p.Dir, "hooks.yaml"), "providers:\n- {id: mine, name: project}\n- {id: stripe, name: project}\n- {id: more, name: project}\n")
	p.write(t, filepath.Join(p.Dir, "acme.yaml"), "id: acme\nname: command\n")
	names := func() string {
		t.Helper()
		c, err := workspace.New(p.Options).Catalogue()
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, id := range []string{"acme", "more", "mine", "stripe"} {
			one, err := c.Get(id)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, one.Name)
		}
		return strings.Join(out, " ")
	}
	if got := names(); got != "folder folder project Stripe" || len(p.told) != 2 || !strings.Contains(p.told[0], "redefines a provider") {
		t.Errorf("%s; told %q", got, p.told)
	}
	p.ProviderFiles = []workspace.File{{Name: "acme.yaml", Path: filepath.Join(p.Dir, "acme.yaml")}}
	if got := names(); got != "command folder project Stripe" {
		t.Error(got)
	}
	s, err := workspace.New(p.Options).Settings()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Trust(true); err != nil {
		t.Fatal(err)
	}
	if got := names(); got != "command project project project" {
		t.Error("trusted:", got)
	}
	p.ProviderFiles[0].Path = filepath.Join(p.Dir, "none.yaml")
	if _, err := workspace.New(p.Options).Catalogue(); err == nil || !strings.Contains(err.Error(), "--provider-file acme.yaml: ") {
		t.Errorf("a file that is not there: %v", err)
	}
}
