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

// post sends one event, which must be answered with want.
func post(c *http.Client, url string, body []byte, want int) error {
	resp, err := c.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != want {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return err
}

// BenchmarkLatency gives the latency of one request after another, direct and
// through the tunnel, in the same run: what the tunnel adds is the difference.
func BenchmarkLatency(b *testing.B) {
	app := benchApp(b)
	public := forwardTo(b, serve(b, nil), "bench", app.URL)
	c, body := benchClient(), make([]byte, 1024)
	took := map[string][]time.Duration{}
	for b.Loop() {
		for _, url := range []string{app.URL, public} {
			t := time.Now()
			if err := post(c, url, body, http.StatusOK); err != nil {
				b.Fatal(err)
			}
			took[url] = append(took[url], time.Since(t))
		}
	}
	at := func(url string, share int) float64 {
		all := took[url]
		slices.Sort(all)
		return float64(all[len(all)*share/100].Microseconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(at(app.URL, 50), "direct-p50-µs")
	b.ReportMetric(at(public, 50)-at(app.URL, 50), "added-p50-µs")
	b.ReportMetric(at(public, 99)-at(app.URL, 99), "added-p99-µs")
}

// BenchmarkThroughput gives requests a second over many connections, direct
// and through the tunnel, in the same run. x-direct is their ratio.
func BenchmarkThroughput(b *testing.B) {
	app := benchApp(b)
	public := forwardTo(b, serve(b, nil), "bench", app.URL)
	for _, load := range []struct{ size, conns int }{{1 << 10, 64}, {1 << 20, 16}} {
		b.Run(fmt.Sprintf("%d-c%d", load.size, load.conns), func(b *testing.B) {
			body := make([]byte, load.size)
			direct := rate(b, app.URL, body, load.conns, http.StatusOK)
			tunnel := rate(b, public, body, load.conns, http.StatusOK)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(tunnel, "req/s")
			b.ReportMetric(tunnel/direct, "x-direct")
		})
	}
}

// rate sends b.N events over some connections and returns how many were
// answered a second.
func rate(b *testing.B, url string, body []byte, conns, want int) float64 {
	b.Helper()
	c := benchClient()
	defer c.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	began := time.Now()
	for range conns {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := post(c, url, body, want); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(b.N) / time.Since(began).Seconds()
}

// BenchmarkStoredAccepts gives fsynced 202s a second, over HTTP, while the
// client is away, and those of a plain handler that keeps nothing, in the same
// run. x-direct is their ratio.
func BenchmarkStoredAccepts(b *testing.B) {
	change, _ := storing(b, spool.Limits{Events: 1 << 30, Bytes: 1 << 40})
	s := serve(b, change)
	var r receiver
	public, stop := dial(b, s, "away", answering("live"), r.with)
	if err := stop(); err != nil {
		b.Fatal(err)
	}
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "{\"stored\":\"00000000000000000000000000000000\"}\n")
	}))
	b.Cleanup(plain.Close)
	body := make([]byte, 1024)
	for _, conns := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("c%d", conns), func(b *testing.B) {
			direct := rate(b, plain.URL, body, conns, http.StatusAccepted)
			stored := rate(b, public, body, conns, http.StatusAccepted)
			b.ReportMetric(stored, "events/s")
			b.ReportMetric(stored/direct, "x-direct")
			b.ReportMetric(0, "ns/op")
		})
	}
}
