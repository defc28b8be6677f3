package spelling_test

import (
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/spelling"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	providers := []string{"canvelete", "loopcanvas", "generic", "sketchpen", "stripe", "github", "gitlab"}
	tests := map[string]struct {
		word       string
		candidates []string
		want       string
	}{
		"one-letter-missing":   {"canvelet", providers, "canvelete"},
		"neighbours-swapped":   {"gtihub", providers, "github"},
		"other-case":           {"Stripe", providers, "stripe"},
		"first-of-equally-far": {"gitxub", providers, "github"},
		"beginning-is-enough":  {"sket", providers, "sketchpen"},
		"nothing-near":         {"kubernetes", providers, ""},
		"empty-word":           {"", providers, ""},
		"no-candidates":        {"stripe", nil, ""},
		"event-type":           {"render.complete", []string{"render.failed", "render.completed"}, "render.completed"},
		"one-letter-is-vague":  {"s", providers, ""},
		"too-long-to-compare":  {strings.Repeat("a", 5000), []string{strings.Repeat("a", 5001)}, ""},
		"accented":             {"créer", []string{"creer", "supprimer"}, "creer"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := spelling.Nearest(tt.word, tt.candidates); got != tt.want {
				t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
			}
		})
	}
}
