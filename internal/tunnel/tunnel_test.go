package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/wire"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	var l Ledger
	for _, o := range []uint64{5, 6, 9} {
		l.Got(o)
	}
	for _, step := range []struct {
		done uint64
		want string
	}{
		{6, "{4 [6]}"}, // 5 is not done: it alone is named
		{5, "{8 []}"},
		{9, "{9 []}"},
	} {
		if got := fmt.Sprint(l.Done(step.done)); got != step.want {
			t.Errorf("Done(%d) = %s, want %s", step.done, got, step.want)
		}
	}
	l.Got(10)
	if got := l.Resume(); got != 9 {
		t.Errorf("Resume = %d, want 9", got)
	}
	shared := Ledger{Shared: true}
	shared.Got(3)
	if got := fmt.Sprint(shared.Done(3)); got != "{0 [3]}" {
		t.Errorf("shared Done = %s, want the single offset", got)
	}
}

// An event that comes twice is delivered once; one that failed, again.
func TestInboxOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b inbox
		var runs atomic.Int32
		slow := func() error {
			time.Sleep(time.Second)
			runs.Add(1)
			return nil
		}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if err := b.once(wire.EventID{1}, slow); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if runs.Load() != 1 {
			t.Errorf("%d runs, want 1", runs.Load())
		}
		down := errors.New("down")
		if err := b.once(wire.EventID{2}, func() error { return down }); !errors.Is(err, down) {
			t.Errorf("once = %v", err)
		}
		if err := b.once(wire.EventID{2}, slow); err != nil || runs.Load() != 2 {
			t.Errorf("after a failure: %v, %d runs", err, runs.Load())
		}
		for i := range 3 * remembered {
			id := wire.EventID{3, byte(i), byte(i >> 8), byte(i >> 16)}
			_ = b.once(id, func() error { return nil })
		}
		if n := len(b.done[0]) + len(b.done[1]); n > 2*remembered {
			t.Errorf("%d ids are remembered, want at most %d", n, 2*remembered)
		}
	})
}

func TestExposedPaths(t *testing.T) {
	t.Parallel()
	f := NewForwarder(ForwarderConfig{Target: &url.URL{Scheme: "http", Host: "localhost:1", Path: "/hooks/"}})
	for target, want := range map[string]bool{
		"/hooks": true, "/hooks/": true, "/hooks/a?b=/../": true, "/hooks?x": true, "/hooks/a%20b": true,
		"/": false, "/hooksy": false, "/hooks/../admin": false, "/hooks/%2e%2e/admin": false, "/hooks/.%2E/admin": false,
		"/hooks/..%2fadmin": false, `/hooks/..\admin`: false, "/hooks/%5c..%5cadmin": false, "/hooks/%252e%252e/admin": false,
		"/hooks/..": false, "/hooks/./a": false, "*": false, "//hooks/": false,
	} {
		if got := f.exposed(target); got != want {
			t.Errorf("exposed(%q) = %v, want %v", target, got, want)
		}
	}
}

// The raw target goes out as it came, whatever net/http would make of it.
func TestRawTargets(t *testing.T) {
	t.Parallel()
	app := &url.URL{Scheme: "http", Host: "localhost:1"}
	for _, target := range []string{"/", "/a%2Fb", "/%zz", "/a b"[:2] + "|", "//x/y?z", "//x?", "/?", "*", "/é\xff", "/a?b?c"} {
		u, err := rawURL(app, target)
		if err != nil {
			t.Errorf("%q: %v", target, err)
			continue
		}
		if got := u.RequestURI(); got != target || u.Host != app.Host {
			t.Errorf("%q becomes %q at %s", target, got, u.Host)
		}
	}
	if _, err := rawURL(app, "//x|y"); err == nil {
		t.Error("a target that would be changed is not refused")
	}
}

// What is kept of a body is what passed, and no more than the limit of all.
func TestForwarderKeepsWhatPassed(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if len(r.Header[capture.LoopHeader]) != 1 {
			t.Errorf("marks %v", r.Header[capture.LoopHeader])
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(b)
	}))
	t.Cleanup(srv.Close)
	target, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan *Exchange, 1)
	f := NewForwarder(ForwarderConfig{Target: target, Done: func(x *Exchange, release func()) {
		release()
		done <- x
	}})
	t.Cleanup(f.Close)
	for _, size := range []int{0, 10, 100_000} {
		body := strings.Repeat("x", size)
		r := httptest.NewRequest(http.MethodPost, "/p?q=1", strings.NewReader(body))
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		x := <-done
		if w.Code != 201 || w.Body.String() != body || string(x.Body) != body || string(x.Answer) != body || x.Cut || x.Status != 201 {
			t.Errorf("%d bytes: answered %d with %d, kept %d and %d, cut %v", size, w.Code, w.Body.Len(), len(x.Body), len(x.Answer), x.Cut)
		}
	}
	if f.kept.Load() != 0 {
		t.Errorf("%d bytes are still held", f.kept.Load())
	}
}

// The ids of deliveries follow from the relay's ids and a key of our own.
func TestDeliveryIDs(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	made := 0
	r := IDs{Key: []byte("key"), New: func(time.Time) string { made++; return "new" }}
	event := wire.EventID{0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00, 7} // 2023-11-14T22:13:20Z
	id := r.Of(event.String(), at)
	if id != r.Of(event.String(), at) || len(id) != 30 || made != 0 {
		t.Errorf("id %q, made %d", id, made)
	}
	other := IDs{Key: []byte("another"), New: r.New}
	if other.Of(event.String(), at) == id {
		t.Error("the id does not depend on the key")
	}
	for _, event := range []string{"", "zz", strings.Repeat("f", 32), strings.Repeat("0", 32)} {
		if got := r.Of(event, at); got != "new" {
			t.Errorf("event %q gives %q, want an id of our own", event, got)
		}
	}
}

// Only the wall clock goes on while a machine sleeps.
func TestSleepIsNoticed(t *testing.T) {
	t.Parallel()
	var w sleepWatch
	wall := time.Unix(1_700_000_000, 0)
	for _, step := range []struct {
		wall, running time.Duration
		want          bool
	}{
		{0, 0, false},
		{time.Second, time.Second, false},
		{time.Hour, 2 * time.Second, true}, // asleep for nearly an hour
		{time.Hour + time.Second, 3 * time.Second, false},
		{time.Minute, 4 * time.Second, false}, // the clock was put back
	} {
		if got := w.slept(wall.Add(step.wall), step.running); got != step.want {
			t.Errorf("after %v and %v: %v, want %v", step.wall, step.running, got, step.want)
		}
	}
}

// What a relay says of a tunnel's address goes to a terminal as it is.
func TestGreetingIsJudged(t *testing.T) {
	t.Parallel()
	relay := &url.URL{Scheme: "http", Host: "relay.example"}
	for name, urls := range map[string][]string{
		"my-app": {"https://relay.example/t/my-app", "http://my-app.relay.example:8080", "https://bücher.example/t/my-app"},
		"": {
			"", "relay.example", "javascript:alert(1)", "https:///t/x", "https://bank.example@relay.example/", "https://relay.example/\u009b2J",
			"https://relay.example/\x9b2J", "https://relay.example/\u202efdp", "https://relay.example/\x1b[2J", "https://relay\u200b.example/",
			"https://relay.example/ ##[add-mask]x",
		},
	} {
		for _, u := range urls {
			c := New(Config{Relay: relay})
			err := c.accept(&wire.Welcome{Name: "my-app", URL: u})
			if (err == nil) != (name == "my-app") {
				t.Errorf("the URL %q: %v", u, err)
			}
		}
	}
	for _, name := range []string{"", "My-App", "a/b", "a\u202e", "a\x1b[2J"} {
		if err := New(Config{Relay: relay}).accept(&wire.Welcome{Name: name, URL: "https://relay.example/"}); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
}

func TestPausesAreBounded(t *testing.T) {
	t.Parallel()
	for n := range uint32(200) {
		if p := patience(n); p < firstPause || p > maxPause {
			t.Errorf("patience(%d) = %v", n, p)
		}
	}
	for range 100 {
		if p := fullJitter(maxPause, nil); p < 0 || p > maxPause {
			t.Errorf("jitter %v", p)
		}
	}
	told := &RefusedError{Status: 503, retryAfter: 20 * time.Second}
	if p := fullJitter(time.Second, told); p != 20*time.Second {
		t.Errorf("with Retry-After 20 s: %v", p)
	}
}

// A relay that is not there is tried again, with growing pauses, until ctx
// ends; with NoRetry it is an error.
func TestRunTriesAgain(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	ctx, cancel := context.WithCancel(t.Context())
	var states []State
	err := New(Config{Relay: u, Handler: http.NotFoundHandler(), Now: time.Now, Observe: func(s State) {
		if states = append(states, s); s.Phase == Reconnecting {
			cancel()
		}
	}}).Run(ctx)
	if err != nil || len(states) != 2 || states[0].Phase != Connecting || states[1].Err == nil {
		t.Errorf("Run = %v, states %+v", err, states)
	}
	if err := New(Config{Relay: u, Handler: http.NotFoundHandler(), Now: time.Now, NoRetry: true}).Run(t.Context()); err == nil {
		t.Error("NoRetry gave no error")
	}
}

// A client that waits to connect again tries at once when the machine comes to
// another network.
func TestOtherNetworkEndsTheWait(t *testing.T) {
	t.Parallel()
	if first, second := networkNow(), networkNow(); first == "" || first != second {
		t.Errorf("the network is %q, then %q", first, second)
	}
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{})
		began := time.Now()
		c.network = func() string {
			if time.Since(began) > 3*time.Second {
				return "other"
			}
			return "this"
		}
		if !c.wait(t.Context(), maxPause, true) {
			t.Error("it does not try again")
		}
		if took := time.Since(began); took < 3*time.Second || took > 5*time.Second {
			t.Errorf("it waited %v", took)
		}
		for _, network := range []bool{true, false} { // nothing new, and a relay that asked for the time
			if network {
				began = time.Now().Add(-time.Minute)
			} else {
				began = time.Now()
			}
			again := time.Now()
			if c.wait(t.Context(), 10*time.Second, network); time.Since(again) < 10*time.Second {
				t.Errorf("it waited %v", time.Since(again))
			}
		}
	})
}

// An app that wants to speak another protocol has not answered.
func TestForwarderTakesNoOtherProtocol(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "other")
		w.WriteHeader(http.StatusSwitchingProtocols)
	}))
	defer app.Close()
	target, err := url.Parse(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := NewForwarder(ForwarderConfig{Target: target})
	defer f.Close()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x", http.NoBody))
	if w.Code != http.StatusBadGateway || w.Header().Get("Hooks-Error") != "app_broken" {
		t.Errorf("answer %d %q, want 502", w.Code, w.Header().Get("Hooks-Error"))
	}
}
