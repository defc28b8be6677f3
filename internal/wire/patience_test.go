package wire

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// piped is a link's end, and what is written there as the other end has it.
func piped(t *testing.T) (*websocket.Conn, net.Conn) {
	t.Helper()
	here, there := net.Pipe()
	go func() {
		r, err := http.ReadRequest(bufio.NewReaderSize(there, 16))
		if err != nil {
			t.Error(err)
			return
		}
		sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(there, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: %s\r\nSec-WebSocket-Accept: %s\r\n\r\n", Protocol,
			base64.StdEncoding.EncodeToString(sum[:]))
	}()
	d := Dialer{Shared: &Shared{}, Dial: func(context.Context, string, string) (net.Conn, error) { return here, nil }}
	ws, _, err := d.Connect(t.Context(), "ws://relay.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	return ws, there
}

// A link that is closed ends, however slowly the other end takes what is still
// to be sent.
func TestClosedLinkEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws, there := piped(t)
		l := NewLink(ws, Options{Role: Relay, Send: DefaultWindows(), Recv: DefaultWindows(), Shared: &Shared{}})
		var slow sync.WaitGroup
		defer slow.Wait()
		slow.Go(func() {
			for p := make([]byte, 1); ; time.Sleep(WriteTimeout / 2) {
				if _, err := there.Read(p); err != nil {
					return
				}
			}
		})
		go func() { _ = l.OpenEvent(&Event{}, nil, make([]byte, 100<<10)) }()
		synctest.Wait()
		l.Close(CloseGoingAway, "")
		began := time.Now()
		if e := l.Serve(); e.Code != CloseGoingAway {
			t.Errorf("ended with %v", e)
		}
		if took := time.Since(began); took > 2*WriteTimeout {
			t.Errorf("ended after %v", took)
		}
	})
}

// A relay that opens streams beyond those that were agreed on, and does not
// read that they are refused, loses the link.
func TestUnreadRefusalsEndTheLink(t *testing.T) {
	t.Parallel()
	ws, there := piped(t)
	defer there.Close()
	l := NewLink(ws, Options{
		Role: Client, Send: DefaultWindows(), Recv: DefaultWindows(), Shared: &Shared{},
		Callbacks: Callbacks{Open: func(*Stream, *RequestHead, bool) {}},
	})
	ended := make(chan *CloseError, 1)
	go func() { ended <- l.Serve() }()
	const size = 20
	for id := uint32(1); ; {
		var m []byte
		for len(m) < 125-size {
			m = endFrame(append(beginFrame(m, TypeOpen, 0, id), 0, 1, 'G', 1, '/', 0, 0, 0), len(m))
			id += 2
		}
		if _, err := there.Write(append([]byte{0x82, byte(len(m))}, m...)); err != nil {
			break
		}
		if id/2 > 10*maxQueue/(HeaderLen+2) {
			t.Fatalf("%d streams and still alive", id/2)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, there) }()
	if e := <-ended; e.Code != CloseAbnormal {
		t.Errorf("ended with %v", e)
	}
}
