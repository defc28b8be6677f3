package deliver

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

const (
	chunkSize = 4 << 10                // of a chunked body; a small one is halved
	slowStep  = 100 * time.Millisecond // between the pieces of a slow body
)

// request makes net/http's form of r, with every header name as it is spelled.
func (c *Client) request(ctx context.Context, r *Request) (*http.Request, error) {
	u, err := parseURL(r.URL)
	if err != nil {
		return nil, err
	}
	if err := r.checkLines(); err != nil {
		return nil, err
	}
	req := (&http.Request{
		Method: r.method(), URL: u, Host: r.Header.Get("Host"), Header: r.sentHeader(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if password, _ := u.User.Password(); u.User != nil && r.Header.Get("Authorization") == "" {
		req.SetBasicAuth(u.User.Username(), password)
	}
	r.setBody(ctx, req)
	if r.Target != "" {
		return req, c.setTarget(req, r.Target)
	}
	return req, nil
}

// sentHeader returns r's headers without the ones that are written from the
// body or the URL, and without the User-Agent that net/http would add.
func (r *Request) sentHeader() http.Header {
	h := make(http.Header, len(r.Header)+1)
	maps.Copy(h, r.Header)
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		return strings.EqualFold(name, "Host") || strings.EqualFold(name, "Content-Length") ||
			strings.EqualFold(name, "Transfer-Encoding")
	})
	agents, ok := h["User-Agent"]
	if ok && (len(agents) != 1 || agents[0] == "") {
		h["user-agent"] = agents // the only way in which net/http writes none or several
	}
	if len(agents) != 1 {
		h["User-Agent"] = []string{""}
	}
	return h
}

// setBody gives req the body. A plain one may be sent again over another
// connection if the first was found closed before anything was written; none
// is ever sent twice.
func (r *Request) setBody(ctx context.Context, req *http.Request) {
	if !r.Chunked && r.Slow <= 0 {
		if len(r.Body) == 0 {
			return
		}
		req.ContentLength = int64(len(r.Body))
		req.Body = io.NopCloser(bytes.NewReader(r.Body))
		// These make net/http repeat a request that may have been read already.
		if req.Header["Idempotency-Key"] == nil && req.Header["X-Idempotency-Key"] == nil {
			req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
		}
		return
	}
	pieces := min(len(r.Body), max(2, int(r.Slow/slowStep)))
	if r.Slow <= 0 {
		pieces = max(pieces, (len(r.Body)+chunkSize-1)/chunkSize)
	}
	body := &slowBody{ctx: ctx, body: r.Body, pieces: pieces}
	if pieces > 1 {
		body.pause = r.Slow / time.Duration(pieces-1)
	}
	req.Body = io.NopCloser(body)
	if r.Chunked {
		req.TransferEncoding, req.ContentLength = []string{"chunked"}, -1
	} else {
		req.ContentLength = int64(len(r.Body))
	}
}

// setTarget puts the raw request target on the request line, byte for byte.
func (c *Client) setTarget(req *http.Request, target string) error {
	u := *req.URL
	if c.transport.Proxy != nil && u.Scheme == "http" {
		if p, err := c.transport.Proxy(req); err == nil && p != nil {
			u.Opaque = "//" + u.Host + target
			req.URL = &u
			return nil
		}
	}
	if !strings.HasPrefix(target, "//") {
		u.Opaque, u.RawQuery, u.ForceQuery = target, "", false
		req.URL = &u
		return nil
	}
	// An opaque part that begins so would be read as a host.
	path, query, hasQuery := strings.Cut(target, "?")
	plain, err := url.PathUnescape(path)
	if err != nil {
		return err
	}
	u.Path, u.RawPath, u.RawQuery, u.ForceQuery = plain, path, query, hasQuery && query == ""
	req.URL = &u
	return nil
}

// A slowBody gives a body in pieces, each in a read of its own, so that each
// becomes a chunk: the first at once, the others a pause apart.
type slowBody struct {
	ctx    context.Context
	body   []byte
	pieces int
	pause  time.Duration
	done   int    // pieces begun
	rest   []byte // of the piece that is being read
}

func (s *slowBody) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		if s.done == s.pieces {
			return 0, io.EOF
		}
		if s.done > 0 && s.pause > 0 {
			if err := s.wait(); err != nil {
				return 0, err
			}
		}
		s.rest = s.body[s.upTo(s.done):s.upTo(s.done+1)]
		s.done++
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// upTo returns where the first n pieces end.
func (s *slowBody) upTo(n int) int { return (len(s.body)*n + s.pieces - 1) / s.pieces }

func (s *slowBody) wait() error {
	timer := time.NewTimer(s.pause)
	defer timer.Stop()
	select {
	case <-s.ctx.Done():
		return s.ctx.Err()
	case <-timer.C:
		return nil
	}
}

// token says whether s can be a method or the name of a header.
func token(s string) bool { return httpguts.ValidHeaderFieldName(s) }

// fieldValue says whether s can be the value of a header.
func fieldValue(s string) bool { return httpguts.ValidHeaderFieldValue(s) }

// refusedByProxy turns a proxy's "no" into the error that names it.
func refusedByProxy(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{"the proxy " + proxy.Host + " answered " + resp.Status}
}
