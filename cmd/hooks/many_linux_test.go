package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// Many tunnels that have nothing to do cost a relay little memory each, and
// still answer. HOOKS_TEST_TUNNELS says how many; with 10,000 they stay for
// some heartbeats.
func TestManyIdleTunnels(t *testing.T) {
	if testing.Short() {
		t.Skip("many connections")
	}
	count, stay, most := 500, time.Duration(0), 32.0 // few share what the process needs anyway
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_TUNNELS")); err == nil {
		count, stay, most = n, 40*time.Second, 12.0
	}
	at := here(t)
	bin := t.TempDir()
	relay := &proc{t: t, env: append(os.Environ(), childMark+"=1", "HOME="+bin), argv: []string{
		callAs(t, bin, "hooks"), "relay", "--listen", at.listen, "--admin", "off", "--log-format", "off",
	}}
	relay.start()
	t.Cleanup(relay.kill)
	target, err := url.Parse(at.clients)
	if err != nil {
		t.Fatal(err)
	}
	awaitRelay(t, at.clients)
	before := residentKB(t, relay.cmd.Process.Pid)
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var up atomic.Int64
	starting := make(chan struct{}, 64)
	app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	for i := range count {
		starting <- struct{}{}
		var once sync.Once
		client := tunnel.New(tunnel.Config{
			Relay: target, Name: fmt.Sprintf("idle-%d", i), Program: "hooks/test", Mode: wire.ModeLive, Handler: app, Now: time.Now,
			Observe: func(s tunnel.State) {
				if s.Phase == tunnel.Connected {
					once.Do(func() {
						up.Add(1)
						<-starting
					})
				}
			},
		})
		clients.Go(func() { _ = client.Run(ctx) })
	}
	for deadline := time.Now().Add(3 * time.Minute); up.Load() < int64(count); pause(t, 20*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d are connected", up.Load(), count)
		}
	}
	pause(t, stay)
	after := residentKB(t, relay.cmd.Process.Pid)
	for _, i := range []int{0, count / 2, count - 1} {
		resp, err := http.Get(fmt.Sprintf("%s/t/idle-%d/", at.senders, i))
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		_ = resp.Body.Close()
	}
	each := float64(after-before) / float64(count)
	t.Logf("%d tunnels: %d kB resident before, %d kB with them, %.1f kB each", count, before, after, each)
	if each > most {
		t.Errorf("%.1f kB a tunnel, want at most %.0f", each, most)
	}
	if count >= 10_000 && after > 128<<10 {
		t.Errorf("%d kB resident, want at most 128 MiB", after)
	}
	relay.kill() // thousands of goodbyes are nobody's business
	stop()
	clients.Wait()
}

func awaitRelay(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; pause(t, 10*time.Millisecond) {
		if resp, err := http.Get(address + "/healthz"); err == nil {
			_ = resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the relay did not come up")
		}
	}
}

// residentKB is the memory of a process.
func residentKB(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
