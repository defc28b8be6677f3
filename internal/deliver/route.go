package deliver

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// A route is the way to an endpoint: what is dialed, and what is written in
// the request line and the Host header.
type route struct {
	key    string   // requests with the same key may share connections
	addr   string   // host:port of the endpoint
	name   string   // its host, for TLS
	tls    bool     // the endpoint is https
	proxy  *url.URL // nil: straight
	host   string   // the Host header
	target string   // the request target
	user   *url.Userinfo
}

// parseURL reads the address of an endpoint.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) { // its text repeats the URL, password and all
			err = parse.Err
		}
		return nil, fmt.Errorf("the URL is not valid: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the URL must begin with http:// or https://, not %q", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, errors.New("the URL has no host")
	}
	return u, nil
}

// route works out the way that r takes.
func (c *Client) route(r Request) (route, error) {
	u, err := parseURL(r.URL)
	if err == nil {
		err = r.checkLines()
	}
	if err != nil {
		return route{}, &requestError{err}
	}
	name, err := asciiHost(u.Hostname())
	if err != nil {
		return route{}, &requestError{err}
	}
	port := u.Port()
	rt := route{name: name, tls: u.Scheme == "https", user: u.User, host: hostHeader(name, port), target: r.Target}
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[rt.tls]
	}
	rt.addr = net.JoinHostPort(name, port)
	rt.key = u.Scheme + "://" + rt.addr
	if rt.target == "" {
		rt.target = u.RequestURI()
	}
	if c.proxy == nil {
		return rt, nil
	}
	if rt.proxy, err = c.proxy(&http.Request{Method: r.method(), URL: u, Host: u.Host}); err != nil {
		return route{}, &proxyError{fmt.Errorf("the proxy setting is not valid: %w", err)}
	}
	if rt.proxy != nil {
		rt.key = rt.proxy.String() + " " + rt.key
	}
	return rt, nil
}

// asciiHost writes an international name as the name system knows it.
func asciiHost(host string) (string, error) {
	for i := range len(host) {
		if host[i] >= 0x80 {
			name, err := idna.Lookup.ToASCII(host)
			if err != nil {
				return "", fmt.Errorf("the host %q is not valid", host)
			}
			return name, nil
		}
	}
	return host, nil
}

// hostHeader writes a host and its port as a Host header has them. A zone
// names an interface of this machine and is left out.
func hostHeader(name, port string) string {
	if strings.Contains(name, ":") {
		if i := strings.IndexByte(name, '%'); i > 0 {
			name = name[:i]
		}
		name = "[" + name + "]"
	}
	if port == "" {
		return name
	}
	return name + ":" + port
}
