package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// childMark keeps a program that is started here from starting others, should
// it take itself for the tests.
const childMark = "HOOKS_TEST_CHILD"

// proc is the real program, which can be killed and started again.
type proc struct {
	t    *testing.T
	exe  string
	env  []string
	args []string
	cmd  *exec.Cmd
	said bytes.Buffer // of the last run
}

func (p *proc) start() {
	p.t.Helper()
	p.said.Reset()
	p.cmd = exec.Command(p.exe, p.args...)
	p.cmd.Env = p.env
	p.cmd.Stderr = &p.said
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *proc) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed
}

// ledger is what the app saw and what senders were promised.
type ledger struct {
	mu       sync.Mutex // guards the following
	seen     map[string]int
	promised []string
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return // half a request is none
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[string(b)]++
	w.WriteHeader(http.StatusOK)
}

func (l *ledger) missing() (n int, example string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, body := range l.promised {
		if l.seen[body] == 0 {
			n, example = n+1, body
		}
	}
	return n, example
}

// A relay and a client are killed again and again under load: whatever was
// answered with 2xx is at the app in the end, and once in the store.
// HOOKS_TEST_CRASH_CYCLES sets how often.
func TestTunnelSurvivesKills(t *testing.T) {
	t.Parallel()
	if os.Getenv(childMark) != "" {
		t.Fatal("the program that was started ran the tests again")
	}
	cycles := 4
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_CRASH_CYCLES")); err == nil {
		cycles = n
	}
	app := &ledger{seen: map[string]int{}}
	srv := httptest.NewServer(app)
	t.Cleanup(srv.Close)
	relay, client, public, captures := crashPair(t, srv.URL)
	ctx, stop := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	for i := range 4 {
		senders.Go(func() { pour(ctx, app, public, i) })
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range cycles {
		pause(t, time.Duration(150+rng.IntN(250))*time.Millisecond)
		victims := [][]*proc{{relay}, {client}, {relay, client}}[i%3]
		for _, p := range victims {
			p.kill()
		}
		pause(t, time.Duration(rng.IntN(100))*time.Millisecond)
		for _, p := range victims {
			p.start()
		}
	}
	pause(t, 300*time.Millisecond)
	stop()
	senders.Wait()
	deadline := time.Now().Add(30 * time.Second)
	for n, example := app.missing(); n > 0; n, example = app.missing() {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d promised events are not at the app, %q for one", n, len(app.promised), example)
		}
		pause(t, 20*time.Millisecond)
	}
	client.kill()
	relay.kill()
	twice := 0
	for _, n := range app.seen {
		twice += n - 1
	}
	t.Logf("%d kills: %d promised, 0 lost, %d twice at the app", cycles, len(app.promised), twice)
	if twice > 64*cycles {
		t.Errorf("%d duplicates at the app, want at most 64 a kill", twice)
	}
	onceInStore(t, captures)
}

// crashPair starts a relay and its client.
func crashPair(t *testing.T, app string) (relay, client *proc, public, captures string) {
	t.Helper()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(bin, "hooks") // the test binary runs as what it is called
	if filepath.Ext(exe) == ".exe" {
		name += ".exe"
	}
	if err := os.Symlink(exe, name); err != nil {
		t.Skip(err) // a system without links
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	captures = filepath.Join(dir, "captures.db")
	env := append(os.Environ(), childMark+"=1", "HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	relay = &proc{t: t, exe: name, env: env, args: []string{
		"relay", "--listen", addr, "--admin", "off", "--log-format", "off", "--data-dir", filepath.Join(dir, "relay"),
	}}
	client = &proc{t: t, exe: name, env: env, args: []string{
		"tunnel", app, "--relay", "http://" + addr, "--name", "crash", "--store", captures, "--print", "none", "--parallel", "16",
	}}
	relay.start()
	client.start()
	t.Cleanup(func() {
		client.kill()
		relay.kill()
	})
	public = "http://" + addr + "/t/crash"
	for deadline := time.Now().Add(10 * time.Second); ; pause(t, 20*time.Millisecond) {
		if resp, err := http.Post(public, "text/plain", bytes.NewReader([]byte("first"))); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return relay, client, public, captures
			}
		}
		if time.Now().After(deadline) {
			client.kill()
			relay.kill()
			t.Fatalf("the tunnel did not come up\nrelay: %s\nclient: %s", &relay.said, &client.said)
		}
	}
}

// pour sends about 50 numbered events a second and notes those that were
// promised.
func pour(ctx context.Context, app *ledger, public string, sender int) {
	c := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		body := fmt.Sprintf("event %d of sender %d", i, sender)
		resp, err := c.Post(public, "text/plain", bytes.NewReader([]byte(body)))
		if err != nil {
			continue // the relay is down: nothing was promised
		}
		_ = resp.Body.Close()
		if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
			app.mu.Lock()
			app.promised = append(app.promised, body)
			app.mu.Unlock()
		}
	}
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// onceInStore looks for deliveries that were stored twice.
func onceInStore(t *testing.T, captures string) {
	t.Helper()
	s, err := store.Open(context.Background(), captures, store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.List(context.Background(), store.Query{Direction: webhook.Received, Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, d := range list.Deliveries {
		if seen[string(d.Body)]++; seen[string(d.Body)] == 2 && string(d.Body) != "first" {
			t.Errorf("%q is in the store twice", d.Body)
		}
	}
	if len(list.Deliveries) == 0 {
		t.Error("the store is empty")
	}
}
