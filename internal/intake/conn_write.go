package intake

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// Write gives up when nothing was taken for the time of a write; a slow peer
// that goes on reading is served.
func (c *conn) Write(p []byte) (int, error) {
	if c.raw.Load() {
		return c.Conn.Write(p)
	}
	if c.refused.Load() {
		return len(p), nil // net/http's own word on a request that was answered
	}
	written := 0
	for {
		piece := p[written:min(len(p), written+64<<10)]
		if err := c.Conn.SetWriteDeadline(deadline(c.server.limits.WriteTime)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(piece)
		written += n
		switch {
		case err == nil && written == len(p):
			return written, nil
		case err != nil && (n == 0 || !timedOut(err)):
			return written, err
		}
	}
}

// NetConn is what is below.
func (c *conn) NetConn() net.Conn { return c.Conn }

// lingerTime is how long a connection that ends before the peer has said all
// is drained: closed at once, it would be reset and the answer lost.
const lingerTime = time.Second

// Close ends the connection, after a while if the peer is still sending.
func (c *conn) Close() error {
	var err error
	c.once.Do(func() {
		if c.unread.Load() && !c.server.closing.Load() {
			c.linger()
		}
		err = c.Conn.Close()
		c.server.peers.leave(c)
	})
	return err
}

func (c *conn) linger() {
	if c.CloseWrite() == nil && c.Conn.SetReadDeadline(deadline(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, c.Conn, c.server.limits.Body)
	}
}

// CloseWrite tells the peer that no more will come.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// A tlsConn is a conn over TLS. net/http asks it for its state before it reads.
type tlsConn struct{ *conn }

// ConnectionState makes the handshake, which has a time of its own, and
// describes the connection. After a failure, reading fails.
func (c tlsConn) ConnectionState() tls.ConnectionState {
	t := c.Conn.(*tls.Conn)
	if t.SetDeadline(deadline(c.server.limits.TLSTime)) == nil && t.Handshake() == nil { //nolint:noctx // the deadline ends it
		_ = t.SetDeadline(time.Time{}) // reading says what is wrong with it
	}
	return t.ConnectionState()
}
