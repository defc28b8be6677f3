//go:build unix

package match_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
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
	const stops = 6
	for range stops {
		<-time.After(match.TimeLimit / 2)
		must(t, cmd.Process.Signal(syscall.SIGSTOP))
		<-time.After(match.TimeLimit * 5 / 4)
		must(t, cmd.Process.Signal(syscall.SIGCONT))
	}
	_ = stdin.Close()
	must(t, cmd.Wait())
	// A machine that is busy may stop an expression by itself.
	if n := strings.Count(said.String(), "longer than"); n > stops/2 {
		t.Errorf("%d stops broke off %d expressions: %s", stops, n, &said)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
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
			fmt.Println(note)
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}
