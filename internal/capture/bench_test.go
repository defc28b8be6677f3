package capture

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/umasktest"
)

// The test's own program is also the sender, in a process of its own: these
// variables say so.
const (
	loadURL   = "HOOKS_TEST_LOAD_URL"
	loadCount = "HOOKS_TEST_LOAD_COUNT"
)

func TestMain(m *testing.M) {
	umasktest.Usual()
	if url := os.Getenv(loadURL); url != "" {
		n, err := strconv.Atoi(os.Getenv(loadCount))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(load(url, n))
		return
	}
	os.Exit(m.Run())
}

const (
	benchSecret = "whsec_of_the_benchmark"
	senders     = 64
)

// load sends n signed events of 1 kB, each with an id of its own, over 64
// connections and says how long that took.
func load(url string, n int) time.Duration {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	var wg sync.WaitGroup
	began := time.Now()
	for sender := range senders {
		wg.Go(func() {
			mac := hmac.New(sha256.New, []byte(benchSecret))
			for i := sender; i < n; i += senders {
				body := fmt.Appendf(nil, `{"eventId":"evt_%d_%d","eventType":"render.completed","timestamp":"2026-01-15T10:30:00Z","data":{"fill":%q}}`,
					began.UnixNano(), i, strings.Repeat("x", 890))
				mac.Reset()
				mac.Write(body)
				req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
				if err != nil {
					panic(err)
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("X-Canvelete-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
				resp, err := client.Do(req)
				if err != nil {
					panic(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					panic(resp.Status)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

// sent runs load in another process and returns what it says.
func sent(b *testing.B, url string, n int) time.Duration {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), loadURL+"="+url, loadCount+"="+strconv.Itoa(n))
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	took, err := time.ParseDuration(strings.TrimSpace(string(out)))
	if err != nil {
		b.Fatal(err)
	}
	return took
}

// pipeline is a Server as listen runs it: real judge, real store. The last
// result closes the store.
func pipeline(tb testing.TB) (*Server, *intake.Server, func()) {
	tb.Helper()
	c, err := provider.Load()
	if err != nil {
		tb.Fatal(err)
	}
	st, err := store.Open(context.Background(), filepath.Join(tb.TempDir(), "store.db"), store.Options{Now: time.Now})
	if err != nil {
		tb.Fatal(err)
	}
	j := &judge.Judge{
		Catalogue: c,
		Secrets: func(context.Context, string) ([]secret.Named, error) {
			return []secret.Named{{Name: "canvelete", Secret: safetext.NewSecret(benchSecret)}}, nil
		},
	}
	in, gen := &intake.Server{}, &ids.Generator{}
	s := &Server{ReadBody: in.ReadBody, Judge: j.Judge, Greet: j.Greet, Store: st, NewID: gen.New, Now: time.Now}
	in.Handler = s
	return s, in, func() { _ = st.Close() }
}

// BenchmarkCapture sends the same load to a handler that only reads the body
// and to the pipeline, in turns. x-bare is how many deliveries are verified,
// synced and answered for each request that the bare handler answers. The
// store is closed after its turn, so that what it indexes later does not slow
// down the other.
func BenchmarkCapture(b *testing.B) {
	const requests = 20_000
	bare, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	plain := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})}
	go func() { _ = plain.Serve(bare) }()
	defer func() { _ = plain.Close() }()
	var bareTime, ourTime time.Duration
	for b.Loop() {
		bareTime += sent(b, "http://"+bare.Addr().String(), requests)
		ourTime += captured(b, requests)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(requests*b.N)/bareTime.Seconds(), "bare-requests/s")
	b.ReportMetric(float64(requests*b.N)/ourTime.Seconds(), "captured/s")
	b.ReportMetric(float64(bareTime)/float64(ourTime), "x-bare")
}

// captured sends n deliveries to a pipeline of its own.
func captured(b *testing.B, n int) time.Duration {
	b.Helper()
	s, in, end := pipeline(b)
	defer end()
	ls, err := intake.Bind(b.Context(), listenAnywhere())
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = in.Serve(ls...) }()
	defer func() { _ = in.Shutdown(b.Context()) }()
	took := sent(b, "http://"+ls[0].Addr().String()+"/webhooks/canvelete", n)
	if got := s.Counts().Verified.Load(); got != int64(n) {
		b.Fatalf("%d deliveries verified, want %d", got, n)
	}
	return took
}
