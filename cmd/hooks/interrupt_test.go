//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// start runs the program beside the test, in a home that has never seen it.
func start(t *testing.T, args ...string) (cmd *exec.Cmd, stdout io.Reader, stderr *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	stderr = &bytes.Buffer{}
	cmd = exec.CommandContext(t.Context(), self)
	cmd.Args = append([]string{"hooks"}, args...) // what TestMain goes by
	cmd.Dir, cmd.Stderr = home, stderr
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"} {
		cmd.Env = append(cmd.Env, name+"="+filepath.Join(home, name))
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, pipe, stderr
}

func interrupt(t *testing.T, cmd *exec.Cmd, sig os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// listening starts a listener and returns its URL, and the lines that follow.
func listening(t *testing.T, args ...string) (cmd *exec.Cmd, url string, lines *bufio.Scanner) {
	t.Helper()
	cmd, stdout, _ := start(t, append([]string{"listen", ":0", "--json"}, args...)...)
	lines = bufio.NewScanner(stdout)
	var ready struct{ URL string }
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &ready) != nil || ready.URL == "" {
		t.Fatalf("the listener said %q", lines.Text())
	}
	return cmd, ready.URL, lines
}

func TestServerEndsWell(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd, _, lines := listening(t)
		interrupt(t, cmd, sig)
		for lines.Scan() { // to the end
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("a listener ended by %v: %v, want 0", sig, err)
		}
	}
}

// TestSecondSignalEndsAtOnce has a sender wait for an answer, so that the
// listener cannot end by itself.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	cmd, url, lines := listening(t, "--delay", "1h")
	go func() {
		if resp, err := http.Post(url+"/webhooks/canvelete", "application/json", bytes.NewReader([]byte("{}"))); err == nil {
			_ = resp.Body.Close()
		}
	}()
	if !lines.Scan() {
		t.Fatal("the listener showed no delivery")
	}
	interrupt(t, cmd, os.Interrupt)
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }()
	deadline := time.After(2 * time.Minute)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-done:
			if code := cmd.ProcessState.ExitCode(); code != 130 {
				t.Errorf("after a second Ctrl-C it exited with %d, want 130", code)
			}
			return
		case <-tick.C:
			_ = cmd.Process.Signal(os.Interrupt) // until it has heard of it
		case <-deadline:
			t.Fatal("the listener goes on after a second Ctrl-C")
		}
	}
}

func TestInterruptedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	came, release := make(chan struct{}), make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		came <- struct{}{}
		<-release
	}))
	defer app.Close()
	defer close(release)
	cmd, _, stderr := start(t, "send", "--event", "render.completed", app.URL)
	<-came
	interrupt(t, cmd, os.Interrupt)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !bytes.HasSuffix(stderr.Bytes(), []byte("hooks: error: interrupted\n")) {
		t.Errorf("send exited with %d, want 130; it said\n%s", code, stderr)
	}
}
