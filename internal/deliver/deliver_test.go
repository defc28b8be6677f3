package deliver_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
)

func newClient(t *testing.T, o deliver.Options) *deliver.Client {
	t.Helper()
	c := deliver.New(time.Now, o)
	t.Cleanup(c.Close)
	return c
}

// raw serves one connection after the other with talk and returns the URL.
func raw(t *testing.T, talk func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			talk(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// recorder serves one request, answers 200 and hands over its bytes.
func recorder(t *testing.T, size int) (string, chan string) {
	t.Helper()
	got := make(chan string, 1)
	return raw(t, func(c net.Conn) {
		buf := make([]byte, size)
		_, _ = io.ReadFull(c, buf)
		got <- string(buf)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}), got
}

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path string
		req  deliver.Request
		want string
	}{
		"names-and-values-as-spelled": {
			path: "/hooks?a=1&b=%2F",
			req: deliver.Request{
				Header: http.Header{"x-lower": {"1"}, "X-Twice": {"b", "a"}, "Content-Length": {"9999"}, "X-Empty": {""}},
				Body:   []byte("{\"a\" : 1}\n"),
			},
			want: "POST /hooks?a=1&b=%2F HTTP/1.1\r\nHost: HOST\r\nContent-Length: 10\r\nX-Empty: \r\nX-Twice: b\r\nX-Twice: a\r\nx-lower: 1\r\n\r\n{\"a\" : 1}\n",
		},
		"host-and-target-given": {
			req:  deliver.Request{Method: "PUT", Target: "/a|b?c=\"d\"", Header: http.Header{"Host": {"app.example"}}},
			want: "PUT /a|b?c=\"d\" HTTP/1.1\r\nHost: app.example\r\nContent-Length: 0\r\n\r\n",
		},
		"get-has-no-length": {
			req:  deliver.Request{Method: "GET"},
			want: "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
		},
		"chunked-in-two": {
			req:  deliver.Request{Chunked: true, Body: []byte("hello")},
			want: "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
		},
		"chunked-and-empty": {
			req:  deliver.Request{Chunked: true},
			want: "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		},
		"slow-chunks": {
			req:  deliver.Request{Chunked: true, Slow: time.Millisecond, Body: []byte("ab")},
			want: "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := make(chan string, 1)
			size := len(tt.want) - strings.Count(tt.want, "HOST")*len("HOST")
			srv, got := recorder(t, size+strings.Count(tt.want, "HOST")*len("127.0.0.1:00000"))
			addr <- strings.TrimPrefix(srv, "http://")
			tt.req.URL, tt.req.Timeout = srv+tt.path, time.Minute
			want := strings.ReplaceAll(tt.want, "HOST", <-addr)
			a := newClient(t, deliver.Options{}).Do(t.Context(), tt.req, 1)
			if a.Err != "" {
				t.Fatalf("Err = %q", a.Err)
			}
			if g := <-got; g != want {
				t.Errorf("on the wire:\n%q\nwant\n%q", g, want)
			}
		})
	}
}

func TestLargeBodyArrivesWhole(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for name, chunked := range map[string]bool{"with-length": false, "chunked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var same bool
			srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				same = bytes.Equal(got, body) && chunked == (r.ContentLength == -1)
			}))
			defer srv.Close()
			a := newClient(t, deliver.Options{}).Do(t.Context(), deliver.Request{URL: srv.URL, Body: body, Chunked: chunked}, 1)
			if !a.Delivered() || !same {
				t.Errorf("Delivered = %v (%s), body arrived whole: %v", a.Delivered(), a.Err, same)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Encoding-Asked", r.Header.Get("Accept-Encoding"))
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "fine")
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/ok")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<16)
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/exact", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, deliver.MaxAnswer))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	c := newClient(t, deliver.Options{})

	r := c.Send(t.Context(), deliver.Request{URL: srv.URL + "/ok"}, 3)
	if r.Err != "" || r.Response.Status != 200 || string(r.Response.Body) != "fine" || r.Number != 3 || !r.Delivered() {
		t.Errorf("ok: %+v", r)
	}
	if v := r.Response.Header.Get("X-Encoding-Asked"); v != "" {
		t.Errorf("compression was asked for: %q", v)
	}
	r = c.Send(t.Context(), deliver.Request{URL: srv.URL + "/moved"}, 1)
	if r.Response == nil || r.Response.Status != 302 || r.Location != "/ok" || r.Delivered() {
		t.Errorf("redirect: %+v", r)
	}
	r = c.Send(t.Context(), deliver.Request{URL: srv.URL + "/endless"}, 1)
	if r.Err != "" || !r.Truncated || len(r.Response.Body) != deliver.MaxAnswer {
		t.Errorf("endless answer: Err %q, Truncated %v", r.Err, r.Truncated)
	}
	r = c.Send(t.Context(), deliver.Request{URL: srv.URL + "/exact"}, 1)
	if r.Err != "" || r.Truncated || len(r.Response.Body) != deliver.MaxAnswer {
		t.Errorf("answer of the limit's size: Err %q, Truncated %v", r.Err, r.Truncated)
	}
}

func TestConnectionIsReused(t *testing.T) {
	t.Parallel()
	var opened int
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened++
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	c := newClient(t, deliver.Options{})
	for range 3 {
		if a := c.Do(t.Context(), deliver.Request{URL: srv.URL}, 1); !a.Delivered() {
			t.Fatal(a.Err)
		}
	}
	if opened != 1 {
		t.Errorf("3 attempts opened %d connections, want 1", opened)
	}
}

func TestEarlyAnswerToLargeBody(t *testing.T) {
	t.Parallel()
	srv := raw(t, func(c net.Conn) {
		_, _ = bufio.NewReader(io.LimitReader(c, 100)).ReadString('\n')
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	for name, r := range map[string]deliver.Request{
		"large": {Body: make([]byte, 32<<20)},
		"slow":  {Body: make([]byte, 100), Slow: time.Hour, Timeout: 2 * time.Hour},
	} {
		r.URL = srv
		res := newClient(t, deliver.Options{}).Send(t.Context(), r, 1)
		if res.Response == nil || res.Response.Status != 413 {
			t.Errorf("%s: Err = %q, want the answer 413", name, res.Err)
		}
	}
}

func TestBasicAuthorizationFromURL(t *testing.T) {
	t.Parallel()
	var user, password string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ = r.BasicAuth()
	}))
	t.Cleanup(srv.Close)
	a := newClient(t, deliver.Options{}).Do(t.Context(), deliver.Request{URL: strings.Replace(srv.URL, "http://", "http://ada:pw@", 1)}, 1)
	if user != "ada" || password != "pw" || a.URL != srv.URL {
		t.Errorf("user %q, password %q, recorded URL %q", user, password, a.URL)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(plain.Close)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(secure.Close)
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Header.Get("Proxy-Authorization") != ""))
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		to, err := net.Dial("tcp", r.RequestURI)
		if err != nil {
			return
		}
		from, buf, _ := http.NewResponseController(w).Hijack()
		_, _ = buf.WriteString("HTTP/1.1 200 OK\r\n\r\n")
		_ = buf.Flush()
		go func() { _, _ = io.Copy(to, buf); _ = to.Close() }()
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}))
	t.Cleanup(proxy.Close)
	pu, err := url.Parse(strings.Replace(proxy.URL, "http://", "http://p:q@", 1))
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, deliver.Options{Insecure: true, Proxy: func(*http.Request) (*url.URL, error) { return pu, nil }})
	if a := c.Do(t.Context(), deliver.Request{URL: plain.URL + "/x"}, 1); a.Response == nil || a.Response.Status != 202 {
		t.Errorf("plain through the proxy: %s", a.Err)
	}
	if a := c.Do(t.Context(), deliver.Request{URL: secure.URL + "/x"}, 1); !a.Delivered() {
		t.Errorf("TLS through the proxy: %s", a.Err)
	}
	want := []string{"POST " + plain.URL + "/x true", "CONNECT " + strings.TrimPrefix(secure.URL, "https://") + " true"}
	if strings.Join(asked, "\n") != strings.Join(want, "\n") {
		t.Errorf("the proxy was asked %q, want %q", asked, want)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	srv := raw(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 100)); cancel(); _, _ = io.Copy(io.Discard, c) })
	r := newClient(t, deliver.Options{}).Send(ctx, deliver.Request{URL: srv}, 1)
	if r.Kind != deliver.Canceled || !r.Connected {
		t.Errorf("Kind = %q, Connected = %v", r.Kind, r.Connected)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := deliver.Request{URL: "https://bücher.example:8443/a?b#c", Header: http.Header{"X-A": {"ü b\tc"}}}
	if err := deliver.Check(good); err != nil {
		t.Errorf("Check(%+v) = %v", good, err)
	}
	for name, r := range map[string]deliver.Request{
		"scheme":       {URL: "ftp://a.example"},
		"no-host":      {URL: "http:///x"},
		"not-a-url":    {URL: "http://[::1"},
		"method":       {URL: "http://a.example", Method: "PO ST"},
		"target":       {URL: "http://a.example", Target: "/a b"},
		"target-break": {URL: "http://a.example", Target: "/a\r\nX: y"},
		"name":         {URL: "http://a.example", Header: http.Header{"A B": {"c"}}},
		"value":        {URL: "http://a.example", Header: http.Header{"A": {"c\r\nX: y"}}},
	} {
		if deliver.Check(r) == nil {
			t.Errorf("%s: Check found nothing wrong", name)
		}
		if res := newClient(t, deliver.Options{}).Send(t.Context(), r, 1); res.Kind != deliver.BadRequest {
			t.Errorf("%s: Send ended with %q %q", name, res.Kind, res.Err)
		}
	}
	if err := deliver.Check(deliver.Request{URL: "http://u:hunter2@[::1"}); strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Errorf("the error shows the password: %v", err)
	}
}
