package store_test

import (
	"context"
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

// BenchmarkAppend measures acknowledged deliveries a second, with their
// 99th percentile, for one sender and for many.
func BenchmarkAppend(b *testing.B) {
	for _, senders := range []int{1, 64} {
		b.Run(fmt.Sprintf("senders-%d", senders), func(b *testing.B) {
			s := openAt(b, filepath.Join(b.TempDir(), "events.db"), store.Options{})
			var next atomic.Int64
			var mu sync.Mutex
			var took []time.Duration
			b.ResetTimer()
			var wg sync.WaitGroup
			for range senders {
				wg.Go(func() {
					var mine []time.Duration
					for next.Add(1) <= int64(b.N) {
						d := kilobyte(next.Load())
						start := time.Now()
						if err := s.Append(context.Background(), d); err != nil {
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
			slices.Sort(took)
			b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
