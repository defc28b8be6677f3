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

// BenchmarkNeighbours gives the p99 of a quiet tunnel beside a bad one, as a
// multiple of what it is alone. Rounds with and without the neighbour take
// turns, so that both see the same machine; some of what is measured is the load
// of the neighbour's own senders, which share it.
func BenchmarkNeighbours(b *testing.B) {
	for _, bad := range []struct {
		name  string
		begin func(testing.TB, *server) (end func())
	}{
		{"floods", func(tb testing.TB, s *server) func() { return pester(tb, s, "floods", true, 4, 1<<10) }},
		{"never-reads", func(tb testing.TB, s *server) func() { return pester(tb, s, "never-reads", false, 4, 4<<20) }},
		{"64-streams", func(tb testing.TB, s *server) func() { return pester(tb, s, "64-streams", false, 64, 64<<10) }},
	} {
		b.Run(bad.name, func(b *testing.B) {
			s := serve(b, nil)
			quiet, c := forward(b, s, "quiet", answering("quiet")), benchClient()
			var alone, beside, start []time.Duration
			ask := func(to *[]time.Duration) {
				for range 50 {
					t := time.Now()
					if err := post(c, quiet, []byte("{}"), http.StatusOK); err != nil {
						b.Fatal(err)
					}
					*to = append(*to, time.Since(t))
				}
			}
			for b.Loop() {
				ask(&alone)
				end := bad.begin(b, s)
				ask(&start) // the neighbour is not where it stays
				ask(&beside)
				end()
			}
			p99 := func(all []time.Duration) float64 {
				slices.Sort(all)
				return float64(all[len(all)*99/100].Microseconds())
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(p99(alone), "alone-p99-µs")
			b.ReportMetric(p99(beside), "beside-p99-µs")
			b.ReportMetric(p99(beside)/p99(alone), "x-alone")
		})
	}
}

// pester has senders send bodies to a tunnel without a pause, until the returned
// function is called. Its app answers, or reads nothing and says nothing.
func pester(tb testing.TB, s *server, name string, answers bool, senders, size int) (end func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	app := answering("ok")
	if !answers {
		app = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-ctx.Done():
			case <-r.Context().Done():
			}
		})
	}
	public, leave := dial(tb, s, name, app, nil)
	c := benchClient()
	var all sync.WaitGroup
	var started sync.WaitGroup
	started.Add(senders)
	for range senders {
		all.Go(func() {
			once := sync.OnceFunc(started.Done)
			defer once()
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, public, bytes.NewReader(make([]byte, size)))
				if err != nil {
					tb.Error(err)
					return
				}
				once()
				if resp, err := c.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			}
		})
	}
	started.Wait()
	return func() {
		cancel()
		all.Wait()
		c.CloseIdleConnections()
		_ = leave() // its name is free for the next round
	}
}
