package wire

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A steadyConn gives up writing when nothing has been taken until the deadline.
// As long as something is, the deadline moves on: on a slow network a message
// may take longer.
type steadyConn struct {
	net.Conn
	piece   int // how much is written at a time, 0 for all: a TLS connection that timed out is lost
	patient atomic.Int64
}

// maxRecord is what one record of TLS holds.
const maxRecord = 16 << 10

// SetWriteDeadline sets how long something must be taken in.
func (c *steadyConn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		c.patient.Store(0)
	} else {
		c.patient.Store(int64(max(time.Until(t), 1)))
	}
	return c.Conn.SetWriteDeadline(t)
}

// Write writes all of p, if it takes many times the deadline.
func (c *steadyConn) Write(p []byte) (int, error) {
	written := 0
	for {
		piece := p[written:]
		if c.piece > 0 {
			piece = piece[:min(len(piece), c.piece)]
		}
		n, err := c.Conn.Write(piece)
		written += n
		patient := time.Duration(c.patient.Load())
		switch {
		case err == nil && written == len(p):
			return written, nil
		case err != nil && (n == 0 || c.piece > 0 || !isTimeout(err)):
			return written, err
		case patient > 0:
			if err := c.Conn.SetWriteDeadline(time.Now().Add(patient)); err != nil {
				return written, err
			}
		}
	}
}

// A steadyWriter gives its connection away as a steadyConn.
type steadyWriter struct {
	http.ResponseWriter
	tls bool
}

// Hijack takes the connection.
func (w steadyWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, brw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	keepQueueShort(conn)
	c := &steadyConn{Conn: conn}
	if w.tls {
		c.piece = maxRecord
	}
	return c, brw, nil
}
