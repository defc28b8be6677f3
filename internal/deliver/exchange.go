package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
)

const (
	maxHead  = 256 << 10   // bytes of an answer's headers
	maxIdle  = 1024        // idle connections to one host
	idleLife = time.Second // short, so that none is found closed by the other side
)

// dropBody is the keep of an exchange whose answer's body is of no interest.
const dropBody = 0

// transport returns net/http's client for o. It speaks HTTP/1.1 only, because
// HTTP/2 knows header names in lower case alone, and asks for no compression.
func transport(o Options, dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		Proxy:                  o.Proxy,
		OnProxyConnectResponse: refusedByProxy,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: o.Insecure, //nolint:gosec // asked for by the person, for one command
			RootCAs:            o.RootCAs,
		},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleLife,
		MaxResponseHeaderBytes: maxHead,
	}
}

// dialer returns what opens connections: only those that allow lets through.
func dialer(allow func(host string, at netip.AddrPort) error) func(ctx context.Context, network, address string) (net.Conn, error) {
	if allow == nil {
		return new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{Control: func(_, resolved string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(resolved)
			if err == nil {
				err = allow(host, at)
			}
			if err != nil {
				return &forbiddenError{err}
			}
			return nil
		}}
		return d.DialContext(ctx, network, address)
	}
}

// An exchange is one request and its answer, as far as it came.
type exchange struct {
	host      string // the endpoint, as an error names it
	connected bool
	written   bool
	truncated bool
	status    int // 0 until the head of an answer came
	header    http.Header
	body      []byte
	err       error
}

// exchange sends r and reads the answer, keeping at most keep bytes of its
// body.
func (c *Client) exchange(parent context.Context, r Request, keep int64) (x exchange) {
	ctx, cancel := context.WithTimeout(parent, r.timeout())
	defer cancel()
	// The trace may be called after the answer came, by the goroutine that still
	// writes: it must not write to what has been returned.
	var connected, written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { connected.Store(true) },
		WroteRequest: func(i httptrace.WroteRequestInfo) { written.Store(i.Err == nil) },
	})
	req, err := c.request(ctx, &r)
	if err != nil {
		x.err = &requestError{err}
		return x
	}
	x.host = address.HostPort(req.URL)
	resp, err := c.transport.RoundTrip(req)
	x.connected, x.written = connected.Load(), written.Load()
	if err != nil {
		x.err = err
		return x
	}
	defer func() { _ = resp.Body.Close() }()
	x.status, x.header = resp.StatusCode, resp.Header
	if err := x.readBody(resp.Body, keep); err != nil {
		x.err = &answerError{err}
	}
	return x
}

// readBody reads the answer's body to its end, or to the limit.
func (x *exchange) readBody(body io.Reader, keep int64) (err error) {
	limited := io.LimitedReader{R: body, N: MaxAnswer}
	if keep == dropBody {
		_, err = io.Copy(io.Discard, &limited)
	} else {
		limited.N = keep
		x.body, err = io.ReadAll(&limited)
	}
	if err != nil || limited.N > 0 {
		return err
	}
	var more [1]byte
	n, err := io.ReadFull(body, more[:])
	x.truncated = n > 0
	if err == io.EOF || x.truncated {
		return nil
	}
	return err
}

// parseURL reads the address of an endpoint.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) { // its text repeats the URL, password and all
			err = parse.Err
		}
		return nil, errors.New("the URL is not valid: " + err.Error())
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the URL must begin with http:// or https://, not \"" + u.Scheme + "\"")
	}
	if u.Hostname() == "" {
		return nil, errors.New("the URL has no host")
	}
	return u, nil
}
