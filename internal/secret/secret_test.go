package secret_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
)

// world is a home of its own with a clock that a test moves.
type world struct {
	*secret.Keeper
	now time.Time
	dir string
}

func newWorld(t *testing.T, ring *secret.Keyring) *world {
	t.Helper()
	w := &world{now: time.Unix(1_700_000_000, 0), dir: filepath.Join(t.TempDir(), "hooks", "secrets")}
	w.Keeper = &secret.Keeper{Dir: w.dir, Keyring: ring, Now: func() time.Time { return w.now }}
	return w
}

func (w *world) resolver() *secret.Resolver {
	return &secret.Resolver{
		Keeper:      w.Keeper,
		Now:         func() time.Time { return w.now },
		Development: &secret.Development{Dir: filepath.Join(w.dir, "development"), Rand: rand.Reader, Make: make24},
	}
}

func make24(provider string, random io.Reader) (safetext.Secret, error) {
	b := make([]byte, 24)
	if _, err := io.ReadFull(random, b); err != nil {
		return safetext.Secret{}, err
	}
	return safetext.NewSecret(provider + "_" + hex.EncodeToString(b)), nil
}

func (w *world) set(t *testing.T, profile, name, text string) secret.Where {
	t.Helper()
	where, err := w.Set(t.Context(), profile, name, safetext.NewSecret(text), false)
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// memory is a keyring that holds a map, and that can fail.
type memory struct {
	mu    sync.Mutex
	items map[string]string
	err   error
}

func (m *memory) ring() *secret.Keyring {
	m.items = map[string]string{}
	return &secret.Keyring{
		Patience: time.Minute,
		Get: func(name string) (string, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if text, ok := m.items[name]; ok || m.err != nil {
				return text, m.err
			}
			return "", keyring.ErrNotFound
		},
		Set: func(name, text string) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.err == nil {
				m.items[name] = text
			}
			return m.err
		},
		Delete: func(name string) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			delete(m.items, name)
			return m.err
		},
	}
}

func texts(list []secret.Named) string {
	var parts []string
	for _, n := range list {
		parts = append(parts, n.Name+"="+n.Secret.Reveal()+"@"+n.Source)
	}
	return strings.Join(parts, " ")
}

func TestKeeper(t *testing.T) {
	t.Parallel()
	for _, where := range []secret.Where{secret.InFile, secret.InKeyring} {
		t.Run(string(where), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			var ring *secret.Keyring
			if where == secret.InKeyring {
				ring = (&memory{}).ring()
			}
			w := newWorld(t, ring)
			if got := w.set(t, "", "canvelete", "one"); got != where {
				t.Errorf("Set keeps it in the %s, want the %s", got, where)
			}
			w.set(t, "staging", "canvelete", "other")
			w.set(t, "", "relay", "token")
			for _, step := range []struct {
				text string
				keep time.Duration
			}{{"two", 24 * time.Hour}, {"three", time.Hour}} {
				if _, err := w.Rotate(ctx, "", "canvelete", safetext.NewSecret(step.text), step.keep, false); err != nil {
					t.Fatal(err)
				}
			}
			r := w.resolver()
			want := fmt.Sprintf("canvelete=three@%s canvelete (previous)=two@%[1]s canvelete (previous)=one@%[1]s", where)
			if got, err := r.For(ctx, "canvelete"); err != nil || texts(got) != want {
				t.Errorf("For = %s, %v, want %s", texts(got), err, want)
			}
			w.now = w.now.Add(time.Hour)
			want = fmt.Sprintf("canvelete=three@%s", where)
			if got, err := r.For(ctx, "canvelete"); err != nil || texts(got) != want {
				t.Errorf("an hour later For = %s, %v, want %s", texts(got), err, want)
			}
			list, err := w.List()
			if err != nil || fmt.Sprint(list) != fmt.Sprintf("[{ canvelete %s} { relay %[1]s} {staging canvelete %[1]s}]", where) {
				t.Errorf("List = %v, %v", list, err)
			}
			for i, want := range []bool{true, false} {
				if found, err := w.Delete(ctx, "", "canvelete"); err != nil || found != want {
					t.Errorf("Delete number %d = %v, %v, want %v", i+1, found, err, want)
				}
			}
			if got, err := r.For(ctx, "canvelete"); err != nil || len(got) != 0 {
				t.Errorf("For after Delete = %s, %v", texts(got), err)
			}
		})
	}
}

func TestResolverOrder(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, nil)
	w.set(t, "", "canvelete", "kept")
	w.set(t, "staging", "canvelete", "staged")
	vars := map[string]string{}
	r := w.resolver()
	r.Getenv = func(name string) string { return vars[name] }
	check := func(provider, want string) {
		t.Helper()
		if got, err := r.For(ctx, provider); err != nil || texts(got) != want {
			t.Errorf("For(%s) = %s, %v, want %s", provider, texts(got), err, want)
		}
	}
	check("canvelete", "canvelete=kept@file")
	check("stripe", "")
	r.Profile = "staging"
	check("canvelete", "canvelete=staged@file")
	r.Profile = "none"
	check("canvelete", "canvelete=kept@file")
	r.Configured = func(provider string) (secret.Reference, bool) {
		return secret.Reference{Source: "hooks.yaml:3", Read: func() (safetext.Secret, error) {
			if provider == "broken" {
				return safetext.Secret{}, errors.New("no variable X")
			}
			return safetext.NewSecret("configured"), nil
		}}, provider != "stripe"
	}
	check("canvelete", "canvelete=configured@hooks.yaml:3")
	check("stripe", "")
	if _, err := r.For(ctx, "broken"); err == nil || !strings.Contains(err.Error(), "hooks.yaml:3") {
		t.Errorf("For(broken): %v, want an error that names the place", err)
	}
	vars["HOOKS_SECRET"] = "any"
	check("stripe", "HOOKS_SECRET=any@HOOKS_SECRET")
	vars["HOOKS_SECRET_MY_APP_2"] = "specific"
	check("my-app.2", "HOOKS_SECRET_MY_APP_2=specific@HOOKS_SECRET_MY_APP_2")
	r.Given = []secret.Given{{"", safetext.NewSecret("a")}, {"stripe", safetext.NewSecret("b")}, {"stripe", safetext.NewSecret("c")}}
	check("stripe", "--secret=b@--secret --secret=c@--secret --secret=a@--secret")
	check("canvelete", "--secret=a@--secret")
}

func TestToSign(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, nil)
	r := w.resolver()
	for _, s := range []string{"http://127.0.0.1:3000/", "http://localhost/", "http://[::1]:1/"} {
		got, err := r.ToSign(ctx, "canvelete", mustURL(t, s))
		if err != nil || len(got) != 1 || got[0].Name != secret.DevelopmentName {
			t.Errorf("ToSign towards %s = %s, %v, want the development secret", s, texts(got), err)
		}
	}
	// What a resolver, a proxy or a person could take for this machine.
	for _, s := range []string{
		"https://example.com/", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "http://127.0.0.1@evil.example/",
		"http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://0.0.0.0/", "http://[::]/", "http://[::127.0.0.1]/",
		"http://10.0.0.1/", "http://host.docker.internal/", "http://a.localhost/", "http://[::1%25eth0]/", "/path",
	} {
		got, err := r.ToSign(ctx, "canvelete", mustURL(t, s))
		var none *secret.NoSecretError
		if !errors.As(err, &none) || !none.Away || len(got) != 0 {
			t.Errorf("ToSign towards %s = %s, %v, want no secret", s, texts(got), err)
		}
	}
	w.set(t, "", "canvelete", "own")
	if got, err := r.ToSign(ctx, "canvelete", mustURL(t, "https://example.com/")); err != nil || texts(got) != "canvelete=own@file" {
		t.Errorf("ToSign with an own secret = %s, %v", texts(got), err)
	}
	var empty secret.Resolver
	if _, err := empty.ToSign(ctx, "x", mustURL(t, "http://localhost/")); err == nil {
		t.Error("ToSign of the zero Resolver has no error")
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestDevelopmentSecretIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const processes = 24
	got := make([]string, processes)
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() {
			n, err := w.resolver().ForDevelopment("canvelete")
			if err != nil {
				t.Error(err)
			}
			got[i] = n.Secret.Reveal()
		})
	}
	wg.Wait()
	if slices.Sort(got); got[0] != got[processes-1] || len(got[0]) < 48 {
		t.Errorf("%d starts at the same moment made %v", processes, slices.Compact(got))
	}
	for _, dir := range []string{w.dir, filepath.Join(w.dir, "development")} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v, want mode 0700", dir, info.Mode(), err)
		}
	}
	files, err := os.ReadDir(filepath.Join(w.dir, "development"))
	if err != nil || len(files) != 1 || files[0].Name() != "canvelete" {
		t.Errorf("the folder has %v, %v, want one file", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v, want mode 0600", info.Mode(), err)
	}
	other, err := newWorld(t, nil).resolver().ForDevelopment("canvelete")
	if err != nil || other.Secret.Reveal() == got[0] {
		t.Errorf("another home has the same secret, %v", err)
	}
}

func TestNamesAreNeverPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, name := range []string{"../../evil", "/etc/passwd", "a/b", "", "..", "x\x00y", "CON:", "é", strings.Repeat("a", 300)} {
		if _, err := w.Set(t.Context(), "", name, safetext.NewSecret("s"), false); err == nil {
			t.Errorf("Set(%q) has no error", name)
		}
		if got, _, err := w.Get(t.Context(), name, "x"); name != "" && (err != nil || len(got) > 0) {
			t.Errorf("Get of profile %q = %v, %v", name, got, err)
		}
		if _, err := w.resolver().ForDevelopment(name); err != nil {
			t.Errorf("ForDevelopment(%q): %v", name, err)
		}
	}
	err := filepath.WalkDir(filepath.Dir(filepath.Dir(w.dir)), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Dir(path) != filepath.Join(w.dir, "development") && filepath.Dir(path) != w.dir {
			t.Errorf("%s was made", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRefusedPlaces(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(dir string) error
		want  string
	}{
		"file-read-by-others":    {func(dir string) error { return os.Chmod(filepath.Join(dir, "secrets.json"), 0o644) }, "can be read by other users"},
		"file-read-by-the-group": {func(dir string) error { return os.Chmod(filepath.Join(dir, "secrets.json"), 0o640) }, "can be read by other users"},
		"folder-read-by-others":  {func(dir string) error { return os.Chmod(dir, 0o755) }, "can be read by other users"},
		"folder-above-written":   {func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o777) }, "can be written by other users"},
		"file-is-a-link":         {func(dir string) error { return relink(filepath.Join(dir, "secrets.json")) }, "symbolic link"},
		"folder-is-a-link":       {relink, "symbolic link"},
		"file-is-a-folder": {func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "secrets.json")), os.Mkdir(filepath.Join(dir, "secrets.json"), 0o700))
		}, "no file at all"},
		"file-is-damaged": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "secrets.json"), []byte("{\"canary"), 0o600)
		}, "is damaged"},
		"file-of-a-newer-version": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "secrets.json"), []byte(`{"version":2}`), 0o600)
		}, "newer hooks"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.set(t, "", "canvelete", "canary")
			if err := tt.spoil(w.dir); err != nil {
				t.Skip(err)
			}
			_, rerr := w.resolver().For(t.Context(), "canvelete")
			_, werr := w.Set(t.Context(), "", "stripe", safetext.NewSecret("canary"), false)
			_, lerr := w.List()
			for _, err := range []error{rerr, werr, lerr} {
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary") {
					t.Errorf("error %v, want one with %q", err, tt.want)
				}
			}
		})
	}
}

// relink moves path away and leaves a link to it.
func relink(path string) error {
	return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
}

func TestDevelopmentSecretOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r := w.resolver()
	if _, err := r.ForDevelopment("canvelete"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "development", "canvelete")
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	var unsafe *secret.UnsafeError
	if _, err := r.ForDevelopment("canvelete"); !errors.As(err, &unsafe) || unsafe.Fix != "chmod 600 "+path {
		t.Errorf("ForDevelopment: %v, want that others can read it", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Truncate(path, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ForDevelopment("canvelete"); err == nil {
		t.Error("an empty file is taken for a secret")
	}
}

func TestKeyringThatFails(t *testing.T) {
	t.Parallel()
	m := &memory{}
	w := newWorld(t, m.ring())
	w.set(t, "", "canvelete", "in the ring")
	m.err = errors.New("locked")
	if got := w.set(t, "", "stripe", "in the file"); got != secret.InFile {
		t.Errorf("with a keyring that fails Set keeps it in the %s", got)
	}
	if _, err := w.resolver().For(t.Context(), "canvelete"); err == nil || !strings.Contains(err.Error(), "keyring: locked") {
		t.Errorf("For with a keyring that fails: %v, want an error, so that no other secret stands in", err)
	}
	m.err = nil
	if got, err := w.resolver().For(t.Context(), "stripe"); err != nil || texts(got) != "stripe=in the file@file" {
		t.Errorf("For(stripe) = %s, %v", texts(got), err)
	}
	if where, err := w.Set(t.Context(), "", "canvelete", safetext.NewSecret("in the file"), true); err != nil || where != secret.InFile || len(m.items) != 0 {
		t.Errorf("Set in the file = %s, %v, and the keyring has %v", where, err, m.items)
	}
	w.Keyring = nil
	w.set(t, "", "github", "x")
	if got, err := w.resolver().For(t.Context(), "canvelete"); err != nil || texts(got) != "canvelete=in the file@file" {
		t.Errorf("For without a keyring = %s, %v", texts(got), err)
	}
}

func TestKeyringThatHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hang := func() error { <-release; return nil }
		ring := &secret.Keyring{
			Patience: 30 * time.Second,
			Get:      func(string) (string, error) { return "", hang() },
			Set:      func(string, string) error { return hang() },
			Delete:   func(string) error { return hang() },
		}
		k := &secret.Keeper{Dir: filepath.Join(dir, "secrets"), Keyring: ring, Now: time.Now}
		start := time.Now()
		where, err := k.Set(t.Context(), "", "canvelete", safetext.NewSecret("s"), false)
		if err != nil || where != secret.InFile || time.Since(start) != 30*time.Second {
			t.Errorf("Set = %s, %v after %v, want the file after 30 s", where, err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if where, err := k.Set(ctx, "", "stripe", safetext.NewSecret("s"), false); !errors.Is(err, context.Canceled) {
			t.Errorf("Set with an ended context = %s, %v", where, err)
		}
		close(release)
		synctest.Wait()
	})
}

func TestSystemKeyring(t *testing.T) {
	t.Parallel()
	bus := map[string]string{"DISPLAY": ":0", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus"}
	with := func(name, value string) map[string]string {
		vars := map[string]string{name: value}
		for k, v := range bus {
			if k != name {
				vars[k] = v
			}
		}
		return vars
	}
	tests := map[string]struct {
		goos string
		vars map[string]string
		want bool
	}{
		"desktop":        {"linux", bus, true},
		"wayland":        {"linux", map[string]string{"WAYLAND_DISPLAY": "w", "DBUS_SESSION_BUS_ADDRESS": "unix:abstract=x"}, true},
		"ci":             {"linux", with("CI", "true"), false},
		"no-display":     {"linux", with("DISPLAY", ""), false},
		"no-bus":         {"linux", with("DBUS_SESSION_BUS_ADDRESS", ""), false},
		"bus-elsewhere":  {"linux", with("DBUS_SESSION_BUS_ADDRESS", "tcp:host=evil.example,port=1"), false},
		"no-socket":      {"linux", map[string]string{"DISPLAY": ":0", "XDG_RUNTIME_DIR": "/none"}, false},
		"container":      {"linux", nil, false},
		"mac":            {"darwin", nil, true},
		"mac-over-ssh":   {"darwin", map[string]string{"SSH_CONNECTION": "1.2.3.4"}, false},
		"mac-ci":         {"darwin", map[string]string{"CI": "1"}, false},
		"windows":        {"windows", nil, true},
		"another-system": {"plan9", nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := secret.SystemKeyring(secret.Surroundings{GOOS: tt.goos, Getenv: func(name string) string { return tt.vars[name] }})
			if (got != nil) != tt.want {
				t.Errorf("SystemKeyring = %v, want %v", got != nil, tt.want)
			}
		})
	}
}

func TestWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, text := range []string{"", strings.Repeat("x", 64<<10+1)} {
		if _, err := w.Set(t.Context(), "", "canvelete", safetext.NewSecret(text), false); err == nil {
			t.Errorf("Set of %d bytes has no error", len(text))
		}
	}
	pem := "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"
	w.set(t, "", "key", pem)
	if got, err := w.resolver().For(t.Context(), "key"); err != nil || got[0].Secret.Reveal() != pem {
		t.Errorf("a key of several lines came back as %q, %v", texts(got), err)
	}
}

func TestRotateKeepsNoMoreThanAreTried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for i := range 20 {
		if _, err := w.Rotate(t.Context(), "", "canvelete", safetext.NewSecret(fmt.Sprint("s", i)), time.Hour, false); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := w.resolver().For(t.Context(), "canvelete"); err != nil || len(got) != 16 || got[0].Secret.Reveal() != "s19" || got[15].Secret.Reveal() != "s4" {
		t.Errorf("For = %s, %v, want the 16 newest", texts(got), err)
	}
}

func TestTwoProcessesSetAtTheSameMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			k := &secret.Keeper{Dir: w.dir, Now: time.Now}
			if _, err := k.Set(t.Context(), "", fmt.Sprint("p", i), safetext.NewSecret("s"), false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := w.List(); err != nil || len(list) != 16 {
		t.Errorf("List = %v, %v, want all 16", list, err)
	}
}
