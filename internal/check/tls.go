package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
)

// validFor is how long a certificate should still be good.
const validFor = 14 * 24 * time.Hour

// runTLS looks at the certificate and the protocol of the endpoint.
func runTLS(ctx context.Context, r *run) finding {
	u, err := url.Parse(r.kit.url)
	switch {
	case err != nil || u.Scheme != "https":
		return notRun("the address is not https")
	case r.o.Proxied:
		return notRun("a proxy leads there")
	}
	addr := address.HostPort(u)
	line := "openssl s_client -connect " + addr + " -servername " + u.Hostname() + " </dev/null"
	limited, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	// What is wrong with the certificate is to be said in words, so that it is
	// looked at here and not in the handshake. Nothing is sent.
	d := tls.Dialer{Config: &tls.Config{
		ServerName: u.Hostname(), InsecureSkipVerify: true, //nolint:gosec // verified below
		MinVersion: tls.VersionTLS12, // with an older one not even the first sample got through
	}}
	conn, err := d.DialContext(limited, "tcp", addr)
	if err != nil {
		return failed("no TLS connection: "+err.Error(), line)
	}
	defer func() { _ = conn.Close() }()
	state := conn.(*tls.Conn).ConnectionState()
	if why := r.certificateFault(u.Hostname(), state.PeerCertificates); why != "" {
		return failed(why, line)
	}
	return passed(fmt.Sprintf("%s, valid until %s", tls.VersionName(state.Version), earliest(state.PeerCertificates).UTC().Format("2006-01-02")), line)
}

// certificateFault says what is wrong with a chain, and "" if nothing is.
func (r *run) certificateFault(host string, chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "no certificate came"
	}
	leaf, now := chain[0], r.o.Now()
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: r.o.RootCAs, Intermediates: between, DNSName: host, CurrentTime: now})
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return "the chain leads to no authority that is trusted here: self-signed, or an intermediate certificate is missing"
	case errors.As(err, &name):
		return "the certificate is not for " + host
	case err != nil && now.After(leaf.NotAfter):
		return "the certificate expired on " + leaf.NotAfter.UTC().Format("2006-01-02")
	case err != nil && now.Before(leaf.NotBefore):
		return "the certificate is not valid before " + leaf.NotBefore.UTC().Format("2006-01-02")
	case err != nil:
		return err.Error()
	}
	if left := earliest(chain).Sub(now); left < validFor {
		return fmt.Sprintf("the certificate expires in %d days", int(left/(24*time.Hour)))
	}
	return ""
}

// earliest is when the first certificate of a chain ends.
func earliest(chain []*x509.Certificate) time.Time {
	first := chain[0].NotAfter
	for _, c := range chain[1:] {
		if c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first
}
