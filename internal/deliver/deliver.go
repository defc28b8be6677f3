// Package deliver hands deliveries to endpoints: one attempt, a schedule of
// attempts, or a load of many a second.
//
// Header names, their values and the bytes of the body reach the endpoint as
// they were given, and every failure is told in words. It follows no redirect,
// asks for no compression, keeps at most 10 MiB of an answer, and knows no
// provider, no store and no secret: whoever wants a fresh signature for each
// attempt makes it in the callback.
package deliver

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/webhook"
)

const (
	// DefaultTimeout is how long an exchange may take where nobody says.
	DefaultTimeout = 30 * time.Second
	// MaxAnswer is how much of an answer's body is kept.
	MaxAnswer = 10 << 20
)

// A Request is what one attempt sends. It is only read.
type Request struct {
	Method string // "" is POST
	URL    string // http or https
	Target string // the raw request target; "" takes it from URL
	// Header names are sent as they are spelled, sorted. Host replaces the
	// URL's; Content-Length and Transfer-Encoding are made from the body.
	Header  http.Header
	Body    []byte
	Timeout time.Duration // for the whole exchange; 0 is DefaultTimeout
	Chunked bool          // in chunks, without a length
	Slow    time.Duration // the body is spread over this time
	Keep    int64         // how much of the answer's body is kept; 0 is MaxAnswer
}

// Options are what a Client is made with. The zero value is good.
type Options struct {
	Insecure bool           // certificates are not checked
	RootCAs  *x509.CertPool // nil: the system's
	// Proxy tells which proxy leads to a request's URL, as
	// http.ProxyFromEnvironment does; nil: none is used.
	Proxy func(*http.Request) (*url.URL, error)
	// Allow says whether host, which led to the address at, may be connected to.
	// It is asked for each connection, when no name can change its address any
	// more. Nil: every host.
	Allow func(host string, at netip.AddrPort) error
}

// A Client makes attempts. It keeps idle connections for the next one and is
// safe for concurrent use.
type Client struct {
	now       func() time.Time
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	transport *http.Transport
}

// New returns a client that dates its attempts by now.
func New(now func() time.Time, o Options) *Client {
	dial := dialer(o.Allow)
	return &Client{now: now, dial: dial, transport: transport(o, dial)}
}

// Close drops the idle connections. The client can still be used.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// A Result is one attempt and what is known about it beyond its record.
type Result struct {
	webhook.Attempt
	Kind      Kind   // None if an answer came
	Connected bool   // a connection stood, TLS included
	Location  string // where a redirect pointed; it was not followed
	Truncated bool   // the answer was longer than what is kept, and the rest was dropped
}

// Do makes one attempt and returns its record. It never fails: what went wrong
// is in the record's Err.
func (c *Client) Do(ctx context.Context, r Request, number int) webhook.Attempt {
	return c.Send(ctx, r, number).Attempt
}

// Send is Do with everything that is known about the attempt. When ctx ends,
// the exchange is broken off at once.
func (c *Client) Send(ctx context.Context, r Request, number int) Result {
	res := Result{Attempt: webhook.Attempt{Number: number, URL: withoutUser(r.URL), At: c.now()}}
	x := c.exchange(ctx, r, r.keep())
	res.Duration = c.now().Sub(res.At)
	res.Connected, res.Truncated = x.connected, x.truncated
	if x.err != nil {
		res.Kind, res.Err = x.describe(ctx, r)
		return res
	}
	res.Response = &webhook.Response{Status: x.status, Header: x.header, Body: x.body}
	if x.status >= 300 && x.status <= 399 {
		res.Location = x.header.Get("Location")
	}
	return res
}

// Check says what is wrong with a request that could never be sent: its URL,
// or a part that does not fit into a line.
func Check(r Request) error {
	_, err := parseURL(r.URL)
	if err != nil {
		return err
	}
	return r.checkLines()
}

// checkLines keeps whatever is written before the body to its line.
func (r *Request) checkLines() error {
	if !token(r.method()) {
		return fmt.Errorf("the method %q is not valid", r.Method)
	}
	if r.Target != "" && (strings.Contains(r.Target, " ") || !fieldValue(r.Target)) {
		return errors.New("the request target has a space or a control character")
	}
	for name, values := range r.Header {
		if !token(name) {
			return fmt.Errorf("the header name %q is not valid", name)
		}
		for _, v := range values {
			if !fieldValue(v) {
				return fmt.Errorf("the value of header %s has a line break or another control character", name)
			}
		}
	}
	return nil
}

// timeout returns the limit that holds for r.
func (r *Request) timeout() time.Duration {
	if r.Timeout > 0 {
		return r.Timeout
	}
	return DefaultTimeout
}

// keep returns how much of the answer's body is kept.
func (r *Request) keep() int64 {
	if r.Keep > 0 {
		return min(r.Keep, MaxAnswer)
	}
	return MaxAnswer
}

// method returns the method that r is sent with.
func (r *Request) method() string {
	if r.Method == "" {
		return http.MethodPost
	}
	return r.Method
}

// withoutUser returns raw without a user name and password: a record of an
// attempt is shown and exported.
func withoutUser(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return raw
	}
	u.User = nil
	return u.String()
}
