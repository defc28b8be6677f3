package check_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/deliver"
)

// An authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func issue(t testing.TB, template, parent *x509.Certificate, key any) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if key == nil {
		key = own
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, own.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, own
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
	}
	a := &authority{pool: x509.NewCertPool()}
	a.cert, a.key = issue(t, template, template, nil)
	a.pool.AddCert(a.cert)
	return a
}

// server listens on loopback with a certificate of the authority.
func (a *authority) server(t testing.TB, h http.Handler, config *tls.Config, change func(*x509.Certificate)) *httptest.Server {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	change(template)
	cert, key := issue(t, template, a.cert, a.key)
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}
	srv := httptest.NewUnstartedServer(h)
	srv.TLS = config
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func TestTLS(t *testing.T) {
	t.Parallel()
	own := newAuthority(t)
	tests := map[string]struct {
		change  func(*x509.Certificate)
		old     bool
		unknown bool
		want    string // "" is passed
	}{
		"good":           {},
		"expires-soon":   {change: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(10*24*time.Hour + time.Hour) }, want: "expires in 10 days"},
		"expired":        {change: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, want: "expired on "},
		"not-yet":        {change: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, want: "not valid before "},
		"another-name":   {change: func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} }, want: "is not for 127.0.0.1"},
		"unknown-issuer": {unknown: true, want: "no authority that is trusted here"},
		"old-protocol":   {old: true},
	}
	p := get(t, "canvelete")
	secrets := secretOf(t, p)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.change == nil {
				tt.change = func(*x509.Certificate) {}
			}
			config := &tls.Config{MinVersion: tls.VersionTLS12}
			if tt.old {
				config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			}
			srv := own.server(t, newApp(p, secrets), config, tt.change)
			roots := own.pool
			if tt.unknown {
				roots = newAuthority(t).pool
			}
			client := deliver.New(time.Now, deliver.Options{Insecure: true})
			t.Cleanup(client.Close)
			o := check.Options{
				URL: srv.URL, Provider: p, Secrets: secrets, Client: client, Now: time.Now, RootCAs: roots,
				Select: func(id string) bool { return id == "tls-valid" },
			}
			if tt.old {
				_, err := check.Run(t.Context(), o)
				var away *check.UnreachableError
				if !asUnreachable(err, &away) || away.Kind != deliver.TLS {
					t.Errorf("err = %v, want that there was no TLS connection", err)
				}
				return
			}
			r := run(t, o)
			i := slices.IndexFunc(r.Cases, func(c check.Result) bool { return c.ID == "tls-valid" })
			if c := r.Cases[i]; (c.Status == check.Passed) != (tt.want == "") || !strings.Contains(c.Actual, tt.want) {
				t.Errorf("%s: %s, want %q", c.Status, c.Actual, tt.want)
			}
			if !r.Passed {
				t.Error("advice made it fail")
			}
		})
	}
}
