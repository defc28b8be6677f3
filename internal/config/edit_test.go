package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/config"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	const before = `# Settings of the shop.

to: :3000 # the app

# Which provider?
provider: canvelete
profiles:
  # The build.
  ci:
    color: never # no terminal
secrets:
  stripe: env:STRIPE
`
	tests := map[string]struct {
		before string
		edit   config.Edit
		want   string
	}{
		"new-file":         {"", config.Edit{Key: "to", Texts: []string{":3000"}}, "to: :3000\n"},
		"only-comments":    {"# mine\n", config.Edit{Key: "to", Texts: []string{":3000"}}, "# mine\nto: :3000\n"},
		"no-last-newline":  {"color: never", config.Edit{Key: "to", Texts: []string{"3000"}}, "color: never\nto: \"3000\"\n"},
		"a-list":           {"", config.Edit{Key: "keep", Texts: []string{"7d", "1GiB"}}, "keep: [7d, 1GiB]\n"},
		"append-keeps-all": {before, config.Edit{Key: "listen", Texts: []string{":4000"}}, before + "listen: :4000\n"},
		"change-keeps-comments": {
			before,
			config.Edit{Key: "to", Texts: []string{":4000"}},
			strings.Replace(strings.ReplaceAll(before, "\n\n# Which", "\n# Which"), ":3000", ":4000", 1),
		},
		"in-a-profile": {
			before,
			config.Edit{Profile: "ci", Key: "color", Texts: []string{"always"}},
			strings.Replace(strings.ReplaceAll(before, "\n\n# Which", "\n# Which"), "never", "always", 1),
		},
		"new-profile":       {"to: :1\n", config.Edit{Profile: "ci", Key: "to", Texts: []string{":2"}}, "to: :1\nprofiles:\n  ci:\n    to: :2\n"},
		"new-secret":        {"secrets:\n  stripe: env:A\n", config.Edit{Key: "secrets.github", Texts: []string{"env:B"}}, "secrets:\n  stripe: env:A\n  github: env:B\n"},
		"take-out":          {"# mine\nto: :1\ncolor: never\n", config.Edit{Key: "color"}, "# mine\nto: :1\n"},
		"take-out-section":  {"to: :1\nsecrets:\n  stripe: env:A\n", config.Edit{Key: "secrets.stripe"}, "to: :1\n"},
		"take-out-nothing":  {"to: :1\n", config.Edit{Key: "color"}, "to: :1\n"},
		"take-out-the-last": {"to: :1\n", config.Edit{Key: "to"}, "\n"},
		"shared-stays":      {"profiles:\n  a: &x\n    to: :1\n  b: *x\n", config.Edit{Profile: "b", Key: "to", Texts: []string{":2"}}, "profiles:\n  a: &x\n    to: :1\n  b:\n    to: :2\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.edit.File = filepath.Join(t.TempDir(), "sub", "config.yaml")
			if tt.before != "" {
				if err := errors.Join(os.Mkdir(filepath.Dir(tt.edit.File), 0o700), os.WriteFile(tt.edit.File, []byte(tt.before), 0o640)); err != nil {
					t.Fatal(err)
				}
			}
			if err := config.Write(tt.edit); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(tt.edit.File)
			if err != nil || string(got) != tt.want {
				t.Errorf("the file has\n%s, %v, want\n%s", got, err, tt.want)
			}
			s, err := config.Load(config.Options{File: tt.edit.File, Profile: tt.edit.Profile})
			if err != nil {
				t.Fatal(err)
			}
			v, err := s.Get(tt.edit.Key)
			if err != nil || v.Set() != (len(tt.edit.Texts) > 0) || v.Set() && strings.Join(v.Texts, " ") != strings.Join(tt.edit.Texts, " ") {
				t.Errorf("Get(%s) = %v, %v, want %v", tt.edit.Key, v.Texts, err, tt.edit.Texts)
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.yaml")
	const before = "to: :1\n"
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	var unknown *config.UnknownKeyError
	if err := config.Write(config.Edit{File: file, Key: "colour", Texts: []string{"never"}}); !errors.As(err, &unknown) || unknown.Nearest != "color" {
		t.Errorf("Write of an unknown key: %v", err)
	}
	for _, e := range []config.Edit{
		{Key: "to", Texts: []string{"ftp://x"}},
		{Key: "secrets.stripe", Texts: []string{"hunter2"}},
		{Key: "secrets."},
		{Profile: "../x", Key: "to", Texts: []string{":2"}},
		{Profile: "ci", Key: "providers", Texts: []string{"x.yaml"}},
	} {
		e.File = file
		if err := config.Write(e); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Write(%+v): %v, want an error without the value", e, err)
		}
	}
	if got, _ := os.ReadFile(file); string(got) != before {
		t.Errorf("the file has %q, want it as it was", got)
	}
	if err := os.WriteFile(file, []byte("nonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := config.Write(config.Edit{File: file, Key: "to", Texts: []string{":2"}}); err == nil {
		t.Error("Write to a file that cannot be read as settings has no error")
	}
}

// FuzzLoad: whatever a file has, it is refused or every value in it can be
// asked for; nothing is trusted, so nothing in it reaches another machine.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{"to: :1\n", "profiles: {a: {to: ':2'}}\n", "keep: [1d]\n", "providers: [{id: x}, y]\n", "secrets: {a: env:B}\n", "a: &a [*a]\n", "forward: [a=b]\n"} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "hooks.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := config.Load(config.Options{Dir: dir, ConfigDir: filepath.Join(dir, "none"), StateDir: filepath.Join(dir, "none"), Profile: "a"})
		if err != nil {
			return
		}
		for _, v := range s.List() {
			if v.Key == "relay" && v.Set() {
				t.Errorf("%q sets the relay", text)
			}
		}
	})
}
