package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/address/addresstest"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// childMark keeps a program that is started here from starting others, should
// it take itself for the tests.
const childMark = "HOOKS_TEST_CHILD"

// proc is a real program, which can be killed and started again.
type proc struct {
	t    *testing.T
	argv []string
	env  []string
	cmd  *exec.Cmd
	said bytes.Buffer // of the last run
}

func (p *proc) start() {
	p.t.Helper()
	p.said.Reset()
	p.cmd = exec.Command(p.argv[0], p.argv[1:]...)
	p.cmd.Env = p.env
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *proc) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed
}

// A place is where the three programs of a tunnel run.
type place struct {
	relayIn, clientIn []string // what runs a program there; the app is with the client
	listen            string   // address of the relay
	senders, clients  string   // its URL, as the two see it
	relay             []string // more arguments
	dataDir           string
	app               []string // more arguments
}

// here is loopback.
func here(t *testing.T) place {
	t.Helper()
	addr := freeAddress(t)
	return place{listen: addr, senders: "http://" + addr, clients: "http://" + addr, dataDir: filepath.Join(t.TempDir(), "relay")}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := addresstest.Port()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// A tunnelled is a relay, a client and an app, and what became of the events
// that senders were promised something about.
type tunnelled struct {
	t                  *testing.T
	relay, client, app *proc
	public             string
	captures, log      string

	mu       sync.Mutex     // guards the following
	promised [][]string     // by sender, in order
	answers  map[string]int // how often each status came
}

// newTunnelled starts the three and waits until a request comes through. The
// app answers with 201, which nobody else does.
func newTunnelled(t *testing.T, at place, client ...string) *tunnelled {
	t.Helper()
	if os.Getenv(childMark) != "" {
		t.Fatal("the program that was started ran the tests again")
	}
	dir, bin := t.TempDir(), t.TempDir()
	hooks, endpoint := callAs(t, bin, "hooks"), callAs(t, bin, "endpoint")
	env := append(os.Environ(), childMark+"=1", "HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir, "NO_PROXY=*")
	_, port, _ := strings.Cut(freeAddress(t), ":")
	d := &tunnelled{
		t: t, public: at.senders + "/t/crash", captures: filepath.Join(dir, "captures.db"), log: filepath.Join(dir, "app.log"),
		answers: map[string]int{},
	}
	d.relay = &proc{t: t, env: env, argv: slices.Concat(at.relayIn, []string{
		hooks, "relay", "--listen", at.listen, "--admin", "off", "--log-format", "off", "--data-dir", at.dataDir,
	}, at.relay)}
	d.client = &proc{t: t, env: env, argv: slices.Concat(at.clientIn, []string{
		hooks, "tunnel", port, "--relay", at.clients, "--name", "crash", "--store", d.captures, "--print", "none",
	}, client)}
	d.app = &proc{t: t, env: env, argv: slices.Concat(at.clientIn, []string{endpoint, "-port", port, "-status", "201", "-log", d.log}, at.app)}
	t.Cleanup(d.stop)
	for _, p := range []*proc{d.relay, d.client, d.app} {
		p.start()
	}
	d.await()
	return d
}

func (d *tunnelled) stop() {
	for _, p := range []*proc{d.client, d.app, d.relay} {
		p.kill()
	}
}

// callAs makes the test binary callable by a name: it runs as what it is
// called.
func callAs(t *testing.T, dir, name string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+filepath.Ext(exe))
	if filepath.Ext(exe) == ".test" {
		path = filepath.Join(dir, name)
	}
	if err := os.Symlink(exe, path); err != nil {
		t.Skip(err) // a system without links
	}
	return path
}

// await returns when the app answers through the tunnel.
func (d *tunnelled) await() {
	d.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; pause(d.t, 20*time.Millisecond) {
		if resp, err := http.Post(d.public, "text/plain", strings.NewReader("first")); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusCreated {
				return
			}
		}
		if time.Now().After(deadline) {
			d.stop()
			d.t.Fatalf("the tunnel did not come up\nrelay: %s\nclient: %s", &d.relay.said, &d.client.said)
		}
	}
}

// pour lets senders send rate events a second each, until the returned
// function ends them. Each goes on when it has its answer, and sends events in
// the order of their numbers, at most most of them if that is not 0.
func (d *tunnelled) pour(senders, rate, most int) (end func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	d.promised = make([][]string, senders)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			c := &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			tick := time.NewTicker(time.Second / time.Duration(rate))
			defer tick.Stop()
			for n := 0; most == 0 || n < most; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				d.send(c, i, n)
			}
		})
	}
	return func() {
		if most == 0 {
			cancel()
		}
		all.Wait()
		cancel()
	}
}

func (d *tunnelled) send(c *http.Client, sender, n int) {
	body := fmt.Sprintf("event %d of sender %d", n, sender)
	resp, err := c.Post(d.public, "text/plain", strings.NewReader(body))
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.answers["none"]++ // nothing was promised
		return
	}
	_ = resp.Body.Close()
	d.answers[strconv.Itoa(resp.StatusCode)]++
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		d.promised[sender] = append(d.promised[sender], body)
	}
}

// answered is how often a status came so far.
func (d *tunnelled) answered(status string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.answers[status]
}

// seen is what the app got: how often, and at which place first.
func (d *tunnelled) seen() (times, first map[string]int) {
	d.t.Helper()
	text, err := os.ReadFile(d.log)
	if err != nil {
		d.t.Fatal(err)
	}
	times, first = map[string]int{}, map[string]int{}
	for line := range strings.Lines(string(text)) {
		body := strings.TrimSpace(line)
		if !strings.HasPrefix(body, "event ") {
			continue
		}
		if times[body]++; times[body] == 1 {
			first[body] = len(first)
		}
	}
	return times, first
}

// settled waits until everything that was promised is at the app, and says
// what it got more than once. Promised events come in the order in which each
// sender sent them, unless several are delivered at a time.
func (d *tunnelled) settled(ordered bool) (promised, twice int) {
	d.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; pause(d.t, 20*time.Millisecond) {
		times, first := d.seen()
		missing, example := 0, ""
		promised, twice = 0, 0
		for _, list := range d.promised {
			last := -1
			for _, body := range list {
				promised++
				if times[body] == 0 {
					missing, example = missing+1, body
					continue
				}
				if ordered && first[body] < last {
					d.t.Fatalf("%q came before one that its sender sent earlier", body)
				}
				last = first[body]
			}
		}
		for _, n := range times {
			twice += n - 1
		}
		if missing == 0 {
			return promised, twice
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%d of %d promised events are not at the app, %q for one\nrelay: %s\nclient: %s", missing, promised, example, &d.relay.said, &d.client.said)
		}
	}
}

// onceInStore looks for deliveries that were stored twice. The client must have
// ended.
func (d *tunnelled) onceInStore() {
	t := d.t
	t.Helper()
	s, err := store.Open(context.Background(), d.captures, store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.List(context.Background(), store.Query{Direction: webhook.Received, Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, one := range list.Deliveries {
		if seen[string(one.Body)]++; seen[string(one.Body)] == 2 && string(one.Body) != "first" {
			t.Errorf("%q is in the store twice", one.Body)
		}
	}
	if len(list.Deliveries) == 0 {
		t.Error("the store is empty")
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
