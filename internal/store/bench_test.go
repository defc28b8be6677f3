package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// kilobyte returns a delivery with a body of about 1 kB.
func kilobyte(n int64) *webhook.Delivery {
	d := sample(fmt.Sprintf("evt_%012x", uint64(n)*0x9e3779b97f4a7c15>>16))
	d.EventType = []string{"render.completed", "render.failed", "design.updated", "design.created"}[n%4]
	d.Body = fmt.Appendf(nil, `{"eventId":%q,"eventType":%q,"data":{"order_id":"ord_%d","note":%q}}`,
		d.EventID, d.EventType, n, strings.Repeat("lorem ipsum ", 75))
	return d
}

// A load sends deliveries from several senders and measures how each fares.
type load struct {
	senders int
	send    func(*webhook.Delivery) error
	make    func(n int64) *webhook.Delivery
}

func (l load) run(b *testing.B) {
	var next atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	cpu := cpuTime()
	b.ResetTimer()
	for range l.senders {
		wg.Go(func() {
			var mine []time.Duration
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				d := l.make(n)
				start := time.Now()
				if err := l.send(d); err != nil {
					b.Error(err)
					return
				}
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	b.StopTimer()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(len(took)), "cpu-us/row")
}

// BenchmarkAppend measures acknowledged deliveries a second, with their 99th
// percentile, for one sender and for many: at least 8,000 with 64 and 25 ms,
// 700 with one. Beside it is what SQLite does with a commit a row and nothing
// else, and what the store does while it makes room for every delivery.
func BenchmarkAppend(b *testing.B) {
	for _, senders := range []int{1, 64} {
		b.Run(fmt.Sprintf("senders-%d", senders), func(b *testing.B) {
			s := openAt(b, filepath.Join(b.TempDir(), "events.db"), store.Options{})
			load{senders, func(d *webhook.Delivery) error { return s.Append(context.Background(), d) }, kilobyte}.run(b)
		})
	}
	b.Run("full-64", func(b *testing.B) {
		c := newClock()
		s := openAt(b, filepath.Join(b.TempDir(), "events.db"), store.Options{Now: c.Now, Retention: store.Retention{Bytes: 32 << 20}})
		append1 := func(d *webhook.Delivery) error { return s.Append(context.Background(), d) }
		for n := range int64(25_000) {
			if err := append1(kilobyte(n)); errors.Is(err, store.ErrStoreFull) {
				break
			}
		}
		c.pass(time.Hour)
		load{64, append1, func(n int64) *webhook.Delivery {
			c.pass(20 * time.Millisecond)
			return kilobyte(n)
		}}.run(b)
	})
	b.Run("bare-1", func(b *testing.B) {
		load{1, bare(b), kilobyte}.run(b)
	})
}

// bare returns a plain insert into SQLite, one commit each.
func bare(b *testing.B) func(*webhook.Delivery) error {
	b.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "bare.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (id TEXT PRIMARY KEY, body BLOB)"); err != nil {
		b.Fatal(err)
	}
	stmt, err := db.Prepare("INSERT INTO t VALUES (?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	return func(d *webhook.Delivery) error {
		_, err := stmt.Exec(d.ID, d.Body)
		return err
	}
}

// TestAppendAllocations keeps the hot path from growing unnoticed. It is not
// parallel: others would be counted too.
func TestAppendAllocations(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates itself")
	}
	s := open(t, store.Options{})
	s.StopIndexer()
	const limit = 110
	list := make([]*webhook.Delivery, 0, 201)
	for n := range int64(cap(list)) {
		list = append(list, kilobyte(n))
	}
	next := 0
	got := testing.AllocsPerRun(len(list)-1, func() {
		if err := s.Append(t.Context(), list[next]); err != nil {
			t.Error(err)
		}
		next++
	})
	if got > limit {
		t.Errorf("Append allocates %.0f times, limit %d", got, limit)
	}
	t.Logf("%.0f allocations", got)
}
