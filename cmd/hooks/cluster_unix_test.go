//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster/natstest"
	"github.com/hooks-cli/hooks/internal/tunnel"
)

// A fleet is relays that share a NATS cluster, a load balancer before them, and
// tunnels with an app each. Relays and NATS servers are processes.
type fleet struct {
	t      *testing.T
	nats   *natstest.Cluster
	relays []*proc
	logs   []string
	front  *httptest.Server
	urls   []*url.URL
	turn   atomic.Uint32
	apps   []*fleetApp

	transport http.Transport // to the relays

	mu     sync.Mutex     // guards the following
	failed map[string]int // requests that got no 2xx, by what they got
}

func (f *fleet) fail(why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed[why]++
}

// failures is what failed since the last time.
func (f *fleet) failures() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.failed
	f.failed = map[string]int{}
	return got
}

// A fleetApp is behind one tunnel and notes what came.
type fleetApp struct {
	name string

	mu       sync.Mutex // guards the following
	got      []string
	promised []string
}

func (a *fleetApp) take(body string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, body)
}

// A fleetHost is where a relay and a NATS server run.
type fleetHost struct {
	address         string
	relayIn, natsIn []string // what runs a program there
}

// newFleet starts everything and waits until each tunnel is connected.
func newFleet(t *testing.T, tunnels int, hosts ...fleetHost) *fleet {
	t.Helper()
	if os.Getenv(childMark) != "" {
		t.Fatal("the program that was started ran the tests again")
	}
	if len(hosts) == 0 {
		hosts = slices.Repeat([]fleetHost{{address: "127.0.0.1"}}, 3)
	}
	var servers []natstest.Host
	for _, h := range hosts {
		servers = append(servers, natstest.Host{Address: h.address, In: h.natsIn})
	}
	f := &fleet{t: t, nats: natstest.StartAt(t, servers...), failed: map[string]int{}}
	dir, hooks := t.TempDir(), callAs(t, t.TempDir(), "hooks")
	env := append(os.Environ(), childMark+"=1", "HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir, "NO_PROXY=*")
	for i, h := range hosts {
		_, port, _ := strings.Cut(freeAddress(t), ":")
		address := net.JoinHostPort(h.address, port)
		f.urls = append(f.urls, &url.URL{Scheme: "http", Host: address})
		f.logs = append(f.logs, filepath.Join(dir, fmt.Sprintf("relay%d.log", i)))
		f.relays = append(f.relays, &proc{t: t, env: env, argv: slices.Concat(h.relayIn, []string{
			hooks, "relay", "--listen", address, "--admin", "off", "--nats", f.nats.URL(), "--nats-sync", "always",
			"--node", fmt.Sprintf("relay%d", i), "--trunk", net.JoinHostPort(h.address, "0"), "--open", "--insecure-http",
			"--drain-delay", "300ms", "--log-format", "json", "--public-url", "http://127.0.0.1",
		})})
	}
	t.Cleanup(func() {
		for i, p := range f.relays {
			p.kill()
			if t.Failed() {
				t.Logf("relay %d: %s", i, troubles(p.said.String()))
			}
		}
	})
	for i := range f.relays {
		f.startRelay(i)
	}
	f.transport.DialContext = (&net.Dialer{Timeout: time.Second}).DialContext
	f.transport.MaxIdleConnsPerHost = 256
	f.front = httptest.NewServer(http.HandlerFunc(f.balance))
	t.Cleanup(f.front.Close)
	for i := range tunnels {
		f.connect(fmt.Sprintf("fleet-%d", i))
	}
	return f
}

// troubles are the first lines of a log that are more than news.
func troubles(log string) string {
	var list []string
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"level":"INFO"`) {
			list = append(list, line)
		}
	}
	return strings.Join(list[:min(len(list), 40)], "")
}

// startRelay starts a relay and waits until it answers.
func (f *fleet) startRelay(i int) {
	f.t.Helper()
	f.keepLog(i)
	f.relays[i].start()
	for deadline := time.Now().Add(2 * time.Minute); ; pause(f.t, 20*time.Millisecond) {
		if resp, err := http.Get(f.urls[i].String() + "/healthz"); err == nil {
			_ = resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("relay %d did not start: %s", i, &f.relays[i].said)
		}
	}
}

// keepLog puts aside what a relay has said before it starts again.
func (f *fleet) keepLog(i int) {
	p := f.relays[i]
	if p.cmd == nil {
		return
	}
	file, err := os.OpenFile(f.logs[i], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(p.said.Bytes()); err != nil {
		f.t.Fatal(err)
	}
}

// balance is what stands before relays: it tries one after the other until one
// answers, as HAProxy does with retry-on.
func (f *fleet) balance(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	first := f.turn.Add(1)
	for try := range 12 {
		u := f.urls[(int(first)+try)%len(f.urls)]
		if r.Header.Get("Upgrade") != "" {
			if f.splice(w, r, u.Host) {
				return
			}
		} else if f.try(w, r, u, body) {
			return
		}
		if try%3 == 2 {
			pause(f.t, 100*time.Millisecond)
		}
	}
	w.WriteHeader(http.StatusBadGateway)
}

// try passes a request on; false if there was no answer.
func (f *fleet) try(w http.ResponseWriter, r *http.Request, u *url.URL, body []byte) bool {
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, r.Method, u.String()+r.RequestURI, bytes.NewReader(body))
	if err != nil {
		return false
	}
	out.Header = r.Header.Clone()
	resp, err := f.transport.RoundTrip(out)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return false
	}
	w.Header().Set("Hooks-Error", resp.Header.Get("Hooks-Error"))
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer) // a sender that has left gets none
	return true
}

// splice joins a client's websocket with a relay.
func (f *fleet) splice(w http.ResponseWriter, r *http.Request, host string) bool {
	back, err := dialTCP(host)
	if err != nil {
		return false
	}
	defer back.Close()
	if err := r.Write(back); err != nil {
		return false
	}
	front, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	defer front.Close()
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(back, buffered); done <- struct{}{} }()
	go func() { _, _ = io.Copy(front, back); done <- struct{}{} }()
	<-done
	return true
}

// connect makes a tunnel, whose app notes what comes live or from the store.
func (f *fleet) connect(name string) {
	f.t.Helper()
	app := &fleetApp{name: name}
	f.apps = append(f.apps, app)
	relay, err := url.Parse(f.front.URL)
	if err != nil {
		f.t.Fatal(err)
	}
	up := make(chan struct{})
	var once sync.Once
	client := tunnel.New(tunnel.Config{
		Relay: relay, Name: name, Program: "hooks/test", Now: time.Now,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			app.take(string(body))
			w.WriteHeader(http.StatusCreated)
		}),
		Deliver: func(_ context.Context, e *tunnel.Stored) error {
			app.take(string(e.Body))
			return nil
		},
		Observe: func(s tunnel.State) {
			if s.Phase == tunnel.Connected {
				once.Do(func() { close(up) })
			}
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		<-ended
	})
	select {
	case <-up:
	case err := <-ended:
		ended <- err
		f.t.Fatalf("tunnel %s: %v", name, err)
	case <-time.After(2 * time.Minute):
		f.t.Fatalf("tunnel %s does not connect", name)
	}
}

// pour lets one sender a tunnel send rate events a second in all, until the
// returned function ends them.
func (f *fleet) pour(rate int) (end func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	var senders sync.WaitGroup
	every := time.Second * time.Duration(len(f.apps)) / time.Duration(rate)
	for i, app := range f.apps {
		senders.Go(func() {
			c := &http.Client{Timeout: 2 * time.Minute}
			tick := time.NewTicker(every)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				f.send(c, app, fmt.Sprintf("event %d of %d", n, i))
			}
		})
	}
	return func() {
		cancel()
		senders.Wait()
	}
}

func (f *fleet) send(c *http.Client, app *fleetApp, body string) {
	resp, err := c.Post(f.front.URL+"/t/"+app.name, "text/plain", strings.NewReader(body))
	if err != nil {
		f.fail(err.Error())
		return
	}
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		f.fail(resp.Status + " " + resp.Header.Get("Hooks-Error"))
		return
	}
	app.mu.Lock()
	defer app.mu.Unlock()
	app.promised = append(app.promised, body)
}

// settled waits until everything that was promised is at the apps, and counts
// what came more than once, and what came before an event that its sender had
// sent earlier.
func (f *fleet) settled() (promised, twice, early int) {
	f.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; pause(f.t, 50*time.Millisecond) {
		promised, twice, early = 0, 0, 0
		missing := ""
		for _, app := range f.apps {
			app.mu.Lock()
			first, last := map[string]int{}, -1
			for i, body := range app.got {
				if _, ok := first[body]; ok {
					twice++
					continue
				}
				first[body] = i
			}
			for _, body := range app.promised {
				promised++
				at, ok := first[body]
				switch {
				case !ok:
					missing = app.name + ": " + body
				case at < last:
					early++
				default:
					last = at
				}
			}
			app.mu.Unlock()
		}
		if missing == "" {
			return promised, twice, early
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("promised and not at the app: %s", missing)
		}
	}
}

// owners reads from the relays' logs who owned each name in each generation.
func (f *fleet) owners() (generations int) {
	f.t.Helper()
	seen := map[string]string{}
	for i := range f.relays {
		f.keepLog(i)
		text, err := os.ReadFile(f.logs[i])
		if err != nil {
			f.t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var said struct {
				Message    string `json:"msg"`
				Tunnel     string `json:"tunnel"`
				Generation uint64 `json:"generation"`
				Node       string `json:"node"`
			}
			if json.Unmarshal(line, &said) != nil || said.Message != "owner" {
				continue
			}
			key := fmt.Sprintf("%s generation %d", said.Tunnel, said.Generation)
			if before, ok := seen[key]; ok && before != said.Node {
				f.t.Errorf("%s had two owners: %s and %s", key, before, said.Node)
			}
			seen[key] = said.Node
		}
	}
	return len(seen)
}

// Relays and NATS servers are killed and restarted under load. What was
// promised comes, in order, no request fails where a load balancer tries
// another relay, and each generation of a name has one owner.
func TestClusterSurvives(t *testing.T) {
	t.Parallel()
	tunnels, rate, rounds := 6, 60, 1
	if crashCycles() > 0 {
		tunnels, rate, rounds = 200, 500, 6
	}
	f := newFleet(t, tunnels)
	end := f.pour(rate)
	for round := range rounds {
		for name, fault := range map[string]func(int){"relay": f.killRelay, "nats": f.killNATS, "restart": f.restartRelay} {
			for i := range 3 {
				if rounds == 1 && i != 0 && name != "restart" {
					continue
				}
				fault(i)
			}
			if failed := f.failures(); len(failed) > 0 {
				t.Errorf("round %d, %s: requests failed: %v", round, name, failed)
			}
		}
		if rounds > 1 {
			f.freeze(round % 3)
		}
	}
	pause(t, time.Second)
	end()
	promised, twice, early := f.settled()
	if early > 0 {
		t.Errorf("%d events came before one that was sent earlier", early)
	}
	for _, p := range f.relays {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	}
	generations := f.owners()
	t.Logf("%d tunnels, %d rounds: %d promised, 0 lost, %d twice; %d generations, each with one owner",
		tunnels, rounds, promised, twice, generations)
	if failed := f.failures(); len(failed) > 0 {
		t.Errorf("requests failed: %v", failed)
	}
	if promised == 0 || generations < tunnels {
		t.Error("nothing was tested")
	}
}

func (f *fleet) killRelay(i int) {
	f.relays[i].kill()
	pause(f.t, 300*time.Millisecond)
	f.startRelay(i)
	pause(f.t, 700*time.Millisecond)
}

func (f *fleet) killNATS(i int) {
	f.nats.Servers[i].Kill()
	pause(f.t, time.Second)
	f.nats.Servers[i].Run()
	f.nats.Wait()
	pause(f.t, 500*time.Millisecond)
}

// restartRelay ends a relay as an upgrade does.
func (f *fleet) restartRelay(i int) {
	if err := f.relays[i].cmd.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	_ = f.relays[i].cmd.Wait() // with 0, or the log says why
	f.startRelay(i)
	pause(f.t, 500*time.Millisecond)
}

// freeze stops a relay for longer than its lease, so that others take over what
// it believes to own.
func (f *fleet) freeze(i int) {
	p := f.relays[i].cmd.Process
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		f.t.Fatal(err)
	}
	pause(f.t, 15*time.Second)
	if err := p.Signal(syscall.SIGCONT); err != nil {
		f.t.Fatal(err)
	}
	pause(f.t, 2*time.Second)
}

func dialTCP(host string) (net.Conn, error) { return net.DialTimeout("tcp", host, 2*time.Second) }
