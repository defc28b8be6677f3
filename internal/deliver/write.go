package deliver

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	chunkSize = 4 << 10                // of a chunked body; a small one is halved
	slowStep  = 100 * time.Millisecond // between the pieces of a slow body
)

// writeRequest writes r whole. It returns early when ctx ends.
func (cn *conn) writeRequest(ctx context.Context, rt *route, r *Request) error {
	cn.head = cn.appendHead(cn.head[:0], rt, r)
	if r.Slow > 0 && len(r.Body) > 0 {
		if _, err := cn.Write(cn.head); err != nil {
			return err
		}
		return cn.writeSlowly(ctx, r)
	}
	if r.Chunked {
		cn.head = appendChunks(cn.head, r.Body)
		_, err := cn.Write(cn.head)
		return err
	}
	if len(r.Body) <= inlineBody {
		cn.head = append(cn.head, r.Body...)
		_, err := cn.Write(cn.head)
		return err
	}
	if _, err := cn.Write(cn.head); err != nil {
		return err
	}
	_, err := cn.Write(r.Body)
	return err
}

// appendHead appends the request line and the headers: Host first, then the
// given ones sorted by name, the values of a name in their order, then the
// framing.
func (cn *conn) appendHead(b []byte, rt *route, r *Request) []byte {
	b = append(b, r.method()...)
	b = append(b, ' ')
	if rt.proxy != nil && !rt.tls && strings.HasPrefix(rt.proxy.Scheme, "http") {
		b = append(append(b, "http://"...), rt.host...)
	}
	b = append(b, rt.target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(append(b, hostOf(r.Header, rt.host)...), "\r\n"...)
	if rt.proxy != nil && !rt.tls && strings.HasPrefix(rt.proxy.Scheme, "http") {
		b = append(b, proxyAuthorization(rt.proxy)...)
	}
	if rt.user != nil && r.Header.Get("Authorization") == "" {
		b = appendField(b, "Authorization", basic(rt.user))
	}
	cn.names = cn.names[:0]
	for name := range r.Header {
		if !framing(name) {
			cn.names = append(cn.names, name)
		}
	}
	slices.Sort(cn.names)
	for _, name := range cn.names {
		for _, v := range r.Header[name] {
			b = appendField(b, name, v)
		}
	}
	return append(appendFraming(b, r), "\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

func appendFraming(b []byte, r *Request) []byte {
	if r.Chunked {
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if len(r.Body) == 0 && (r.method() == http.MethodGet || r.method() == http.MethodHead || r.method() == http.MethodDelete) {
		return b
	}
	b = append(b, "Content-Length: "...)
	return append(strconv.AppendInt(b, int64(len(r.Body)), 10), "\r\n"...)
}

// framing says whether a header is written from the body, not as given.
func framing(name string) bool {
	return strings.EqualFold(name, "Host") || strings.EqualFold(name, "Content-Length") ||
		strings.EqualFold(name, "Transfer-Encoding")
}

// hostOf returns the Host that h asks for, or host.
func hostOf(h http.Header, host string) string {
	if v := h.Get("Host"); v != "" {
		return v
	}
	return host
}

// appendChunks writes body as at least two chunks, so that an endpoint that
// reads only the first one is found out.
func appendChunks(b, body []byte) []byte {
	size := min(chunkSize, (len(body)+1)/2)
	for len(body) > 0 {
		n := min(size, len(body))
		b = appendChunk(b, body[:n])
		body = body[n:]
	}
	return append(b, "0\r\n\r\n"...)
}

func appendChunk(b, piece []byte) []byte {
	b = append(strconv.AppendInt(b, int64(len(piece)), 16), "\r\n"...)
	return append(append(b, piece...), "\r\n"...)
}

// writeSlowly spreads the body over r.Slow: the first piece goes at once, the
// last at the end.
func (cn *conn) writeSlowly(ctx context.Context, r *Request) error {
	pieces := min(len(r.Body), max(2, int(r.Slow/slowStep)))
	ticker := time.NewTicker(r.Slow / time.Duration(max(1, pieces-1)))
	defer ticker.Stop()
	for i := range pieces {
		piece := r.Body[len(r.Body)*i/pieces : len(r.Body)*(i+1)/pieces]
		if r.Chunked {
			cn.head = appendChunk(cn.head[:0], piece)
			piece = cn.head
		}
		if i > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ticker.C:
			}
		}
		if _, err := cn.Write(piece); err != nil {
			return err
		}
	}
	if r.Chunked {
		_, err := cn.Write([]byte("0\r\n\r\n"))
		return err
	}
	return nil
}

// token says whether s can be the name of a header.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"(),/:;<=>?@[\\]{}", c) >= 0 {
			return false
		}
	}
	return s != ""
}

// fieldValue says whether s can be the value of a header.
func fieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
