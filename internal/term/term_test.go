package term_test

import (
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext/safetexttest"
	"github.com/hooks-cli/hooks/internal/term"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if n, v, _ := strings.Cut(p, "="); n == name {
				return v
			}
		}
		return ""
	}
}

func TestColor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		mode     term.Mode
		terminal bool
		env      []string
		want     bool
	}{
		{"terminal", term.Auto, true, nil, true},
		{"pipe", term.Auto, false, nil, false},
		{"always", term.Always, false, []string{"NO_COLOR=1"}, true},
		{"never", term.Never, true, []string{"CLICOLOR_FORCE=1"}, false},
		{"no-color", term.Auto, true, []string{"NO_COLOR=1"}, false},
		{"no-color-empty", term.Auto, true, []string{"NO_COLOR="}, true},
		{"force", term.Auto, false, []string{"CLICOLOR_FORCE=1"}, true},
		{"force-zero", term.Auto, false, []string{"CLICOLOR_FORCE=0"}, false},
		{"no-color-and-force", term.Auto, true, []string{"NO_COLOR=1", "CLICOLOR_FORCE=1"}, false},
		{"dumb", term.Auto, true, []string{"TERM=dumb"}, false},
		{"dumb-and-force", term.Auto, true, []string{"TERM=dumb", "CLICOLOR_FORCE=1"}, true},
		{"clicolor-zero", term.Auto, true, []string{"CLICOLOR=0"}, false},
		{"zero-mode", "", true, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := term.Color(tt.mode, tt.terminal, environment(tt.env...)); got != tt.want {
				t.Errorf("Color = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestParseMode(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"", "auto", "always", "never"} {
		if m, err := term.ParseMode(ok); err != nil || m == "" {
			t.Errorf("ParseMode(%q) = %q, %v", ok, m, err)
		}
	}
	if m, err := term.ParseMode("yes"); err == nil {
		t.Errorf("ParseMode(yes) = %q", m)
	}
}

func TestAnimate(t *testing.T) {
	t.Parallel()
	if !term.Animate(true, environment("TERM=xterm")) {
		t.Error("a terminal is not animated")
	}
	if term.Animate(false, environment()) || term.Animate(true, environment("TERM=dumb")) || term.Animate(true, environment("CI=true")) {
		t.Error("a pipe, a dumb terminal or a CI job is animated")
	}
}

func TestPalette(t *testing.T) {
	t.Parallel()
	on, off := term.NewPalette(true), term.NewPalette(false)
	if !on.Enabled() || off.Enabled() {
		t.Error("Enabled does not say whether there is colour")
	}
	for name, f := range map[string]func(term.Palette, string) string{
		"Good": term.Palette.Good, "Bad": term.Palette.Bad, "Warn": term.Palette.Warn, "Strong": term.Palette.Strong,
		"Dim": term.Palette.Dim, "Name": term.Palette.Name, "Key": term.Palette.Key, "Text": term.Palette.Text,
		"Number": term.Palette.Number, "Literal": term.Palette.Literal, "Link": term.Palette.Link,
	} {
		got := f(on, "word")
		if bad := safetexttest.Foreign(got, term.SGR()...); bad != nil {
			t.Errorf("%s = %q is not of SGR: %v", name, got, bad)
		}
		if len(safetexttest.Foreign(got)) != 2 {
			t.Errorf("%s = %q, want one sequence before and one behind", name, got)
		}
		if got := f(off, "word"); got != "word" {
			t.Errorf("%s without colour = %q", name, got)
		}
		if got := f(on, ""); got != "" {
			t.Errorf("%s of nothing = %q", name, got)
		}
	}
}
