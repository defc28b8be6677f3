package wire

import (
	"encoding/binary"
	"net/http"

	"golang.org/x/net/http/httpguts"
)

// Lengths of the parts of a request head.
const (
	MaxTarget = 16_384
	maxMethod = 64
	maxHost   = 512
	maxRemote = 128
)

// A RequestHead is all of a request but its body.
type RequestHead struct {
	TLS    bool   // the sender spoke https to the relay
	Method string // as it came
	Target string // the raw request target as the app shall see it
	Host   string // as it came
	Remote string // the sender's address and port
	Header http.Header
}

// A ResponseHead is all of a response but its body.
type ResponseHead struct {
	Status int
	Header http.Header
}

// AppendRequestHead appends the encoding of h. The error says which part
// cannot be carried.
func AppendRequestHead(dst []byte, h *RequestHead) ([]byte, error) {
	if err := h.check(); err != nil {
		return dst, err
	}
	var scheme byte
	if h.TLS {
		scheme = 1
	}
	dst = append(dst, scheme)
	dst = appendString(dst, h.Method)
	dst = appendString(dst, h.Target)
	dst = appendString(dst, h.Host)
	dst = appendString(dst, h.Remote)
	return AppendHeaders(dst, h.Header)
}

// ParseRequestHead reads a request head that takes all of p. What it returns
// does not share p's memory.
func ParseRequestHead(p []byte) (*RequestHead, error) {
	if len(p) == 0 || p[0] > 1 {
		return nil, malformed("scheme of a request head")
	}
	h := &RequestHead{TLS: p[0] == 1}
	p = p[1:]
	for _, part := range [...]struct {
		to  *string
		max int
	}{{&h.Method, maxMethod}, {&h.Target, MaxTarget}, {&h.Host, maxHost}, {&h.Remote, maxRemote}} {
		s, rest, err := readString(p, part.max)
		if err != nil {
			return nil, err
		}
		*part.to, p = string(s), rest
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	var err error
	if h.Header, err = readHeaders(p); err != nil {
		return nil, err
	}
	return h, nil
}

// check holds for both directions: neither end passes on a request line that
// could be read in two ways.
func (h *RequestHead) check() error {
	switch {
	case len(h.Method) > maxMethod || !httpguts.ValidHeaderFieldName(h.Method):
		return malformed("method %q", cut(h.Method))
	case !validTarget(h.Target):
		return malformed("request target %q", cut(h.Target))
	case len(h.Host) > maxHost || !httpguts.ValidHostHeader(h.Host):
		return malformed("host %q", cut(h.Host))
	case len(h.Remote) > maxRemote || !visible(h.Remote):
		return malformed("remote address %q", cut(h.Remote))
	}
	return nil
}

// validTarget admits a path with its query, or "*". Absolute targets and
// authorities name another host and are never carried.
func validTarget(t string) bool {
	if t == "*" {
		return true
	}
	return len(t) > 0 && len(t) <= MaxTarget && t[0] == '/' && visible(t)
}

// visible says that s has no spaces and no control characters.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// AppendResponseHead appends the encoding of h.
func AppendResponseHead(dst []byte, h *ResponseHead) ([]byte, error) {
	if h.Status < 100 || h.Status > 999 {
		return dst, malformed("status %d", h.Status)
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(h.Status))
	return AppendHeaders(dst, h.Header)
}

// ParseResponseHead reads a response head that takes all of p.
func ParseResponseHead(p []byte) (*ResponseHead, error) {
	if len(p) < 3 {
		return nil, malformed("%d bytes of a response head", len(p))
	}
	status := int(binary.BigEndian.Uint16(p))
	if status < 100 || status > 999 {
		return nil, malformed("status %d", status)
	}
	h, err := readHeaders(p[2:])
	if err != nil {
		return nil, err
	}
	return &ResponseHead{Status: status, Header: h}, nil
}
