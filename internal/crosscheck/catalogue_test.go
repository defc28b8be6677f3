package crosscheck

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkCatalogue runs two commands of the program, and of one that knows
// four providers, in turns: what a start pays for all the others. At most it
// should be 0.2 ms for hooks version and 1 ms for hooks send --dry-run.
func BenchmarkCatalogue(b *testing.B) {
	h := newHome(b)
	few, err := withProviders(b, "canvelete", "loopcanvas", "generic", "sketchpen")
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(few, "providers", "list", "--json", "--jq", "length")
	cmd.Env = h.env
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != "4" {
		b.Fatalf("the other program knows %s providers, %v", out, err)
	}
	for name, args := range map[string][]string{
		"version": {"version"},
		"dry-run": {"send", "--dry-run", "--event", "render.completed", "--secret", "s"},
	} {
		b.Run(name, func(b *testing.B) {
			var all, four []time.Duration
			for b.Loop() {
				four = append(four, h.timed(b, few, args...))
				all = append(all, h.timed(b, h.path, args...))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(milliseconds(median(four)), "ms/four")
			b.ReportMetric(milliseconds(median(all)), "ms/all")
			b.ReportMetric(milliseconds(median(all)-median(four)), "ms/more")
		})
	}
}

// withProviders builds the program with some of the providers that are built
// in: the build sees other files in the place of the catalogue's.
func withProviders(tb testing.TB, ids ...string) (string, error) {
	tb.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/hooks-cli/hooks/internal/provider").Output()
	if err != nil {
		return "", err
	}
	dir := strings.TrimSpace(string(out))
	index, err := os.ReadFile(filepath.Join(dir, "index.txt"))
	if err != nil {
		return "", err
	}
	var kept strings.Builder
	for part := range strings.SplitSeq("\n"+string(index), "\np ") {
		if id, _, _ := strings.Cut(part, "\n"); slices.Contains(ids, id) {
			kept.WriteString("p " + strings.TrimSuffix(part, "\n") + "\n")
		}
	}
	fewer := filepath.Join(tb.TempDir(), "index.txt")
	if err := os.WriteFile(fewer, []byte(kept.String()), 0o600); err != nil {
		return "", err
	}
	replace := map[string]string{filepath.Join(dir, "index.txt"): fewer}
	files, err := filepath.Glob(filepath.Join(dir, "data", "*.yaml"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if id := strings.TrimSuffix(filepath.Base(file), ".yaml"); !slices.Contains(ids, id) {
			replace[file] = "" // as if it were not there
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(tb.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	return build("hooks-few", "github.com/hooks-cli/hooks/cmd/hooks", "-overlay", overlay)
}
