package relay_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/tunnel"
)

// writeCertificate makes a certificate with this serial number.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

// A relay speaks TLS to senders and clients, takes over a new certificate while
// it runs, and keeps the old one while the files do not fit.
func TestCertificateIsReloaded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := relay.FileTLS(certFile, keyFile); err == nil {
		t.Error("files that are missing were taken")
	}
	pool := x509.NewCertPool()
	pool.AddCert(writeCertificate(t, certFile, keyFile, 1))
	config, err := relay.FileTLS(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &url.URL{Scheme: "https", Host: l.Addr().String()}
	srv := relay.New(relay.Config{Public: u, Now: time.Now, Limits: relay.Limits{Unlimited: true}})
	front := &intake.Server{Handler: srv, TLS: config}
	ended := make(chan error, 1)
	go func() { ended <- front.Serve(l) }()
	t.Cleanup(func() {
		_ = front.Close()
		srv.Close()
		<-ended
	})
	trust := func() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool} }
	public, stop := dial(t, &server{Server: srv, url: u}, "secure", answering("in private"), func(c *tunnel.Config) { c.TLS = trust() })
	serial := func() int64 {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: trust()}}
		defer c.CloseIdleConnections()
		resp, err := c.Get(public)
		if err != nil {
			return 0 // not trusted yet
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "in private" {
			t.Errorf("answer %q, %v", b, err)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("certificate %d, want 1", got)
	}
	if err := os.WriteFile(keyFile, []byte("half a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 1 {
		t.Errorf("with a broken key: certificate %d, want the old one", got)
	}
	pool = x509.NewCertPool()
	pool.AddCert(writeCertificate(t, certFile, keyFile, 2))
	waitFor(t, func() bool { return serial() == 2 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// The authority is asked for the fixed hosts and for names that are connected,
// a few of them a day, and for nothing else.
func TestCertificatesForOwnHostsOnly(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.NotFound(w, r)
	}))
	t.Cleanup(authority.Close)
	var mu sync.Mutex
	var log bytes.Buffer
	s := serve(t, func(c *relay.Config) {
		c.Domain = "tunnels.example"
		c.Log = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return log.Write(p)
		}), nil))
	})
	config := s.ACME("ops@example.com", authority.URL, autocert.DirCache(t.TempDir()), "relay.example")
	ask := func(host string) int64 {
		before := asked.Load()
		hello := &tls.ClientHelloInfo{
			ServerName: host, SupportedVersions: []uint16{tls.VersionTLS13}, SupportedCurves: []tls.CurveID{tls.CurveP256},
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			CipherSuites:     []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, // keys of RSA take long to make
		}
		if _, err := config.GetCertificate(hello); err == nil {
			t.Errorf("%s: a certificate from an authority that has none", host)
		}
		return asked.Load() - before
	}
	for i := range certificatesTried {
		dial(t, s, fmt.Sprintf("name-%d", i), answering("x"), nil)
	}
	for _, host := range []string{"other.example", "away.tunnels.example", "a.b.tunnels.example", "tunnels.example", "127.0.0.1", ""} {
		if n := ask(host); n != 0 {
			t.Errorf("%q: the authority was asked", host)
		}
	}
	if ask("relay.example") == 0 {
		t.Error("the authority was not asked for the relay's own host")
	}
	tried := 0
	for i := range certificatesTried {
		if ask(fmt.Sprintf("name-%d.tunnels.example", i)) > 0 {
			tried++
		}
	}
	if tried != 20 {
		t.Errorf("the authority was asked for %d names, want 20 a day", tried)
	}
	mu.Lock()
	defer mu.Unlock()
	text := log.String()
	if n := strings.Count(text, "no certificate"); n < 1 || !strings.Contains(text, "host=relay.example ") || strings.Contains(text, "host=127.0.0.1") {
		t.Errorf("%d times told that there is no certificate:\n%s", n, text)
	}
}

const certificatesTried = 22
