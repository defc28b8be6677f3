package cli_test

import (
	"io"
	"log" //nolint:depguard // to silence it
	"testing"

	"github.com/hooks-cli/hooks/internal/cli"
)

// What net/http logs about an odd answer is no part of what a command says.
func TestSystemLogsNothing(t *testing.T) {
	cli.System()
	if log.Writer() != io.Discard {
		t.Error("the standard library's log goes somewhere")
	}
}
