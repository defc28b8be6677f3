//go:build unix

package match_test

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/match"
)

// stopped is the variable by which a test runs this program again.
const stopped = "HOOKS_TEST_STOPPED"

// A machine that is suspended, or has no time for the program, does not use up
// the time of an expression.
func TestStandstillIsNotTime(t *testing.T) {
	t.Parallel()
	if os.Getenv(stopped) != "" {
		workOn(t)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestStandstillIsNotTime$")
	cmd.Env = append(os.Environ(), stopped+"=1")
	cmd.Stdout, cmd.Stderr = &said, &said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
			<-time.After(match.TimeLimit * 3 / 2)
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &said)
	}
}

// workOn evaluates an expression again and again until its standard input ends.
func workOn(t *testing.T) {
	t.Helper()
	f, err := match.Compile("[range(5000)] | length == 5000")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = os.Stdin.Read(make([]byte, 1))
	}()
	for {
		if ok, note := f.Match(delivery(order)); !ok {
			t.Error(note)
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}
