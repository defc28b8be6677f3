//go:build unix

package main

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// networkCycles is how often the long forms stop programs and cut links, 0 in
// the short form.
func networkCycles() int {
	n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_NETWORK_CYCLES"))
	if err != nil {
		return 0
	}
	return n
}

// The relay and the client stand still for a while and go on, as on a machine
// that is overloaded or suspended: nothing that was promised is lost.
func TestTunnelSurvivesStops(t *testing.T) {
	t.Parallel()
	cycles, still := 2, 700*time.Millisecond
	if n := networkCycles(); n > 0 {
		cycles, still = n, 20*time.Second
	}
	d := newTunnelled(t, here(t))
	end := d.pour(20, 10, 0)
	for i := range cycles {
		pause(t, 300*time.Millisecond)
		p := []*proc{d.relay, d.client}[i%2]
		raise(t, p, syscall.SIGSTOP)
		pause(t, still)
		raise(t, p, syscall.SIGCONT)
	}
	pause(t, 300*time.Millisecond)
	end()
	promised, twice := d.settled(true)
	t.Logf("%d stops of %v: %d promised, 0 lost, %d twice at the app; answers %v", cycles, still, promised, twice, d.answers)
	if promised == 0 || twice > 64*cycles {
		t.Errorf("%d promised, %d twice", promised, twice)
	}
}

func raise(t *testing.T, p *proc, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}
