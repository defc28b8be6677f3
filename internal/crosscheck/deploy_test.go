package crosscheck

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemdUnit has systemd read the unit that hooks relay init writes, where
// there is a systemd.
func TestSystemdUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is missing")
	}
	h, dir := newHome(t), t.TempDir()
	args := []string{"relay", "init", "--systemd", dir}
	h.run(t, "", args...).want(t, 0, args...)
	unit := filepath.Join(dir, "hooks-relay.service")
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	// The program is not installed here, nor is its manual.
	plain := strings.Replace(string(text), "/usr/bin/hooks", h.path, 1)
	plain = strings.Replace(plain, "Documentation=man:hooks-relay(1)\n", "", 1)
	if err := os.WriteFile(unit, []byte(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, analyze, "verify", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "hooks-relay") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
