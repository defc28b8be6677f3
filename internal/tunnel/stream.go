package tunnel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/wire"
)

// open takes a live request. The link's reader calls it: the work is done
// elsewhere.
func (s *session) open(st *wire.Stream, h *wire.RequestHead, _ bool) {
	s.running.Go(func() { s.serveStream(st, h) })
}

// serveStream gives the request to the handler and its answer to the stream.
func (s *session) serveStream(st *wire.Stream, h *wire.RequestHead) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	st.OnFail(cancel)
	r := s.request(ctx, st, h)
	a := &answer{st: st, head: h.Method == http.MethodHead, header: make(http.Header)}
	defer st.Discard()
	defer func() {
		if v := recover(); v != nil {
			// The handler gave up: half an answer must not look whole.
			st.Reset(wire.ResetInternal, "the handler failed")
		}
	}()
	s.c.cfg.Handler.ServeHTTP(a, r)
	a.finish()
}

type publicKey struct{}

// PublicURL is the address that the sender of r called, "" if r did not come
// through a tunnel.
func PublicURL(r *http.Request) string {
	u, _ := r.Context().Value(publicKey{}).(string)
	return u
}

func (s *session) publicURL(target string) string { return strings.TrimSuffix(s.base, "/") + target }

// request makes an http.Request as a server would have, from what the relay
// says. RequestURI is the raw target; URL is derived from it.
func (s *session) request(ctx context.Context, st *wire.Stream, h *wire.RequestHead) *http.Request {
	ctx = context.WithValue(ctx, publicKey{}, s.publicURL(h.Target))
	r := &http.Request{
		Method: h.Method, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h.Header, Host: h.Host, RemoteAddr: h.Remote, RequestURI: h.Target,
		URL: urlOf(h.Target), Body: http.NoBody,
	}
	if !st.Empty() {
		r.ContentLength = -1
		if n, err := strconv.ParseInt(h.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
			r.ContentLength = n
		}
		r.Body = &body{st}
	}
	return r.WithContext(ctx)
}

// urlOf reads a raw target. One that url.Parse refuses is still a path.
func urlOf(target string) *url.URL {
	if u, err := url.ParseRequestURI(target); err == nil {
		return u
	}
	path, query, _ := strings.Cut(target, "?")
	return &url.URL{Path: path, RawQuery: query}
}

// body is a request's body. Closing it says that nobody reads the rest.
type body struct{ st *wire.Stream }

func (b *body) Read(p []byte) (int, error)         { return b.st.Read(p) }
func (b *body) WriteTo(w io.Writer) (int64, error) { return b.st.WriteTo(w) }
func (b *body) Close() error                       { b.st.Discard(); return nil }

// firstBytes is how much of an answer is held back so that a small one is sent
// as a whole, head and body in one message.
const firstBytes = wire.MaxData

// answer is the http.ResponseWriter of a stream.
type answer struct {
	st     *wire.Stream
	head   bool // of a HEAD request: no body is sent
	header http.Header
	sent   http.Header // as they were at WriteHeader
	status int
	begun  bool // the head has been sent
	buf    bytes.Buffer
	err    error
}

// Header is the header that WriteHeader sends, and after it the trailers whose
// names begin with http.TrailerPrefix.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader fixes the head. It is sent with the first bytes of the body.
func (a *answer) WriteHeader(status int) {
	switch {
	case a.status != 0:
		return
	case status >= 100 && status <= 199:
		_ = a.st.SendInfo(&wire.ResponseHead{Status: status, Header: a.header}) // a lost stream shows at the end
		return
	}
	a.status, a.sent = status, maps.Clone(a.header)
	for name := range a.sent {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			delete(a.sent, name)
		}
	}
}

// bodyless says whether an answer of this status has no body.
func (a *answer) bodyless() bool {
	return a.head || a.status == http.StatusNoContent || a.status == http.StatusNotModified
}

// Write sends body bytes, the first ones a little later.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	switch {
	case a.err != nil:
		return 0, a.err
	case a.bodyless():
		return len(p), nil
	case !a.begun && a.buf.Len()+len(p) <= firstBytes:
		return a.buf.Write(p)
	case !a.begun:
		a.begin(false)
	}
	if a.err == nil {
		var n int
		if n, a.err = a.st.Write(p); a.err != nil {
			return n, a.err
		}
	}
	return len(p), a.err
}

// Flush sends what was held back.
func (a *answer) Flush() {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if !a.begun {
		a.begin(false)
	}
}

// begin sends the head and what was held back.
func (a *answer) begin(fin bool) {
	a.begun = true
	a.err = a.st.SendHead(&wire.ResponseHead{Status: a.status, Header: a.sent}, a.buf.Bytes(), fin)
	if errors.Is(a.err, wire.ErrFrame) {
		a.st.Reset(wire.ResetBadHead, "the answer's headers cannot be carried")
	}
	a.buf = bytes.Buffer{}
}

// finish ends the answer after the handler has returned.
func (a *answer) finish() {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	trailer := a.trailer()
	switch {
	case a.err != nil:
		a.st.Reset(wire.ResetInternal, "the answer was not sent whole")
	case !a.begun && trailer == nil:
		a.begin(true)
	case trailer == nil:
		_ = a.st.Finish(nil) // a stream that failed is the other end's to know
	default:
		if !a.begun {
			a.begin(false)
		}
		if err := a.st.FinishWithTrailer(trailer); errors.Is(err, wire.ErrFrame) {
			a.st.Reset(wire.ResetBadHead, "the answer's trailers cannot be carried")
		}
	}
}

func (a *answer) trailer() http.Header {
	var t http.Header
	for name, values := range a.header {
		if rest, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			if t == nil {
				t = make(http.Header)
			}
			t[http.CanonicalHeaderKey(rest)] = values
		}
	}
	return t
}
