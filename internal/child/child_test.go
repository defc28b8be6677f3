package child_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/child"
)

// TestMain lets the test's own program be the child: it says that it is there
// and waits to be stopped, or ends as it is told.
func TestMain(m *testing.M) {
	switch os.Getenv("CHILD_TEST") {
	case "wait":
		os.Stdout.WriteString("ready\n")
		<-time.After(time.Hour) // a timer: the runtime calls an empty select a deadlock
	case "fail":
		os.Exit(7)
	}
	os.Exit(m.Run())
}

type buffer struct {
	mu    sync.Mutex // guards the following
	b     bytes.Buffer
	wrote chan struct{}
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.wrote <- struct{}{}:
	default:
	}
	return b.b.Write(p)
}

func start(t *testing.T, role string, out *buffer) *child.Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := child.Start(child.Command{Args: []string{self}, Env: []string{"CHILD_TEST=" + role}, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStop(t *testing.T) {
	t.Parallel()
	out := &buffer{wrote: make(chan struct{}, 1)}
	p := start(t, "wait", out)
	<-out.wrote
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want that it gave up", err)
	}
	p.Stop()
	select {
	case <-p.Done():
	default:
		t.Error("the child is still there after Stop")
	}
	p.Stop() // a second time does no harm
	if out.b.String() != "ready\n" {
		t.Errorf("output %q", out.b.String())
	}
}

func TestEndsByItself(t *testing.T) {
	t.Parallel()
	p := start(t, "fail", &buffer{})
	code, err := p.Wait(t.Context())
	if err != nil || code != 7 || !strings.Contains(p.Ended().Error(), "has ended: exit status 7") {
		t.Errorf("Wait = %d, %v; Ended = %v", code, err, p.Ended())
	}
	p.Stop()
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	if _, err := child.Start(child.Command{}); err == nil {
		t.Error("an empty command was started")
	}
	_, err := child.Start(child.Command{Args: []string{"no-such-program-anywhere"}})
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("err = %v, want that the program was not found", err)
	}
}
