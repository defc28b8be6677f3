package httptext

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// A field is one header line.
type field struct{ name, value string }

// A request is what all forms have in common, before it is checked.
type request struct {
	method string
	target string // a URL, or a path with its query
	proto  string
	fields []field
	body   []byte
}

// delivery checks r and makes a delivery of it: received, by nobody known.
func (r *request) delivery() (*webhook.Delivery, error) {
	if !token(r.method) {
		return nil, fmt.Errorf("%.40q is not a method", r.method)
	}
	if len(r.fields) > maxHeaders {
		return nil, fmt.Errorf("more than %d headers", maxHeaders)
	}
	d := &webhook.Delivery{
		Direction: webhook.Received, Method: r.method, Proto: r.proto, Header: http.Header{}, Body: r.body,
	}
	if d.Proto == "" {
		d.Proto = "HTTP/1.1"
	}
	for _, f := range r.fields {
		if err := checkField(f); err != nil {
			return nil, err
		}
		d.Header.Add(f.name, strings.Trim(f.value, " \t"))
	}
	if err := setTarget(d, r.target); err != nil {
		return nil, err
	}
	return d, nil
}

// setTarget takes apart what was called. The raw path and query stay as they
// came: a signature may cover them.
func setTarget(d *webhook.Delivery, target string) error {
	if strings.ContainsAny(target, " \t\r\n\x00") {
		return fmt.Errorf("the address %.80q has white space in it", target)
	}
	target, _, _ = strings.Cut(target, "#")
	rest := target
	if scheme, after, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(target, "/") {
		scheme = strings.ToLower(scheme)
		if scheme != "http" && scheme != "https" {
			return fmt.Errorf("the address %.80q is neither http nor https", target)
		}
		_, host, path := splitURL(after)
		if host == "" {
			return fmt.Errorf("the address %.80q is not a URL", target)
		}
		if d.Header.Get("Host") == "" {
			d.Header.Set("Host", host)
		}
		d.URL, rest = target, path
	} else if host := d.Header.Get("Host"); host != "" && strings.HasPrefix(target, "/") {
		d.URL = schemeOf(d.Header) + "://" + host + target
	}
	d.Path, d.Query, _ = strings.Cut(rest, "?")
	if d.Path == "" {
		d.Path = "/"
	}
	return nil
}

// splitURL takes apart what stands behind "://". It is no stricter about the
// path than the servers that such requests have reached.
func splitURL(after string) (user, host, path string) {
	end := strings.IndexAny(after, "/?")
	if end < 0 {
		end = len(after)
	}
	host, path = after[:end], after[end:]
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		user, host = host[:at], host[at+1:]
	}
	return user, host, path
}

// schemeOf is how the request came as far as a proxy in between has said.
func schemeOf(h http.Header) string {
	if strings.EqualFold(h.Get("X-Forwarded-Proto"), "https") {
		return "https"
	}
	return "http"
}

var (
	errFieldName  = errors.New("is not a header name")
	errFieldValue = errors.New("has a line break or NUL in its value")
)

// checkField refuses what cannot be a line of a request: it would become
// several when it is sent again.
func checkField(f field) error {
	if !token(f.name) {
		return fmt.Errorf("%.40q %w", f.name, errFieldName)
	}
	if strings.ContainsAny(f.value, "\r\n\x00") {
		return fmt.Errorf("header %.40q %w", f.name, errFieldValue)
	}
	return nil
}

// token says whether s is a token of HTTP: a method or a header's name.
func token(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
