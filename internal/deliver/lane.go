package deliver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
)

// Lanes are how a load travels: net/http's client hands every request to two
// goroutines of its connection and back, which costs more than the rest of a
// request with its signature. A lane writes and reads in the goroutine that
// waits for the answer. The bytes are the same, since net/http writes them.

// A lane is one connection, used by one exchange at a time.
type lane struct {
	net.Conn
	raw   net.Conn // below TLS
	in    meter
	br    *bufio.Reader
	bw    *bufio.Writer
	timer *time.Timer // breaks an exchange off
	idle  time.Time   // since when
}

// A meter is a reader that ends in an error after left bytes: ReadResponse has
// no limit of its own for the head of an answer.
type meter struct {
	r    io.Reader
	left int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errHeadTooLong
	}
	n, err := m.r.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	return n, err
}

var errHeadTooLong = errors.New("the server's headers exceeded 262144 bytes")

func newLane(conn, raw net.Conn) *lane {
	l := &lane{Conn: conn, raw: raw, in: meter{r: conn}}
	l.br, l.bw = bufio.NewReader(&l.in), bufio.NewWriter(conn)
	l.timer = time.AfterFunc(math.MaxInt64, l.abort)
	return l
}

// abort makes whatever reads or writes return at once.
func (l *lane) abort() { _ = l.SetDeadline(time.Unix(1, 0)) }

// lanes keeps the idle lanes to one host, newest first, and breaks off all
// that are in use when the load is interrupted.
type lanes struct {
	c    *Client
	mu   sync.Mutex // guards the following
	idle []*lane
	busy map[*lane]struct{}
	over bool // nothing new is begun
}

// newLanes returns the lanes of a load and the function that closes them. All
// exchanges must have ended when it is called.
func (c *Client) newLanes(ctx context.Context) (*lanes, func()) {
	ls := &lanes{c: c, busy: make(map[*lane]struct{})}
	stop := context.AfterFunc(ctx, ls.interrupt)
	return ls, func() {
		stop()
		for _, l := range ls.idle {
			_ = l.Close()
		}
	}
}

func (ls *lanes) interrupt() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.over = true
	for l := range ls.busy {
		l.abort()
	}
}

// take returns a lane that still stands, nil if there is none.
func (ls *lanes) take(now time.Time) *lane {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for len(ls.idle) > 0 {
		l := ls.idle[len(ls.idle)-1]
		ls.idle = ls.idle[:len(ls.idle)-1]
		if now.Sub(l.idle) < idleLife && stands(l.raw, l.raw != l.Conn) {
			ls.busy[l] = struct{}{}
			return l
		}
		_ = l.Close()
	}
	return nil
}

// hold books a lane that has just been opened.
func (ls *lanes) hold(l *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.busy[l] = struct{}{}
	if ls.over {
		l.abort()
	}
}

// give takes a lane back; one that is not good any more is closed.
func (ls *lanes) give(l *lane, good bool, now time.Time) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.busy, l)
	if !good || ls.over {
		_ = l.Close()
		return
	}
	l.idle = now
	ls.idle = append(ls.idle, l)
}

// exchange is Client.exchange over a lane, without the answer's body. What a
// lane is not made for goes the other way.
func (ls *lanes) exchange(ctx context.Context, r Request, now func() time.Time) (x exchange) {
	req, err := ls.c.request(ctx, &r)
	if err != nil {
		x.err = &requestError{err}
		return x
	}
	if !ls.suits(req, &r) {
		return ls.c.exchange(ctx, r, dropBody)
	}
	x.host = address.HostPort(req.URL)
	l := ls.take(now())
	if l == nil {
		if l, x.err = ls.dial(ctx, req.URL, r.timeout()); x.err != nil {
			return x
		}
		ls.hold(l)
	}
	x.connected = true
	l.timer.Reset(r.timeout())
	good := x.over(l, req)
	good = l.timer.Stop() && good // a timer that went off has spoilt the lane
	ls.give(l, good, now())
	return x
}

// suits says whether a lane can do r: a straight way, a name that needs no
// translation, and a body that is written before the answer is awaited.
func (ls *lanes) suits(req *http.Request, r *Request) bool {
	if r.Chunked || r.Slow > 0 || len(r.Body) > maxInline {
		return false
	}
	host := req.URL.Hostname()
	for i := range len(host) {
		if host[i] >= 0x80 {
			return false
		}
	}
	if ls.c.transport.Proxy == nil {
		return true
	}
	way, err := ls.c.transport.Proxy(req)
	return err == nil && way == nil
}

// maxInline is how large a body may be to be written before the answer is read.
const maxInline = 32 << 10

// over writes req and reads the answer; it says whether l is good for more.
func (x *exchange) over(l *lane, req *http.Request) bool {
	werr := req.Write(l.bw)
	if werr == nil {
		werr = l.bw.Flush()
	}
	x.written = werr == nil
	l.in.left = maxHead
	resp, err := readFinal(l.br, req)
	if err != nil {
		x.err = err
		if werr != nil {
			x.err = werr
		}
		return false
	}
	l.in.left = math.MaxInt64
	x.status, x.header = resp.StatusCode, resp.Header
	if err := x.readBody(resp.Body, dropBody); err != nil {
		x.err = &answerError{err}
		return false
	}
	return werr == nil && !resp.Close && !x.truncated && resp.StatusCode != http.StatusSwitchingProtocols
}

// readFinal reads the head of the answer, past the informational ones.
func readFinal(br *bufio.Reader, req *http.Request) (*http.Response, error) {
	if _, err := br.Peek(1); err != nil {
		return nil, err
	}
	for range 6 {
		resp, err := http.ReadResponse(br, req)
		if err != nil {
			return nil, &answerError{err}
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
	return nil, &answerError{errors.New("too many 1xx informational responses")}
}

// dial opens a lane to the host of u.
func (ls *lanes) dial(ctx context.Context, u *url.URL, limit time.Duration) (*lane, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	raw, err := ls.c.dial(ctx, "tcp", address.HostPort(u))
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" {
		return newLane(raw, raw), nil
	}
	cfg := ls.c.transport.TLSClientConfig.Clone()
	cfg.ServerName = u.Hostname()
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return newLane(conn, raw), nil
}
