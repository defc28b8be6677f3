package wire_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hooks-cli/hooks/internal/wire"
)

const instance = "0123456789abcdef0123456789abcdef"

// pair joins a relay's and a client's link over loopback, greeting included.
func pair(tb testing.TB, relay, client wire.Options) (r, c *wire.Link) {
	tb.Helper()
	rs, cs := sockets(tb)
	if relay.Recv == (wire.Windows{}) {
		relay.Recv = wire.DefaultWindows()
	}
	if client.Recv == (wire.Windows{}) {
		client.Recv = wire.DefaultWindows()
	}
	relay.Role, client.Role = wire.Relay, wire.Client
	relay.Send, client.Send = client.Recv, relay.Recv
	relay.Shared, client.Shared = &wire.Shared{}, &wire.Shared{}
	r, c = wire.NewLink(rs, relay), wire.NewLink(cs, client)
	var wg sync.WaitGroup
	wg.Go(func() { r.Serve() })
	wg.Go(func() { c.Serve() })
	tb.Cleanup(func() {
		r.Close(wire.CloseDone, "")
		c.Close(wire.CloseDone, "")
		wg.Wait()
	})
	return r, c
}

// sockets gives both ends of a greeted websocket.
func sockets(tb testing.TB) (relay, client *websocket.Conn) {
	tb.Helper()
	got := make(chan *websocket.Conn, 1)
	var sh wire.Shared
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ws, err := wire.Upgrade(w, req, &sh)
		if err != nil {
			tb.Error(err)
			return
		}
		if _, err := wire.ReadHello(ws); err != nil {
			tb.Error(err)
		}
		if err := wire.WriteWelcome(ws, &wire.Welcome{Name: "a", Limits: wire.DefaultWindows()}); err != nil {
			tb.Error(err)
		}
		got <- ws
	}))
	tb.Cleanup(srv.Close)
	d := wire.Dialer{Shared: &sh}
	client, _, err := d.Connect(context.Background(), "ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		tb.Fatal(err)
	}
	if w, err := wire.Greet(client, &wire.Hello{Client: "test", Instance: instance}); err != nil || w.Name != "a" {
		tb.Fatalf("Greet = %+v, %v", w, err)
	}
	return <-got, client
}

// echo answers each request with its method and target as headers and its
// body as body.
func echo(s *wire.Stream, h *wire.RequestHead, _ bool) {
	go func() {
		head := &wire.ResponseHead{Status: 200, Header: http.Header{"X-Target": {h.Method + " " + h.Target}}}
		if err := s.SendHead(head, nil, false); err != nil {
			return
		}
		if _, err := s.WriteTo(s); err != nil {
			return
		}
		_ = s.Finish(nil)
	}()
}

func exchange(l *wire.Link, target string, body []byte) (*wire.ResponseHead, []byte, error) {
	h := sampleHead()
	h.Target = target
	s, err := l.Open(context.Background(), h, false, nil, len(body) == 0)
	if err != nil {
		return nil, nil, err
	}
	if len(body) > 0 {
		go func() { _ = s.Finish(body) }()
	}
	head, _, err := s.NextHead()
	if err != nil {
		return nil, nil, err
	}
	got, err := io.ReadAll(s)
	return head, got, err
}

// Many bodies, much larger than all windows, cross at once and arrive whole.
func TestLinkCarriesBodies(t *testing.T) {
	t.Parallel()
	r, _ := pair(t, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{Open: echo}})
	var wg sync.WaitGroup
	for i, size := range []int{0, 1, 100, 16_384, 16_385, 262_144, 262_145, 1 << 20, 6 << 20, 3, 70_000} {
		wg.Go(func() {
			body := random(uint64(i), size)
			target := fmt.Sprintf("/%d", i)
			head, got, err := exchange(r, target, body)
			if err != nil || head.Header.Get("X-Target") != "POST "+target || !bytes.Equal(got, body) {
				t.Errorf("%d bytes: head %+v, %d bytes back, %v", size, head, len(got), err)
			}
		})
	}
	wg.Wait()
	if n := r.Streams(); n != 0 {
		t.Errorf("%d streams left open", n)
	}
}

func random(seed uint64, n int) []byte {
	rng, b := rand.New(rand.NewPCG(seed, 1)), make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// A reader that stops holds up its own stream at one window, and no other.
func TestSlowStreamCostsItself(t *testing.T) {
	t.Parallel()
	hold := make(chan *wire.Stream, 1)
	r, _ := pair(t, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{Open: func(s *wire.Stream, h *wire.RequestHead, e bool) {
		if h.Target == "/slow" {
			hold <- s
			return
		}
		echo(s, h, e)
	}}})
	h := sampleHead()
	h.Target = "/slow"
	slow, err := r.Open(context.Background(), h, false, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	wrote := make(chan int, 1)
	go func() {
		n, _ := slow.Write(make([]byte, 1<<20))
		wrote <- n
	}()
	for i := range 20 {
		body := random(uint64(i), 100_000)
		if _, got, err := exchange(r, "/quick", body); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("beside a slow stream: %d bytes, %v", len(got), err)
		}
	}
	select {
	case n := <-wrote:
		t.Fatalf("%d bytes left without anybody reading", n)
	default:
	}
	(<-hold).Reset(wire.ResetCancel, "enough")
	if n := <-wrote; n != wire.DefaultWindows().Stream {
		t.Errorf("%d bytes left, want one window of %d", n, wire.DefaultWindows().Stream)
	}
	if _, err := slow.Read(make([]byte, 1)); !errors.Is(err, wire.ErrReset) {
		t.Errorf("Read after RESET = %v, want ErrReset", err)
	}
}

// What nobody reads is granted again, so abandoned bodies cannot use up the
// link's window.
func TestAbandonedBodiesGiveTheWindowBack(t *testing.T) {
	t.Parallel()
	r, _ := pair(t, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{Open: func(s *wire.Stream, h *wire.RequestHead, e bool) {
		if h.Target == "/leave" {
			go s.Reset(wire.ResetCancel, "not read")
			return
		}
		echo(s, h, e)
	}}})
	h := sampleHead()
	h.Target = "/leave"
	for range 40 { // 40 windows of a stream are more than two of the link
		s, err := r.Open(context.Background(), h, false, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(make([]byte, 300_000)); !errors.Is(err, wire.ErrReset) {
			t.Fatalf("Write = %v, want ErrReset", err)
		}
	}
	body := random(1, 5<<20)
	if _, got, err := exchange(r, "/", body); err != nil || !bytes.Equal(got, body) {
		t.Errorf("after abandoned bodies: %d bytes, %v", len(got), err)
	}
}

func TestEventCrosses(t *testing.T) {
	t.Parallel()
	type arrived struct {
		e    *wire.Event
		body []byte
	}
	got, acks, states := make(chan arrived, 1), make(chan wire.Ack, 1), make(chan wire.State, 1)
	r, c := pair(t,
		wire.Options{Callbacks: wire.Callbacks{Ack: func(a wire.Ack) { acks <- a }}},
		wire.Options{Callbacks: wire.Callbacks{
			Event: func(s *wire.Stream, e *wire.Event) {
				go func() {
					b, _ := io.ReadAll(s)
					got <- arrived{e, b}
				}()
			},
			State: func(s wire.State) { states <- s },
		}})
	body := random(2, 700_000)
	e := sampleEvent()
	e.Length, e.Digest = uint64(len(body)), sha256.Sum256(body)
	head, err := wire.AppendRequestHead(nil, e.Head)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.OpenEvent(e, head, body); err != nil {
		t.Fatal(err)
	}
	a := <-got
	if a.e.Offset != e.Offset || a.e.Digest != e.Digest || sha256.Sum256(a.body) != e.Digest {
		t.Errorf("event %+v with %d bytes, want %+v", a.e, len(a.body), e)
	}
	c.SendAck(wire.Ack{Cumulative: 1, Singles: []uint64{3}})
	if a := <-acks; a.Cumulative != 1 || len(a.Singles) != 1 {
		t.Errorf("ack = %+v", a)
	}
	r.SendState(wire.State{Waiting: 4, Link: wire.StateDraining, Durability: wire.Fsynced})
	if s := <-states; s.Waiting != 4 {
		t.Errorf("state = %+v", s)
	}
	if r.Streams() != 0 {
		t.Errorf("%d streams left open", r.Streams())
	}
}

func TestTrailersAndInformation(t *testing.T) {
	t.Parallel()
	r, _ := pair(t, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{Open: func(s *wire.Stream, _ *wire.RequestHead, _ bool) {
		go func() {
			_ = s.SendInfo(&wire.ResponseHead{Status: 103, Header: http.Header{"Link": {"</a>"}}})
			_ = s.SendHead(&wire.ResponseHead{Status: 200}, []byte("body"), false)
			_ = s.FinishWithTrailer(http.Header{"Grpc-Status": {"0"}})
		}()
	}}})
	s, err := r.Open(context.Background(), sampleHead(), false, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if h, info, err := s.NextHead(); err != nil || !info || h.Status != 103 {
		t.Errorf("first head %+v, info %v, %v", h, info, err)
	}
	if h, info, err := s.NextHead(); err != nil || info || h.Status != 200 {
		t.Errorf("second head %+v, info %v, %v", h, info, err)
	}
	if b, err := io.ReadAll(s); err != nil || string(b) != "body" {
		t.Errorf("body %q, %v", b, err)
	}
	if got := s.Trailer().Get("Grpc-Status"); got != "0" {
		t.Errorf("trailer %q", got)
	}
}

func TestGoAwayStopsNewStreams(t *testing.T) {
	t.Parallel()
	away := make(chan wire.GoAway, 1)
	r, _ := pair(t, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{
		Open: echo, GoAway: func(g wire.GoAway) { away <- g },
	}})
	want := wire.GoAway{Min: time.Second, Max: 3 * time.Second, Why: wire.GoAwayDraining}
	r.GoAway(want)
	if g := <-away; g != want {
		t.Errorf("GOAWAY %+v, want %+v", g, want)
	}
	if _, err := r.Open(context.Background(), sampleHead(), false, nil, true); !errors.Is(err, wire.ErrGoingAway) {
		t.Errorf("Open = %v, want ErrGoingAway", err)
	}
}

// A head that cannot be carried costs the request, not the link.
func TestUncarriableHeadCostsOnlyItself(t *testing.T) {
	t.Parallel()
	r, _ := pair(t, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{Open: echo}})
	h := sampleHead()
	h.Header = http.Header{"X-Long": {strings.Repeat("a", 70_000)}}
	if _, err := r.Open(context.Background(), h, false, nil, true); !errors.Is(err, wire.ErrFrame) {
		t.Errorf("Open = %v, want ErrFrame", err)
	}
	if _, _, err := exchange(r, "/after", nil); err != nil {
		t.Errorf("the next request: %v", err)
	}
}

func TestHeartbeatMeasures(t *testing.T) {
	t.Parallel()
	r, _ := pair(t, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{Open: echo}})
	r.Ping(0)
	deadline := time.After(time.Minute)
	for r.RTT() == 0 {
		if _, _, err := exchange(r, "/", nil); err != nil {
			t.Fatal(err)
		}
		select {
		case <-deadline:
			t.Fatal("no pong")
		default:
		}
	}
}

// discardConn reads and throws away, so that the attacks below never wait.
func discardConn(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// Each attack ends the link it comes over with the code that names it.
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	hello := frame(wire.TypeHello, 0, 0, []byte("{}"))
	data := func(stream uint32, n int) []byte { return frame(wire.TypeData, 0, stream, make([]byte, n)) }
	masked := func(first byte, length ...byte) []byte {
		return append(append([]byte{first}, length...), 0, 0, 0, 0)
	}
	attacks := map[string]struct {
		send func(ws *websocket.Conn) error
		want wire.CloseCode
	}{
		"text-message":         {message(websocket.TextMessage, hello), wire.CloseUnsupported},
		"second-hello":         {message(websocket.BinaryMessage, hello), wire.CloseProtocol},
		"unknown-type":         {message(websocket.BinaryMessage, frame(0x7e, 0, 0, nil)), wire.CloseProtocol},
		"half-a-header":        {message(websocket.BinaryMessage, []byte{0x12, 0}), wire.CloseProtocol},
		"half-a-frame":         {message(websocket.BinaryMessage, data(1, 9)[:15]), wire.CloseProtocol},
		"open-from-client":     {message(websocket.BinaryMessage, frame(wire.TypeOpen, 0, 1, make([]byte, 9))), wire.CloseProtocol},
		"data-for-no-stream":   {message(websocket.BinaryMessage, data(99, 1)), wire.CloseProtocol},
		"state-from-client":    {message(websocket.BinaryMessage, frame(wire.TypeState, 0, 0, make([]byte, 34))), wire.CloseProtocol},
		"credit-of-zero":       {message(websocket.BinaryMessage, frame(wire.TypeCredit, 0, 0, make([]byte, 4))), wire.CloseProtocol},
		"credit-overflow":      {message(websocket.BinaryMessage, frame(wire.TypeCredit, 0, 0, wire.AppendCredit(nil, wire.MaxCredit))), wire.CloseFlow},
		"message-too-big":      {message(websocket.BinaryMessage, append(frame(0x7e, wire.FlagOptional, 0, make([]byte, wire.MaxPayload)), 0)), wire.CloseTooBig},
		"length-of-2-to-63":    {raw(masked(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0)), wire.CloseTooBig},
		"length-of-2-to-62":    {raw(masked(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0)), wire.CloseTooBig},
		"reserved-bit":         {raw(masked(0xc2, 0x80)), wire.CloseWSProtocol},
		"unmasked":             {raw([]byte{0x82, 0x01, 0x00}), wire.CloseWSProtocol},
		"fragmented-ping":      {raw(masked(0x09, 0x80)), wire.CloseWSProtocol},
		"long-ping":            {raw(masked(0x89, 0xfe, 0, 200)), wire.CloseWSProtocol},
		"continuation-at-once": {raw(masked(0x80, 0x80)), wire.CloseWSProtocol},
		"many-pings":           {raw(bytes.Repeat(masked(0x89, 0x80), 1000)), wire.CloseControl},
		"many-pongs":           {raw(bytes.Repeat(masked(0x8a, 0x80), 1000)), wire.CloseControl},
		"one-byte-fragments": {raw(append(masked(0x02, 0x80),
			bytes.Repeat([]byte{0, 0x81, 0, 0, 0, 0, 'x'}, wire.MaxMessage+1)...)), wire.CloseProtocol},
	}
	for name, a := range attacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rs, cs := sockets(t)
			l := wire.NewLink(rs, wire.Options{
				Role: wire.Relay, Send: wire.DefaultWindows(), Recv: wire.DefaultWindows(),
				Shared: &wire.Shared{}, Callbacks: wire.Callbacks{Ack: func(wire.Ack) {}},
			})
			ended := make(chan *wire.CloseError, 1)
			go func() { ended <- l.Serve() }()
			go discardConn(cs.NetConn())
			if err := a.send(cs); err != nil {
				t.Logf("send: %v", err) // the relay may hang up before it has all
			}
			select {
			case e := <-ended:
				if e.Code != a.want && !(a.want == wire.CloseWSProtocol && e.Code == wire.CloseAbnormal) {
					t.Errorf("link ended with %d (%v), want %d", e.Code, e, a.want)
				}
			case <-time.After(time.Minute):
				t.Fatal("link still alive")
			}
			_ = cs.Close()
		})
	}
}

func message(kind int, p []byte) func(*websocket.Conn) error {
	return func(ws *websocket.Conn) error { return ws.WriteMessage(kind, p) }
}

func raw(p []byte) func(*websocket.Conn) error {
	return func(ws *websocket.Conn) error {
		_, err := ws.NetConn().Write(p)
		return err
	}
}

// DATA beyond the window is a fault of its sender and ends the link.
func TestWindowOverspent(t *testing.T) {
	t.Parallel()
	rs, cs := sockets(t)
	opened := make(chan *wire.Stream, 1)
	l := wire.NewLink(cs, wire.Options{
		Role: wire.Client, Send: wire.DefaultWindows(), Recv: wire.DefaultWindows(),
		Shared:    &wire.Shared{},
		Callbacks: wire.Callbacks{Open: func(s *wire.Stream, _ *wire.RequestHead, _ bool) { opened <- s }},
	})
	ended := make(chan *wire.CloseError, 1)
	go func() { ended <- l.Serve() }()
	go discardConn(rs.NetConn())
	head, _ := wire.AppendRequestHead(nil, sampleHead())
	if err := rs.WriteMessage(websocket.BinaryMessage, frame(wire.TypeOpen, 0, 1, head)); err != nil {
		t.Fatal(err)
	}
	for range wire.DefaultWindows().Stream/wire.MaxData + 1 {
		_ = rs.WriteMessage(websocket.BinaryMessage, frame(wire.TypeData, 0, 1, make([]byte, wire.MaxData)))
	}
	if e := <-ended; e.Code != wire.CloseFlow {
		t.Errorf("link ended with %v, want flow control", e)
	}
	_ = rs.Close()
}

// No extension is agreed on, whatever the client offers.
func TestCompressionIsNeverNegotiated(t *testing.T) {
	t.Parallel()
	var sh wire.Shared
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if ws, err := wire.Upgrade(w, req, &sh); err == nil {
			_ = ws.Close()
		}
	}))
	defer srv.Close()
	d := websocket.Dialer{EnableCompression: true, Subprotocols: []string{wire.Protocol}}
	ws, resp, err := d.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if ext := resp.Header.Get("Sec-Websocket-Extensions"); ext != "" {
		t.Errorf("extensions %q", ext)
	}
	if _, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), http.Header{"Origin": {"https://evil.example"}}); err == nil {
		t.Error("a page's websocket was accepted")
	}
}

func BenchmarkLink(b *testing.B) {
	r, _ := pair(b, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{Open: echo}})
	for _, size := range []int{1 << 10, 1 << 20} {
		body := random(1, size)
		b.Run(fmt.Sprintf("echo-%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := exchange(r, "/", body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What waits to be sent goes in one message, bodies and their ends too.
func TestMessageHoldsManyBodies(t *testing.T) {
	t.Parallel()
	rs, cs := sockets(t)
	w := wire.DefaultWindows()
	l := wire.NewLink(rs, wire.Options{Role: wire.Relay, Send: w, Recv: w, Shared: &wire.Shared{}, Held: true})
	const streams = 8
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			if _, err := l.Open(context.Background(), sampleHead(), false, []byte("body"), true); err != nil {
				t.Error(err)
			}
		})
	}
	for l.Streams() < streams {
		runtime.Gosched()
	}
	l.Release()
	_, p, err := cs.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	ends := 0
	for len(p) > 0 {
		h, err := wire.ParseHeader(p)
		if err != nil {
			t.Fatal(err)
		}
		if h.Type == wire.TypeEnd {
			ends++
		}
		p = p[wire.HeaderLen+int(h.Length):]
	}
	if ends != streams {
		t.Errorf("the first message ends %d of %d bodies", ends, streams)
	}
	wg.Wait()
	go l.Close(wire.CloseDone, "")
	l.Serve()
}
