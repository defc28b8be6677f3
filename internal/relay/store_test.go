package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// storing gives a relay a spool.
func storing(tb testing.TB, l spool.Limits) (func(*relay.Config), *spool.Spool) {
	tb.Helper()
	sp, err := spool.Open(context.Background(), tb.TempDir(), l, time.Now)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = sp.Close() })
	return func(c *relay.Config) { c.Spool = sp }, sp
}

// receiver is a client's Deliver that notes what came.
type receiver struct {
	mu     sync.Mutex
	got    []string
	refuse func(n int) error // of the n-th delivery
	n      int
	offset []uint64
	tries  []uint32
}

func (r *receiver) deliver(_ context.Context, e *tunnel.Stored) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	if r.refuse != nil {
		if err := r.refuse(r.n); err != nil {
			return err
		}
	}
	r.got = append(r.got, e.Head.Method+" "+e.Head.Target+" "+string(e.Body))
	r.offset = append(r.offset, e.Offset)
	r.tries = append(r.tries, e.Attempt)
	return nil
}

// has says whether a body came.
func (r *receiver) has(body string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.got, func(s string) bool { return strings.HasSuffix(s, " "+body) })
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

func (r *receiver) with(c *tunnel.Config) { c.Deliver = r.deliver }

func send(tb testing.TB, address, body string) (int, string) {
	tb.Helper()
	resp, err := http.Post(address, "text/plain", bytes.NewReader([]byte(body)))
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// What comes while the client is away is stored and comes in order when it is
// back; then requests are passed on again.
func TestStoredWhileAway(t *testing.T) {
	t.Parallel()
	change, sp := storing(t, spool.Limits{})
	s := serve(t, change)
	var r receiver
	public, stop := dial(t, s, "shop", answering("live"), r.with)
	if status, body := send(t, public+"/a", "x"); status != 200 || body != "live" {
		t.Errorf("connected: %d %q", status, body)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	var want []string
	for i := range 50 {
		status, body := send(t, fmt.Sprintf("%s/away/%d?q=%%2F", public, i), fmt.Sprint("body ", i))
		if status != 202 || body[:11] != `{"stored":"` {
			t.Fatalf("away: %d %q", status, body)
		}
		want = append(want, fmt.Sprintf("POST /away/%d?q=%%2F body %d", i, i))
	}
	dial(t, s, "shop", answering("live"), r.with)
	waitFor(t, func() bool { return r.count() == 50 })
	if fmt.Sprint(r.got) != fmt.Sprint(want) {
		t.Errorf("got %v", r.got)
	}
	waitFor(t, func() bool {
		status, body := send(t, public+"/b", "x")
		return status == 200 && body == "live"
	})
	waitFor(t, func() bool {
		c := sp.Totals()
		return c.Waiting == 0 && c.Stored == c.Acked
	})
}

// In mode queue everything is stored, then delivered.
func TestQueue(t *testing.T) {
	t.Parallel()
	change, _ := storing(t, spool.Limits{})
	s := serve(t, change)
	var r receiver
	public, _ := dial(t, s, "queue", answering("live"), func(c *tunnel.Config) {
		r.with(c)
		c.Mode, c.AcceptStatus, c.Parallel = wire.ModeQueue, 204, 8
	})
	for i := range 40 {
		if status, body := send(t, public+"/", fmt.Sprint(i)); status != 204 || body != "" {
			t.Fatalf("%d %q", status, body)
		}
	}
	waitFor(t, func() bool { return r.count() == 40 })
}

// An event that is given back comes again, before those behind it.
func TestGivenBackComesAgainInOrder(t *testing.T) {
	t.Parallel()
	change, _ := storing(t, spool.Limits{})
	s := serve(t, change)
	r := receiver{refuse: func(n int) error {
		if n == 2 || n == 3 {
			return &tunnel.Later{After: time.Millisecond, Why: wire.NackAppDown, Err: errors.New("no app")}
		}
		return nil
	}}
	public, _ := dial(t, s, "back", http.NotFoundHandler(), func(c *tunnel.Config) {
		r.with(c)
		c.Mode = wire.ModeQueue
	})
	for i := range 3 {
		send(t, public+"/", fmt.Sprint(i))
	}
	waitFor(t, func() bool { return r.count() == 3 })
	if fmt.Sprint(r.offset) != "[1 2 3]" || fmt.Sprint(r.tries) != "[1 3 1]" {
		t.Errorf("offsets %v, attempts %v", r.offset, r.tries)
	}
}

// A link that is lost with a request on it: the request is stored, not failed.
func TestLiveThatBreaksIsStored(t *testing.T) {
	t.Parallel()
	change, _ := storing(t, spool.Limits{})
	s := serve(t, change)
	var r receiver
	entered := make(chan struct{}, 1)
	public, _ := dial(t, s, "breaks", http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		entered <- struct{}{}
		<-req.Context().Done()
	}), r.with)
	answer := make(chan int, 1)
	go func() {
		status, _ := send(t, public+"/x", "precious")
		answer <- status
	}()
	<-entered
	for _, l := range s.Links() {
		l.Close(wire.CloseAbnormal, "")
	}
	if status := <-answer; status != 202 {
		t.Errorf("status %d, want 202", status)
	}
	waitFor(t, func() bool { return r.count() == 1 })
	if r.got[0] != "POST /x precious" || r.tries[0] != 2 {
		t.Errorf("got %v, attempt %v, want it marked as maybe seen", r.got, r.tries)
	}
}

// A store that is full is told to the sender, never hidden.
func TestFullStoreAnswers503(t *testing.T) {
	t.Parallel()
	change, _ := storing(t, spool.Limits{Events: 2})
	s := serve(t, change)
	var r receiver
	public, stop := dial(t, s, "full", answering("live"), r.with)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	for i, want := range []int{202, 202, 503} {
		if status, _ := send(t, public, fmt.Sprint(i)); status != want {
			t.Errorf("request %d: %d, want %d", i, status, want)
		}
	}
	req, err := http.NewRequest(http.MethodPost, public, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Hooks-Mode", "live")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Hooks-Error") != "tunnel_offline" {
		t.Errorf("live by force: %d %s", resp.StatusCode, resp.Header.Get("Hooks-Error"))
	}
	if !s.Status().Tunnels[0].Blocked {
		t.Error("nobody is told that the store is full")
	}
	dial(t, s, "full", answering("live"), r.with)
	waitFor(t, func() bool { return !s.Status().Tunnels[0].Blocked && r.count() == 2 })
}

// Many events wait: they all come, in order, when the client is back.
func TestBacklogDrains(t *testing.T) {
	t.Parallel()
	change, _ := storing(t, spool.Limits{})
	s := serve(t, change)
	var r receiver
	public, stop := dial(t, s, "drain", answering("live"), r.with)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 40 {
				if status, _ := send(t, public, fmt.Sprint(i, j)); status != 202 {
					t.Errorf("status %d", status)
				}
			}
		})
	}
	wg.Wait()
	began := time.Now()
	dial(t, s, "drain", answering("live"), r.with)
	defer func() { t.Logf("%d events in %v", r.count(), time.Since(began)) }()
	waitFor(t, func() bool { return r.count() == 320 })
	for i, o := range r.offset {
		if o != uint64(i+1) {
			t.Fatalf("event %d has offset %d", i, o)
		}
	}
}

// What was acknowledged is read again from the relay's store, if it keeps it.
func TestSeekReadsAgain(t *testing.T) {
	t.Parallel()
	change, sp := storing(t, spool.Limits{Keep: time.Hour})
	s := serve(t, change)
	var first, second receiver
	queue := func(r *receiver) func(*tunnel.Config) {
		return func(c *tunnel.Config) { c.Deliver, c.Mode = r.deliver, wire.ModeQueue }
	}
	public, stop := dial(t, s, "again", http.NotFoundHandler(), queue(&first))
	for i := range 5 {
		send(t, public+"/", fmt.Sprint(i))
	}
	waitFor(t, func() bool { return sp.Totals().Acked == 5 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	dial(t, s, "again", http.NotFoundHandler(), func(c *tunnel.Config) {
		queue(&second)(c)
		c.Since = time.Now().Add(-time.Hour)
	})
	waitFor(t, func() bool { return second.count() == 5 })
	if fmt.Sprint(second.offset) != "[1 2 3 4 5]" || second.tries[0] != 2 {
		t.Errorf("offsets %v, attempts %v", second.offset, second.tries)
	}
	send(t, public+"/", "new")
	waitFor(t, func() bool { return second.count() == 6 })
	waitFor(t, func() bool { c := sp.Totals(); return c.Stored == 6 && c.Acked == 6 && c.Waiting == 0 })
}

// An event that the app refuses again and again holds up those behind it,
// unless it may be skipped; it is never given up.
func TestSkipPoison(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		t.Run(fmt.Sprint(skip), func(t *testing.T) {
			t.Parallel()
			change, sp := storing(t, spool.Limits{})
			s := serve(t, change)
			var mu sync.Mutex
			var order []string
			refused, cured := 0, false
			public, _ := dial(t, s, "poison", answering("live"), func(c *tunnel.Config) {
				c.Mode, c.SkipPoison = wire.ModeQueue, skip
				c.Deliver = func(_ context.Context, e *tunnel.Stored) error {
					mu.Lock()
					defer mu.Unlock()
					if string(e.Body) == "bad" && !cured {
						refused++
						return &tunnel.Later{Why: wire.NackWait}
					}
					order = append(order, string(e.Body))
					return nil
				}
			})
			for _, body := range []string{"bad", "good", "better"} {
				if status, _ := send(t, public, body); status != 202 {
					t.Fatalf("status %d", status)
				}
			}
			got := func() string {
				mu.Lock()
				defer mu.Unlock()
				return fmt.Sprint(order)
			}
			if skip {
				waitFor(t, func() bool { return got() == "[good better]" })
			} else {
				waitFor(t, func() bool { mu.Lock(); defer mu.Unlock(); return refused > 20 })
				if got() != "[]" {
					t.Errorf("something overtook: %s", got())
				}
			}
			mu.Lock()
			cured = true
			mu.Unlock()
			want := map[bool]string{false: "[bad good better]", true: "[good better bad]"}[skip]
			waitFor(t, func() bool { return got() == want })
			waitFor(t, func() bool { c := sp.Totals(); return c.Waiting == 0 && c.Acked == 3 })
		})
	}
}

// With a key of the client's, what the relay keeps cannot be read there, and
// comes as it was sent.
func TestSealedEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sp, err := spool.Open(context.Background(), dir, spool.Limits{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sp.Close() }()
	s := serve(t, func(c *relay.Config) { c.Spool = sp })
	key, err := wire.NewSealKey(bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	var r receiver
	sealed := func(c *tunnel.Config) {
		r.with(c)
		c.Key, c.Seal = key, true
	}
	public, stop := dial(t, s, "sealed", answering("live"), sealed)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	for _, body := range []string{"a canary in the body", ""} {
		if status, _ := send(t, public, body); status != 202 {
			t.Fatalf("status %d", status)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if text, err := os.ReadFile(name); err != nil || bytes.Contains(text, []byte("canary")) {
			t.Errorf("%s has the body, or cannot be read: %v", name, err)
		}
	}
	// Without the key it waits, and is not lost.
	var other receiver
	seen := make(chan error, 1)
	_, stop = dial(t, s, "sealed", answering("live"), func(c *tunnel.Config) {
		other.with(c)
		observe := c.Observe
		c.Observe = func(st tunnel.State) {
			if st.Err != nil && st.Phase == tunnel.Connected {
				select {
				case seen <- st.Err:
				default:
				}
			}
			observe(st)
		}
	})
	if err := <-seen; !errors.Is(err, wire.ErrSealed) {
		t.Errorf("without the key: %v", err)
	}
	if err := stop(); err != nil || other.count() != 0 {
		t.Errorf("%v, %d delivered without the key", err, other.count())
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	dial(t, s, "sealed", answering("live"), sealed)
	waitFor(t, func() bool { return r.count() == 2 })
	if fmt.Sprint(r.got) != "[POST / a canary in the body POST / ]" {
		t.Errorf("got %q", r.got)
	}
}
