package wire

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/base64"
	"errors"
	"fmt"
)

// SealedHeader is in the head of a stored request whose body is sealed. Its
// value names how.
const SealedHeader = "Hooks-Sealed"

// SealedValue is the one way there is: HPKE (RFC 9180) in base mode with
// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM. The 16 bytes of the
// event's id are its info, so that a body cannot be put in another's place.
const SealedValue = "hpke-x25519-aes256gcm"

// FeatureSeal in WELCOME says that the relay seals what it stores for a client
// that gives a key.
const FeatureSeal = "seal"

// ErrSealed is returned for a body that this key does not open.
var ErrSealed = errors.New("sealed with another key, or damaged")

func sealKEM() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }

// SealBody encrypts the body of an event for the holder of a key, as its
// Public names it.
func SealBody(public string, id EventID, body []byte) ([]byte, error) {
	pk, err := parseSealKey(public)
	if err != nil {
		return nil, err
	}
	return hpke.Seal(pk, hpke.HKDFSHA256(), hpke.AES256GCM(), id[:], body)
}

func parseSealKey(public string) (hpke.PublicKey, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(public)
	if err != nil {
		return nil, fmt.Errorf("%w: seal", errHello)
	}
	pk, err := sealKEM().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: seal", errHello)
	}
	return pk, nil
}

// A SealKey opens what was sealed for it.
type SealKey struct{ private hpke.PrivateKey }

// NewSealKey derives a key from secret material of at least 32 bytes: the same
// from the same.
func NewSealKey(material []byte) (*SealKey, error) {
	k, err := sealKEM().DeriveKeyPair(material)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return &SealKey{k}, nil
}

// Public is what others seal with.
func (k *SealKey) Public() string {
	return base64.RawURLEncoding.EncodeToString(k.private.PublicKey().Bytes())
}

// Open decrypts the body of an event.
func (k *SealKey) Open(id EventID, sealed []byte) ([]byte, error) {
	body, err := hpke.Open(k.private, hpke.HKDFSHA256(), hpke.AES256GCM(), id[:], sealed)
	if err != nil {
		return nil, ErrSealed
	}
	return body, nil
}
