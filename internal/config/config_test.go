package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/config"
)

// place is a home and a repository of their own.
type place struct {
	config.Options
	repo string
	vars map[string]string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	top := t.TempDir()
	p := &place{repo: filepath.Join(top, "repo"), vars: map[string]string{}}
	p.Options = config.Options{
		Dir: p.repo, ConfigDir: filepath.Join(top, "home", "config"), StateDir: filepath.Join(top, "home", "state"), Home: filepath.Join(top, "home"),
		Getenv: func(name string) string { return p.vars[name] },
	}
	for _, dir := range []string{filepath.Join(p.repo, ".git"), p.ConfigDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *place) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(p.repo, name)
	if name == "user" {
		path = filepath.Join(p.ConfigDir, "config.yaml")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *place) load(t *testing.T) *config.Settings {
	t.Helper()
	s, err := config.Load(p.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "user", "provider: user\nlisten: :1\ncolor: never\nprofiles:\n  ci:\n    listen: :2\n    color: always\n")
	p.write(t, "hooks.yaml", "provider: project\nlisten: :3\nprofiles: {ci: {listen: ':4'}}\n")
	p.vars["HOOKS_PROVIDER"] = "environment"
	p.Dir = filepath.Join(p.repo, "sub", "folder")
	tests := []struct{ profile, key, want, origin string }{
		{"", "provider", "environment", "HOOKS_PROVIDER"},
		{"", "listen", ":3", "hooks.yaml:2"},
		{"", "color", "never", "config.yaml:3"},
		{"", "max_body", "25MiB", "default"},
		{"", "to", "", "default"},
		{"ci", "listen", ":4", "hooks.yaml:3 (profile ci)"},
		{"ci", "color", "always", "config.yaml:7 (profile ci)"},
		{"other", "listen", ":3", "hooks.yaml:2"},
	}
	for _, tt := range tests {
		p.Profile = tt.profile
		v, err := p.load(t).Get(tt.key)
		if err != nil || v.Text() != tt.want || !strings.HasSuffix(v.Origin.String(), tt.origin) {
			t.Errorf("profile %q: Get(%s) = %q from %s, %v, want %q from %s", tt.profile, tt.key, v.Text(), v.Origin, err, tt.want, tt.origin)
		}
	}
	if got := p.load(t).Profiles(); !slices.Equal(got, []string{"ci"}) {
		t.Errorf("Profiles = %v", got)
	}
	p.File = p.write(t, "given.yaml", "listen: :5\nstore: captures.db\nrelay: https://relay.example.com\n")
	s := p.load(t)
	if s.Listen() != ":5" || s.Color() != "auto" || s.Provider() != "environment" || s.Store() != filepath.Join(p.repo, "captures.db") || s.Relay() == "" {
		t.Errorf("with --config: %q %q %q %q %q", s.Listen(), s.Color(), s.Provider(), s.Store(), s.Relay())
	}
}

func TestTypedValues(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "user", `
to: 3000
forward: [render.*=http://127.0.0.1:8080/r, ":9000/x?a=b"]
keep: 7d
tolerance: 10m
max_body: 1MiB
store: ~/my.db
events: a,b
filter: .x
secrets:
  canvelete: env:CANVELETE
  stripe: '@keys/stripe'
  relay: file:/etc/token
providers:
  - acme.yaml
  - id: inline
    name: &n Inline
    other: *n
`)
	s := p.load(t)
	if s.To() != "3000" || len(s.Forward()) != 2 || s.Keep()[0] != "7d" || s.MaxBody() != 1<<20 || s.Store() != filepath.Join(p.Home, "my.db") || s.Events() != "a,b" || s.Filter() != ".x" {
		t.Errorf("%v %v %v %v %v", s.To(), s.Forward(), s.Keep(), s.MaxBody(), s.Store())
	}
	if d, ok := s.Tolerance(); !ok || d != 10*time.Minute {
		t.Errorf("Tolerance = %v, %v", d, ok)
	}
	refs := map[string]config.SecretRef{
		"canvelete": {Variable: "CANVELETE"},
		"stripe":    {File: filepath.Join(p.ConfigDir, "keys", "stripe")},
		"relay":     {File: "/etc/token"},
	}
	for name, want := range refs {
		got, ok := s.Secret(name)
		got.Origin = config.Origin{}
		if !ok || got != want {
			t.Errorf("Secret(%s) = %+v, %v, want %+v", name, got, ok, want)
		}
	}
	if _, ok := s.Secret("github"); ok {
		t.Error("Secret(github) is known")
	}
	if got := s.SecretNames(); !slices.Equal(got, []string{"canvelete", "relay", "stripe"}) {
		t.Errorf("SecretNames = %v", got)
	}
	defs := s.Definitions()
	if len(defs) != 2 || defs[0].Path != filepath.Join(p.ConfigDir, "acme.yaml") {
		t.Fatalf("Definitions = %+v", defs)
	}
	var inline map[string]string
	if err := defs[1].Inline.Decode(&inline); err != nil || len(inline) != 3 || inline["other"] != "Inline" || defs[1].Inline.Line != defs[1].Line || defs[1].Line != 16 {
		t.Errorf("inline definition %v of line %d, %v", inline, defs[1].Line, err)
	}
	var empty config.Settings
	if _, ok := empty.Tolerance(); ok || empty.MaxBody() != 25<<20 || empty.Listen() != ":3000" || !slices.Equal(empty.Keep(), []string{"30d", "1GiB"}) {
		t.Error("the zero Settings do not have the defaults")
	}
}

func TestErrorsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"unknown-key":       {"to: :3000\ntolerence: 5m\n", "hooks.yaml:2:1: there is no setting \"tolerence\" (did you mean tolerance?)"},
		"far-from-any-key":  {"weather: fine\n", "hooks.yaml:1:1: there is no setting \"weather\": there are provider, to, "},
		"in-a-profile":      {"profiles:\n  ci:\n    listn: :1\n", "hooks.yaml:3:5: there is no setting \"listn\" (did you mean listen?)"},
		"nested-profiles":   {"profiles: {a: {profiles: {}}}\n", "hooks.yaml:1:16: there is no setting \"profiles\""},
		"twice":             {"to: :1\nto: :2\n", "hooks.yaml:2:1: \"to\" is there twice"},
		"list-for-a-word":   {"to: [a, b]\n", "hooks.yaml:1:5: to is one word"},
		"mapping-in-a-list": {"keep: [{a: b}]\n", "hooks.yaml:1:8: keep is a list of words"},
		"no-value":          {"to:\n", "hooks.yaml:1:4: to has no value"},
		"bad-url":           {"to: ftp://x\n", "hooks.yaml:1:5: to: address \"ftp://x\": only http and https"},
		"bad-listen":        {"listen: http://x\n", "hooks.yaml:1:9: listen: "},
		"bad-duration":      {"tolerance: 5\n", "hooks.yaml:1:12: tolerance: duration \"5\" has no unit"},
		"tolerance-off":     {"tolerance: 0s\n", "hooks.yaml:1:12: tolerance: the tolerance cannot be off"},
		"bad-size":          {"max_body: big\n", "hooks.yaml:1:11: max_body: size \"big\""},
		"bad-keep":          {"keep: [30d, long]\n", "hooks.yaml:1:13: keep: \"long\" is no age"},
		"bad-color":         {"color: blue\n", "hooks.yaml:1:8: color: \"blue\" is not one of"},
		"bad-forward":       {"forward: [render.*=ftp://x]\n", "hooks.yaml:1:11: forward: address"},
		"secret-itself":     {"secrets: {stripe: hunter2hunter2}\n", "hooks.yaml:1:19: secrets.stripe: a secret does not stand in a file"},
		"secret-no-name":    {"secrets: {stripe: 'env:'}\n", "hooks.yaml:1:19: secrets.stripe: the name after env: or @ is missing"},
		"not-a-mapping":     {"- to\n", "hooks.yaml:1:1: settings are of the form"},
		"a-word":            {"to\n", "hooks.yaml:1:1: settings are of the form"},
		"not-yaml":          {"to: :1\n\"x\n", "hooks.yaml:"},
		"tab":               {"profiles:\n\tci: {}\n", "hooks.yaml:2:1: not YAML: found character that cannot start any token"},
		"two-documents":     {"to: :1\n---\nto: :2\n", "hooks.yaml:2:1: a second document"},
		"unknown-anchor":    {"to: *x\n", "hooks.yaml:1:1: not YAML: unknown anchor"},
		"profile-name":      {"profiles: {../x: {}}\n", "hooks.yaml:1:12: \"../x\" is not a name"},
		"profile-providers": {"profiles: {a: {providers: [x]}}\n", "hooks.yaml:1:16: providers are the same in every profile"},
		"provider-number":   {"providers: [[x]]\n", "hooks.yaml:1:13: providers is a list of files or of definitions"},
		"mapping-as-key":    {"? {a: b}\n: c\n", "hooks.yaml:1:3: the name of a setting is a word"},
		"too-deep":          {"to: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n", "hooks.yaml:1:"},
		"billion-laughs":    {laughs(), "hooks.yaml:"},
		"itself":            {"to: &a [*a]\n", "hooks.yaml:1:"},
		"many-names":        {manyNames(), "hooks.yaml:1:1: there is no setting \"a0\""},
		"million-deep":      {"to: " + strings.Repeat("[", 1_000_000), "hooks.yaml"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.write(t, "hooks.yaml", tt.text)
			start := time.Now()
			_, err := config.Load(p.Options)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Load: %v, want an error with %q", err, tt.want)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("Load took %v", took)
			}
			var place *config.Error
			if name != "million-deep" && !errors.As(err, &place) {
				t.Errorf("Load: %T, want a *config.Error", err)
			}
		})
	}
}

// manyNames is a file of the greatest size and the shortest names.
func manyNames() string {
	var b strings.Builder
	for i := int64(0); b.Len() < 1<<20-16; i++ {
		b.WriteString("a" + strconv.FormatInt(i, 36) + ":\n")
	}
	return b.String()
}

func laughs() string {
	var b strings.Builder
	b.WriteString("to: &a0 [x, x]\n")
	for i := range 30 {
		fmt.Fprintf(&b, "k%d: &a%d [*a%d, *a%d]\n", i, i+1, i, i)
	}
	return b.String()
}

func TestParseKeep(t *testing.T) {
	t.Parallel()
	good := map[string]config.Keep{
		"30d": {Age: 720 * time.Hour}, "12h": {Age: 12 * time.Hour}, "10000": {Count: 10000}, "1GiB": {Bytes: 1 << 30}, "5g": {Bytes: 5 << 30}, "1.5GB": {Bytes: 1_500_000_000},
	}
	for text, want := range good {
		if got, err := config.ParseKeep(text); err != nil || got != want {
			t.Errorf("ParseKeep(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "0d", "100m", "-1", "forever"} {
		if got, err := config.ParseKeep(text); err == nil || got != (config.Keep{}) {
			t.Errorf("ParseKeep(%q) = %+v, %v, want an error", text, got, err)
		}
	}
}

func TestEnvironmentIsChecked(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.vars["HOOKS_TOLERANCE"] = "soon"
	if _, err := config.Load(p.Options); err == nil || !strings.HasPrefix(err.Error(), "HOOKS_TOLERANCE: ") {
		t.Errorf("Load: %v, want an error that names the variable", err)
	}
	p.vars = map[string]string{"HOOKS_FORWARD": "a=:1 :2"}
	if got := p.load(t).Forward(); !slices.Equal(got, []string{"a=:1", ":2"}) {
		t.Errorf("Forward = %v", got)
	}
}

func TestWhichProjectFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	above := filepath.Join(filepath.Dir(p.repo), "hooks.yaml")
	if err := os.WriteFile(above, []byte("to: :1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.load(t).Project(); got != "" {
		t.Errorf("Project = %q, which is above the repository", got)
	}
	top := p.write(t, "hooks.yaml", "to: :2\n")
	p.Dir = filepath.Join(p.repo, "a", "b")
	if got := p.load(t).Project(); got != top {
		t.Errorf("Project = %q, want %q", got, top)
	}
	near := p.write(t, "a/hooks.yaml", "to: :3\n")
	if got := p.load(t).Project(); got != near {
		t.Errorf("Project = %q, want %q", got, near)
	}
	if err := os.RemoveAll(filepath.Join(p.repo, ".git")); err != nil {
		t.Fatal(err)
	}
	if got := p.load(t).Project(); got != "" {
		t.Errorf("Project = %q outside of a repository, want none but in the working directory", got)
	}
}

func TestNotAFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if err := os.Mkdir(filepath.Join(p.repo, "hooks.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(p.Options); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("Load: %v", err)
	}
	p = newPlace(t)
	p.write(t, "hooks.yaml", "#"+strings.Repeat("x", 1<<20))
	if _, err := config.Load(p.Options); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("Load: %v", err)
	}
	p = newPlace(t)
	if err := os.Chmod(p.write(t, "user", ""), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(p.Options); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("Load with a user's file that all can write: %v", err)
	}
	p = newPlace(t)
	p.File = filepath.Join(p.repo, "none.yaml")
	if _, err := config.Load(p.Options); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load with a file that is not there: %v", err)
	}
}
