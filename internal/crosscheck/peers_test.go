package crosscheck

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkPeers sends the same requests to an app straight, through hooks relay
// and hooks tunnel, and through frp's server and client as an http proxy, each
// a program of its own, in turns. hooks tunnel keeps every delivery in its
// store meanwhile; frp keeps nothing. x-direct and frp-x-direct are the shares
// of the direct rate, x-frp is their ratio. It wants frps and frpc.
func BenchmarkPeers(b *testing.B) {
	frps, err := exec.LookPath("frps")
	if err != nil {
		missing(b, "frps")
	}
	frpc, err := exec.LookPath("frpc")
	if err != nil {
		missing(b, "frpc")
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "ok")
	}))
	b.Cleanup(app.Close)
	ours := throughHooks(b, app.URL)
	theirs := throughFrp(b, frps, frpc, app.URL)
	for _, load := range []struct{ size, conns, requests int }{{1 << 10, 64, 8000}, {1 << 20, 16, 100}} {
		b.Run(fmt.Sprintf("%d-c%d", load.size, load.conns), func(b *testing.B) {
			body := make([]byte, load.size)
			took := map[string]time.Duration{}
			for b.Loop() {
				for _, to := range []string{app.URL, ours, theirs} {
					took[to] += burst(b, to, body, load.conns, load.requests)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.N*load.requests)/took[ours].Seconds(), "req/s")
			b.ReportMetric(took[app.URL].Seconds()/took[ours].Seconds(), "x-direct")
			b.ReportMetric(took[app.URL].Seconds()/took[theirs].Seconds(), "frp-x-direct")
			b.ReportMetric(took[theirs].Seconds()/took[ours].Seconds(), "x-frp")
		})
	}
}

// burst is how long it takes until so many requests are answered with 200.
func burst(b *testing.B, to string, body []byte, conns, requests int) time.Duration {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns, DisableCompression: true}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(requests))
	var wg sync.WaitGroup
	began := time.Now()
	for range conns {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				resp, err := client.Post(to, "application/json", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("%s answered %s", to, resp.Status)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

// throughHooks is the public URL of an app behind a relay.
func throughHooks(b *testing.B, app string) string {
	b.Helper()
	h, port := newHome(b), freePort(b)
	relay := "http://127.0.0.1:" + port
	startFor(b, 10*time.Minute, h.env, h.path, "relay", "--listen", "127.0.0.1:"+port, "--admin", "off", "--log-format", "off")
	answered(b, relay+"/healthz")
	startFor(b, 10*time.Minute, h.env, h.path, "tunnel", app, "--relay", relay, "--name", "peers", "--print", "none")
	answered(b, relay+"/t/peers/")
	return relay + "/t/peers/"
}

// throughFrp is the public URL of an app behind frp.
func throughFrp(b *testing.B, frps, frpc, app string) string {
	b.Helper()
	u, err := url.Parse(app)
	if err != nil {
		b.Fatal(err)
	}
	dir, bind, public := b.TempDir(), freePort(b), freePort(b)
	for name, text := range map[string]string{
		"frps.toml": "bindAddr = \"127.0.0.1\"\nbindPort = " + bind + "\nvhostHTTPPort = " + public + "\nlog.level = \"error\"\n",
		"frpc.toml": "serverAddr = \"127.0.0.1\"\nserverPort = " + bind + "\nlog.level = \"error\"\nloginFailExit = false\n" +
			"[[proxies]]\nname = \"app\"\ntype = \"http\"\nlocalIP = \"127.0.0.1\"\nlocalPort = " + u.Port() + "\ncustomDomains = [\"127.0.0.1\"]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	startFor(b, 10*time.Minute, os.Environ(), frps, "-c", filepath.Join(dir, "frps.toml"))
	startFor(b, 10*time.Minute, os.Environ(), frpc, "-c", filepath.Join(dir, "frpc.toml"))
	answered(b, "http://127.0.0.1:"+public+"/")
	return "http://127.0.0.1:" + public + "/"
}

// answered returns when a URL is answered with 200.
func answered(b *testing.B, address string) {
	b.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		resp, err := http.Get(address)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s: %v", address, err)
		}
	}
}
