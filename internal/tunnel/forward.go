package tunnel

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/wire"
)

// ForwarderConfig is what a Forwarder is made of.
type ForwarderConfig struct {
	Target       *url.URL      // the app; with a path, only that path is exposed
	PreserveHost bool          // the app sees the host that the sender called
	Insecure     bool          // the app's certificate is not checked
	Timeout      time.Duration // for the head of the answer; 0 is 30 s
	// Refuse says why a request is answered here, with this status and text,
	// instead of being passed on; 0 passes it on. Nil passes everything on.
	Refuse func(*http.Request) (status int, text string)
	// Done is told of each exchange when it is over, and calls release when it
	// needs the bodies no more. It must be quick: the end of the answer waits
	// for it. Nil for none.
	Done func(x *Exchange, release func())
}

// An Exchange is what is known of one request when it is over.
type Exchange struct {
	Request  *http.Request // its body has been read
	Body     []byte        // what of the request's body was read, at most MaxKept
	Cut      bool          // the request's body was longer, or was not read to its end
	Began    time.Time
	Duration time.Duration
	Called   string      // the URL at the app, "" if it was not called
	Status   int         // what the sender was answered
	Header   http.Header // of the app's answer, nil if none came
	Answer   []byte      // what of the answer's body is kept
	Err      error       // why the app gave no answer, or no whole one
}

// What is kept of the two bodies of an Exchange.
const (
	MaxKept    = 25 << 20
	maxAnswer  = 10 << 20
	maxKeptAll = 128 << 20 // of all exchanges at a time
)

// A Forwarder passes requests on to one app and its answers back, streaming
// both. It connects to the host of its target and to nothing else: target,
// host and redirects in what passes through it are bytes, not directions.
type Forwarder struct {
	cfg       ForwarderConfig
	base      string // path of the target
	mark      string
	transport *http.Transport
	buffers   sync.Pool // *[]byte
	kept      atomic.Int64
}

// NewForwarder makes a Forwarder.
func NewForwarder(cfg ForwarderConfig) *Forwarder {
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	f := &Forwarder{cfg: cfg, base: strings.TrimSuffix(cfg.Target.EscapedPath(), "/"), mark: hex.EncodeToString(b[:])}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	addr := address.HostPort(cfg.Target)
	f.transport = &http.Transport{
		Proxy: nil,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, addr)
		},
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			ServerName:         cfg.Target.Hostname(),
			InsecureSkipVerify: cfg.Insecure, //nolint:gosec // asked for by the person, for one command
			NextProtos:         []string{"http/1.1"},
		},
		DisableCompression:    true,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       4 * time.Second, // below what common servers keep a connection for
		ResponseHeaderTimeout: cfg.Timeout,
		ExpectContinueTimeout: time.Second,
		WriteBufferSize:       16 << 10,
		ReadBufferSize:        16 << 10,
	}
	return f
}

// Close drops the idle connections to the app.
func (f *Forwarder) Close() { f.transport.CloseIdleConnections() }

// ServeHTTP passes r on.
func (f *Forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &Exchange{Request: r, Began: time.Now()}
	kept := &keeper{ReadCloser: r.Body, f: f, size: r.ContentLength, stopped: f.cfg.Done == nil}
	defer func() {
		x.Duration = time.Since(x.Began)
		x.Body, x.Cut = kept.stop(r.Body == http.NoBody)
		if f.cfg.Done != nil {
			held := int64(len(x.Body) + len(x.Answer))
			f.cfg.Done(x, func() { f.kept.Add(-held) })
		}
	}()
	if status, code, text := f.refusal(r); status != 0 {
		f.fail(w, x, status, code, text)
		return
	}
	out, err := f.outgoing(r, kept)
	if err != nil {
		x.Err = err
		f.fail(w, x, http.StatusBadRequest, "target_unusable", "the request target cannot be passed on")
		return
	}
	x.Called = out.URL.Scheme + "://" + out.URL.Host + r.RequestURI
	resp, err := f.transport.RoundTrip(out)
	if err != nil {
		x.Err = deliver.InWords(err, out.URL.Host)
		status, code, text := describe(err)
		f.fail(w, x, status, code, text)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols { // nobody asked for that
		x.Err = errors.New("the app answered 101: it wants to speak another protocol")
		status, code, text := describe(x.Err)
		f.fail(w, x, status, code, text)
		return
	}
	f.answer(w, x, resp)
}

// refusal says why r is not passed on.
func (f *Forwarder) refusal(r *http.Request) (status int, code, text string) {
	for _, mark := range r.Header[capture.LoopHeader] {
		if mark == f.mark {
			return http.StatusLoopDetected, "loop", "the tunnel leads to itself"
		}
	}
	if !f.exposed(r.RequestURI) {
		return http.StatusNotFound, "path_not_exposed", "this path is not exposed"
	}
	if f.cfg.Refuse != nil {
		if status, text := f.cfg.Refuse(r); status != 0 {
			return status, "refused", text
		}
	}
	return 0, "", ""
}

// exposed says whether a target lies below the target's own path. A path with
// dots in any spelling could mean another one to the app.
func (f *Forwarder) exposed(target string) bool {
	if f.base == "" {
		return true
	}
	path, _, _ := strings.Cut(target, "?")
	if path != f.base && !strings.HasPrefix(path, f.base+"/") {
		return false
	}
	plain := strings.ToLower(path)
	for range 3 { // %252e is a dot to an app that decodes twice
		plain = strings.NewReplacer("%2e", ".", "%2f", "/", "%5c", "/", "%25", "%", `\`, "/").Replace(plain)
	}
	return !strings.Contains(plain+"/", "/../") && !strings.Contains(plain+"/", "/./")
}

// outgoing makes the request to the app.
func (f *Forwarder) outgoing(r *http.Request, kept *keeper) (*http.Request, error) {
	out := &http.Request{
		Method: r.Method, Header: endToEnd(r.Header), Host: f.cfg.Target.Host, ContentLength: r.ContentLength,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}
	if f.cfg.PreserveHost {
		out.Host = r.Host
	}
	u, err := rawURL(f.cfg.Target, r.RequestURI)
	if err != nil {
		return nil, err
	}
	out.URL = u
	marks := out.Header[capture.LoopHeader]
	out.Header[capture.LoopHeader] = append(marks[:len(marks):len(marks)], f.mark)
	if agents, ok := out.Header["User-Agent"]; !ok || len(agents) != 1 || agents[0] == "" {
		// net/http would add one of its own, or keep only the first.
		out.Header["User-Agent"] = []string{""}
		if ok {
			out.Header["user-agent"] = agents
		}
	}
	if r.Body == nil || r.Body == http.NoBody {
		return out.WithContext(r.Context()), nil
	}
	if r.ContentLength >= 0 && r.ContentLength <= firstBytes {
		// A small body is read whole, so that it can be sent again on another
		// connection if the app has just closed an idle one.
		p, err := kept.whole()
		if err != nil {
			return nil, err
		}
		out.Body = io.NopCloser(bytes.NewReader(p))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p)), nil }
		if len(p) == 0 {
			out.Body = http.NoBody
		}
	} else {
		out.Body = kept
	}
	return out.WithContext(r.Context()), nil
}

// rawURL is the target's host with the request target as bytes.
func rawURL(app *url.URL, target string) (*url.URL, error) {
	u := &url.URL{Scheme: app.Scheme, Host: app.Host, Opaque: target}
	if !strings.HasPrefix(target, "//") {
		return u, nil
	}
	// net/http would take a leading "//" of an opaque URL for a host.
	path, query, has := strings.Cut(target, "?")
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, err
	}
	u.Opaque, u.Path, u.RawPath, u.RawQuery, u.ForceQuery = "", plain, path, query, has && query == ""
	if u.RequestURI() != target {
		return nil, fmt.Errorf("request target %.40q", target)
	}
	return u, nil
}

// answer passes the app's answer back.
func (f *Forwarder) answer(w http.ResponseWriter, x *Exchange, resp *http.Response) {
	h := w.Header()
	wire.DropHop(resp.Header)
	maps.Copy(h, resp.Header)
	x.Status, x.Header = resp.StatusCode, resp.Header
	w.WriteHeader(resp.StatusCode)
	streams := resp.ContentLength < 0 || resp.ContentLength > firstBytes
	if streams {
		f.flush(w) // the sender may wait for the head
	}
	p, _ := f.buffers.Get().(*[]byte)
	if p == nil {
		b := make([]byte, 32<<10)
		p = &b
	}
	defer f.buffers.Put(p)
	for {
		n, err := resp.Body.Read(*p)
		if n > 0 {
			if f.cfg.Done != nil {
				x.Answer = append(x.Answer, (*p)[:f.reserve(min(n, maxAnswer-len(x.Answer)))]...)
			}
			if _, werr := w.Write((*p)[:n]); werr != nil {
				x.Err = fmt.Errorf("send the answer: %w", werr)
				return
			}
			if streams {
				f.flush(w)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			x.Err = fmt.Errorf("read the answer: %w", err)
			panic(http.ErrAbortHandler) // it must not look whole
		}
	}
	for name, values := range resp.Trailer {
		h[http.TrailerPrefix+name] = values
	}
}

// flush sends what was written; a writer that cannot flush need not.
func (f *Forwarder) flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

// fail answers in the app's place.
func (f *Forwarder) fail(w http.ResponseWriter, x *Exchange, status int, code, text string) {
	x.Status = status
	h := w.Header()
	h.Set("Hooks-Error", code)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // a lost stream shows elsewhere
}

// describe says what a sender is told of an app that gave no answer: never
// more than that, for addresses and certificates are the developer's business.
func describe(err error) (status int, code, text string) {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return http.StatusBadGateway, "app_refused", "the app refused the connection"
	case errors.As(err, &timeout) && timeout.Timeout():
		return http.StatusGatewayTimeout, "app_timeout", "the app did not answer in time"
	}
	return http.StatusBadGateway, "app_broken", "the app gave no valid answer"
}

// endToEnd copies a header without what speaks of one connection only, with
// room for one more.
func endToEnd(from http.Header) http.Header {
	h := make(http.Header, len(from)+1)
	maps.Copy(h, from)
	wire.DropHop(h)
	return h
}

// keeper keeps what is read through it. The transport may go on reading after
// the app has answered, so there is a lock.
type keeper struct {
	io.ReadCloser
	f    *Forwarder
	size int64 // of the whole, -1 if unknown

	mu      sync.Mutex // guards the following
	buf     []byte
	cut     bool
	ended   bool
	stopped bool
}

// Read reads and keeps.
func (k *keeper) Read(p []byte) (int, error) {
	n, err := k.ReadCloser.Read(p)
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.stopped {
		if keep := k.f.reserve(min(n, MaxKept-len(k.buf))); keep == n {
			if k.buf == nil && k.size > 0 {
				k.buf = make([]byte, 0, min(k.size, 1<<20)) // no more than one step ahead of what came
			}
			k.buf = append(k.buf, p[:n]...)
		} else {
			k.f.kept.Add(-int64(keep))
			k.cut = true
		}
		k.ended = k.ended || err == io.EOF
	}
	return n, err
}

// whole reads and keeps a body of a known size, which must be its size.
func (k *keeper) whole() ([]byte, error) {
	p := make([]byte, k.size)
	if _, err := io.ReadFull(k.ReadCloser, p); err != nil {
		return nil, err
	}
	switch n, err := k.ReadCloser.Read(make([]byte, 1)); {
	case n > 0:
		return nil, fmt.Errorf("body of more than %d bytes", k.size)
	case err != io.EOF:
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.stopped && k.f.reserve(len(p)) == len(p) {
		k.buf, k.ended = p, true
	}
	return p, nil
}

// stop ends the keeping and returns what there is.
func (k *keeper) stop(none bool) (kept []byte, cut bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	return k.buf, k.cut || !k.ended && !none
}

// reserve takes n bytes of the memory for bodies, or less if there is not so
// much: what is passed on is not affected, only what is kept of it.
func (f *Forwarder) reserve(n int) int {
	if f.kept.Add(int64(n)) > maxKeptAll {
		f.kept.Add(-int64(n))
		return 0
	}
	return n
}
