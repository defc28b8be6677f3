//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// Three clients share a tunnel, each at a relay of its own, and each is to get
// every event. The relay that holds them is killed under load, and stays dead
// for a while: every client has every promised event in the end, in order.
func TestBroadcastSurvives(t *testing.T) {
	t.Parallel()
	rounds, dead := 2, 500*time.Millisecond
	if crashCycles() > 0 {
		rounds, dead = 6, 12*time.Second // longer than a relay that is gone counts as alive
	}
	f := newFleet(t, 0)
	store, err := cluster.Connect(t.Context(), cluster.Config{URL: f.nats.URL(), Node: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const name = "everybody"
	for i := range f.relays {
		f.listen(name, i)
	}
	events := &fleetApp{name: name}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c := &http.Client{Timeout: 2 * time.Minute}
		for n := 0; ctx.Err() == nil; n++ {
			f.send(c, events, fmt.Sprintf("event %d", n))
			pause(t, 5*time.Millisecond)
		}
	}()
	killed := map[int]int{}
	for range rounds {
		pause(t, time.Second)
		owner := f.ownerOf(store, name)
		killed[owner]++
		f.relays[owner].kill()
		pause(t, dead)
		f.startRelay(owner)
		f.allListen(events)
	}
	stop()
	<-ended
	for _, app := range f.apps {
		app.promised = events.promised
	}
	promised, twice, early := f.settled()
	if early > 0 {
		t.Errorf("%d events came before one that was sent earlier", early)
	}
	t.Logf("owners killed %v: %d promised to 3 clients, 0 lost, %d twice; not stored %v", killed, promised/3, twice, f.failures())
	if promised == 0 {
		t.Error("nothing was promised: nothing was tested")
	}
}

// listen connects a client that takes what is stored, at relay i or, where that
// is gone, at the next.
func (f *fleet) listen(name string, i int) {
	f.t.Helper()
	app := &fleetApp{name: name}
	f.apps = append(f.apps, app)
	var turn atomic.Int32
	turn.Store(int32(i))
	up := make(chan struct{}, 1)
	client := tunnel.New(tunnel.Config{
		Relay: f.urls[i], Name: name, Program: "hooks/test", Now: time.Now,
		Mode: wire.ModeQueue, Share: wire.ShareBroadcast, Instance: strings.Repeat(fmt.Sprint(i), 32),
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, f.urls[int(turn.Load())%len(f.urls)].Host)
			if err != nil {
				turn.Add(1)
			}
			return c, err
		},
		Handler: http.NotFoundHandler(),
		Deliver: func(_ context.Context, e *tunnel.Stored) error {
			app.take(string(e.Body))
			return nil
		},
		Observe: func(s tunnel.State) {
			if s.Phase == tunnel.Connected {
				select {
				case up <- struct{}{}:
				default:
				}
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
	case <-time.After(2 * time.Minute):
		f.t.Fatalf("client %d does not connect", i)
	}
}

// allListen waits until every client has the newest event that was promised.
func (f *fleet) allListen(events *fleetApp) {
	f.t.Helper()
	events.mu.Lock()
	last := ""
	if n := len(events.promised); n > 0 {
		last = events.promised[n-1]
	}
	events.mu.Unlock()
	for deadline := time.Now().Add(3 * time.Minute); last != ""; pause(f.t, 20*time.Millisecond) {
		missing := 0
		for _, app := range f.apps {
			app.mu.Lock()
			if !slices.Contains(app.got, last) {
				missing++
			}
			app.mu.Unlock()
		}
		if missing == 0 {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%d clients did not get %s", missing, last)
		}
	}
}

// ownerOf is the relay that holds the clients of a name.
func (f *fleet) ownerOf(store *cluster.Cluster, name string) int {
	f.t.Helper()
	store.Forget(name)
	o, err := store.Find(f.t.Context(), name)
	if err != nil || o == nil {
		f.t.Fatalf("who owns %s: %+v, %v", name, o, err)
	}
	var owner int
	if _, err := fmt.Sscanf(o.Node, "relay%d", &owner); err != nil {
		f.t.Fatalf("the owner of %s is %s", name, o.Node)
	}
	return owner
}
