// Package address reads the addresses that people type, URLs to call and
// addresses to listen on, and says which of them are this machine.
package address

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ParseURL reads where to send something. A full http or https URL is used as
// typed; ":8080/p", "8080/p" and "localhost:8080/p" mean http, the first two on
// this machine. An error never contains user, password or query values.
func ParseURL(s string) (*url.URL, error) {
	full, err := complete(s)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(full)
	if err != nil {
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err // without the text of the URL
		}
		return nil, fmt.Errorf("address %q: %w", clean(s), err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("address %q: only http and https can be called", clean(s))
	case u.Hostname() == "":
		return nil, fmt.Errorf("address %q names no host", clean(s))
	}
	if p := u.Port(); p != "" {
		if err := checkPort(p, 1); err != nil {
			return nil, fmt.Errorf("address %q: %w", clean(s), err)
		}
	}
	return u, nil
}

// complete puts the scheme, and the host if it is missing, before what was
// typed.
func complete(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("the address is empty")
	case strings.Contains(s, "://"):
		return s, nil
	case s[0] == ':':
		return "http://localhost" + s, nil
	case s[0] == '/' || s[0] == '?' || s[0] == '#':
		return "", fmt.Errorf("address %q names no host: write for example :3000%s", clean(s), clean(s))
	}
	host, rest := s, ""
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		host, rest = s[:i], s[i:]
	}
	if digits(host) {
		return "http://localhost:" + host + rest, nil
	}
	// A scheme without "//" (mailto:x) is not an address of ours; a name with
	// a port is.
	if _, port, ok := strings.Cut(host, ":"); ok && !digits(port) && !strings.Contains(host, "]") && !strings.Contains(host, "@") {
		return "", fmt.Errorf("address %q: %q is not a port", clean(s), clip(port))
	}
	return "http://" + s, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func checkPort(s string, least int) error {
	n, err := strconv.Atoi(s)
	if err != nil || !digits(s) || n < least || n > 65535 {
		return fmt.Errorf("port %q is not a number from %d to 65535", clip(s), least)
	}
	return nil
}

// A Listen is an address to listen on.
type Listen struct {
	// Host is "" for both loopback addresses, IPv4 and IPv6; otherwise what
	// was typed, without brackets.
	Host string
	Port int // 0 for any free port
}

// ParseListen reads an address to listen on. ":3000", "3000" and
// "localhost:3000" are this machine only, on IPv4 and IPv6; every interface
// must be asked for as "0.0.0.0:3000" or "[::]:3000".
func ParseListen(s string) (Listen, error) {
	if digits(s) {
		s = ":" + s
	}
	host, port, err := net.SplitHostPort(s)
	switch {
	case s == "":
		return Listen{}, errors.New("the address to listen on is empty")
	case strings.Contains(s, "://"):
		return Listen{}, fmt.Errorf("%q is a URL, not an address to listen on: write for example :3000", clean(s))
	case err != nil:
		return Listen{}, fmt.Errorf("address %q is not one to listen on: write :3000 or 0.0.0.0:3000", clip(s))
	}
	if err := checkPort(port, 0); err != nil {
		return Listen{}, fmt.Errorf("address %q: %w", clip(s), err)
	}
	if strings.EqualFold(host, "localhost") {
		host = ""
	}
	n, _ := strconv.Atoi(port) // checkPort has read it
	return Listen{Host: host, Port: n}, nil
}

// String writes the address as ParseListen reads it.
func (l Listen) String() string { return net.JoinHostPort(l.Host, strconv.Itoa(l.Port)) }

// Loopback says whether only this machine can reach the address.
func (l Listen) Loopback() bool { return l.Host == "" || LoopbackHost(l.Host) }

// LoopbackHost says whether host, a name or an address without a port, is this
// machine and nothing else. It errs on the side of no: a spelling that a
// resolver may read in another way ("127.1", "0x7f000001", a name other than
// localhost) is not loopback, whatever it would resolve to.
func LoopbackHost(host string) bool {
	if h := strings.ToLower(host); h == "localhost" || h == "localhost." {
		return true
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() && ip.Zone() == ""
}

// Port returns the port that u calls: the one that it names, else that of its
// scheme, http or https.
func Port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// HostPort returns the host and port that u, which is http or https, calls.
func HostPort(u *url.URL) string { return net.JoinHostPort(u.Hostname(), Port(u)) }

// LoopbackURL says whether u calls this machine and nothing else; a nil or
// relative URL does not.
func LoopbackURL(u *url.URL) bool {
	return u != nil && u.Hostname() != "" && LoopbackHost(u.Hostname())
}

// clean keeps of an address what an error may show: neither user and password
// nor the values of a query.
func clean(s string) string {
	s, _, _ = strings.Cut(s, "?")
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		scheme, _, ok := strings.Cut(s[:i], "://")
		if s = s[i+1:]; ok {
			s = scheme + "://" + s
		}
	}
	return clip(s)
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
