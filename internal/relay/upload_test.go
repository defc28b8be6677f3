package relay_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A sender that goes away while its client takes nothing of the body is noticed
// long before the client's time is over, and its place is free.
func TestSenderLeavesWhileItsBodyIsStuck(t *testing.T) {
	t.Parallel()
	keeping, _ := storing(t, spool.Limits{})
	s := serve(t, keeping)
	l, opened := idle(t, s)
	for _, size := range []int{100 << 10, 4 << 20} { // sent whole, and streamed
		conn, err := net.Dial("tcp", s.url.Host)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /t/stuck/x HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n", size)
		go func() { _, _ = conn.Write(make([]byte, size)) }() // it may be cut off
		<-opened
		waitFor(t, func() bool {
			for _, held := range l.Unread() {
				return held == wire.MaxData // no more is granted
			}
			return false
		})
		if got := s.Status().Streams; got != 1 {
			t.Fatalf("%d streams, want 1", got)
		}
		_ = conn.Close()
		began := time.Now()
		waitFor(t, func() bool { return s.Status().Streams == 0 })
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%d bytes: noticed after %v", size, took)
		}
	}
}

// idle connects a client, called stuck, that reads no bodies and grants little.
func idle(t *testing.T, s *server) (l *wire.Link, opened chan struct{}) {
	t.Helper()
	d := wire.Dialer{Shared: &wire.Shared{}}
	ws, _, err := d.Connect(t.Context(), "ws://"+s.url.Host+"/v1/connect", http.Header{"Hooks-Tunnel": {"stuck"}})
	if err != nil {
		t.Fatal(err)
	}
	small := wire.Windows{Stream: wire.MaxData, Link: 4 << 20, Streams: 64}
	w, err := wire.Greet(ws, &wire.Hello{Client: "t", Instance: strings.Repeat("0", 32), Limits: small})
	if err != nil {
		t.Fatal(err)
	}
	opened = make(chan struct{}, 1)
	l = wire.NewLink(ws, wire.Options{
		Role: wire.Client, Send: w.Limits, Recv: small, Shared: &wire.Shared{},
		Callbacks: wire.Callbacks{Open: func(*wire.Stream, *wire.RequestHead, bool) { opened <- struct{}{} }},
	})
	go l.Serve()
	t.Cleanup(func() { l.Close(wire.CloseDone, "") })
	return l, opened
}

// A request of which the client had a part when the link broke may have been
// seen by the app.
func TestPartlySentMayHaveBeenSeen(t *testing.T) {
	t.Parallel()
	keeping, _ := storing(t, spool.Limits{})
	s := serve(t, keeping)
	l, opened := idle(t, s)
	go func() {
		<-opened
		l.Close(wire.CloseDone, "")
	}()
	if status, body := send(t, s.url.String()+"/t/stuck/x", strings.Repeat("x", 100<<10)); status != http.StatusAccepted {
		t.Fatalf("answer %d %q, want 202", status, body)
	}
	var r receiver
	dial(t, s, "stuck", http.NotFoundHandler(), r.with)
	waitFor(t, func() bool { return r.count() == 1 })
	if r.tries[0] != 2 {
		t.Errorf("attempt %d, want 2", r.tries[0])
	}
}
