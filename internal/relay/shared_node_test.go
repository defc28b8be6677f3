package relay

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
)

// A modelNode is one relay process.
type modelNode struct {
	w       *clusterModel
	name    string
	server  *Server
	cluster *cluster.Cluster
	public  *http.Server
	trunk   *http.Server
	door    *port // of clients
	trunks  *port // of the other relays
	gone    atomic.Bool
	stopped context.CancelFunc

	mu    sync.Mutex // guards the following
	still time.Time  // it stands still until then
	deaf  time.Time  // it does not reach the store until then
	known []*name
}

// stand returns when the node does not stand still.
func (n *modelNode) stand() {
	if n.free() {
		n.w.wait(time.Until(n.holds()))
	}
}

func (n *modelNode) holds() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.still
}

// lag is the time that a message of the node takes. What asks while it holds
// the lock of a name takes none: nobody who waits for a mutex lets the bubble's
// clock go on.
func (n *modelNode) lag() {
	if n.stand(); n.free() {
		n.w.sleep(0, 15*time.Millisecond)
	}
}

// free says that no name of the node is locked.
func (n *modelNode) free() bool {
	at := n.server.names.find(modelName)
	n.mu.Lock()
	defer n.mu.Unlock()
	if at != nil && !slices.Contains(n.known, at) {
		n.known = append(n.known, at)
	}
	for _, k := range n.known {
		if !k.mu.TryLock() {
			return false
		}
		k.mu.Unlock()
	}
	return true
}

// tell puts how the node's name stands into the log.
func (n *modelNode) tell() {
	at := n.server.names.find(modelName)
	if at == nil {
		return
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	for _, l := range at.lanes {
		n.w.say("%s: %d clients, pumping %v, storing %d, %+v, counted from %d", n.name, len(at.sessions), at.pumping, at.storing, l.box, l.base)
	}
	if at.kept != nil {
		n.w.say("%s: %+v", n.name, at.kept.Counts())
	}
}

// away says that the node does not reach the store.
func (n *modelNode) away() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.gone.Load() || time.Now().Before(n.deaf)
}

// start makes a relay.
func (w *clusterModel) start(name string) *modelNode {
	n := &modelNode{w: w, name: name, door: newPort(), trunks: newPort()}
	n.cluster = cluster.On(&shore{w.sea, n}, "epoch", cluster.Config{Node: name, Address: name, Now: time.Now})
	n.server = New(Config{
		Node: name, Version: "model", Cluster: n.cluster, Now: time.Now, Limits: Limits{Unlimited: true},
		Public: &url.URL{Scheme: "http", Host: "localhost"}, Log: slog.New(slog.NewTextHandler(modelLog{n}, nil)),
	})
	n.server.trunks.DialContext = func(_ context.Context, _, addr string) (net.Conn, error) {
		to, _, _ := strings.Cut(addr, ":")
		return n.connect(w.nodeOf(to))
	}
	n.public = &http.Server{Handler: n.server}
	n.trunk = &http.Server{Handler: n.server.Trunk()}
	w.begin(func() { _ = n.public.Serve(n.door) })
	w.begin(func() { _ = n.trunk.Serve(n.trunks) })
	ctx, stop := context.WithCancel(context.Background())
	n.stopped = stop
	w.mu.Lock()
	w.nodes = append(w.nodes, n)
	w.mu.Unlock()
	for _, o := range w.everyone() {
		if said := w.sea.saidBy(o.name); said != nil && o != n {
			n.cluster.Met(o.name, said)
		}
	}
	n.live(ctx)
	return n
}

// live does what Run and Join do with time.
func (n *modelNode) live(ctx context.Context) {
	deaf := false
	n.every(ctx, pulseEvery, n.server.pulse.feel)
	n.every(ctx, cluster.BeatEvery(), func() { deaf = n.server.beatOnce(ctx, deaf) })
	n.every(ctx, 200*time.Millisecond, n.cluster.Spread)
	n.every(ctx, time.Second, func() { n.cluster.Tend(ctx) })
}

// every does f again and again, when the node does not stand still.
func (n *modelNode) every(ctx context.Context, d time.Duration, f func()) {
	n.w.begin(func() {
		for ctx.Err() == nil {
			n.stand()
			f()
			n.w.wait(d)
		}
	})
}

// A modelLog puts what a node logs into the model's log.
type modelLog struct{ n *modelNode }

func (l modelLog) Write(p []byte) (int, error) {
	_, text, _ := strings.Cut(string(p), "level=")
	if !strings.Contains(text, "msg=request ") {
		l.n.w.say("  %s %s", l.n.name, strings.TrimSpace(text))
	}
	return len(p), nil
}

var errModelDown = errors.New("nobody is there")

// connect reaches another node's trunk.
func (n *modelNode) connect(to *modelNode) (net.Conn, error) {
	n.lag()
	if to == nil || n.gone.Load() {
		return nil, errModelDown
	}
	here, _, err := to.trunks.dial(func() time.Time { return n.w.due(n, to) }, n.holds, to.holds)
	if err != nil {
		return nil, err
	}
	return here, nil
}

// due is when what is sent now arrives.
func (w *clusterModel) due(between ...*modelNode) time.Time {
	at := time.Now().Add(w.some(0, 8*time.Millisecond))
	for _, n := range between {
		if h := n.holds(); h.After(at) {
			at = h
		}
	}
	return at
}

// kill ends a node as kill -9 does, and starts another.
func (w *clusterModel) kill(n *modelNode) {
	w.say("kill %s", n.name)
	w.mu.Lock()
	w.nodes = slices.DeleteFunc(w.nodes, func(o *modelNode) bool { return o == n })
	w.mu.Unlock()
	n.end()
	w.reborn.Go(func() {
		w.sleep(0, 5*time.Second)
		w.start(n.name)
	})
}

// end takes a node out of the world: what it still does reaches nobody.
func (n *modelNode) end() {
	n.gone.Store(true)
	n.stopped()
	_ = n.public.Close()
	_ = n.trunk.Close()
	n.server.Close()
}
