package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// FileTLS serves the certificate in two PEM files, and the new one soon after
// they have changed. A pair that cannot be read or does not fit is an error at
// the start; later the old one stays.
func FileTLS(certFile, keyFile string) (*tls.Config, error) {
	k := &keyPair{cert: certFile, key: keyFile}
	if _, err := k.get(nil); err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.get}, nil
}

type keyPair struct {
	cert, key string

	mu     sync.Mutex // guards the following
	loaded *tls.Certificate
	stamp  [2]time.Time
	asked  time.Time
}

// get returns the certificate, after a look at the files at most once a second.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.loaded != nil && time.Since(k.asked) < time.Second {
		return k.loaded, nil
	}
	k.asked = time.Now()
	var stamp [2]time.Time
	for i, name := range []string{k.cert, k.key} {
		info, err := os.Stat(name)
		if err != nil {
			return k.old(err)
		}
		stamp[i] = info.ModTime()
	}
	if k.loaded != nil && stamp == k.stamp {
		return k.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	if err != nil {
		return k.old(err)
	}
	k.loaded, k.stamp = &pair, stamp
	return k.loaded, nil
}

// old keeps what there was: while files are being replaced they may not fit.
func (k *keyPair) old(err error) (*tls.Certificate, error) {
	if k.loaded != nil {
		return k.loaded, nil
	}
	return nil, err
}

// certificatesADay is how many certificates for names of tunnels are asked for
// in a day: an authority's limits are the whole domain's.
const certificatesADay = 20

var errHostPolicy = errors.New("no certificate for this host")

// ACME gets certificates from an authority by the ACME protocol, for the fixed
// hosts and, one by one, for names that are connected right now. The authority
// asks on port 443, in the TLS handshake itself.
func (s *Server) ACME(email, directory string, cache autocert.Cache, hosts ...string) *tls.Config {
	day := bucket{}
	var mu sync.Mutex // guards day
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS,
		Email:  email,
		Cache:  cache,
		HostPolicy: func(_ context.Context, host string) error {
			if slices.Contains(hosts, host) {
				return nil
			}
			label, ok := s.labelOf(host)
			if !ok || !s.connected(label) {
				return errHostPolicy
			}
			mu.Lock()
			defer mu.Unlock()
			if !day.take(s.cfg.Now(), certificatesADay/(24*time.Hour).Seconds(), certificatesADay) {
				return errHostPolicy
			}
			return nil
		},
	}
	if directory != "" {
		m.Client = &acme.Client{DirectoryURL: directory}
	}
	challenge := m.TLSConfig()
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.telling(m.GetCertificate, hosts)}
	// The server speaks http/1.1 alone, but the authority's own handshake
	// names another protocol.
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, acme.ALPNProto) {
			return challenge, nil
		}
		return nil, nil //nolint:nilnil // crypto/tls: use the config as it is
	}
	return config
}

// certificateNews is how often it is told that there is no certificate: every
// handshake finds it anew.
const certificateNews = time.Minute

// telling logs why an authority gave no certificate for a host of ours. What
// else is asked for is the business of whoever asked.
func (s *Server) telling(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), hosts []string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	news := bucket{}
	var mu sync.Mutex // guards news
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := get(hello)
		label, below := s.labelOf(hello.ServerName)
		ours := slices.Contains(hosts, hello.ServerName) || below && s.connected(label)
		if err == nil || errors.Is(err, errHostPolicy) || !ours {
			return c, err
		}
		mu.Lock()
		defer mu.Unlock()
		if news.take(s.cfg.Now(), 1/certificateNews.Seconds(), 1) {
			s.cfg.Log.Error("no certificate", "host", hello.ServerName, "error", err.Error())
		}
		return c, err
	}
}

// connected says whether somebody holds the name right now.
func (s *Server) connected(label string) bool {
	n := s.names.find(label)
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.sessions) > 0
}
