package crosscheck

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestExplainCases makes the cases that diagnoses are measured by once more,
// with the Node and Python that are here: they write JSON as they did.
func TestExplainCases(t *testing.T) {
	t.Parallel()
	node(t)
	script := filepath.Join("..", "..", "testdata", "explain", "generate.py")
	out, err := exec.CommandContext(t.Context(), python(t), script, "--check", "--stacks", "node").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
