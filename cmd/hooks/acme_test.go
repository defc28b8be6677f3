package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A relay gets its certificate from an ACME authority that is somebody else's
// program and trusts nobody: Pebble. It keeps it over a restart, gets one for
// a tunnel that is connected, and none for anything else.
func TestCertificatesFromPebble(t *testing.T) {
	t.Parallel()
	a := startAuthority(t, 90*24*time.Hour)
	dir := t.TempDir()
	relay := a.serve(dir)
	first, err := a.certificate("relay.test")
	if err != nil {
		t.Fatalf("%v\nrelay: %s\nauthority: %s", err, &relay.said, &a.pebble.said)
	}
	for _, host := range []string{"stranger.test", "www.relay.test", "nobody.tunnels.test", "a.b.tunnels.test"} {
		if _, err := a.handshake(host); err == nil {
			t.Errorf("there is a certificate for %s", host)
		}
	}
	relay.kill()
	a.pebble.kill() // what is there needs no authority
	relay.start()
	again, err := a.certificate("relay.test")
	if err != nil || again.SerialNumber.Cmp(first.SerialNumber) != 0 {
		t.Fatalf("after a restart: %v, %v, want the same certificate\nrelay: %s", again, err, &relay.said)
	}
	a.start()
	a.tunnel()
	if _, err := a.certificate("laptop.tunnels.test"); err != nil {
		t.Fatalf("a tunnel's own host: %v\nrelay: %s\nauthority: %s", err, &relay.said, &a.pebble.said)
	}
	for _, f := range []string{"relay.test", "laptop.tunnels.test"} {
		info, err := os.Stat(filepath.Join(dir, "data", "certificates", f))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("kept certificate: %v, %v", info, err)
		}
	}
}

// A certificate is replaced in good time before it ends, without a restart.
func TestCertificatesAreRenewed(t *testing.T) {
	t.Parallel()
	a := startAuthority(t, 15*time.Second)
	relay := a.serve(t.TempDir())
	first, err := a.certificate("relay.test")
	if err != nil {
		t.Fatalf("%v\nrelay: %s\nauthority: %s", err, &relay.said, &a.pebble.said)
	}
	for deadline := time.Now().Add(2 * time.Minute); ; pause(t, 100*time.Millisecond) {
		now := time.Now()
		c, err := a.handshake("relay.test")
		switch {
		case err != nil:
			t.Fatalf("%v\nrelay: %s", err, &relay.said)
		case c.SerialNumber.Cmp(first.SerialNumber) != 0 && c.NotAfter.After(first.NotAfter):
			return
		case now.After(deadline):
			relay.kill()
			t.Fatalf("still the certificate that ended at %v\nrelay: %s", c.NotAfter, &relay.said)
		}
	}
}

// serve starts a relay that gets its certificates from the authority.
func (a *authority) serve(dir string) *proc {
	relay := &proc{t: a.t, env: append(os.Environ(), childMark+"=1", "HOME="+dir, "SSL_CERT_FILE="+a.root, "NO_PROXY=*"), argv: []string{
		callAs(a.t, dir, "hooks"), "relay", "--listen", a.relay, "--open", "--admin", "off", "--data-dir", filepath.Join(dir, "data"),
		"--public-url", "https://relay.test", "--domain", "tunnels.test", "--acme", "ops@relay.test", "--acme-server", a.directory,
	}}
	relay.start()
	a.t.Cleanup(relay.kill)
	return relay
}

// An authority is a Pebble, and what it needs.
type authority struct {
	t         *testing.T
	pebble    *proc
	directory string // URL
	root      string // file with the certificate that its API is trusted by
	relay     string // where it looks for who asks for a certificate
}

// startAuthority runs Pebble, whose certificates are good for validity, or skips
// the test.
func startAuthority(t *testing.T, validity time.Duration) *authority {
	t.Helper()
	bin, err := exec.LookPath("pebble")
	if err != nil {
		t.Skip("pebble, an ACME authority for tests, is not in PATH")
	}
	names, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	go answerNamesTCP(names)
	dir := t.TempDir()
	api := freeAddress(t)
	a := &authority{t: t, directory: "https://" + api + "/dir", root: filepath.Join(dir, "root.pem"), relay: freeAddress(t)}
	key := filepath.Join(dir, "key.pem")
	selfSigned(t, a.root, key)
	_, port, _ := strings.Cut(a.relay, ":")
	config := map[string]any{"pebble": map[string]any{
		"listenAddress": api, "managementListenAddress": "", "certificate": a.root, "privateKey": key,
		"httpPort": 1, "tlsPort": json.Number(port),
		"profiles": map[string]any{"default": map[string]any{"description": "usual", "validityPeriod": int(validity.Seconds())}},
	}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	a.pebble = &proc{t: t, env: append(os.Environ(), "PEBBLE_VA_NOSLEEP=1"), argv: []string{
		bin, "-config", file, "-dnsserver", names.Addr().String(), "-strict",
	}}
	a.start()
	t.Cleanup(a.pebble.kill)
	return a
}

// start runs Pebble until it answers: a relay that finds nobody asks again
// after a minute only.
func (a *authority) start() {
	a.t.Helper()
	a.pebble.start()
	api := strings.TrimSuffix(strings.TrimPrefix(a.directory, "https://"), "/dir")
	for deadline := time.Now().Add(2 * time.Minute); ; pause(a.t, 20*time.Millisecond) {
		if conn, err := net.Dial("tcp", api); err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			a.pebble.kill()
			a.t.Fatalf("the authority did not come up: %s", &a.pebble.said)
		}
	}
}

// selfSigned writes a certificate for loopback and its key.
func selfSigned(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// certificate waits until the relay has one for host.
func (a *authority) certificate(host string) (*x509.Certificate, error) {
	for deadline := time.Now().Add(2 * time.Minute); ; pause(a.t, 200*time.Millisecond) {
		c, err := a.handshake(host)
		if err == nil || time.Now().After(deadline) {
			return c, err
		}
	}
}

// handshake asks the relay for the certificate of host, which must be for it.
func (a *authority) handshake(host string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(a.t.Context(), 30*time.Second)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{ServerName: host, InsecureSkipVerify: true}} // the authority's root is its own secret
	conn, err := d.DialContext(ctx, "tcp", a.relay)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	c := conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
	if !strings.HasPrefix(c.Issuer.CommonName, "Pebble") {
		return nil, fmt.Errorf("the certificate is from %s", c.Issuer)
	}
	return c, c.VerifyHostname(host)
}

// tunnel connects a client by the name laptop.
func (a *authority) tunnel() {
	t := a.t
	target := &url.URL{Scheme: "https", Host: "relay.test"}
	up := make(chan struct{})
	var once sync.Once
	client := tunnel.New(tunnel.Config{
		Relay: target, Name: "laptop", Program: "hooks/test", Mode: wire.ModeLive, Handler: http.NotFoundHandler(), Now: time.Now,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, a.relay)
		},
		TLS: &tls.Config{InsecureSkipVerify: true}, // as above
		Observe: func(s tunnel.State) {
			if s.Phase == tunnel.Connected {
				once.Do(func() { close(up) })
			}
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = client.Run(ctx) })
	t.Cleanup(func() {
		stop()
		all.Wait()
	})
	select {
	case <-up:
	case <-time.After(2 * time.Minute):
		t.Fatal("the client did not connect")
	}
}
