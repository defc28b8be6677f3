package relay_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// besides loads a relay with what bad neighbours do until the returned function
// is called: one whose client reads no body, and one whose senders do not stop.
func besides(tb testing.TB, s *server, senders int) (end func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stuck, _ := dial(tb, s, "stuck", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
	}), nil)
	busy := forward(tb, s, "busy", answering("ok"))
	c := benchClient()
	var all sync.WaitGroup
	send := func(url string, size int) {
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(make([]byte, size)))
			if err != nil {
				tb.Error(err)
				return
			}
			if resp, err := c.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
	}
	for range senders {
		all.Go(func() { send(stuck, 4<<20) })
		all.Go(func() { send(busy, 1<<10) })
	}
	return func() {
		cancel()
		all.Wait()
		c.CloseIdleConnections()
	}
}

// A tunnel whose client has stopped reading, and one that is flooded, cost a
// quiet one beside them no answer.
func TestBadNeighbours(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	quiet := forward(t, s, "quiet", answering("quiet"))
	end := besides(t, s, 8)
	defer end()
	waitFor(t, func() bool { return s.Status().Streams >= 8 }) // they are stuck
	for range 50 {
		if resp, body := get(t, quiet); resp.StatusCode != http.StatusOK || body != "quiet" {
			t.Fatalf("%d %q", resp.StatusCode, body)
		}
	}
}

// BenchmarkNeighbours gives the p99 of a quiet tunnel beside bad ones, as a
// multiple of what it is alone. All of them share this machine: some of it is
// the load of the senders themselves.
func BenchmarkNeighbours(b *testing.B) {
	s := serve(b, nil)
	quiet, c := forward(b, s, "quiet", answering("quiet")), benchClient()
	p99 := func() float64 {
		var all []time.Duration
		for range b.N {
			t := time.Now()
			if err := post(c, quiet, []byte("{}"), http.StatusOK); err != nil {
				b.Fatal(err)
			}
			all = append(all, time.Since(t))
		}
		slices.Sort(all)
		return float64(all[len(all)*99/100].Microseconds())
	}
	alone := p99()
	end := besides(b, s, 4)
	beside := p99()
	end()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(alone, "alone-p99-µs")
	b.ReportMetric(beside/alone, "x-alone")
}
