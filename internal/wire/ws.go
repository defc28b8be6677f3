package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
)

// Upgrade turns a request for a link into a websocket. permessage-deflate is
// never accepted: its limits count compressed bytes. If it fails, the request
// has been answered.
func Upgrade(w http.ResponseWriter, r *http.Request, sh *Shared) (*websocket.Conn, error) {
	up := websocket.Upgrader{
		ReadBufferSize:    512, // only frame headers pass through it
		WriteBufferSize:   MaxMessage,
		WriteBufferPool:   &sh.buffers,
		Subprotocols:      []string{Protocol},
		HandshakeTimeout:  HelloTimeout,
		EnableCompression: false,
		// A browser cannot set the Authorization header of a websocket, and a
		// page has no business here: any Origin is refused.
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "" },
	}
	return up.Upgrade(steadyWriter{w, r.TLS != nil}, r, nil)
}

// ErrVersion is returned by Dial if the relay speaks no version of ours.
var ErrVersion = errors.New("relay speaks no common version of the tunnel protocol")

// A Dialer connects to relays.
type Dialer struct {
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error) // nil: net.Dialer
	TLS    *tls.Config
	Proxy  func(*http.Request) (*url.URL, error) // nil: none
	Shared *Shared
}

// Connect opens the websocket of a link at a ws:// or wss:// URL. Where the
// relay refused, the response is returned with the error; its body is at most
// 1 KiB and closed.
func (d *Dialer) Connect(ctx context.Context, address string, header http.Header) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{
		NetDialContext:    d.dial,
		TLSClientConfig:   d.TLS,
		Proxy:             d.Proxy,
		HandshakeTimeout:  2 * HelloTimeout,
		ReadBufferSize:    4096,
		WriteBufferSize:   MaxMessage,
		WriteBufferPool:   &d.Shared.buffers,
		Subprotocols:      []string{Protocol},
		EnableCompression: false,
	}
	ws, resp, err := dialer.DialContext(ctx, address, header)
	if err != nil {
		return nil, resp, err
	}
	if ws.Subprotocol() != Protocol {
		_ = ws.Close()
		return nil, resp, ErrVersion
	}
	return ws, resp, nil
}

func (d *Dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dial := d.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	keepQueueShort(conn)
	return &steadyConn{Conn: conn}, nil // below TLS
}

// ReadHello reads HELLO, which must be the first message and come in time.
func ReadHello(ws *websocket.Conn) (*Hello, error) {
	p, err := readGreeting(ws, TypeHello)
	if err != nil {
		return nil, err
	}
	return ParseHello(p)
}

// Greet sends HELLO and waits for WELCOME.
func Greet(ws *websocket.Conn, h *Hello) (*Welcome, error) {
	p, err := AppendHello(nil, h)
	if err != nil {
		return nil, err
	}
	if err := writeGreeting(ws, p); err != nil {
		return nil, err
	}
	if p, err = readGreeting(ws, TypeWelcome); err != nil {
		return nil, closeErrorOf(err)
	}
	return ParseWelcome(p)
}

// WriteWelcome answers HELLO.
func WriteWelcome(ws *websocket.Conn, w *Welcome) error {
	p, err := AppendWelcome(nil, w)
	if err != nil {
		return err
	}
	return writeGreeting(ws, p)
}

// Refuse closes a websocket that has not become a link.
func Refuse(ws *websocket.Conn, code CloseCode, reason string) {
	p := websocket.FormatCloseMessage(int(code), reason)
	_ = ws.WriteControl(websocket.CloseMessage, p, time.Now().Add(closeTimeout))
	_ = ws.Close()
}

func writeGreeting(ws *websocket.Conn, p []byte) error {
	_ = ws.SetWriteDeadline(time.Now().Add(HelloTimeout))
	return ws.WriteMessage(websocket.BinaryMessage, p)
}

// readGreeting reads a message that is one frame of type t. Whoever is at the
// other end has shown nothing yet: limit and deadline come before the first
// read, and control frames are not answered.
func readGreeting(ws *websocket.Conn, t Type) ([]byte, error) {
	ws.SetReadLimit(HeaderLen + MaxJSON)
	_ = ws.SetReadDeadline(time.Now().Add(HelloTimeout))
	ignore := func(string) error { return errGreeting }
	ws.SetPingHandler(ignore)
	ws.SetPongHandler(ignore)
	ws.SetCloseHandler(func(int, string) error { return nil })
	kind, r, err := ws.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.BinaryMessage {
		return nil, &CloseError{Code: CloseUnsupported}
	}
	p, err := io.ReadAll(bufio.NewReaderSize(io.LimitReader(r, HeaderLen+MaxJSON), 512))
	if err != nil {
		return nil, err
	}
	h, err := ParseHeader(p)
	if err != nil {
		return nil, err
	}
	if h.Type != t || int(h.Length) != len(p)-HeaderLen {
		return nil, errGreeting
	}
	return p[HeaderLen:], nil
}

var errGreeting = fmt.Errorf("%w: not a greeting", ErrFrame)
