package relay_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hooks-cli/hooks/internal/intake"
)

// seen is a request as an app saw it.
type seen struct {
	method, target string
	header         http.Header
	body           []byte
}

// witness is an app that remembers the last request.
type witness struct {
	mu   sync.Mutex
	last seen
}

func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	w.last = seen{r.Method, intake.Target(r), r.Header.Clone(), b}
	w.mu.Unlock()
	rw.Header()["X-Order"] = []string{"1", "", "2"}
	rw.WriteHeader(http.StatusAccepted)
	if r.Method != http.MethodHead {
		_, _ = rw.Write(b)
	}
}

func (w *witness) take() seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// generate writes a request by hand: odd methods, targets, repeated and empty
// headers, bodies of any bytes, with a length or in chunks.
func generate(rng *rand.Rand, prefix, host string) (raw []byte, method string, body []byte) {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	method = pick("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "REPORT", "X-Custom", "POST", "POST")
	target := pick("/", "/a/b", "/a%2Fb/%41", "/a//b/../c/./d", "/;x=1,2", "/ä-\xff", "/a|b^c`d{}", "/%zz", "/a?b=c?d=%26&&=", "/?", "/x?"+strings.Repeat("q=1&", 300), "//two/slashes")
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s%s HTTP/1.1\r\nHost: %s\r\n", method, prefix, target, host)
	for range rng.IntN(8) {
		name := pick("X-Repeat", "x-lower", "X-Empty", "Content-Type", "Accept", "User-Agent", "Authorization", "Cookie", "X-Under_score", "X-Signature", "Accept-Encoding", "Referer", "If-None-Match")
		value := pick("", "a", "a,b", "  padded  ", "ünïcode", "\xff\xfe", "t=1,v1=abc", `"quoted"`, strings.Repeat("long ", 200), "a\tb")
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	if method != "GET" && method != "HEAD" {
		body = make([]byte, []int{0, 1, 17, 1000, 16_384, 16_385, 70_000, 300_000}[rng.IntN(8)])
		var key [32]byte
		key[0] = byte(rng.Uint32())
		_, _ = rand.NewChaCha8(key).Read(body) // never fails
	}
	switch {
	case len(body) == 0 && rng.IntN(2) == 0:
		b.WriteString("\r\n")
	case rng.IntN(3) == 0 && len(body) > 0:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for rest := body; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(20_000))
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		b.WriteString("0\r\n\r\n")
	default:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
		b.Write(body)
	}
	return b.Bytes(), method, body
}

// exchange sends raw bytes and reads the answer.
func roundTrip(addr, method string, raw []byte) (*http.Response, []byte, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	go func() { _, _ = c.Write(raw) }()
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

// Five hundred generated requests arrive through the tunnel as they arrive at
// the app directly: method, target, header values and bytes of the body.
func TestFidelity(t *testing.T) {
	t.Parallel()
	var direct, through witness
	near := &intake.Server{Handler: &direct}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = near.Serve(l) }()
	t.Cleanup(func() { _ = near.Close() })
	far := &intake.Server{Handler: &through}
	fl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = far.Serve(fl) }()
	t.Cleanup(func() { _ = far.Close() })
	s := serve(t, nil)
	forwardTo(t, s, "same", "http://"+fl.Addr().String())
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 500 {
		seed := rng.Uint64()
		raw, method, body := generate(rand.New(rand.NewPCG(seed, 0)), "", "host.example")
		there, _, _ := generate(rand.New(rand.NewPCG(seed, 0)), "/t/same", "host.example")
		want, wantBody, err := roundTrip(l.Addr().String(), method, raw)
		if err != nil {
			t.Fatalf("request %d, directly: %v", i, err)
		}
		got, gotBody, err := roundTrip(s.url.Host, method, there)
		if err != nil {
			t.Fatalf("request %d, through the tunnel: %v\n%.200q", i, err, there)
		}
		if want.StatusCode != http.StatusAccepted {
			if got.StatusCode != want.StatusCode {
				t.Errorf("request %d: status %d, directly %d\n%.200q", i, got.StatusCode, want.StatusCode, there)
			}
			continue // refused before any app sees it
		}
		a, b := direct.take(), through.take()
		if got.StatusCode != want.StatusCode || !bytes.Equal(gotBody, wantBody) || !slices.Equal(got.Header["X-Order"], want.Header["X-Order"]) {
			t.Errorf("request %d: answer %d with %d bytes, directly %d with %d", i, got.StatusCode, len(gotBody), want.StatusCode, len(wantBody))
		}
		if rawTarget := strings.Split(string(raw), " ")[1]; b.target != rawTarget {
			t.Errorf("request %d: target %q, want %q", i, b.target, rawTarget)
		}
		if a.method != b.method || !bytes.Equal(b.body, body) {
			t.Errorf("request %d: %s with %d bytes, want %s with %d", i, b.method, len(b.body), a.method, len(body))
		}
		sameHeaders(t, i, a.header, b.header)
	}
}

// sameHeaders compares what an app got directly and through a tunnel, apart
// from what the tunnel adds and from how the body was framed.
func sameHeaders(t *testing.T, i int, direct, through http.Header) {
	t.Helper()
	for _, name := range []string{
		"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix", "Hooks-Event-Id", "Hooks-Forwarded", "Content-Length",
	} {
		delete(direct, name)
		delete(through, name)
	}
	for name, values := range direct {
		if !slices.Equal(values, through[name]) {
			t.Errorf("request %d: %s: %.80q, want %.80q", i, name, through[name], values)
		}
	}
	for name, values := range through {
		if _, ok := direct[name]; !ok {
			t.Errorf("request %d: %s: %.80q came from nowhere", i, name, values)
		}
	}
}
