package deliver_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
)

// most runs n attempts to url at once, each a second long, and returns how
// many were open together.
func most(t *testing.T, h *deliver.Hosts, n int, url string, r deliver.Result) int64 {
	t.Helper()
	var open, peak atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			_, err := h.Do(t.Context(), url, func() deliver.Result {
				peak.Store(max(peak.Load(), open.Add(1)))
				<-time.After(time.Second)
				open.Add(-1)
				return r
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return peak.Load()
}

func TestHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := deliver.NewHosts()
		if got := most(t, h, 200, "http://a.example/x", answered(200)); got != deliver.MaxOpen {
			t.Errorf("%d open at once, want %d", got, deliver.MaxOpen)
		}
		if got := most(t, h, 8, "http://b.example/x", answered(500)); got != 8 {
			t.Errorf("%d open at once while the host was not known to fail, want 8", got)
		}
		if got := most(t, h, 20, "http://b.example/other", answered(500)); got != 1 {
			t.Errorf("%d open at once to a failing host, want 1", got)
		}
		if got := most(t, h, 20, "http://a.example/x", answered(200)); got != 20 {
			t.Errorf("%d open at once to another host, want 20", got)
		}
		most(t, h, 1, "http://b.example/x", answered(200))
		if got := most(t, h, 20, "http://b.example/x", answered(200)); got != 20 {
			t.Errorf("%d open at once to a host that recovered, want 20", got)
		}
	})
}

func TestHostsGivesUpWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := deliver.NewHosts()
		most(t, h, 8, "http://a.example", answered(500))
		go most(t, h, 1, "http://a.example", answered(500))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := h.Do(ctx, "http://a.example", func() deliver.Result { t.Error("was made all the same"); return answered(200) })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		<-time.After(time.Minute)
	})
}
