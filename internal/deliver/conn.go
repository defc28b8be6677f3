package deliver

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/proxy"
)

const (
	maxHead      = 256 << 10              // bytes of an answer's headers
	maxIdle      = 1024                   // idle connections a way; the oldest makes room
	idleLife     = time.Minute            // and this old ones
	probeAfter   = 100 * time.Millisecond // a connection idle for longer may have been closed by the other side
	probeTimeout = 200 * time.Microsecond
)

// A conn is one connection, used by one exchange at a time.
type conn struct {
	net.Conn
	in    meter
	br    *bufio.Reader
	head  []byte   // the buffer in which request heads are written
	names []string // the buffer in which header names are sorted
	idle  time.Time

	closing bool // the other side said that this answer is its last
}

// A meter is a reader that ends in an error after left bytes. The standard
// library's reader of answers has no limit of its own.
type meter struct {
	r    io.Reader
	left int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errHeadTooLong
	}
	if int64(len(p)) > m.left {
		p = p[:m.left]
	}
	n, err := m.r.Read(p)
	m.left -= int64(n)
	return n, err
}

func newConn(c net.Conn) *conn {
	cn := &conn{Conn: c, in: meter{r: c, left: math.MaxInt64}}
	cn.br = bufio.NewReader(&cn.in)
	return cn
}

// abort makes whatever reads or writes return at once.
func (cn *conn) abort() { _ = cn.SetDeadline(time.Unix(1, 0)) }

// alive says whether the other side still holds an idle connection: there is
// neither an end nor a byte to read.
func (cn *conn) alive() bool {
	t := time.AfterFunc(probeTimeout, func() { _ = cn.SetReadDeadline(time.Unix(1, 0)) })
	_, err := cn.br.Peek(1)
	t.Stop()
	if err == nil || !isTimeout(err) {
		return false
	}
	return cn.SetReadDeadline(time.Time{}) == nil
}

// A pool keeps idle connections, newest first. The zero value is empty.
type pool struct {
	mu sync.Mutex // guards the following
	m  map[string][]*conn
}

// take returns an idle connection that is still good, or nil.
func (p *pool) take(key string, now time.Time) *conn {
	for {
		cn := p.pop(key)
		if cn == nil {
			return nil
		}
		idle := now.Sub(cn.idle)
		if idle < idleLife && (idle < probeAfter || cn.alive()) {
			return cn
		}
		_ = cn.Close()
	}
}

func (p *pool) pop(key string) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.m[key]
	if len(list) == 0 {
		return nil
	}
	cn := list[len(list)-1]
	list[len(list)-1] = nil
	p.m[key] = list[:len(list)-1]
	return cn
}

func (p *pool) put(key string, cn *conn, now time.Time) {
	cn.idle = now
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil {
		p.m = make(map[string][]*conn)
	}
	list := p.m[key]
	if len(list) > 0 && (len(list) >= maxIdle || now.Sub(list[0].idle) > idleLife) {
		_ = list[0].Close()
		list = list[:copy(list, list[1:])]
	}
	p.m[key] = append(list, cn)
}

func (p *pool) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.m {
		for _, cn := range list {
			_ = cn.Close()
		}
	}
	p.m = nil
}

// dial opens a connection to the endpoint of rt, through its proxy if it has
// one, and secures it.
func (c *Client) dial(ctx context.Context, rt route) (*conn, error) {
	raw, err := c.dialWay(ctx, rt)
	if err != nil {
		return nil, err
	}
	if !rt.tls {
		return newConn(raw), nil
	}
	secured, err := c.secure(ctx, raw, rt.name)
	if err != nil {
		return nil, err
	}
	return newConn(secured), nil
}

// secure makes a TLS connection of raw, which it closes on error.
func (c *Client) secure(ctx context.Context, raw net.Conn, name string) (net.Conn, error) {
	cfg := c.tls.Clone()
	cfg.ServerName = name
	t := tls.Client(raw, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("tls: %w", err)
	}
	return t, nil
}

// dialWay returns a connection whose bytes reach the endpoint or, for a plain
// request through an HTTP proxy, that proxy.
func (c *Client) dialWay(ctx context.Context, rt route) (net.Conn, error) {
	var d net.Dialer
	if rt.proxy == nil {
		return d.DialContext(ctx, "tcp", rt.addr)
	}
	if rt.proxy.Scheme == "socks5" || rt.proxy.Scheme == "socks5h" {
		return dialSocks(ctx, rt)
	}
	raw, err := d.DialContext(ctx, "tcp", proxyAddr(rt.proxy))
	if err != nil {
		return nil, &proxyError{fmt.Errorf("the proxy %s: %s", rt.proxy.Host, lastOf(err))}
	}
	if rt.proxy.Scheme == "https" {
		if raw, err = c.secure(ctx, raw, rt.proxy.Hostname()); err != nil {
			return nil, &proxyError{fmt.Errorf("the proxy %s: %s", rt.proxy.Host, lastOf(err))}
		}
	}
	if rt.tls {
		if err := connect(ctx, raw, rt); err != nil {
			_ = raw.Close()
			return nil, err
		}
	}
	return raw, nil
}

func dialSocks(ctx context.Context, rt route) (net.Conn, error) {
	d, err := proxy.FromURL(rt.proxy, proxy.Direct)
	if err == nil {
		if cd, ok := d.(proxy.ContextDialer); ok {
			var raw net.Conn
			if raw, err = cd.DialContext(ctx, "tcp", rt.addr); err == nil {
				return raw, nil
			}
		}
	}
	return nil, &proxyError{fmt.Errorf("the proxy %s: %s", rt.proxy.Host, lastOf(err))}
}

func proxyAddr(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), map[bool]string{false: "80", true: "443"}[u.Scheme == "https"])
}

// connect asks a proxy for a way through to the endpoint.
func connect(ctx context.Context, raw net.Conn, rt route) error {
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	head := "CONNECT " + rt.addr + " HTTP/1.1\r\nHost: " + rt.addr + "\r\n" + proxyAuthorization(rt.proxy) + "\r\n"
	if _, err := io.WriteString(raw, head); err != nil {
		return &proxyError{fmt.Errorf("the proxy %s: %s", rt.proxy.Host, lastOf(err))}
	}
	// One byte at a time: what follows the answer's head is the endpoint's.
	br := bufio.NewReaderSize(&meter{r: oneByte{raw}, left: maxHead}, 16)
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return &proxyError{fmt.Errorf("the proxy %s: %s", rt.proxy.Host, lastOf(err))}
	}
	if resp.StatusCode != http.StatusOK {
		return &proxyError{fmt.Errorf("the proxy %s answered %s", rt.proxy.Host, resp.Status)}
	}
	return nil
}

// oneByte reads no further than it is asked to.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) {
	if len(p) > 1 {
		p = p[:1]
	}
	return o.r.Read(p)
}

// proxyAuthorization returns the header line that the proxy's URL asks for.
func proxyAuthorization(u *url.URL) string {
	if u == nil || u.User == nil {
		return ""
	}
	return "Proxy-Authorization: " + basic(u.User) + "\r\n"
}

// basic writes a user name and password as basic authorization.
func basic(user *url.Userinfo) string {
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}
