package cluster

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/crypto/acme/autocert"
)

// Certificates keeps certificates and their keys for all nodes. They are sealed
// with AES-256-GCM and the nodes' key: who may read the bucket but not hk_meta
// learns nothing.
func (c *Cluster) Certificates() autocert.Cache { return &certificates{c} }

type certificates struct{ c *Cluster }

func (s *certificates) seal() (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.c.Key())
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// key spells a name so that a bucket takes it.
func (s *certificates) key(name string) string { return hex.EncodeToString([]byte(name)) }

// Get returns what was put under name, or autocert.ErrCacheMiss.
func (s *certificates) Get(ctx context.Context, name string) ([]byte, error) {
	e, err := s.c.certs.Get(ctx, s.key(name))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, autocert.ErrCacheMiss
	}
	if err != nil {
		return nil, fmt.Errorf("%w: read a certificate: %w", ErrAway, err)
	}
	aead, err := s.seal()
	if err != nil {
		return nil, err
	}
	b := e.Value()
	if len(b) < aead.NonceSize() {
		return nil, autocert.ErrCacheMiss
	}
	plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], []byte(name))
	if err != nil {
		return nil, autocert.ErrCacheMiss // sealed by another store's nodes
	}
	return plain, nil
}

// Put keeps data under name.
func (s *certificates) Put(ctx context.Context, name string, data []byte) error {
	aead, err := s.seal()
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	if _, err := s.c.certs.Put(ctx, s.key(name), aead.Seal(nonce, nonce, data, []byte(name))); err != nil {
		return fmt.Errorf("%w: keep a certificate: %w", ErrAway, err)
	}
	return nil
}

// Delete removes what is under name.
func (s *certificates) Delete(ctx context.Context, name string) error {
	if err := s.c.certs.Delete(ctx, s.key(name)); err != nil {
		return fmt.Errorf("%w: remove a certificate: %w", ErrAway, err)
	}
	return nil
}
