package main

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The relay's disk fills while the client is away: senders are told 503, and
// what was promised before is delivered all the same, which makes room for more.
func TestRelayDiskFull(t *testing.T) {
	t.Parallel()
	at := here(t)
	at.dataDir = t.TempDir()
	if err := syscall.Mount("tmpfs", at.dataDir, "tmpfs", 0, "size=12m,mode=0700"); err != nil {
		t.Skip("needs the right to mount a small tmpfs: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(at.dataDir, 0) })
	d := newTunnelled(t, at)
	d.promised = make([][]string, 1)
	d.client.kill()
	// The relay notices at its own pace that the client is gone.
	status, code := 0, ""
	n := 0
	for ; n < 1000 && status != http.StatusServiceUnavailable; n++ {
		status, code = d.bulky(n)
	}
	if status != http.StatusServiceUnavailable || code != "store_unavailable" {
		t.Fatalf("after %d events: %d %s, want 503", n, status, code)
	}
	kept := len(d.promised[0])
	if kept < 5 {
		t.Fatalf("%d events were kept in 12 MiB", kept)
	}
	d.client.start()
	d.settled(true)
	d.client.kill()
	deadline := time.Now().Add(2 * time.Minute)
	for status, code = d.bulky(n); status != http.StatusAccepted; status, code = d.bulky(n) {
		if time.Now().After(deadline) {
			t.Fatalf("with room again: %d %s, want 202\nrelay: %s", status, code, &d.relay.said)
		}
		n++
		pause(t, 100*time.Millisecond)
	}
	d.client.start()
	promised, twice := d.settled(true)
	t.Logf("%d kept until the disk was full, %d promised in all, 0 lost, %d twice at the app", kept, promised, twice)
}

// bulky sends an event of 64 KiB.
func (d *tunnelled) bulky(n int) (status int, code string) {
	d.t.Helper()
	name := fmt.Sprintf("event %03d", n)
	resp, err := http.Post(d.public, "text/plain", strings.NewReader(name+"\n"+strings.Repeat("x", 64<<10)))
	if err != nil {
		d.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode <= 299 {
		d.promised[0] = append(d.promised[0], name)
	}
	return resp.StatusCode, resp.Header.Get("Hooks-Error")
}
