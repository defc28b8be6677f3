package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster/natstest"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A crowd is relays that share a NATS cluster, and many tunnels at them.
type crowd struct {
	t       *testing.T
	nats    *natstest.Cluster
	relays  []*proc
	address []string
	alive   []atomic.Bool // whether clients are sent to a relay
	turn    atomic.Uint32
	members []*member
	up      atomic.Int64    // members that are connected
	lost    atomic.Int64    // how often one lost its relay, or could not connect
	events  atomic.Int64    // that came from the store
	ctx     context.Context // of the tunnels
	stop    context.CancelFunc
	clients sync.WaitGroup
}

// A member is one tunnel.
type member struct {
	name string
	at   atomic.Int32 // its relay
	here atomic.Bool  // it is connected
}

// manyTunnels is how many are to be measured, 0 in the short form.
func manyTunnels() int {
	n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_TUNNELS"))
	if err != nil {
		return 0
	}
	return n
}

func newCrowd(t *testing.T, servers, relays int) *crowd {
	t.Helper()
	c := &crowd{t: t, nats: natstest.Start(t, servers), alive: make([]atomic.Bool, relays)}
	c.ctx, c.stop = context.WithCancel(context.Background())
	bin := t.TempDir()
	hooks := callAs(t, bin, "hooks")
	for i := range relays {
		c.address = append(c.address, freeAddress(t))
		c.relays = append(c.relays, &proc{t: t, env: append(os.Environ(), childMark+"=1", "HOME="+bin), argv: []string{
			hooks, "relay", "--listen", c.address[i], "--admin", "off", "--log-format", "off", "--node", fmt.Sprintf("n%d", i),
			"--nats", c.nats.URL(), "--nats-sync", "always", "--trunk", "127.0.0.1:0",
		}})
		c.relays[i].start()
		t.Cleanup(c.relays[i].kill)
		c.alive[i].Store(true)
	}
	for _, a := range c.address {
		awaitRelay(t, "http://"+a)
	}
	return c
}

// dial takes one relay after the other, as a load balancer would.
func (c *crowd) dial(ctx context.Context, m *member) (net.Conn, error) {
	for range c.relays {
		i := int(c.turn.Add(1)) % len(c.relays)
		if c.alive[i].Load() {
			m.at.Store(int32(i))
			return new(net.Dialer).DialContext(ctx, "tcp", c.address[i])
		}
	}
	return nil, context.Canceled
}

// join connects n tunnels, 64 at a time.
func (c *crowd) join(n int, mode wire.Mode) []*member {
	c.t.Helper()
	starting := make(chan struct{}, 64)
	relay := &url.URL{Scheme: "http", Host: "relay.invalid"}
	app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	for range n {
		m := &member{name: fmt.Sprintf("crowd-%d", len(c.members))}
		c.members = append(c.members, m)
		starting <- struct{}{}
		var once sync.Once
		client := tunnel.New(tunnel.Config{
			Relay: relay, Name: m.name, Program: "hooks/test", Mode: mode, Handler: app, Now: time.Now,
			Dial:    func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx, m) },
			Deliver: func(context.Context, *tunnel.Stored) error { c.events.Add(1); return nil },
			Observe: func(s tunnel.State) {
				switch {
				case s.Phase == tunnel.Connected && !m.here.Swap(true):
					c.up.Add(1)
					once.Do(func() { <-starting })
				case s.Phase == tunnel.Reconnecting:
					c.lost.Add(1)
					if m.here.Swap(false) {
						c.up.Add(-1)
					}
				}
			},
		})
		c.clients.Go(func() { _ = client.Run(c.ctx) })
	}
	c.await("connected tunnels", func() int { return int(c.up.Load()) }, len(c.members), 5*time.Minute)
	return c.members[len(c.members)-n:]
}

// leave ends everything: thousands of goodbyes are nobody's business.
func (c *crowd) leave() {
	for _, r := range c.relays {
		r.kill()
	}
	c.stop()
	c.clients.Wait()
}

func (c *crowd) await(what string, count func() int, want int, most time.Duration) time.Duration {
	c.t.Helper()
	began := time.Now()
	for count() < want {
		if time.Since(began) > most {
			c.t.Fatalf("%s: %d of %d after %v", what, count(), want, most)
		}
		pause(c.t, 5*time.Millisecond)
	}
	return time.Since(began)
}

// A cost is what was spent from a moment on.
type cost struct {
	at           time.Time
	relays, nats time.Duration // of CPU
	load         natstest.Load
}

func (c *crowd) now() cost {
	c.t.Helper()
	v := cost{at: time.Now(), load: c.nats.Load("hooks relay ")}
	for i, r := range c.relays {
		if c.alive[i].Load() {
			v.relays += cpuTime(c.t, r.cmd.Process.Pid)
		}
	}
	for _, s := range c.nats.Servers {
		v.nats += cpuTime(c.t, s.Process().Pid)
	}
	return v
}

// since tells what was spent, for each of n.
func (c *crowd) since(what string, before cost, n int, each string) natstest.Load {
	c.t.Helper()
	now := c.now()
	d, took := now.load.Sub(before.load), now.at.Sub(before.at)
	per := func(v int64) float64 { return float64(v) / float64(n) }
	c.t.Logf("%s, %d in %.1f s; CPU: relays %.1f %%, NATS %.1f %% of a core; %d consumers; a %s: %.0f µs of the relays, %.0f µs of NATS, %.2f API calls, relays sent %.2f messages (%.0f B) and got %.2f (%.0f B), NATS servers took %.2f in all (%.0f B)",
		what, n, took.Seconds(), 100*float64(now.relays-before.relays)/float64(took), 100*float64(now.nats-before.nats)/float64(took), now.load.Consumers, each,
		per((now.relays - before.relays).Microseconds()), per((now.nats - before.nats).Microseconds()), per(d.Calls),
		per(d.Sent), per(d.SentBytes), per(d.Got), per(d.GotBytes), per(d.Messages), per(d.Bytes))
	return d
}

// resident is the memory of the relays that run, and of the NATS servers.
func (c *crowd) resident() (relays, nats int) {
	for i, r := range c.relays {
		if c.alive[i].Load() {
			relays += residentKB(c.t, r.cmd.Process.Pid)
		}
	}
	for _, s := range c.nats.Servers {
		nats += residentKB(c.t, s.Process().Pid)
	}
	return relays, nats
}

// ask sends n requests to members, 32 at a time, each to another relay than the
// one that owns the name.
func (c *crowd) ask(members []*member, n int, body string) {
	c.t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	var next, bad atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				m := members[i%len(members)]
				at := (int(m.at.Load()) + 1) % len(c.relays)
				for !c.alive[at].Load() {
					at = (at + 1) % len(c.relays)
				}
				resp, err := client.Post("http://"+c.address[at]+"/t/"+m.name, "text/plain", strings.NewReader(body))
				if err != nil {
					bad.Add(1)
					continue
				}
				_ = resp.Body.Close()
				if resp.StatusCode > 299 {
					bad.Add(1)
				}
			}
		})
	}
	all.Wait()
	if bad.Load() > 0 {
		c.t.Errorf("%d of %d requests failed", bad.Load(), n)
	}
}

// fail kills a relay and waits until its tunnels are at the others.
func (c *crowd) fail(i int) {
	c.t.Helper()
	c.alive[i].Store(false)
	moved := 0
	for _, m := range c.members {
		if int(m.at.Load()) == i {
			moved++
		}
	}
	before, lost := c.now(), c.lost.Load()
	c.relays[i].kill()
	c.await("tunnels that noticed", func() int { return int(c.lost.Load() - lost) }, moved, time.Minute)
	back := c.await("tunnels that are back", func() int { return int(c.up.Load()) }, len(c.members), 3*time.Minute)
	c.since(fmt.Sprintf("a relay killed, its tunnels back %.1f s later after %d tries", back.Seconds(), c.lost.Load()-lost), before, moved, "tunnel")
}

// cpuTime is what a process has used.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	user, err := strconv.Atoi(f[11])
	if err != nil {
		t.Fatal(err)
	}
	system, err := strconv.Atoi(f[12])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Tunnels that have nothing to do cost relays and NATS next to nothing, and a
// few requests when they connect. When a relay is lost, the others serve its
// tunnels.
func TestManyTunnelsInCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("many connections")
	}
	if n := manyTunnels(); n > 0 {
		measureCrowd(t, n)
		return
	}
	t.Parallel()
	c := newCrowd(t, 1, 2)
	before := c.now()
	c.join(200, wire.ModeAuto)
	spent := c.since("connected", before, 200, "tunnel")
	if spent.Sent > 6*200 || spent.Calls > 4*200 {
		t.Errorf("200 tunnels that connected cost %d messages to NATS and %d calls, want at most 6 and 4 each", spent.Sent, spent.Calls)
	}
	c.ask(c.members, 50, "x")
	c.fail(0)
	c.ask(c.members, 200, "x")
	c.leave()
}

// measureCrowd tells what n tunnels cost.
func measureCrowd(t *testing.T, n int) {
	c := newCrowd(t, 3, 3)
	pause(t, 2*time.Second)
	before := c.now()
	pause(t, 10*time.Second)
	c.since("at rest without tunnels", before, 10, "second")
	relays, nats := c.resident()
	before = c.now()
	c.join(n, wire.ModeAuto)
	c.since("connected", before, n, "tunnel")
	pause(t, 10*time.Second)
	r2, n2 := c.resident()
	t.Logf("memory: relays %d MB, NATS %d MB before; with %d tunnels %d and %d MB: %.1f kB a tunnel in the relays, %.1f kB in all NATS servers",
		relays>>10, nats>>10, n, r2>>10, n2>>10, float64(r2-relays)/float64(n), float64(n2-nats)/float64(n))
	before = c.now()
	pause(t, 40*time.Second)
	c.since("at rest", before, 40, "second")
	body := strings.Repeat("x", 2000)
	before = c.now()
	c.ask(c.members, 20_000, body)
	c.since("live requests that pass a trunk", before, 20_000, "request")
	c.fail(0)
	before = c.now()
	c.ask(c.members, n, "x")
	c.since("one request to each tunnel", before, n, "request")
	queues := c.join(1000, wire.ModeQueue)
	c.store("events stored, one a name at a time", queues, 3000, body)
	c.store("events stored in a hundred names", queues[:100], 10_000, body)
	pause(t, 10*time.Second)
	r2, n2 = c.resident()
	t.Logf("memory after that: two relays %d MB, NATS %d MB", r2>>10, n2>>10)
	c.leave()
}

// store tells what events cost that are stored first, until they are
// acknowledged.
func (c *crowd) store(what string, members []*member, n int, body string) {
	c.t.Helper()
	before, had := c.now(), int(c.events.Load())
	c.ask(members, n, body)
	took := time.Since(before.at)
	c.await("events delivered", func() int { return int(c.events.Load()) - had }, n, time.Minute)
	pause(c.t, 2*time.Second) // cursors are written within a second
	c.since(fmt.Sprintf("%s, %.0f a second", what, float64(n)/took.Seconds()), before, n, "event")
}
