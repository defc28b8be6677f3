package relay_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
)

// benchClient keeps enough connections for the benchmarks.
func benchClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}}
}

func benchApp(b *testing.B) *httptest.Server {
	b.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte("ok"))
	}))
	b.Cleanup(app.Close)
	return app
}

func post(c *http.Client, url string, body []byte) error {
	resp, err := c.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != 200 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return err
}

// BenchmarkLatency gives the latency of one request after another, direct and
// through the tunnel, in the same run.
func BenchmarkLatency(b *testing.B) {
	app := benchApp(b)
	public := forwardTo(b, serve(b, nil), "bench", app.URL)
	body := make([]byte, 1024)
	for _, way := range []struct{ name, url string }{{"direct", app.URL}, {"tunnel", public}} {
		b.Run(way.name, func(b *testing.B) {
			c := benchClient()
			var all []time.Duration
			for b.Loop() {
				t := time.Now()
				if err := post(c, way.url, body); err != nil {
					b.Fatal(err)
				}
				all = append(all, time.Since(t))
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkThroughput gives requests a second over many connections, direct
// and through the tunnel, in the same run.
func BenchmarkThroughput(b *testing.B) {
	app := benchApp(b)
	public := forwardTo(b, serve(b, nil), "bench", app.URL)
	for _, load := range []struct{ size, conns int }{{1 << 10, 64}, {1 << 20, 16}} {
		body := make([]byte, load.size)
		for _, way := range []struct{ name, url string }{{"direct", app.URL}, {"tunnel", public}} {
			b.Run(fmt.Sprintf("%d-c%d-%s", load.size, load.conns, way.name), func(b *testing.B) {
				c := benchClient()
				b.SetBytes(int64(load.size))
				var left atomic.Int64
				left.Store(int64(b.N))
				var wg sync.WaitGroup
				began := time.Now()
				for range load.conns {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							if err := post(c, way.url, body); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "req/s")
			})
		}
	}
}

// BenchmarkStoredAccepts gives fsynced 202s a second, over HTTP, while the
// client is away.
func BenchmarkStoredAccepts(b *testing.B) {
	change, _ := storing(b, spool.Limits{Events: 1 << 30, Bytes: 1 << 40})
	s := serve(b, change)
	var r receiver
	public, stop := dial(b, s, "away", answering("live"), r.with)
	if err := stop(); err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 1024)
	for _, conns := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("c%d", conns), func(b *testing.B) {
			c := benchClient()
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			began := time.Now()
			for range conns {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						resp, err := c.Post(public, "application/json", bytes.NewReader(body))
						if err != nil || resp.StatusCode != 202 {
							b.Error(resp, err)
							return
						}
						_, _ = io.Copy(io.Discard, resp.Body)
						_ = resp.Body.Close()
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "events/s")
		})
	}
}
