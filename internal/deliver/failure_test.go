package deliver_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/address/addresstest"
	"github.com/hooks-cli/hooks/internal/deliver"
)

func TestFailuresInWords(t *testing.T) {
	t.Parallel()
	gone, err := addresstest.Port()
	if err != nil {
		t.Fatal(err)
	}
	// readRequest takes a request off the wire, so that closing the connection
	// resets nothing.
	readRequest := func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }
	tests := map[string]struct {
		url       string
		talk      func(c net.Conn)
		timeout   time.Duration
		kind      deliver.Kind
		text      string
		connected bool
	}{
		"refused": {url: "http://127.0.0.1:" + gone, kind: deliver.Refused, text: "connection refused by 127.0.0.1:"},
		"dns":     {url: "http://nowhere..invalid/", kind: deliver.DNS, text: `"nowhere..invalid"`},
		"no-answer": {
			talk: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, timeout: time.Second,
			kind: deliver.Timeout, text: "time-out: no answer within 1s", connected: true,
		},
		"half-an-answer": {
			talk: func(c net.Conn) {
				readRequest(c)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
				_, _ = io.Copy(io.Discard, c)
			},
			timeout: time.Second,
			kind:    deliver.Timeout, text: "time-out: the answer (200) was not complete within 1s", connected: true,
		},
		"short-answer": {
			talk: func(c net.Conn) {
				readRequest(c)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
			},
			kind: deliver.Closed, text: "connection closed before the answer was complete", connected: true,
		},
		"closed": {
			talk: readRequest,
			kind: deliver.Closed, text: "connection closed before an answer came", connected: true,
		},
		"reset": {
			talk: func(c net.Conn) {
				readRequest(c)
				_ = c.(*net.TCPConn).SetLinger(0)
			},
			kind: deliver.Reset, text: "connection reset before an answer came", connected: true,
		},
		"not-http": {
			talk: func(c net.Conn) { readRequest(c); _, _ = io.WriteString(c, "SSH-2.0-\x1b[2J\r\n\r\n") },
			kind: deliver.Malformed, text: "malformed answer: ", connected: true,
		},
		"endless-headers": {
			talk: func(c net.Conn) {
				readRequest(c)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
				for {
					if _, err := io.WriteString(c, "X-A: "+strings.Repeat("a", 1000)+"\r\n"); err != nil {
						return
					}
				}
			},
			kind: deliver.Malformed, text: "headers exceeded 262144 bytes", connected: true,
		},
		"tls-behind-http": {
			talk: func(c net.Conn) { readRequest(c); _, _ = c.Write([]byte{0x15, 3, 1, 0, 2, 2, 70}) },
			kind: deliver.Malformed, text: "the endpoint speaks TLS: use https://", connected: true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.talk != nil {
				tt.url = raw(t, tt.talk)
			}
			if tt.timeout == 0 {
				tt.timeout = time.Minute
			}
			r := newClient(t, deliver.Options{}).Send(t.Context(), deliver.Request{URL: tt.url, Body: []byte("{}"), Timeout: tt.timeout}, 1)
			if r.Kind != tt.kind || !strings.Contains(r.Err, tt.text) || r.Connected != tt.connected || r.Response != nil {
				t.Errorf("Kind %q, Err %q, Connected %v; want %q, %q, %v", r.Kind, r.Err, r.Connected, tt.kind, tt.text, tt.connected)
			}
			if strings.Contains(r.Err, "\x1b") {
				t.Errorf("a control character came through: %q", r.Err)
			}
		})
	}
}

// certificate makes a key pair that template describes, signed by itself or
// by parent.
func certificate(t *testing.T, template *x509.Certificate, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(1)
	issuer, signer := template, any(key)
	if parent != nil {
		issuer, signer = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ca := certificate(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}, nil)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	leaf := func(name string, ips []net.IP, from, to time.Time, parent *tls.Certificate) tls.Certificate {
		return certificate(t, &x509.Certificate{
			Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: ips, NotBefore: from, NotAfter: to,
		}, parent)
	}
	hour := time.Hour
	good := leaf("good.example", loopback, now.Add(-hour), now.Add(hour), &ca)
	old := now.Add(-2 * hour)
	tests := map[string]struct {
		config *tls.Config
		opts   deliver.Options
		want   string // "" is a good answer
	}{
		"good":        {&tls.Config{Certificates: []tls.Certificate{good}}, deliver.Options{RootCAs: roots}, ""},
		"unknown":     {&tls.Config{Certificates: []tls.Certificate{good}}, deliver.Options{RootCAs: x509.NewCertPool()}, "TLS: the certificate is signed by an authority that is not known here"},
		"self-signed": {&tls.Config{Certificates: []tls.Certificate{leaf("a.example", loopback, now.Add(-hour), now.Add(hour), nil)}}, deliver.Options{RootCAs: roots}, "TLS: the certificate is self-signed"},
		"insecure":    {&tls.Config{Certificates: []tls.Certificate{leaf("a.example", loopback, now.Add(-hour), now.Add(hour), nil)}}, deliver.Options{Insecure: true}, ""},
		"expired": {
			&tls.Config{Certificates: []tls.Certificate{leaf("a.example", loopback, old, now.Add(-hour), &ca)}},
			deliver.Options{RootCAs: roots},
			"TLS: the certificate expired on " + now.Add(-hour).UTC().Format(time.DateTime),
		},
		"not-yet": {
			&tls.Config{Certificates: []tls.Certificate{leaf("a.example", loopback, now.Add(hour), now.Add(2*hour), &ca)}},
			deliver.Options{RootCAs: roots},
			"TLS: the certificate is not valid before " + now.Add(hour).UTC().Format(time.DateTime),
		},
		"wrong-name": {
			&tls.Config{Certificates: []tls.Certificate{leaf("other.example", nil, now.Add(-hour), now.Add(hour), &ca)}},
			deliver.Options{RootCAs: roots},
			"TLS: the certificate is for other.example, not for 127.0.0.1",
		},
		"tls-1.1": {
			&tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
			deliver.Options{RootCAs: roots},
			"TLS: the endpoint offers only versions older than 1.2",
		},
		"client-certificate-wanted": {
			&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12},
			deliver.Options{RootCAs: roots},
			"TLS: the endpoint refused: ",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			srv.TLS = tt.config
			srv.StartTLS()
			defer srv.Close()
			r := newClient(t, tt.opts).Send(t.Context(), deliver.Request{URL: srv.URL}, 1)
			if tt.want == "" {
				if !r.Delivered() {
					t.Errorf("Err = %q", r.Err)
				}
				return
			}
			if r.Kind != deliver.TLS || !strings.HasPrefix(r.Err, tt.want) || r.Connected {
				t.Errorf("Kind %q, Err %q, Connected %v; want %q", r.Kind, r.Err, r.Connected, tt.want)
			}
		})
	}
	t.Run("plain-http", func(t *testing.T) {
		t.Parallel()
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		defer srv.Close()
		r := newClient(t, deliver.Options{}).Send(t.Context(), deliver.Request{URL: strings.Replace(srv.URL, "http:", "https:", 1)}, 1)
		if r.Kind != deliver.TLS || !strings.Contains(r.Err, "does not speak TLS on this port: use http://") {
			t.Errorf("Kind %q, Err %q", r.Kind, r.Err)
		}
	})
}
