package outgoing_test

import (
	"testing"

	"github.com/hooks-cli/hooks/internal/outgoing"
)

func TestRooted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://127.0.0.1:3000":     "http://127.0.0.1:3000/",
		"http://127.0.0.1:3000?a=1": "http://127.0.0.1:3000/?a=1",
		"http://127.0.0.1:3000/x":   "http://127.0.0.1:3000/x",
		"/x":                        "/x",
		"":                          "",
	} {
		if got := outgoing.Rooted(in); got != want {
			t.Errorf("Rooted(%q) = %q, want %q", in, got, want)
		}
	}
}
