package intake

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// manyPeers makes every connection come from an address of its own.
func manyPeers() func(net.Conn) netip.Addr {
	var n atomic.Uint32
	return func(net.Conn) netip.Addr {
		i := n.Add(1)
		return netip.AddrFrom4([4]byte{203, byte(i >> 16), byte(i >> 8), byte(i)})
	}
}

// hungry is a peer that opens a connection, sends raw and then a byte now and
// again, and reports how long it was let.
func hungry(t *testing.T, addr, raw, drip string, every time.Duration) time.Duration {
	t.Helper()
	began := time.Now() // not after dialling: the server's clock may be ahead of a busy test's
	c := dial(t, addr)
	if _, err := io.WriteString(c, raw); err != nil {
		return time.Since(began)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, c)
		close(ended)
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return time.Since(began)
		case <-tick.C:
			if drip == "" {
				continue
			}
			if _, err := io.WriteString(c, drip); err != nil {
				return time.Since(began)
			}
		}
	}
}

// Slow peers are sent away on time, and good ones beside them do not notice.
func TestSlowPeers(t *testing.T) {
	t.Parallel()
	s := &Server{addressOf: manyPeers(), Limits: Limits{
		HeadTime: time.Second, BodyTime: 2 * time.Second, IdleTime: 1200 * time.Millisecond,
		MinRate: 256, RateTime: 500 * time.Millisecond,
	}}
	addr := serveOn(t, s)
	const each = 40
	var slow sync.WaitGroup
	start := func(kind, raw, drip string, life time.Duration) {
		const early, late = 50 * time.Millisecond, 2 * time.Second
		for range each {
			slow.Go(func() {
				if d := hungry(t, addr, raw, drip, 50*time.Millisecond); d < life-early || d > life+late {
					t.Errorf("%s lived %v, want %v", kind, d, life)
				}
			})
		}
	}
	start("a dripped head", "GET / HTTP/1.1\r\n", "X: y\r\n", time.Second)
	start("a dripped body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", "b", time.Second)
	start("a steady body that never ends", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n", strings.Repeat("b", 200), 2*time.Second)
	start("silence", "", "", time.Second)
	start("an idle connection", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", 1200*time.Millisecond)

	var good sync.WaitGroup
	for range 16 {
		good.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := range 50 {
				resp, err := client.Post("http://"+addr, "", strings.NewReader(fmt.Sprint(i)))
				if err != nil {
					t.Errorf("a good sender: %v", err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != 200 {
					t.Errorf("a good sender got %d", resp.StatusCode)
				}
			}
		})
	}
	good.Wait()
	slow.Wait()
	if n := s.Counts()[TooSlow]; n != 3*each {
		t.Errorf("%d counted as too slow, want %d of %v", n, 3*each, s.Counts())
	}
}

// A peer that is too slow is told so.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	s := &Server{Limits: Limits{HeadTime: time.Second, BodyTime: time.Second}}
	addr := serveOn(t, s)
	for raw, want := range map[string]string{
		"GET / HT": "the head of the request took too long\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nb":               "the body took too long\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nb": "the body took too long\n",
	} {
		c := dial(t, addr)
		fmt.Fprint(c, raw)
		got := answers(bufio.NewReader(c))
		if len(got) != 1 || got[0].status != 408 || got[0].body != want || !got[0].closes {
			t.Errorf("%q: %v, want one 408 %q that closes", raw, got, want)
		}
	}
}

// A handler that reads late is not the peer's fault, nor is a slow answer; a
// peer that does not read the answer is.
func TestWhoseFault(t *testing.T) {
	t.Parallel()
	s := &Server{Limits: Limits{
		HeadTime: time.Second, BodyTime: 500 * time.Millisecond, WriteTime: 500 * time.Millisecond,
	}}
	wrote := make(chan error, 1)
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/endless" {
			block := make([]byte, 64<<10)
			for {
				if _, err := w.Write(block); err != nil {
					wrote <- err
					return
				}
			}
		}
		<-time.After(1500 * time.Millisecond)
		echo(s).ServeHTTP(w, r)
	})
	addr := serveOn(t, s)
	if got := exchange(t, addr, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"); statuses(got) != "200" {
		t.Errorf("a slow handler: %v, want 200", got)
	}
	c := dial(t, addr)
	began := time.Now()
	fmt.Fprint(c, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-wrote; time.Since(began) > 30*time.Second {
		t.Errorf("an answer that nobody reads ended after %v: %v", time.Since(began), err)
	}
}

func TestConnectionCaps(t *testing.T) {
	t.Parallel()
	var peer atomic.Value
	peer.Store(netip.MustParseAddr("203.0.113.1"))
	s := &Server{addressOf: func(net.Conn) netip.Addr { return peer.Load().(netip.Addr) }, Limits: Limits{Connections: 5, PerAddress: 3}}
	inside, finish := make(chan struct{}), make(chan struct{})
	s.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			inside <- struct{}{}
			<-finish
		}
	})
	defer close(finish)
	addr := serveOn(t, s)
	use := func(path string) *bufio.Reader {
		c := dial(t, addr)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		return bufio.NewReader(c)
	}
	status := func(r *bufio.Reader) int {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return 0
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	// one idle, two busy: a fourth of this address takes the idle one's place
	idle := use("/")
	if got := status(idle); got != 200 {
		t.Fatalf("first = %d, want 200", got)
	}
	for tick := time.Tick(time.Millisecond); s.peers.clock.Load() < 2; { // admitted, then idle
		<-tick
	}
	for range 2 {
		use("/wait")
		<-inside
	}
	use("/wait")
	<-inside
	if _, err := idle.ReadByte(); err == nil {
		t.Error("the idle connection was not closed to make room")
	}
	// three busy: a fifth is refused
	if got := status(use("/")); got != 503 {
		t.Errorf("beyond the cap of an address = %d, want 503", got)
	}
	// another address of the same /64 counts as the same one
	peer.Store(netip.MustParseAddr("2001:db8::1"))
	use("/wait")
	<-inside
	peer.Store(netip.MustParseAddr("2001:db8::ffff"))
	use("/wait")
	<-inside
	peer.Store(netip.MustParseAddr("198.51.100.1"))
	if got := status(use("/")); got != 503 {
		t.Errorf("beyond the cap in all = %d, want 503", got)
	}
	s.peers.mu.Lock()
	defer s.peers.mu.Unlock()
	if n, open := s.Counts()[Crowded], len(s.peers.all); n != 2 || open != 5 {
		t.Errorf("%d refused and %d connections, want 2 and 5", n, open)
	}
}

// A connection that its handler has taken over leaves room for another, but its
// address has it still. An address that is a proxy's may have any number.
func TestTakenOverConnections(t *testing.T) {
	t.Parallel()
	var peer atomic.Value
	s := &Server{
		addressOf: func(net.Conn) netip.Addr { return peer.Load().(netip.Addr) }, Limits: Limits{Connections: 2, PerAddress: 2},
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}
	taken := make(chan net.Conn, 16)
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Taken\r\n\r\n")
		taken <- c
	})
	addr := serveOn(t, s)
	take := func(address string) string {
		peer.Store(netip.MustParseAddr(address))
		c := dial(t, addr)
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		line, _ := bufio.NewReader(c).ReadString('\n')
		return strings.TrimSpace(line)
	}
	for range 6 {
		if got := take("10.1.2.3"); got != "HTTP/1.1 101 Taken" {
			t.Fatalf("a proxy's connection: %q", got)
		}
	}
	for range 2 {
		if got := take("203.0.113.1"); got != "HTTP/1.1 101 Taken" {
			t.Fatalf("a connection beside those that were taken over: %q", got)
		}
	}
	if got := take("203.0.113.1"); !strings.HasPrefix(got, "HTTP/1.1 503") {
		t.Errorf("a third connection of one address: %q, want 503", got)
	}
	for range 8 {
		_ = (<-taken).Close()
	}
	if got := take("203.0.113.1"); got != "HTTP/1.1 101 Taken" {
		t.Errorf("a connection after the others have ended: %q", got)
	}
}

func TestGroup(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.7":             "192.0.2.7",
		"::ffff:192.0.2.7":      "192.0.2.7",
		"2001:db8:1:2:3:4:5:6":  "2001:db8:1:2::",
		"2001:db8:1:2:ffff::":   "2001:db8:1:2::",
		"fe80::1%eth0":          "fe80::",
		"2001:db8:1:3::":        "2001:db8:1:3::",
		"::ffff:203.0.113.255":  "203.0.113.255",
		"64:ff9b::203.0.113.11": "64:ff9b::",
	} {
		if got := group(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("group(%s) = %s, want %s", in, got, want)
		}
	}
}
