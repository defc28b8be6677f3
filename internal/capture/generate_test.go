package capture

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
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func newID(now time.Time) string { return (&ids.Generator{}).New(now) }

func listenAnywhere() address.Listen { return address.Listen{} }

// A request is one of those that fidelity is tried with.
type request struct {
	method, target string
	header         [][2]string
	body           []byte
	chunked        bool
}

// generated makes n requests, the same each time: every method, odd targets,
// repeated and empty headers, bodies of any bytes.
func generated(n int) []request {
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(all ...string) string { return all[rnd.IntN(len(all))] }
	var out []request
	for i := range n {
		r := request{
			method: pick("POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "GET", "REPORT", "M-SEARCH"),
			target: pick("/", "/a/b", "/%2F%2f", "/a//b/", "/../x/./y", "/a;b=c", "/%E2%82%AC", "/€", "/a+b", "/~!$&'()*,=:@", "/%00", "/"+strings.Repeat("long/", 1000)) +
				pick("", "", "?a=1", "?a=1&a=2", "?q=%20+%2B", "?=&&=", "?x=/?#y", "?%zz", "?a=%E2%82%AC;b"),
			chunked: rnd.IntN(3) == 0,
		}
		for range rnd.IntN(6) {
			r.header = append(r.header, [2]string{
				pick("X-One", "x-two", "X-THREE", "x_four", "Cookie", "Authorization", "X-Signature", "Content-Type", "Accept-Encoding", "User-Agent"),
				pick("", "v", "a, b", "with  two spaces", "\"quoted\"", "t=1,v1=abc", "caf\xc3\xa9", "\xff\xfe", strings.Repeat("v", 3000), "a\tb"),
			})
		}
		r.body = make([]byte, []int{0, 1, 100, 4096, 4097, 70_000}[rnd.IntN(6)])
		for j := range r.body {
			r.body[j] = byte(rnd.Uint32())
		}
		r.header = append(r.header, [2]string{"X-Number", fmt.Sprint(i)})
		out = append(out, r)
	}
	return out
}

// wire is the request as bytes.
func (r *request) wire() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: hooks.example:8080\r\nConnection: close\r\n", r.method, r.target)
	for _, h := range r.header {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if !r.chunked {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
		return b.String()
	}
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	for rest := r.body; len(rest) > 0; {
		n := min(len(rest), 1000)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

func (r *request) values() http.Header {
	h := http.Header{}
	for _, f := range r.header {
		h.Add(f[0], strings.Trim(f[1], " \t"))
	}
	return h
}

func (r *request) compare(t *testing.T, i int, d *webhook.Delivery, got *http.Request) {
	t.Helper()
	path, query, _ := strings.Cut(r.target, "?")
	if d.Method != r.method || d.Path != path || d.Query != query || !bytes.Equal(d.Body, r.body) {
		t.Errorf("request %d: kept %s %q %q, %d bytes; sent %s %q, %d bytes", i, d.Method, d.Path, d.Query, len(d.Body), r.method, r.target, len(r.body))
	}
	want := r.values()
	for name, values := range want {
		if !slices.Equal(d.Header[name], values) {
			t.Errorf("request %d: kept %s %q, sent %q", i, name, d.Header[name], values)
		}
		if !slices.Equal(got.Header[name], values) {
			t.Errorf("request %d: the app got %s %q, sent %q", i, name, got.Header[name], values)
		}
	}
	extra := []string{"Host", "Connection", "Content-Length"}
	for name := range d.Header {
		if want[name] == nil && !slices.Contains(extra, name) {
			t.Errorf("request %d: kept %s, which was not sent", i, name)
		}
	}
	if d.Header.Get("Host") != "hooks.example:8080" || !r.chunked && d.Header.Get("Content-Length") != fmt.Sprint(len(r.body)) {
		t.Errorf("request %d: kept Host %q and Content-Length %q", i, d.Header.Get("Host"), d.Header.Get("Content-Length"))
	}
	body, _ := io.ReadAll(got.Body)
	if got.Method != r.method || got.RequestURI != r.target || !bytes.Equal(body, r.body) {
		t.Errorf("request %d: the app got %s %q, %d bytes; sent %s %q, %d bytes", i, got.Method, got.RequestURI, len(body), r.method, r.target, len(r.body))
	}
}

// exchange sends raw bytes and returns the status of the answer.
func exchange(t *testing.T, addr, raw string) int {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
