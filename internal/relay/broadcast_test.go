package relay_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
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

// as makes a broadcast client whose instance is made of one digit.
func as(digit string, r *receiver, more ...func(*tunnel.Config)) func(*tunnel.Config) {
	return func(c *tunnel.Config) {
		c.Share, c.Instance, c.Mode = wire.ShareBroadcast, strings.Repeat(digit, 32), wire.ModeQueue
		if r != nil {
			c.Deliver = r.deliver
		}
		for _, f := range more {
			f(c)
		}
	}
}

// Every client gets every event, in order, the one that was away too; the
// relay keeps an event until all have it.
func TestBroadcastStored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sp, err := spool.Open(context.Background(), dir, spool.Limits{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *relay.Config) { c.Spool = sp })
	var a, b, late receiver
	public, _ := dial(t, s, "all", http.NotFoundHandler(), as("a", &a))
	_, stopB := dial(t, s, "all", http.NotFoundHandler(), as("b", &b))
	var want []uint64
	post := func(n int) {
		for range n {
			if status, body := send(t, public, fmt.Sprint("event ", len(want))); status != 202 {
				t.Fatalf("%d %s", status, body)
			}
			want = append(want, uint64(len(want)+1))
		}
	}
	post(10)
	waitFor(t, func() bool { return a.count() == 10 && b.count() == 10 })
	waitFor(t, func() bool { return sp.Totals().Acked == 10 })
	if err := stopB(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 1 })
	post(10)
	waitFor(t, func() bool { return a.count() == 20 })
	if c := sp.Totals(); c.Acked != 10 || c.Waiting != 10 {
		t.Errorf("with one away: %+v, want 10 kept for it", c)
	}
	// A newcomer gets what nobody has; one that returns what it missed.
	dial(t, s, "all", http.NotFoundHandler(), as("c", &late))
	dial(t, s, "all", http.NotFoundHandler(), as("b", &b))
	waitFor(t, func() bool { return b.count() == 20 })
	post(1)
	waitFor(t, func() bool { return a.count() == 21 && b.count() == 21 && late.count() == 1 })
	waitFor(t, func() bool { c := sp.Totals(); return c.Waiting == 0 && c.Stored == c.Acked+c.Expired })
	for name, r := range map[string]*receiver{"a": &a, "b": &b} {
		if !slices.Equal(r.offset, want) {
			t.Errorf("%s got %v", name, r.offset)
		}
	}
}

// Cursors outlive the relay.
func TestBroadcastCursorsAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sp, err := spool.Open(context.Background(), dir, spool.Limits{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	n, err := sp.Claim(t.Context(), "kept", spool.Info{Mode: "queue", Share: "broadcast", Accept: 202, UsedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	head, err := wire.AppendRequestHead(nil, &wire.RequestHead{Method: http.MethodPost, Target: "/", Host: "h", Remote: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		r := &spool.Record{ID: wire.EventID{byte(i)}, ReceivedAt: time.Now(), Head: head, Digest: sha256.Sum256(nil)}
		if err := n.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	n.SetCursor(spool.Cursor{Instance: strings.Repeat("a", 32), Offset: 3, SeenAt: time.Now()})
	n.SetCursor(spool.Cursor{Instance: strings.Repeat("b", 32), Offset: 1, SeenAt: time.Now()})
	if err := sp.Close(); err != nil {
		t.Fatal(err)
	}
	if sp, err = spool.Open(context.Background(), dir, spool.Limits{}, time.Now); err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *relay.Config) { c.Spool = sp })
	var a, b receiver
	dial(t, s, "kept", http.NotFoundHandler(), as("a", &a))
	dial(t, s, "kept", http.NotFoundHandler(), as("b", &b))
	waitFor(t, func() bool { return a.count() == 2 && b.count() == 4 })
	waitFor(t, func() bool { return sp.Totals().Waiting == 0 })
	if !slices.Equal(a.offset, []uint64{4, 5}) || !slices.Equal(b.offset, []uint64{2, 3, 4, 5}) {
		t.Errorf("a got %v, b got %v", a.offset, b.offset)
	}
}

// A live request goes to all; the answer of the first is the sender's. Bodies
// arrive whole whether they are sent in one piece or streamed.
func TestBroadcastLive(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	var mu sync.Mutex
	sizes := map[string][]int{}
	app := func(who string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			mu.Lock()
			sizes[who] = append(sizes[who], len(b))
			mu.Unlock()
			_, _ = io.WriteString(w, who)
		})
	}
	live := func(c *tunnel.Config) { c.Mode = wire.ModeLive }
	public, stop := dial(t, s, "live", app("first"), as("a", nil, live))
	dial(t, s, "live", app("second"), as("b", nil, live))
	dial(t, s, "live", app("third"), as("c", nil, live))
	for _, size := range []int{0, 1000, 900_000} {
		resp, err := http.Post(public, "text/plain", bytes.NewReader(make([]byte, size)))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(b) != "first" {
			t.Errorf("%d bytes: answer %q, want the first client's", size, b)
		}
	}
	waitFor(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, who := range []string{"first", "second", "third"} {
			slices.Sort(sizes[who])
			if !slices.Equal(sizes[who], []int{0, 1000, 900_000}) {
				return false
			}
		}
		return true
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 2 })
	if _, body := get(t, public); body != "second" {
		t.Errorf("without the first: %q", body)
	}
}

// A client that does not read its copy costs neither the sender nor the others.
func TestBroadcastSlowClientCostsItself(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	live := func(c *tunnel.Config) { c.Mode = wire.ModeLive }
	public, _ := dial(t, s, "slow", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n)
	}), as("a", nil, live))
	stuck := make(chan error, 1)
	dial(t, s, "slow", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // it reads nothing until it is told that it lost
		_, err := io.Copy(io.Discard, r.Body)
		stuck <- err
	}), as("b", nil, live))
	resp, err := http.Post(public, "text/plain", bytes.NewReader(make([]byte, 8<<20)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != fmt.Sprint(8<<20) {
		t.Errorf("answer %q", b)
	}
	if err := <-stuck; err == nil {
		t.Error("the slow client believes that it has the whole body")
	}
}

// Another way of sharing takes the name over, and nothing is lost by it.
func TestShareChanges(t *testing.T) {
	t.Parallel()
	change, sp := storing(t, spool.Limits{})
	s := serve(t, change)
	var a, b, c receiver
	public, stop := dial(t, s, "turn", http.NotFoundHandler(), as("a", &a))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	for i := range 3 {
		send(t, public, fmt.Sprint(i))
	}
	_, stop = dial(t, s, "turn", http.NotFoundHandler(), func(cfg *tunnel.Config) { cfg.Deliver, cfg.Mode = b.deliver, wire.ModeQueue })
	waitFor(t, func() bool { return b.count() == 3 && sp.Totals().Waiting == 0 })
	send(t, public, "for the exclusive one")
	waitFor(t, func() bool { return b.count() == 4 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	send(t, public, "for all again")
	dial(t, s, "turn", http.NotFoundHandler(), as("c", &c))
	waitFor(t, func() bool { return c.count() == 1 })
	waitFor(t, func() bool { t := sp.Totals(); return t.Waiting == 0 && t.Stored == 5 && t.Acked == 5 })
}
