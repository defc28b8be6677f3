package relay

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A laptop is the client's process.
type laptop struct {
	node  string
	dead  atomic.Bool
	stop  context.CancelFunc
	ended chan struct{}
}

// client starts a laptop that connects to a node.
func (w *clusterModel) client(node string) *laptop {
	ctx, stop := context.WithCancel(context.Background())
	l := &laptop{node: node, stop: stop, ended: make(chan struct{})}
	cfg := tunnel.Config{
		Relay: &url.URL{Scheme: "http", Host: "localhost"}, Name: modelName, Program: "model", Mode: w.mode, Now: time.Now,
		Dial: func(context.Context, string, string) (net.Conn, error) { return w.dial(l) },
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if w.app(l, r.Header.Get("Key"), "live") != nil {
				panic(http.ErrAbortHandler)
			}
			rw.WriteHeader(http.StatusOK)
		}),
		Deliver: func(_ context.Context, e *tunnel.Stored) error { return w.app(l, string(e.Body), "stored") },
		Observe: func(s tunnel.State) {
			if s.Phase == tunnel.Reconnecting {
				w.say("the client is not connected: %v", s.Err)
			}
		},
	}
	w.begin(func() {
		defer close(l.ended)
		for ctx.Err() == nil {
			err := tunnel.New(cfg).Run(ctx)
			w.say("the client ended: %v", err)
			w.sleep(100*time.Millisecond, 100*time.Millisecond)
		}
	})
	w.mu.Lock()
	w.laptop = l
	w.mu.Unlock()
	w.say("a client begins at %s", node)
	return l
}

func (w *clusterModel) dial(l *laptop) (net.Conn, error) {
	w.mu.Lock()
	at := l.node
	w.mu.Unlock()
	w.sleep(0, 10*time.Millisecond)
	n := w.nodeOf(at)
	if n == nil || l.dead.Load() {
		return nil, errModelDown
	}
	here, _, err := n.door.dial(func() time.Time { return w.due(n) }, func() time.Time { return time.Time{} }, n.holds)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links = append(w.links, here)
	return here, nil
}

// app is asked once for each request, unless something broke on the way.
func (w *clusterModel) app(l *laptop, key, how string) error {
	w.sleep(0, 6*time.Millisecond)
	if l.dead.Load() {
		return context.Canceled
	}
	if how == "stored" && w.chance(5) {
		return &tunnel.Later{After: w.some(time.Millisecond, 500*time.Millisecond), Why: wire.NackAppDown}
	}
	w.mu.Lock()
	w.sayLocked("the app sees %s, %s", key, how)
	if w.times[key]++; w.times[key] == 1 {
		w.seen[key] = len(w.seen)
	}
	w.mu.Unlock()
	w.sleep(0, 6*time.Millisecond)
	if l.dead.Load() {
		return context.Canceled
	}
	w.mu.Lock()
	w.done[key] = true
	w.mu.Unlock()
	return nil
}

// send is a sender: it sends its requests one after the other, each when the
// one before was answered, to any node.
func (w *clusterModel) send(who string, count int) {
	for k := range count {
		w.sleep(0, 200*time.Millisecond)
		w.request(who, k)
	}
}

func (w *clusterModel) request(who string, k int) {
	key := fmt.Sprintf("%s-%03d", who, k)
	n := w.anyNode()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/t/"+modelName+"/", strings.NewReader(key))
	r.Header.Set("Key", key)
	rec := httptest.NewRecorder()
	w.say("%s is sent to %s", key, n.name)
	sent := time.Now()
	cut := w.serve(n, rec, r)
	alone := w.someoneAway(sent)
	how := "live"
	if rec.Header().Get("Hooks-Event-Id") != "" {
		how = "stored"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sayLocked("%s is answered %d %s%s", key, rec.Code, how, rec.Header().Get("Hooks-Error"))
	if f := w.faults; f.fails+f.stops+f.aways+f.kills == 0 {
		if cut || rec.Code/100 != 2 {
			w.failLocked("%s is answered %d %s, and the store was there", key, rec.Code, rec.Header().Get("Hooks-Error"))
		}
		if took := time.Since(sent); f.lost == 0 && took > 3*time.Second {
			w.failLocked("%s took %v, and no message was lost", key, took)
		}
	}
	if rec.Code/100 == 2 && !cut && ctx.Err() == nil && !n.gone.Load() {
		w.accepted[key], w.alone[key] = how, alone
		w.answers = append(w.answers, key)
	}
}

// someoneAway says that a node did not reach the store at a time since then. It
// may be the owner, and learn too late of what others store; or have been the
// owner, and not have heard that it is none: it passes on what is live, which is
// told to go on without the store.
func (w *clusterModel) someoneAway(since time.Time) bool {
	return slices.ContainsFunc(w.everyone(), func(n *modelNode) bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.deaf.After(since)
	})
}

func (w *clusterModel) serve(n *modelNode, rw http.ResponseWriter, r *http.Request) (cut bool) {
	defer func() { cut = recover() != nil }()
	n.lag()
	n.server.ServeHTTP(rw, r)
	n.lag()
	return false
}

// spoil lets things go wrong until ctx ends.
func (w *clusterModel) spoil(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(w.some(0, 500*time.Millisecond)):
		}
		n := w.anyNode()
		if w.chance(w.faults.cuts) {
			w.say("connections of the client break")
			w.cut()
		}
		if w.chance(w.faults.moves) {
			w.move()
		}
		if w.chance(w.faults.stops) {
			d := w.some(0, 15*time.Second)
			w.say("%s stands still for %v", n.name, d)
			n.mu.Lock()
			n.still = time.Now().Add(d)
			n.mu.Unlock()
		}
		if w.chance(w.faults.aways) {
			d := w.some(0, 15*time.Second)
			w.say("%s does not reach the store for %v", n.name, d)
			n.mu.Lock()
			n.deaf = time.Now().Add(d)
			n.mu.Unlock()
		}
		if w.chance(w.faults.kills) && len(w.everyone()) > 1 {
			w.kill(n)
		}
	}
}

func (w *clusterModel) cut() {
	w.mu.Lock()
	links := w.links
	w.links = nil
	w.mu.Unlock()
	for _, l := range links {
		l.cut()
	}
}

// move has the client go to another node: the same process when its link
// breaks, or another one when it ends or crashes.
func (w *clusterModel) move() {
	w.mu.Lock()
	l := w.laptop
	w.mu.Unlock()
	to := w.anyNode().name
	switch w.draw(4) {
	case 0:
		w.say("the client goes to %s", to)
		w.mu.Lock()
		l.node = to
		w.mu.Unlock()
		w.cut()
	case 1: // the older one is told to leave by the relay
		w.client(to)
		w.sleep(0, time.Second)
		l.stop()
	case 2: // two claim the name at once
		l.stop()
		w.cut()
		other := w.client(w.anyNode().name)
		w.client(to)
		w.sleep(0, time.Second)
		other.stop()
	case 3:
		w.say("the client crashes")
		l.dead.Store(true)
		l.stop()
		w.cut()
		w.sleep(0, time.Second)
		w.client(to)
	}
}
