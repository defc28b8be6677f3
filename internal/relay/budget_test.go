package relay_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/tunnel"
)

// As memory gets short, no client connects and nothing is stored, while what
// is small goes on; when it is spent, the requests that hold most of it end.
func TestMemoryBudget(t *testing.T) {
	t.Parallel()
	var used atomic.Int64
	change, _ := storing(t, spool.Limits{})
	s := serve(t, func(c *relay.Config) {
		change(c)
		c.Memory, c.InUse = 1000, used.Load
	})
	public, _ := dial(t, s, "small", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/large" {
			_, _ = io.WriteString(w, "small")
			return
		}
		for { // until the connection is full, and then some
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}), nil)
	away, stop := dial(t, s, "away", answering("x"), (&receiver{}).with)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 1 })
	stuck, err := http.Get(public + "/large") // nobody reads it
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Body.Close()

	used.Store(850)
	waitFor(t, func() bool { status, _ := send(t, away, "event"); return status == 503 })
	cfg := tunnel.Config{Relay: s.url, Name: "new", Program: "hooks/test", Handler: answering("x"), NoRetry: true, Now: time.Now}
	var refused *tunnel.RefusedError
	if err := tunnel.New(cfg).Run(t.Context()); !errors.As(err, &refused) || refused.Status != 503 {
		t.Errorf("a new client: %v, want 503", err)
	}
	if _, body := get(t, public); body != "small" {
		t.Errorf("a small request: %q", body)
	}

	used.Store(960)
	waitFor(t, func() bool {
		var text strings.Builder
		return s.WriteMetrics(&text) == nil && strings.Contains(text.String(), `hooks_refused_total{why="memory"} 1`)
	})
	if _, err := io.Copy(io.Discard, stuck.Body); err == nil {
		t.Error("the answer that was given up looks whole")
	}
	used.Store(100)
	waitFor(t, func() bool { status, _ := send(t, away, "event"); return status == 202 })
}
