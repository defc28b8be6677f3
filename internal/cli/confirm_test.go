package cli_test

import (
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/cli/clitest"
)

func TestConfirm(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"y\n": true, " YES \n": true, "yes": true, "\n": false, "": false, "no\n": false, "yep\n": false} {
		w := clitest.New(t)
		w.In, w.InTerminal, w.ErrTerminal = strings.NewReader(answer), true, true
		yes, asked, err := w.Confirm("delete 5 deliveries")
		if err != nil || !asked || yes != want || w.Stderr.String() != "delete 5 deliveries? [y/N] " {
			t.Errorf("%q: yes %v, asked %v, err %v, said %q", answer, yes, asked, err, w.Stderr.String())
		}
	}
	w := clitest.New(t)
	w.In = strings.NewReader("y\n")
	if yes, asked, err := w.Confirm("delete"); yes || asked || err != nil || w.Stderr.String() != "" {
		t.Errorf("nobody is there: yes %v, asked %v, err %v", yes, asked, err)
	}
}
