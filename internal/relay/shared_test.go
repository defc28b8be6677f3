package relay_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/cluster/natstest"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A node is one of several relays that share a store.
type node struct {
	*server
	cluster *cluster.Cluster
	trunk   *http.Server
}

// public is the address of a name at this node.
func (n *node) public(name string) string { return n.url.String() + "/t/" + name }

func serveNode(tb testing.TB, servers *natstest.Cluster, name string) *node {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	c, err := cluster.Connect(tb.Context(), cluster.Config{
		URL: servers.URL(), Node: name, Address: l.Addr().String(), Streams: 2, Now: time.Now,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	n := &node{cluster: c, server: serve(tb, func(cfg *relay.Config) { cfg.Cluster, cfg.Node = c, name })}
	n.trunk = &http.Server{Handler: n.Trunk()}
	go func() { _ = n.trunk.Serve(l) }()
	tb.Cleanup(func() { _ = n.trunk.Close() })
	if err := c.Join(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return n
}

// A request is answered by the app whichever relay takes it: method, target,
// headers, body and answer are what they would be at the owner.
func TestTrunk(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := serveNode(t, servers, "one"), serveNode(t, servers, "two")
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Method+" "+r.RequestURI+" "+r.Header.Get("X-Odd")+" "+r.Header.Get("X-Forwarded-Prefix"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(body)
		w.Header().Set(http.TrailerPrefix+"X-Sum", fmt.Sprint(len(body)))
	})
	dial(t, one.server, "my-app", app, nil)
	for _, size := range []int{0, 10, 300 << 10, 3 << 20} {
		body := bytes.Repeat([]byte("x"), size)
		for _, n := range []*node{one, two} {
			req, err := http.NewRequest(http.MethodPut, n.public("my-app")+"/a%2Fb//c?q=%zz&;=1", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header["X-Odd"] = []string{"a", "b"}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusTeapot || !bytes.Equal(got, body) {
				t.Fatalf("by %s: %d with %d bytes, %v", n.url, resp.StatusCode, len(got), err)
			}
			if seen := resp.Header.Get("X-Seen"); seen != "PUT /a%2Fb//c?q=%zz&;=1 a /t/my-app" {
				t.Errorf("by %s the app saw %q", n.url, seen)
			}
			if sum := resp.Trailer.Get("X-Sum"); sum != fmt.Sprint(size) {
				t.Errorf("by %s the trailer is %q", n.url, sum)
			}
		}
	}
	if status, _ := send(t, two.public("nobody"), "x"); status != http.StatusNotFound {
		t.Errorf("a name that nobody has = %d", status)
	}
}

// Who does not know the relays' key gets nothing from a trunk.
func TestTrunkIsSealed(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := serveNode(t, servers, "one"), serveNode(t, servers, "two")
	var mu sync.Mutex
	served := 0
	dial(t, one.server, "sealed", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		served++
	}), nil)
	door := httptest.NewServer(one.Trunk())
	defer door.Close()
	for _, header := range []string{"", "v1", strings.Repeat("a ", 9), "v1 1 2 3 4 5 6 7 8"} {
		req, err := http.NewRequest(http.MethodGet, door.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Hooks-Trunk", header)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q = %d, want 401", header, resp.StatusCode)
		}
	}
	if status, _ := send(t, two.public("sealed"), "x"); status != http.StatusOK {
		t.Errorf("by the trunk: %d", status)
	}
	if served != 1 {
		t.Errorf("the app was asked %d times, want once", served)
	}
}

// What any relay takes while the client is away is stored, and comes in order
// when the client is back, at whichever relay.
func TestStoredAnywhere(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	nodes := []*node{serveNode(t, servers, "one"), serveNode(t, servers, "two"), serveNode(t, servers, "three")}
	var rec receiver
	_, stop := dial(t, nodes[0].server, "away", answering("live"), rec.with)
	_ = stop()
	var want []string
	for i := range 12 {
		status, _ := send(t, nodes[i%3].public("away"), fmt.Sprint(i))
		if status != http.StatusAccepted {
			t.Fatalf("request %d = %d, want 202", i, status)
		}
		want = append(want, fmt.Sprintf("POST / %d", i))
	}
	dial(t, nodes[1].server, "away", answering("live"), rec.with)
	waitFor(t, func() bool { return rec.count() == len(want) })
	if got := fmt.Sprint(rec.got); got != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	waitFor(t, func() bool { return nodes[1].Status().Waiting == 0 })
	for _, n := range nodes {
		waitFor(t, func() bool {
			status, body := send(t, n.public("away"), "again")
			return status == 200 && body == "live"
		})
	}
}

// A client that comes back at another relay takes its name along: the relay
// before gives it up, and what it had not acknowledged comes again.
func TestNameMoves(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := serveNode(t, servers, "one"), serveNode(t, servers, "two")
	same := func(c *tunnel.Config) { c.Instance = strings.Repeat("a", 32) }
	dial(t, one.server, "moves", answering("at one"), same)
	if _, body := get(t, two.public("moves")); body != "at one" {
		t.Fatalf("before the move: %q", body)
	}
	dial(t, two.server, "moves", answering("at two"), same)
	for _, n := range []*node{one, two} {
		waitFor(t, func() bool { _, body := get(t, n.public("moves")); return body == "at two" })
	}
	waitFor(t, func() bool { return one.Status().Names == 0 })
}

// What is under way when a client is asked to move goes on at the relay that it
// leaves.
func TestMoveFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := serveNode(t, servers, "one"), serveNode(t, servers, "two")
	begun, finish := make(chan struct{}), make(chan struct{})
	same := func(c *tunnel.Config) { c.Instance, c.Mode = strings.Repeat("a", 32), wire.ModeLive }
	dial(t, one.server, "moves", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		_, _ = io.WriteString(w, "at one")
	}), same)
	answered := make(chan string, 1)
	go func() {
		resp, err := http.Get(one.public("moves"))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body) // what came is looked at
		answered <- string(b)
	}()
	<-begun
	one.Drain()
	dial(t, two.server, "moves", answering("at two"), same)
	waitFor(t, func() bool { return one.Status().Names == 0 })
	close(finish)
	if body := <-answered; body != "at one" {
		t.Errorf("answer %q, want that of the app", body)
	}
}

// Clients that share a name hold their links at one relay, wherever they knock.
func TestSharedAcrossNodes(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := serveNode(t, servers, "one"), serveNode(t, servers, "two")
	share := func(c *tunnel.Config) { c.Share = wire.ShareOneOfN }
	dial(t, one.server, "pool", answering("a"), share)
	dial(t, two.server, "pool", answering("b"), share)
	seen := map[string]int{}
	for i := range 20 {
		_, body := get(t, []*node{one, two}[i%2].public("pool"))
		seen[body]++
	}
	if seen["a"] == 0 || seen["b"] == 0 {
		t.Errorf("answers %v, want both clients'", seen)
	}
	if got := one.Status().Clients; got != 2 {
		t.Errorf("%d clients at the owner, want 2", got)
	}
}

// What a client of a broadcast name has missed comes to it at another relay too,
// whoever of the name's clients came there before it.
func TestBroadcastMoves(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := serveNode(t, servers, "one"), serveNode(t, servers, "two")
	var a, b receiver
	_, stopA := dial(t, one.server, "news", http.NotFoundHandler(), as("a", &a))
	_, stopB := dial(t, one.server, "news", http.NotFoundHandler(), as("b", &b))
	post := func(n *node, body string) {
		if status, answer := send(t, n.public("news"), body); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, answer)
		}
	}
	post(one, "first")
	waitFor(t, func() bool { return a.count() == 1 && b.count() == 1 })
	_ = stopB()
	post(one, "second")
	waitFor(t, func() bool { return a.count() == 2 })
	_ = stopA()
	if err := one.cluster.Close(); err != nil {
		t.Fatal(err)
	}
	dial(t, two.server, "news", http.NotFoundHandler(), as("a", &a))
	post(two, "third")
	waitFor(t, func() bool { return a.has("third") })
	dial(t, two.server, "news", http.NotFoundHandler(), as("b", &b))
	waitFor(t, func() bool { return b.has("third") })
	if !b.has("second") {
		t.Error("the one that was away has not got what it missed")
	}
}

// While NATS is away live traffic goes on, and what would have to be stored is
// refused.
func TestNATSAway(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := serveNode(t, servers, "one"), serveNode(t, servers, "two")
	dial(t, one.server, "steady", answering("live"), nil)
	var rec receiver
	_, stop := dial(t, one.server, "stored", answering("live"), rec.with)
	_ = stop()
	for _, n := range []*node{one, two} {
		if _, body := get(t, n.public("steady")); body != "live" {
			t.Fatalf("before: %q", body)
		}
		if status, _ := send(t, n.public("stored"), "before"); status != http.StatusAccepted {
			t.Fatalf("before: %d", status)
		}
	}
	servers.Servers[0].Kill()
	waitFor(t, func() bool { return !one.cluster.Reachable() && !two.cluster.Reachable() })
	for _, n := range []*node{one, two} {
		if resp, body := get(t, n.public("steady")); resp.StatusCode != http.StatusOK || body != "live" {
			t.Errorf("live traffic without NATS = %d %q", resp.StatusCode, body)
		}
		if status, _ := send(t, n.public("stored"), "meanwhile"); status != http.StatusServiceUnavailable {
			t.Errorf("storing without NATS = %d, want 503", status)
		}
	}
	servers.Servers[0].Run()
	servers.Wait()
	waitFor(t, func() bool { status, _ := send(t, two.public("stored"), "after"); return status == http.StatusAccepted })
	dial(t, two.server, "stored", answering("live"), rec.with)
	waitFor(t, func() bool { return rec.count() >= 3 })
	if got := strings.Join(rec.got, "\n"); strings.Contains(got, "meanwhile") || strings.Count(got, "before") != 2 {
		t.Errorf("got %v", rec.got)
	}
}
