package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// rendered returns a delivery as a provider sends it, the n-th of many: ids,
// links, amounts and names differ.
func rendered(n int64) *webhook.Delivery {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	word := func(list ...string) string { return list[r.IntN(len(list))] }
	d := sample(fmt.Sprintf("evt_%016x", r.Uint64()))
	d.Provider = word("canvelete", "loopcanvas", "sketchpen")
	d.EventType = word("render.completed", "render.failed", "design.created", "design.updated", "export.ready", "team.joined")
	switch r.IntN(100) {
	case 0:
		d.Verification = webhook.Verification{Status: webhook.Invalid, Reason: webhook.SignatureMismatch}
		d.Response = &webhook.Response{Status: 401}
	case 1:
		d.Verification = webhook.Verification{Status: webhook.Unverified, Reason: webhook.SecretUnknown}
	}
	d.Header.Set("X-Canvelete-Signature", fmt.Sprintf("sha256=%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()))
	d.Body = fmt.Appendf(nil, `{"eventId":%q,"eventType":%q,"timestamp":"2026-11-%02dT%02d:%02d:%02dZ","data":{"order_id":"ord_%d",`+
		`"designId":"dsg_%016x","url":"https://cdn.example.com/renders/%016x.png","width":1920,"fileSize":%d,`+
		`"metadata":{"customer":%q,"email":"%s%d@example.com","note":%q},"items":[{"sku":"sku-%d","price":%d.%02d},{"sku":"sku-%d","price":%d.%02d}]}}`,
		d.EventID, d.EventType, 1+r.IntN(30), r.IntN(24), r.IntN(60), r.IntN(60), n, r.Uint64(), r.Uint64(), r.IntN(9_000_000),
		word("Alice", "Bob", "Carol", "Dave"), word("alice", "bob", "carol", "dave"), r.IntN(100_000),
		strings.Repeat(word("spring sale ", "thank you ", "again "), r.IntN(8)), r.IntN(10_000), r.IntN(100), r.IntN(100), r.IntN(10_000), r.IntN(100), r.IntN(100))
	return d
}

// large returns a store of many deliveries, all indexed. HOOKS_BENCH_STORE
// keeps it for the next time, HOOKS_BENCH_ROWS says how many there are.
func large(b *testing.B) (s *store.Store, rows int64) {
	b.Helper()
	rows = 1_000_000
	if n, err := strconv.ParseInt(os.Getenv("HOOKS_BENCH_ROWS"), 10, 64); err == nil {
		rows = n
	}
	path := os.Getenv("HOOKS_BENCH_STORE")
	if path == "" {
		path = filepath.Join(b.TempDir(), "events.db")
	}
	s = openAt(b, path, store.Options{Relaxed: true})
	there, err := s.Count(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	next := atomic.Int64{}
	next.Store(there)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for n := next.Add(1); n <= rows; n = next.Add(1) {
				if err := s.Append(context.Background(), rendered(n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	stored := time.Since(start)
	for {
		if more, err := s.IndexAll(b.Context()); err != nil {
			b.Fatal(err)
		} else if !more {
			break
		}
	}
	figures, err := s.Figures(b.Context())
	b.Logf("%d deliveries, %d MB, stored in %v, indexed in %v, %v", rows, figures.FileBytes>>20, stored, time.Since(start)-stored, err)
	return s, rows
}

// BenchmarkFirstPage measures the first page of lists, filters and searches in
// a large store: 50 ms is the limit.
func BenchmarkFirstPage(b *testing.B) {
	s, rows := large(b)
	list := func(q store.Query) func() (int, error) {
		q.Limit = 50
		return func() (int, error) {
			page, err := s.List(b.Context(), q)
			return len(page.Deliveries), err
		}
	}
	search := func(text string, q store.Query) func() (int, error) {
		q.Limit = 50
		return func() (int, error) {
			found, err := s.Search(b.Context(), text, q)
			return len(found.Matches), err
		}
	}
	middle := rendered(rows / 2)
	render := func(_, t string) bool { return strings.HasPrefix(t, "render.") }
	cases := []struct {
		name string
		run  func() (int, error)
		want int // -1: any
	}{
		{"list", list(store.Query{}), 50},
		{"provider", list(store.Query{Provider: "sketchpen"}), 50},
		{"pattern", list(store.Query{Pattern: render}), 50},
		{"invalid", list(store.Query{Statuses: []webhook.Status{webhook.Invalid}}), 50},
		{"failed", list(store.Query{Failed: true, Provider: "canvelete"}), 50},
		{"nothing", list(store.Query{Direction: webhook.Sent}), 0},
		{"until", list(store.Query{Until: time.Now().Add(-24 * time.Hour)}), -1},
		{"oldest", list(store.Query{Oldest: true, Provider: "canvelete"}), 50},
		{"search-order", search(fmt.Sprintf("ord_%d\"", rows/2), store.Query{}), 1},
		{"search-event", search(middle.EventID, store.Query{}), 1},
		{"search-common", search("spring sale", store.Query{}), 50},
		{"search-everywhere", search("canvelete", store.Query{}), 50},
		{"search-email", search("alice4321@", store.Query{}), -1},
		{"search-absent", search("zebra crossing", store.Query{}), 0},
		{"search-filtered", search("spring sale", store.Query{Provider: "canvelete", Pattern: render}), 50},
		{"resolve-event", func() (int, error) {
			_, others, err := s.Resolve(b.Context(), middle.EventID)
			return 1 + len(others), err
		}, 1},
		{"resolve-beginning", func() (int, error) {
			_, others, err := s.Resolve(b.Context(), middle.EventID[:14])
			return 1 + len(others), err
		}, 1},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				var err error
				if n, err = c.run(); err != nil {
					b.Fatal(err)
				}
			}
			if c.want >= 0 && n != c.want {
				b.Errorf("%d found, want %d", n, c.want)
			}
			perOp := b.Elapsed() / time.Duration(b.N)
			if perOp > 50*time.Millisecond {
				b.Errorf("%v to the first page, more than 50 ms", perOp)
			}
		})
	}
}

// BenchmarkOpen measures opening a large store and reading the newest
// delivery: what every short command pays.
func BenchmarkOpen(b *testing.B) {
	s, _ := large(b)
	path := s.Path()
	cpu := cpuTime()
	defer func() { b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/op") }()
	for b.Loop() {
		s, err := store.Open(b.Context(), path, store.Options{Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.List(b.Context(), store.Query{Limit: 1}); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
