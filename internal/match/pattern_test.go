package match_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/match"
)

func isProvider(name string) bool {
	return name == "canvelete" || name == "github" || name == "bitbucket"
}

func TestPattern(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, pattern, provider, event string
		want                           bool
	}{
		{"everything", "", "canvelete", "render.completed", true},
		{"exact", "render.completed", "canvelete", "render.completed", true},
		{"other", "render.completed", "canvelete", "render.failed", false},
		{"case-matters", "render.completed", "canvelete", "Render.Completed", false},
		{"prefix-is-not-enough", "render", "canvelete", "render.completed", false},
		{"star-at-the-end", "render.*", "canvelete", "render.completed", true},
		{"star-crosses-dots", "customer.*", "stripe", "customer.subscription.updated", true},
		{"star-in-the-middle", "customer.*.updated", "stripe", "customer.subscription.updated", true},
		{"star-at-the-start", "*.updated", "stripe", "customer.subscription.updated", true},
		{"star-is-empty", "render*.completed", "canvelete", "render.completed", true},
		{"star-alone", "*", "canvelete", "render.completed", true},
		{"star-and-no-type", "*", "canvelete", "", true},
		{"two-stars", "*sub*tion*", "stripe", "customer.subscription.updated", true},
		{"two-stars-not", "*sub*tion", "stripe", "customer.subscription.updated", false},
		{"provider", "canvelete", "canvelete", "render.completed", true},
		{"other-provider", "github", "canvelete", "render.completed", false},
		{"type-like-a-provider", "github", "gitlab", "github", true},
		{"provider-and-type", "github:push", "github", "push", true},
		{"other-provider-and-type", "github:push", "gitlab", "push", false},
		{"provider-and-star", "github:*", "github", "", true},
		{"any-provider", "*:push", "gitlab", "push", true},
		{"colon-in-type", "repo:push", "bitbucket", "repo:push", true},
		{"provider-and-colon-in-type", "bitbucket:repo:*", "bitbucket", "repo:push", true},
		{"or", "render.failed,github", "github", "push", true},
		{"or-with-spaces", "render.failed , render.completed", "canvelete", "render.completed", true},
		{"or-none", "render.failed,github", "canvelete", "render.completed", false},
		{"no-regular-expression", "render.complete?", "canvelete", "render.completed", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := match.Parse(tt.pattern, isProvider)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Match(tt.provider, tt.event); got != tt.want {
				t.Errorf("%q matches %q %q: %v, want %v", tt.pattern, tt.provider, tt.event, got, tt.want)
			}
			if p.String() != tt.pattern {
				t.Errorf("String = %q, want %q", p, tt.pattern)
			}
		})
	}
}

func TestPatternErrors(t *testing.T) {
	t.Parallel()
	for _, in := range []string{",", "a,", "a,,b", " , ", "github:", "*:"} {
		if p, err := match.Parse(in, isProvider); err == nil || !p.All() {
			t.Errorf("Parse(%q) = %v, %v", in, p, err)
		}
	}
}

func TestPatternIsNotSlow(t *testing.T) {
	t.Parallel()
	p, err := match.Parse(strings.Repeat("*a", 100)+"b", nil)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if p.Match("", strings.Repeat("a", 10_000)) {
		t.Error("it matches")
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// FuzzGlob: a pattern without providers means what the regular expression
// means in which the stars stand for anything.
func FuzzGlob(f *testing.F) {
	f.Add("render.*", "render.completed")
	f.Add("*a*b*", "xxaxxbxx")
	f.Fuzz(func(t *testing.T, pattern, event string) {
		if len(pattern) > 100 || strings.Contains(pattern, ",") || strings.TrimSpace(pattern) != pattern || pattern == "" || strings.HasPrefix(pattern, "*:") {
			return
		}
		p, err := match.Parse(pattern, nil)
		if err != nil {
			t.Fatal(err)
		}
		re, err := regexp.Compile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `$`)
		if err != nil {
			return // not UTF-8
		}
		if got, want := p.Match("", event), re.MatchString(event); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, event, got, want)
		}
	})
}
