package wire_test

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A client that is connected to a hostile relay loses the link, and nothing
// else: whatever comes, it holds no more than what it granted.
func TestHostileRelay(t *testing.T) {
	t.Parallel()
	head, err := wire.AppendRequestHead(nil, sampleHead())
	if err != nil {
		t.Fatal(err)
	}
	open := func(stream uint32) []byte { return frame(wire.TypeOpen, 0, stream, head) }
	plain := func(first byte, length ...byte) []byte { return append([]byte{first}, length...) }
	huge := func(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0x82, 127}, n) }
	for name, a := range map[string]struct {
		send func(*websocket.Conn) error
		want wire.CloseCode
	}{
		"text-message":       {message(websocket.TextMessage, []byte("{}")), wire.CloseUnsupported},
		"welcome-again":      {message(websocket.BinaryMessage, frame(wire.TypeWelcome, 0, 0, []byte("{}"))), wire.CloseProtocol},
		"ack-from-relay":     {message(websocket.BinaryMessage, frame(wire.TypeAck, 0, 0, make([]byte, 8))), wire.CloseProtocol},
		"head-from-relay":    {message(websocket.BinaryMessage, append(open(1), frame(wire.TypeHead, 0, 1, []byte{0, 200, 0})...)), wire.CloseProtocol},
		"even-stream":        {message(websocket.BinaryMessage, open(2)), wire.CloseProtocol},
		"stream-twice":       {message(websocket.BinaryMessage, append(open(3), open(3)...)), wire.CloseProtocol},
		"stream-backwards":   {message(websocket.BinaryMessage, append(open(5), open(3)...)), wire.CloseProtocol},
		"event-not-wanted":   {message(websocket.BinaryMessage, frame(wire.TypeEvent, 0, 1, make([]byte, 88))), wire.CloseProtocol},
		"head-is-nonsense":   {message(websocket.BinaryMessage, frame(wire.TypeOpen, 0, 1, []byte{9, 255, 255, 255, 255, 255})), wire.CloseProtocol},
		"100-MiB-message":    {raw(append(huge(100<<20), make([]byte, 1<<20)...)), wire.CloseTooBig},
		"length-of-2-to-63":  {raw(huge(1 << 63)), wire.CloseTooBig},
		"length-of-2-to-62":  {raw(huge(1 << 62)), wire.CloseTooBig},
		"compressed-message": {raw(plain(0xc2, 0)), wire.CloseWSProtocol},
		"masked":             {raw(plain(0x82, 0x80, 0, 0, 0, 0)), wire.CloseWSProtocol},
		"many-pings":         {raw(bytes.Repeat(plain(0x89, 0), 1000)), wire.CloseControl},
		"endless-fragments":  {raw(append(plain(0x02, 1, 'x'), bytes.Repeat(plain(0x00, 1, 'x'), wire.MaxMessage+1)...)), wire.CloseProtocol},
		"empty-fragments":    {raw(append(plain(0x02, 0), bytes.Repeat(plain(0x00, 0), 1000)...)), 0},
		"window-of-the-link": {overspend(head), wire.CloseFlow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rs, cs := sockets(t)
			l := wire.NewLink(cs, wire.Options{
				Role: wire.Client, Send: wire.DefaultWindows(), Recv: wire.DefaultWindows(), Shared: &wire.Shared{},
				Callbacks: wire.Callbacks{Open: func(*wire.Stream, *wire.RequestHead, bool) {}}, // nobody reads
			})
			ended := make(chan *wire.CloseError, 1)
			go func() { ended <- l.Serve() }()
			go discardConn(rs.NetConn())
			if err := a.send(rs); err != nil {
				t.Logf("send: %v", err) // the client may hang up before it has all
			}
			if a.want == 0 { // costs nothing, and ends with the relay
				_ = rs.Close()
			}
			select {
			case e := <-ended:
				if a.want != 0 && e.Code != a.want && !(a.want == wire.CloseWSProtocol && e.Code == wire.CloseAbnormal) {
					t.Errorf("link ended with %d (%v), want %d", e.Code, e, a.want)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("link still alive")
			}
			_ = rs.Close()
		})
	}
}

// overspend opens streams, and sends each as much as it may have, until that is
// more than the link may have.
func overspend(head []byte) func(*websocket.Conn) error {
	return func(ws *websocket.Conn) error {
		w := wire.DefaultWindows()
		for n := range w.Link/w.Stream + 1 {
			id := uint32(2*n + 1)
			if err := ws.WriteMessage(websocket.BinaryMessage, frame(wire.TypeOpen, 0, id, head)); err != nil {
				return err
			}
			for range w.Stream / wire.MaxData {
				if err := ws.WriteMessage(websocket.BinaryMessage, frame(wire.TypeData, 0, id, make([]byte, wire.MaxData))); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// Streams beyond those that were agreed on are refused one by one; the link and
// what it holds stay as they are.
func TestHostileRelayOpensStreams(t *testing.T) { // weighs memory: not beside others
	rs, cs := sockets(t)
	opened := 0
	l := wire.NewLink(cs, wire.Options{
		Role: wire.Client, Send: wire.DefaultWindows(), Recv: wire.DefaultWindows(), Shared: &wire.Shared{},
		Callbacks: wire.Callbacks{Open: func(*wire.Stream, *wire.RequestHead, bool) { opened++ }},
	})
	before := held()
	ended := make(chan *wire.CloseError, 1)
	go func() { ended <- l.Serve() }()
	head, err := wire.AppendRequestHead(nil, sampleHead())
	if err != nil {
		t.Fatal(err)
	}
	const count = 10_000
	go func() {
		for n := range count {
			if rs.WriteMessage(websocket.BinaryMessage, frame(wire.TypeOpen, 0, uint32(2*n+1), head)) != nil {
				return
			}
		}
	}()
	most := 2 * wire.DefaultWindows().Streams
	rs.SetReadLimit(wire.MaxMessage)
	_ = rs.SetReadDeadline(time.Now().Add(time.Minute))
	for refused := 0; refused < count-most; {
		_, p, err := rs.ReadMessage()
		if err != nil {
			t.Fatalf("%v after %d were refused, want %d", err, refused, count-most)
		}
		for len(p) > 0 {
			h, err := wire.ParseHeader(p)
			if err != nil {
				t.Fatal(err)
			}
			if h.Type == wire.TypeReset {
				refused++
			}
			p = p[wire.HeaderLen+int(h.Length):]
		}
	}
	if more := held() - before; more > 4<<20 {
		t.Errorf("the link holds %d MiB", more>>20)
	}
	_ = rs.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Time{})
	if e := <-ended; opened != most || e.Code != wire.CloseDone {
		t.Errorf("%d opened, ended with %v; want %d and the others refused", opened, e, most)
	}
}

// held is the memory in use that nothing can free, in bytes.
func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
