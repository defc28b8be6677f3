package crosscheck

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSignedLoad lets hooks send and hey load the same handler, in turns:
// hooks with a fresh event and a fresh signature in each request, hey with one
// body of the same size again and again. x-hey is how many requests hooks makes
// in a second of its CPU time for each that hey makes; it should be at least 1.
func BenchmarkSignedLoad(b *testing.B) {
	hey, err := exec.LookPath("hey")
	if err != nil {
		missing(b, "hey")
	}
	const requests, connections = 20_000, 50
	var answered atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answered.Add(1)
	}))
	b.Cleanup(target.Close)

	h := newHome(b)
	body := filepath.Join(b.TempDir(), "body")
	if err := os.WriteFile(body, h.dryRun(b, event{"canvelete", "render.completed"}).Body, 0o600); err != nil {
		b.Fatal(err)
	}
	ours := []string{
		"send", target.URL, "--provider", "canvelete", "--event", "render.completed", "--secret", secret,
		"--count", strconv.Itoa(requests), "--concurrency", strconv.Itoa(connections), "--quiet",
	}
	theirs := []string{
		"-n", strconv.Itoa(requests), "-c", strconv.Itoa(connections), "-m", "POST",
		"-T", "application/json", "-H", fmt.Sprintf("X-Canvelete-Signature: sha256=%064d", 0), "-D", body, target.URL,
	}
	var ourCPU, heyCPU time.Duration
	for b.Loop() {
		ourCPU += h.cpu(b, h.path, ours...)
		heyCPU += h.cpu(b, hey, theirs...)
	}
	if want := int64(2 * requests * b.N); answered.Load() != want {
		b.Fatalf("the handler answered %d requests, want %d", answered.Load(), want)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(requests*b.N)/heyCPU.Seconds(), "hey-requests/cpu-s")
	b.ReportMetric(float64(requests*b.N)/ourCPU.Seconds(), "hooks-requests/cpu-s")
	b.ReportMetric(float64(heyCPU)/float64(ourCPU), "x-hey")
}

// cpu runs a program to its end and returns the CPU time that it took.
func (h home) cpu(tb testing.TB, name string, args ...string) time.Duration {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = h.env
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
