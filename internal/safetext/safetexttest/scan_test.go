package safetexttest_test

import (
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext/safetexttest"
)

func TestCorpus(t *testing.T) {
	t.Parallel()
	attacks := safetexttest.Attacks()
	if len(attacks) != 64 {
		t.Errorf("the corpus has %d sequences, want 64", len(attacks))
	}
	seen := map[string]bool{}
	for _, a := range attacks {
		if seen[a.Name] || seen[a.Text] {
			t.Errorf("%s is there twice", a.Name)
		}
		seen[a.Name], seen[a.Text] = true, true
	}
}

func TestForeign(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     int
	}{
		{"text", "✓ verified\n\tÜbung 👩🏽\u200d🚀 世界", 0},
		{"our-colour", "\x1b[1;32m✓\x1b[0m", 0},
		{"other-colour", "\x1b[31m✗\x1b[0m", 1},
		{"other-number-beside-ours", "\x1b[1;8m", 1},
		{"cursor", "\x1b[1A", 1},
		{"unfinished", "\x1b[1", 1},
		{"carriage-return", "a\rb", 1},
		{"two", "\u202e\u009b", 2},
		{"joined-letters", "a\u200db", 1},
		{"ci-commands", "::debug::x\n\t::group::y\n##[endgroup]\n##vso[build.uploadlog]", 4},
		{"no-ci-command", "::1\na ::b::c\n## [link](x)\n#[x]", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := safetexttest.Foreign(tt.in, "0", "1", "32"); len(got) != tt.want {
				t.Errorf("Foreign(%q) = %v, want %d findings", tt.in, got, tt.want)
			}
		})
	}
}
