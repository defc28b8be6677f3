//go:build unix

package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/cli/root"
)

// hooksIn runs the program in the place of this test with a store of the
// caller's.
func hooksIn(t *testing.T, store string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	w := clitest.New(t, append(args, "--store", store)...)
	w.Now = time.Now
	status = root.Run(t.Context(), w.Env)
	return status, w.Stdout.String(), w.Stderr.String()
}

func post(t *testing.T, url, id string) {
	t.Helper()
	body := `{"eventId":"` + id + `","eventType":"render.completed","timestamp":"2024-01-15T10:30:00Z","data":{}}`
	resp, err := http.Post(url+"/webhooks", "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	_ = resp.Body.Close()
}

// TestExpectMissesNothing sends again and again at the moment in which the wait
// begins: before it, with it, after it. Each event is found.
func TestExpectMissesNothing(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "captures.db")
	cmd, url, _ := listening(t, "--store", store)
	const rounds = 30
	for i := range rounds {
		id := "evt_" + strings.Repeat("x", i+1)
		var sent sync.WaitGroup
		sent.Go(func() { post(t, url, id) })
		status, out, said := hooksIn(t, store, "expect", "*", "--where", "eventId="+id, "--json", "--timeout", "2m")
		sent.Wait()
		if status != 0 || !strings.Contains(out, id+`\",`) {
			t.Fatalf("round %d: exit %d, %s%s", i, status, out, said)
		}
	}
	// Once more, after all were sent: none had been lost.
	status, out, said := hooksIn(t, store, "expect", "*", "--exactly", "30", "--timeout", "0", "--json")
	if n := strings.Count(out, "\n"); status != 0 || n != rounds {
		t.Errorf("exit %d, %d captures, want %d\n%s", status, n, rounds, said)
	}
	interrupt(t, cmd, os.Interrupt)
	_ = cmd.Wait()
}

// TestExpectAfterKill: a listener that was killed is not taken for one that
// runs.
func TestExpectAfterKill(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "captures.db")
	cmd, url, _ := listening(t, "--store", store)
	post(t, url, "evt_1")
	if status, _, said := hooksIn(t, store, "expect", "*", "--timeout", "2m"); status != 0 {
		t.Errorf("while it runs: exit %d\n%s", status, said)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if status, _, said := hooksIn(t, store, "expect", "*", "--timeout", "2m"); status != 3 || !strings.Contains(said, "no listener runs") {
		t.Errorf("after the kill: exit %d\n%s", status, said)
	}
}

// TestExpectInterrupted: Ctrl-C ends the wait with 130, and the command behind
// "--" with it.
func TestExpectInterrupted(t *testing.T) {
	t.Parallel()
	cmd, stdout, said := start(t, "expect", "a.b", "--listen", ":0", "--timeout", "10m", "--", "/bin/sh", "-c", "echo up > up; exec /bin/sleep 600")
	awaitFile(t, filepath.Join(cmd.Dir, "up"))
	interrupt(t, cmd, os.Interrupt)
	done := make(chan error, 1)
	go func() {
		var rest bytes.Buffer
		_, _ = rest.ReadFrom(stdout) // ends when all that hold it have ended
		done <- cmd.Wait()
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("it goes on")
	}
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(said.String(), "hooks: error: interrupted\n") {
		t.Errorf("exit %d, want 130\n%s", code, said)
	}
}

func awaitFile(t *testing.T, name string) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(name); err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s did not come", name)
		case <-tick.C:
		}
	}
}
