package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The client's address goes away while requests are under way, and another
// comes, as with a laptop that is carried to another network. Nothing says so
// to the connection.
func TestTunnelSurvivesNewAddress(t *testing.T) {
	t.Parallel()
	p, at := newPath(t, 'b', quality{delay: time.Millisecond})
	d := newTunnelled(t, at)
	end := d.pour(10, 3, 0)
	cycles := max(networkCycles(), 1)
	for i := range cycles {
		pause(t, time.Second)
		from, to := p.address(18+i%2), p.address(19-i%2)
		p.must("-n " + p.client + " address del " + from + "/28 dev " + p.near)
		pause(t, rand.N(time.Second))
		before, _ := d.seen()
		p.must("-n " + p.client + " address add " + to + "/28 dev " + p.near)
		d.goesOn(len(before)) // under the same name, by itself
	}
	end()
	promised, twice := d.settled(true)
	t.Logf("%d new addresses: %d promised, 0 lost, %d twice at the app; answers %v", cycles, promised, twice, d.answers)
	if promised == 0 || twice > 64*cycles {
		t.Errorf("%d promised, %d twice", promised, twice)
	}
}

// goesOn returns when the app has more events than before.
func (d *tunnelled) goesOn(before int) {
	d.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; pause(d.t, 20*time.Millisecond) {
		if now, _ := d.seen(); len(now) > before {
			return
		}
		if time.Now().After(deadline) {
			d.stop()
			d.t.Fatalf("nothing came any more\nrelay: %s\nclient: %s", &d.relay.said, &d.client.said)
		}
	}
}

// A router between client and relay forgets their connection while nothing is
// sent on it: it passes no more packets, and tells neither.
func TestTunnelSurvivesForgetfulRouter(t *testing.T) {
	t.Parallel()
	if networkCycles() == 0 {
		t.Skip("silence takes 25 s to be noticed: the long form only, HOOKS_TEST_NETWORK_CYCLES=1")
	}
	p, at := newPath(t, 'c', quality{delay: time.Millisecond})
	d := newTunnelled(t, at)
	slowest := time.Duration(0)
	for range networkCycles() {
		pause(t, rand.N(20*time.Second))
		p.forget()
		began := time.Now()
		end := d.pour(1, 1, 1) // it finds the dead connection
		end()
		d.await()
		slowest = max(slowest, time.Since(began))
		d.settled(true)
	}
	t.Logf("%d times forgotten, back after %v at most; answers %v", networkCycles(), slowest.Round(time.Millisecond), d.answers)
	if slowest > time.Minute { // 25 s and a try, on a busy machine
		t.Errorf("back after %v", slowest)
	}
}

// The client comes to another network, where the name of the relay cannot be
// looked up for a while. When it can, it stands for another address: the client
// finds the relay there.
func TestTunnelSurvivesLostNames(t *testing.T) {
	t.Parallel()
	p, at := newPath(t, 'd', quality{delay: time.Millisecond})
	dir := t.TempDir()
	answer, resolv := filepath.Join(dir, "answer"), filepath.Join(dir, "resolv.conf")
	say := func(path, text string) {
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	say(resolv, "nameserver 127.0.0.1\n")
	say(answer, p.address(17))
	server := &proc{t: t, env: append(os.Environ(), childMark+"=1"), argv: append(at.clientIn[:len(at.clientIn):len(at.clientIn)], callAs(t, dir, "names"), "-answer", answer)}
	server.start()
	t.Cleanup(server.kill)
	at.clientIn = append(at.clientIn, "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, resolv)
	at.clients = "http://relay.test:8080"
	d := newTunnelled(t, at)
	end := d.pour(10, 3, 0)
	addresses := [2]string{p.address(17), p.address(20)}
	ways, still := []string{"servfail"}, time.Second
	if n := networkCycles(); n > 0 {
		ways, still = nil, 20*time.Second
		for i := range n {
			ways = append(ways, []string{"servfail", "silent"}[i%2])
		}
	}
	for i, way := range ways {
		pause(t, time.Second)
		say(answer, way)
		p.must("-n " + p.relay + " address del " + addresses[i%2] + "/28 dev " + p.far)
		p.must("-n " + p.relay + " address add " + addresses[1-i%2] + "/28 dev " + p.far)
		p.must("-n " + p.client + " address del " + p.address(18+i%2) + "/28 dev " + p.near)
		p.must("-n " + p.client + " address add " + p.address(19-i%2) + "/28 dev " + p.near)
		pause(t, still)
		before, _ := d.seen()
		say(answer, addresses[1-i%2])
		d.goesOn(len(before))
	}
	end()
	promised, twice := d.settled(true)
	t.Logf("names lost %d times: %d promised, 0 lost, %d twice at the app; answers %v", len(ways), promised, twice, d.answers)
	if promised == 0 || twice > 64*len(ways) {
		t.Errorf("%d promised, %d twice", promised, twice)
	}
}

// On a slow and lossy way large bodies arrive whole in both directions, the
// link is not taken for a dead one, and small requests come through beside.
func TestTunnelOnSlowWay(t *testing.T) {
	t.Parallel()
	ways := map[string]struct {
		how     quality
		size, n int // of the large bodies
	}{"near": {quality{rate: 400_000, delay: 10 * time.Millisecond, loss: 0.005}, 400 << 10, 2}}
	if networkCycles() > 0 {
		ways["modem"] = struct {
			how     quality
			size, n int
		}{quality{rate: 16_000, delay: 150 * time.Millisecond, loss: 0.005}, 300 << 10, 2}
		ways["crowded"] = struct {
			how     quality
			size, n int
		}{quality{rate: 40_000, delay: 100 * time.Millisecond, loss: 0.01}, 300 << 10, 8}
		ways["lossy"] = struct {
			how     quality
			size, n int
		}{quality{rate: 1_000_000, delay: 50 * time.Millisecond, loss: 0.05}, 1 << 20, 4}
	}
	letter := byte('e')
	for name, way := range ways {
		at := letter
		letter++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slowly(t, at, way.how, way.size, way.n)
		})
	}
}

func slowly(t *testing.T, letter byte, how quality, size, n int) {
	p, at := newPath(t, letter, quality{})
	at.app = []string{"-echo"}
	d := newTunnelled(t, at)
	p.become(how)
	began := time.Now()
	var large sync.WaitGroup
	for i := range n {
		large.Go(func() { d.echoes(size, uint64(i)) })
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		large.Wait()
	}()
	var small atomic.Int64
	for over := false; !over; {
		d.echoes(100, 1)
		select {
		case <-done:
			over = true
		default:
			small.Add(1)
		}
	}
	took := time.Since(began)
	d.client.kill()
	t.Logf("%d bodies of %d KiB there and back in %v, %d small requests meanwhile; client: %s", n, size>>10, took.Round(time.Millisecond), small.Load(), &d.client.said)
	if small.Load() < 3 {
		t.Error("small requests waited for the large ones")
	}
	for line := range strings.Lines(d.client.said.String()) {
		if strings.Contains(line, "reconnecting") && !strings.Contains(line, "connection refused") { // before the relay was up
			t.Error("the link was given up: ", line)
		}
	}
}

// echoes sends a body, which must come back as it is.
func (d *tunnelled) echoes(size int, seed uint64) {
	body := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(body)
	sum, err := d.echo(body)
	if want := sha256.Sum256(body); err != nil || sum != want {
		d.t.Errorf("a body of %d bytes: sent %x, came back %x, %v", size, want[:4], sum[:4], err)
	}
}

func (d *tunnelled) echo(body []byte) (sum [sha256.Size]byte, err error) {
	resp, err := http.Post(d.public, "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return sum, err
	}
	defer resp.Body.Close()
	back, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("status %d %s: %.100s", resp.StatusCode, resp.Header.Get("Hooks-Error"), back)
	}
	return sha256.Sum256(back), err
}
