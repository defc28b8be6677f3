package relay_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// do sends a request made by hand and returns the answer and its body.
func do(tb testing.TB, method, address string, header http.Header) (*http.Response, string) {
	tb.Helper()
	req, err := http.NewRequest(method, address, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if h := header.Get("Host"); h != "" {
		req.Host = h
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp, string(b)
}

// Pages of one tunnel cannot act on a host that all tunnels share.
func TestSharedOriginIsGuarded(t *testing.T) {
	t.Parallel()
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html")
		h.Set("Set-Cookie", "session=1; Path=/")
		h.Set("Service-Worker-Allowed", "/")
		h.Set("Clear-Site-Data", `"*"`)
		h.Set("Strict-Transport-Security", "max-age=1")
		h.Set("Content-Security-Policy", "default-src 'self'")
		_, _ = io.WriteString(w, "<script>steal()</script>")
	})
	shared := func(c *relay.Config) { c.Shared = true }
	s := serve(t, shared)
	public := forward(t, s, "page", app)

	resp, _ := do(t, "POST", public, nil)
	if csp := resp.Header["Content-Security-Policy"]; len(csp) != 2 || csp[1] != "sandbox" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("policies %q", csp)
	}
	for _, name := range []string{"Set-Cookie", "Service-Worker-Allowed", "Clear-Site-Data", "Strict-Transport-Security"} {
		if v := resp.Header.Get(name); v != "" {
			t.Errorf("%s: %q came through", name, v)
		}
	}
	if resp, _ := do(t, "GET", public+"/sw.js", http.Header{"Service-Worker": {"script"}}); resp.StatusCode != 403 {
		t.Errorf("service worker: %d, want 403", resp.StatusCode)
	}
	resp, body := do(t, "GET", public, http.Header{"Sec-Fetch-Mode": {"navigate"}})
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") || strings.Contains(body, "script") {
		t.Errorf("a browser got %d %s %q", resp.StatusCode, resp.Header.Get("Content-Type"), body)
	}

	// With --allow-html the page is shown, but still in a sandbox.
	s = serve(t, func(c *relay.Config) { c.Shared, c.AllowHTML = true, true })
	resp, body = do(t, "GET", forward(t, s, "page", app), http.Header{"Sec-Fetch-Mode": {"navigate"}})
	if !strings.Contains(body, "script") || resp.Header["Content-Security-Policy"][1] != "sandbox" {
		t.Errorf("allowed: %q %v", body, resp.Header["Content-Security-Policy"])
	}

	// A host of its own passes answers unchanged.
	s = serve(t, func(c *relay.Config) { c.Shared, c.Domain = true, "tunnels.example" })
	forward(t, s, "page", app)
	resp, _ = do(t, "GET", s.url.String()+"/x", http.Header{"Host": {"page.tunnels.example"}, "Sec-Fetch-Mode": {"navigate"}})
	if resp.Header.Get("Set-Cookie") == "" || len(resp.Header["Content-Security-Policy"]) != 1 {
		t.Errorf("subdomain: %v", resp.Header)
	}
}

// reporting is an app that answers with the header it got.
func reporting(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(w, "%s %s\n", r.Host, r.RequestURI)
	_ = r.Header.Write(w)
}

// What a sender says of connections and proxies is dropped or replaced.
func TestForwardedHeaders(t *testing.T) {
	t.Parallel()
	lies := http.Header{
		"X-Forwarded-For": {"9.9.9.9, 10.1.1.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"bank.example"},
		"Forwarded": {"for=9.9.9.9"}, "X-Real-Ip": {"9.9.9.9"}, "X-Forwarded-Prefix": {"/admin"}, "Hooks-Event-Id": {"forged"},
		"X-Forwarded-User": {"/admin"}, "X_forwarded_for": {"9.9.9.9"}, "X-Forwarded_host": {"bank.example"},
		"Connection": {"X-Secret-Hop, close"}, "X-Secret-Hop": {"1"}, "Keep-Alive": {"1"}, "Te": {"trailers"},
		"Proxy-Authorization": {"Basic x"}, "Upgrade": {"h2c"},
	}
	s := serve(t, nil)
	_, body := do(t, "GET", forward(t, s, "plain", http.HandlerFunc(reporting))+"/p", lies)
	for _, gone := range []string{"9.9.9.9", "bank.example", "/admin", "forged", "X-Secret-Hop", "Keep-Alive", "Te:", "Proxy-", "Upgrade"} {
		if strings.Contains(body, gone) {
			t.Errorf("%q came through:\n%s", gone, body)
		}
	}
	for _, want := range []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http\r", "X-Forwarded-Host: " + s.url.Host, "X-Forwarded-Prefix: /t/plain"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}

	// A trusted proxy is believed, but only about what it saw itself.
	s = serve(t, func(c *relay.Config) {
		c.TrustProxy = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	_, body = do(t, "GET", forward(t, s, "proxied", http.HandlerFunc(reporting))+"/p", lies)
	for _, want := range []string{"X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: bank.example"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

// A tunnel that leads to itself is noticed after one turn.
func TestLoopIsNoticed(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	public := forwardTo(t, s, "circle", s.url.String()+"/t/circle")
	resp, _ := do(t, "GET", public+"/t/circle/x", nil)
	if resp.StatusCode != http.StatusLoopDetected {
		t.Errorf("status %d, want 508", resp.StatusCode)
	}
}

// Of two hundred who claim one name at once, one gets it.
func TestClaimsAreAtomic(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *relay.Config) { c.Strangers = true })
	d := wire.Dialer{Shared: &wire.Shared{}}
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			h := http.Header{"Authorization": {fmt.Sprint("Bearer hkc_", i)}, "Hooks-Tunnel": {"contested"}}
			ws, resp, err := d.Connect(t.Context(), "ws://"+s.url.Host+"/v1/connect", h)
			switch {
			case err == nil:
				won.Add(1)
				t.Cleanup(func() { _ = ws.Close() })
				_, _ = wire.Greet(ws, &wire.Hello{Client: "t", Instance: strings.Repeat("0", 32)})
			case resp != nil && resp.StatusCode == 409:
				lost.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 199 {
		t.Errorf("%d won and %d were told 409, want 1 and 199", won.Load(), lost.Load())
	}
}

// oneToken is a set of one token, what is kept of that token, and the token.
func oneToken(t *testing.T) (*relay.Tokens, *relay.Token, safetext.Secret) {
	t.Helper()
	path := t.TempDir() + "/tokens.json"
	secret, tok, err := relay.MintToken(randReader{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := relay.AddToken(path, tok); err != nil {
		t.Fatal(err)
	}
	tokens, err := relay.LoadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	return tokens, tok, secret
}

// Failed tokens are counted: the eleventh in a minute is not even looked at.
func TestGuessingTokensIsSlow(t *testing.T) {
	t.Parallel()
	tokens, _, _ := oneToken(t)
	s := serve(t, func(c *relay.Config) { c.Tokens, c.Limits = tokens, relay.Limits{} })
	codes := map[int]int{}
	for range 20 {
		resp, _ := do(t, "GET", s.url.String()+"/v1/connect", http.Header{"Authorization": {"Bearer hkt_guess"}})
		codes[resp.StatusCode]++
	}
	if codes[401] != 10 || codes[429] != 10 {
		t.Errorf("answers %v, want 10 × 401 and 10 × 429", codes)
	}
}

// One greedy tunnel is told 429, one beside it goes on.
func TestRateOfOneName(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *relay.Config) { c.Limits = relay.Limits{} })
	greedy, quiet := forward(t, s, "greedy", answering("ok")), forward(t, s, "quiet", answering("ok"))
	codes := map[int]int{}
	for n := 0; n < 20_000 && codes[429] == 0; n++ { // on a busy machine the rate is hard to exceed
		resp, _ := do(t, "GET", greedy, nil)
		codes[resp.StatusCode]++
		if resp.StatusCode == 429 && (resp.Header.Get("Retry-After") == "" || resp.Header.Get("Hooks-Error") != "rate_limited") {
			t.Fatalf("429 without Retry-After: %v", resp.Header)
		}
	}
	if codes[200] < 200 || codes[429] == 0 {
		t.Errorf("answers %v", codes)
	}
	if resp, _ := do(t, "GET", quiet, nil); resp.StatusCode != 200 {
		t.Errorf("the quiet one: %d", resp.StatusCode)
	}
}

// What a token says of the rate of its names comes before what the relay does.
func TestRateOfAToken(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/tokens.json"
	secret, tok, err := relay.MintToken(randReader{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	tok.Rate = 0.1
	if err := relay.AddToken(path, tok); err != nil {
		t.Fatal(err)
	}
	tokens, err := relay.LoadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *relay.Config) { c.Tokens, c.Limits = tokens, relay.Limits{} })
	public, _ := dial(t, s, "slow", answering("ok"), func(c *tunnel.Config) { c.Token = secret })
	codes := map[int]int{}
	for range 10 {
		resp, _ := do(t, "GET", public, nil)
		codes[resp.StatusCode]++
	}
	if codes[200] == 0 || codes[429] < 5 {
		t.Errorf("answers %v, want one or a few, and 429", codes)
	}
}

// Nothing of what is secret in a request gets into logs or metrics.
func TestDiscretion(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log bytes.Buffer
	s := serve(t, func(c *relay.Config) {
		c.Log = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return log.Write(p)
		}), nil))
	})
	public := forward(t, s, "discreet", answering("canary-answer"))
	req, err := http.NewRequest(http.MethodPost, public+"/path?q=canary-query", strings.NewReader("canary-body"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer canary-header")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	var metrics bytes.Buffer
	if err := s.WriteMetrics(&metrics); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(log.String(), "path=/path status=200 in=11 out=13")
	})
	mu.Lock()
	defer mu.Unlock()
	if all := log.String() + metrics.String(); strings.Contains(all, "canary") {
		t.Errorf("a canary sings:\n%s", all)
	}
	if !strings.Contains(metrics.String(), `hooks_requests_total{mode="live",code="2xx"} 1`) || !strings.HasSuffix(metrics.String(), "# EOF\n") || strings.Contains(metrics.String(), "discreet") {
		t.Errorf("metrics:\n%s", metrics.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The 65th request waits for a place; when none gets free it is told so, and
// nobody beside it is held up.
func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *relay.Config) {
		c.Limits = relay.DefaultLimits()
		c.Limits.Unlimited, c.Limits.Streams, c.Limits.SlotWait = true, 4, 50*time.Millisecond
	})
	release := make(chan struct{})
	inside := make(chan struct{}, 4)
	public := forward(t, s, "full", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			inside <- struct{}{}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	}))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if resp, body := do(t, "GET", public+"/wait", nil); resp.StatusCode != 200 {
				t.Errorf("one of four: %d %s %q", resp.StatusCode, resp.Header.Get("Hooks-Error"), body)
			}
		})
	}
	for range 4 {
		select {
		case <-inside:
		case <-time.After(time.Minute):
			close(release)
			wg.Wait()
			t.Fatal("four requests did not get through at once")
		}
	}
	if resp, _ := do(t, "GET", public, nil); resp.StatusCode != 503 || resp.Header.Get("Hooks-Error") != "tunnel_busy" {
		t.Errorf("one too many: %d %s", resp.StatusCode, resp.Header.Get("Hooks-Error"))
	}
	close(release)
	wg.Wait()
	if resp, _ := do(t, "GET", public, nil); resp.StatusCode != 200 {
		t.Errorf("after that: %d", resp.StatusCode)
	}
}

// A relay that is being stopped says so to clients and senders.
func TestDraining(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	public := forward(t, s, "moves", answering("ok"))
	s.Drain()
	if s.Ready() {
		t.Error("ready while draining")
	}
	waitFor(t, func() bool {
		resp, _ := do(t, "GET", public, nil)
		return resp.StatusCode == 503 && resp.Header.Get("Hooks-Error") == "relay_draining" && resp.Header.Get("Retry-After") != ""
	})
	d := wire.Dialer{Shared: &wire.Shared{}}
	if _, resp, err := d.Connect(t.Context(), "ws://"+s.url.Host+"/v1/connect", http.Header{"Hooks-Tunnel": {"newcomer"}}); err == nil || resp == nil || resp.StatusCode != 503 {
		t.Errorf("registration while draining: %v, %v", resp, err)
	}
}

// canary listens and counts who comes.
func canary(t *testing.T) (string, *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String(), &n
}

// Whatever a hostile relay asks for, the client dials its own target alone.
func TestClientDialsItsTargetAlone(t *testing.T) {
	t.Parallel()
	elsewhere, visits := canary(t)
	var reached atomic.Int32
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		w.Header().Set("Location", "http://"+elsewhere+"/")
		w.WriteHeader(http.StatusFound) // a redirect is an answer, not an order
	}))
	t.Cleanup(app.Close)
	links := make(chan *wire.Link, 1)
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sh wire.Shared
		ws, err := wire.Upgrade(w, r, &sh)
		if err != nil {
			return
		}
		if _, err := wire.ReadHello(ws); err != nil {
			return
		}
		_ = wire.WriteWelcome(ws, &wire.Welcome{Name: "victim", URL: "http://relay.example/t/victim", Limits: wire.DefaultWindows()})
		l := wire.NewLink(ws, wire.Options{Role: wire.Relay, Send: wire.DefaultWindows(), Recv: wire.DefaultWindows(), Shared: &sh})
		links <- l
		l.Serve()
	}))
	t.Cleanup(hostile.Close)
	u, err := url.Parse(hostile.URL)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := tunnel.NewForwarder(tunnel.ForwarderConfig{Target: target})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- tunnel.New(tunnel.Config{Relay: u, Handler: f, Now: time.Now}).Run(ctx)
	}()
	l := <-links
	for _, h := range hostileHeads(elsewhere) {
		st, err := l.Open(context.Background(), h, false, nil, true)
		if err != nil {
			continue // the codec itself refuses it
		}
		if _, _, err := st.NextHead(); err != nil {
			t.Errorf("%s %s: %v", h.Method, h.Target, err)
		}
	}
	cancel()
	<-ended
	if visits.Load() != 0 {
		t.Errorf("%d connections elsewhere", visits.Load())
	}
	if reached.Load() == 0 {
		t.Error("the target was never called")
	}
}

func hostileHeads(elsewhere string) []*wire.RequestHead {
	var all []*wire.RequestHead
	for _, method := range []string{"GET", "POST", "CONNECT", "OPTIONS", "PRI"} {
		for _, target := range []string{
			"/", "//" + elsewhere + "/", "/\\" + elsewhere, "http://" + elsewhere + "/", elsewhere, "*", "/@" + elsewhere, "/?url=http://" + elsewhere,
			"/..//" + elsewhere, "/%2f%2f" + elsewhere,
		} {
			all = append(all, &wire.RequestHead{
				Method: method, Target: target, Host: elsewhere,
				Header: http.Header{"Upgrade": {"websocket"}, "Connection": {"upgrade"}, "X-Forwarded-Host": {elsewhere}, "Proxy-Connection": {"keep-alive"}},
			})
		}
	}
	return all
}

// Requests that could be read in two ways reach no app.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	var hits atomic.Int32
	forward(t, s, "frames", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	answered := int32(0)
	for _, head := range []string{
		"Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: +5",
		"Content-Length: 0x5", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: xchunked", "Transfer-Encoding : chunked",
		"Content-Length: 5\n", "X: a\r\n folded: b", "X: a\x00b", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
	} {
		raw := "POST /t/frames/x HTTP/1.1\r\nHost: h\r\n" + head + "\r\n\r\n0\r\n\r\nGET /t/frames/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
		answered += answers(t, s.url.Host, raw)
	}
	if got := hits.Load(); got != answered {
		t.Errorf("the app saw %d requests, senders got %d answers from it", got, answered)
	}
}

// answers sends raw bytes and counts the answers that are the app's.
func answers(t *testing.T, addr, raw string) (n int32) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, raw)
	br := bufio.NewReader(c)
	for {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			return n
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode == 200 {
			n++
		}
	}
}

// A websocket that never greets, or greets wrongly, is closed and keeps
// nothing.
func TestGreetingIsOwed(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	d := wire.Dialer{Shared: &wire.Shared{}}
	ws, _, err := d.Connect(t.Context(), "ws://"+s.url.Host+"/v1/connect", http.Header{"Hooks-Tunnel": {"silent"}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	_ = ws.WriteMessage(websocket.BinaryMessage, []byte("nonsense, and not a frame"))
	_, _, err = ws.ReadMessage()
	if !websocket.IsCloseError(err, int(wire.CloseHello)) {
		t.Errorf("closed with %v, want %d", err, wire.CloseHello)
	}
	waitFor(t, func() bool {
		resp, _ := do(t, "GET", s.url.String()+"/t/silent", nil)
		return resp.StatusCode == 404 // the name is free again
	})
}
