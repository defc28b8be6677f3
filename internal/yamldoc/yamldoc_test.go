package yamldoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/yamldoc"
	"go.yaml.in/yaml/v3"
)

// Aliases are followed until they stand for more than a document can mean,
// however small it is.
func TestFollow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		good bool
	}{
		"no-alias":   {"a: [1, 2]\nz: 3", true},
		"one":        {"a: &a [1, 2]\nz: *a", true},
		"up-to-1000": {"a: &a [" + strings.Repeat("1,", 999) + "]\nz: *a", true},
		"past-1000":  {"a: &a [" + strings.Repeat("1,", 1000) + "]\nz: *a", false},
		"of-aliases": {"a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\nz: *d", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var doc yaml.Node
			if err := yaml.Unmarshal([]byte(test.text), &doc); err != nil {
				t.Fatal(err)
			}
			members := doc.Content[0].Content
			var a yamldoc.Aliases
			n := a.Follow(members[len(members)-1])
			if (n != nil) != test.good || n != nil && n.Kind == yaml.AliasNode {
				t.Errorf("Follow = %+v, want a node: %v", n, test.good)
			}
		})
	}
}

func TestSyntaxError(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		line    int
		message string
	}{
		"yaml: line 7: did not find expected key": {7, "did not find expected key"},
		"yaml: control characters are no text":    {1, "control characters are no text"},
		"yaml: line x: odd":                       {1, "line x: odd"},
	} {
		if line, message := yamldoc.SyntaxError(errors.New(text)); line != want.line || message != want.message {
			t.Errorf("SyntaxError(%q) = %d, %q, want %+v", text, line, message, want)
		}
	}
}
