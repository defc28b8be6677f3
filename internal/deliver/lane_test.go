package deliver_test

import (
	"crypto/x509"
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

// TestLoadWritesWhatAnAttemptWrites: the two ways on which requests travel
// must not differ on the wire.
func TestLoadWritesWhatAnAttemptWrites(t *testing.T) {
	t.Parallel()
	head := make(chan string, 2)
	srv := raw(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		n, _ := c.Read(buf)
		head <- string(buf[:n])
		_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	r := deliver.Request{
		URL: strings.Replace(srv, "http://", "http://ada:pw@", 1) + "/a?b=%2f", Target: "/x|y",
		Header: http.Header{"x-lower": {"1"}, "X-Twice": {"b", "a"}, "Host": {"app.example"}, "User-Agent": {"hooks"}},
		Body:   []byte(`{"a": 1}`), Timeout: time.Minute,
	}
	c := newClient(t, deliver.Options{})
	if a := c.Do(t.Context(), r, 1); !a.Delivered() {
		t.Fatal(a.Err)
	}
	report, err := deliver.Load{
		Client: c, Count: 1, Now: time.Now, Build: func(int) (deliver.Shot, error) { return deliver.Shot{Request: r}, nil },
	}.Run(t.Context())
	if err != nil || report.Accepted != 1 {
		t.Fatalf("%v %+v", err, report)
	}
	if one, many := <-head, <-head; one != many {
		t.Errorf("an attempt wrote\n%q, a load\n%q", one, many)
	}
}

// TestLoadNoticesClosedConnections: the endpoint closes after each answer
// without having said so, which is no reason for a request to be lost.
func TestLoadNoticesClosedConnections(t *testing.T) {
	t.Parallel()
	srv := raw(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	r, err := deliver.Load{
		Client: newClient(t, deliver.Options{}), Count: 5, Rate: 50, Now: time.Now, Build: shots(srv, time.Minute),
	}.Run(t.Context())
	if err != nil || r.Accepted != 5 {
		t.Errorf("%v %+v", err, r)
	}
}

func TestLoadOverTLSAndProxy(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	run := func(url string, o deliver.Options) deliver.Report {
		r, err := deliver.Load{
			Client: newClient(t, o), Count: 20, Concurrency: 2, Now: time.Now, Build: shots(url, time.Minute),
		}.Run(t.Context())
		if err != nil {
			t.Error(err)
		}
		return r
	}
	if r := run(secure.URL, deliver.Options{RootCAs: roots}); r.Accepted != 20 {
		t.Errorf("TLS: %+v", r)
	}
	if r := run(secure.URL, deliver.Options{RootCAs: x509.NewCertPool()}); r.Errors[deliver.TLS] != 20 || r.Connected {
		t.Errorf("TLS that is not trusted: %+v", r)
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	t.Cleanup(proxy.Close)
	way, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	through := func(*http.Request) (*url.URL, error) { return way, nil }
	if r := run("http://app.example/", deliver.Options{Proxy: through}); r.Statuses[http.StatusAccepted] != 20 {
		t.Errorf("through a proxy: %+v", r)
	}
}

func TestLoadLargeBodies(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, _ := io.Copy(io.Discard, r.Body); n != 1<<20 {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(srv.Close)
	r, err := deliver.Load{
		Client: newClient(t, deliver.Options{}), Count: 8, Now: time.Now, Build: func(int) (deliver.Shot, error) {
			return deliver.Shot{Request: deliver.Request{URL: srv.URL, Body: make([]byte, 1<<20)}}, nil
		},
	}.Run(t.Context())
	if err != nil || r.Accepted != 8 {
		t.Errorf("%v %+v", err, r)
	}
}
