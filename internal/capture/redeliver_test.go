package capture

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/address/addresstest"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// An owing is a rig that redelivers, on a real store.
type owing struct {
	*rig
	store *store.Store
	end   func() // ends everything but the store
}

func newOwing(t *testing.T, st *store.Store, waits []time.Duration, target string) *owing {
	t.Helper()
	o := &owing{store: st}
	var end func()
	o.rig, end = newRig(t, func(s *Server) {
		s.Store = st
		s.Forward = forwarder(t, target)
		s.Forward.Retry = &Redelivery{
			Queue:    st,
			Schedule: func(string) deliver.Schedule { return deliver.Schedule{Waits: waits} },
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { o.Redeliver(ctx) })
	o.end = sync.OnceFunc(func() {
		cancel()
		work.Wait()
		end()
	})
	t.Cleanup(o.end)
	return o
}

func newStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// until waits for a condition that comes true by itself.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit:
			t.Fatal("never: " + what)
		case <-tick.C:
		}
	}
}

func (o *owing) attempts(t *testing.T, id string) []webhook.Attempt {
	t.Helper()
	d, err := o.store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d.Attempts
}

func (o *owing) owed(t *testing.T) int {
	t.Helper()
	list, err := o.store.Pending(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// The sender is answered at once, and the app gets the delivery when it is
// there again.
func TestRedeliver(t *testing.T) {
	t.Parallel()
	port, err := addresstest.Port()
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", port)
	o := newOwing(t, newStore(t), []time.Duration{0, 20 * time.Millisecond, 20 * time.Millisecond, time.Minute}, "http://"+addr)
	resp := send(t, http.MethodPost, o.url+"/hook?a=1", "the body", "X-One: 1")
	if resp.StatusCode != 202 {
		t.Fatalf("answer = %d %q, want 202", resp.StatusCode, resp.Status)
	}
	id := resp.Header.Get("Hooks-Delivery")
	until(t, "two attempts fail", func() bool { return len(o.attempts(t, id)) >= 2 })

	got := make(chan string, 10)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	app := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- fmt.Sprintf("%s %s %s %s", r.Method, r.RequestURI, r.Header.Get("X-One"), body)
	})}}
	app.Start()
	defer app.Close()
	if len(o.attempts(t, id)) > 2 { // the third came before the app
		due, err := o.store.Pending(t.Context(), 1)
		if err != nil || len(due) != 1 {
			t.Fatalf("pending = %v, %v", due, err)
		}
		if err := o.store.Reschedule(t.Context(), due[0], due[0].Number, time.Now()); err != nil {
			t.Fatal(err)
		}
		o.Forward.Retry.look()
	}
	if want := "POST /hook?a=1 1 the body"; want != <-got {
		t.Errorf("the app did not get %q", want)
	}
	until(t, "nothing is owed", func() bool { return o.owed(t) == 0 })
	o.end()
	all := o.attempts(t, id)
	if last := all[len(all)-1]; !last.Delivered() || last.Number != len(all) {
		t.Errorf("the last attempt is %+v", last)
	}
	var told []string
	for _, e := range o.told() {
		if e.Kind == Attempted {
			told = append(told, fmt.Sprint(e.Attempt.Number, e.Waiting.IsZero()))
		}
	}
	if len(told) != len(all) || told[0] != "1 false" || !strings.HasSuffix(told[len(told)-1], "true") {
		t.Errorf("told %q, want every attempt, the last with none to follow", told)
	}
}

func TestRedeliverGivesUp(t *testing.T) {
	t.Parallel()
	app := newApp(t, 503, "down")
	o := newOwing(t, newStore(t), []time.Duration{0, time.Millisecond, time.Millisecond}, app.URL)
	resp := send(t, http.MethodPost, o.url, "x")
	id := resp.Header.Get("Hooks-Delivery")
	until(t, "it gives up", func() bool { return o.owed(t) == 0 })
	o.end()
	if n := len(o.attempts(t, id)); n != 3 {
		t.Errorf("%d attempts, want the 3 of the schedule", n)
	}
	var notes []string
	for _, e := range o.told() {
		if e.Kind == Noted {
			notes = append(notes, e.Note)
		}
	}
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "gave up on "+id) {
		t.Errorf("notes = %q, want that it gave up", notes)
	}
}

// What a listener owed when it died is delivered by the next one: what was
// under way after a moment, what belongs to other targets never.
func TestRedeliverAfterDeath(t *testing.T) {
	t.Parallel()
	app := newApp(t, 200, "ok")
	st := newStore(t)
	now := time.Now()
	first := &webhook.Delivery{ID: "", Method: "POST", Path: "/a", URL: "http://x/a", Direction: webhook.Received, ReceivedAt: now, Body: []byte("a")}
	var ids []string
	for _, path := range []string{"/owed", "/under-way", "/other"} {
		d := first.Clone()
		d.ID, d.Path = newID(now), path
		if err := st.Append(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	for i, r := range []store.Redelivery{
		{URL: app.URL, Number: 1, NextAt: now},
		{URL: app.URL, Number: 2, NextAt: now.Add(200 * time.Millisecond)}, // claimed by the dead
		{URL: "http://127.0.0.1:1", Number: 1, NextAt: now},
	} {
		r.ID = ids[i]
		if err := st.Enqueue(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	o := newOwing(t, st, []time.Duration{0, time.Minute}, app.URL)
	until(t, "two are delivered", func() bool { return o.owed(t) == 1 })
	o.end()
	app.mu.Lock()
	defer app.mu.Unlock()
	var paths []string
	for _, r := range app.got {
		paths = append(paths, r.URL.Path)
	}
	slices.Sort(paths) // on a busy machine both are due when the listener begins
	if !slices.Equal(paths, []string{"/owed", "/under-way"}) {
		t.Errorf("the app got %v, want /owed and /under-way", paths)
	}
}

// Two listeners on one store do not both make the same attempt.
func TestRedeliverOnce(t *testing.T) {
	t.Parallel()
	app := newApp(t, 200, "ok")
	st := newStore(t)
	a := newOwing(t, st, []time.Duration{0}, app.URL)
	b := newOwing(t, st, []time.Duration{0}, app.URL)
	for i := range 30 {
		post(t, a.url, fmt.Sprint("a", i))
		post(t, b.url, fmt.Sprint("b", i))
	}
	until(t, "all are delivered", func() bool { return a.owed(t) == 0 })
	a.end()
	b.end()
	app.mu.Lock()
	defer app.mu.Unlock()
	if len(app.got) != 60 {
		t.Errorf("the app got %d, want each of 60 once", len(app.got))
	}
}
