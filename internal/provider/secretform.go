package provider

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A SecretForm is what a signing secret looks like, enough to make one.
type SecretForm struct {
	// Encoding is raw, base64, base64url or hex; for a key pair what kind.
	Encoding string
	Prefix   string
	Env      string // the variable in which apps usually keep it
	Note     string // where a person finds it
	KeyPair  bool   // the secret is a private key

	algorithm string
	text      *sampleText
	fields    []string
}

// ErrNotDerivable is returned by Derive where such a key can only be made at
// random: an RSA key. Make one with New and keep it.
var ErrNotDerivable = errors.New("a key of this kind cannot be derived")

func newSecretForm(s *scheme.Scheme) (SecretForm, error) {
	spec := s.Spec()
	f := SecretForm{
		Encoding: spec.Secret.Encoding, Env: spec.Secret.Env, Note: spec.Secret.Note,
		KeyPair: s.Asymmetric(), algorithm: s.PairKind(), fields: spec.Secret.Fields,
	}
	if len(spec.Secret.Prefix) > 0 {
		f.Prefix = spec.Secret.Prefix[0]
	}
	if f.KeyPair {
		f.Encoding = f.algorithm
		return f, nil
	}
	if f.Encoding == "" {
		f.Encoding = "raw"
	}
	form := spec.Secret.Form
	if form == "" {
		form = defaultForm(spec, f.Prefix)
	}
	var err error
	f.text, err = parseSample(form, nil)
	return f, err
}

// defaultForm makes a secret of 32 bytes' strength in the encoding.
func defaultForm(spec scheme.Spec, prefix string) string {
	switch spec.Secret.Encoding {
	case "base64":
		return prefix + "{{base64 32}}"
	case "base64url":
		return prefix + "{{base64url 32}}"
	case "hex":
		return prefix + "{{hex 64}}"
	}
	if spec.Algorithm == "basic" {
		return "hooks:{{alnum 32}}"
	}
	return prefix + "{{alnum 32}}"
}

// New makes a secret at random.
func (f SecretForm) New() (safetext.Secret, error) {
	if f.KeyPair && strings.HasPrefix(f.algorithm, "rsa") {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return safetext.Secret{}, err
		}
		return f.finish(key, nil)
	}
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // never fails
	return f.Derive(seed)
}

// Derive makes the secret that follows from master, which must be secret and
// at least 16 bytes long. The same master always gives the same secret; from
// the secret the master cannot be found.
func (f SecretForm) Derive(master []byte) (safetext.Secret, error) {
	if len(master) < 16 {
		return safetext.Secret{}, errors.New("less than 16 bytes to derive a secret from")
	}
	seed, err := hkdf.Key(sha256.New, master, nil, "hooks signing secret "+f.algorithm, 64)
	if err != nil {
		return safetext.Secret{}, err
	}
	var random [32]byte
	copy(random[:], seed[:32])
	s := &sampler{rng: mrand.New(mrand.NewChaCha8(random)), named: map[string]string{}}
	if !f.KeyPair {
		if f.text == nil {
			return safetext.Secret{}, errors.New("this provider has no secret")
		}
		return f.finish(nil, s)
	}
	switch {
	case f.algorithm == "ed25519":
		return f.finish(ed25519.NewKeyFromSeed(seed[:32]), s)
	case strings.HasPrefix(f.algorithm, "ecdsa"):
		key, err := deriveECDSA(f.algorithm, seed)
		if err != nil {
			return safetext.Secret{}, err
		}
		return f.finish(key, s)
	}
	return safetext.Secret{}, ErrNotDerivable
}

// deriveECDSA takes the first of a series of numbers that is a private key.
func deriveECDSA(kind string, seed []byte) (*ecdsa.PrivateKey, error) {
	curve := elliptic.P256()
	switch kind {
	case "ecdsa-p384":
		curve = elliptic.P384()
	case "ecdsa-p521":
		curve = elliptic.P521()
	}
	n := (curve.Params().BitSize + 7) / 8
	for i := range uint64(256) {
		raw, err := hkdf.Key(sha256.New, seed, nil, string(binary.BigEndian.AppendUint64(nil, i)), n)
		if err != nil {
			return nil, err
		}
		if kind == "ecdsa-p521" {
			raw[0] &= 1
		}
		if key, err := ecdsa.ParseRawPrivateKey(curve, raw); err == nil {
			return key, nil
		}
	}
	return nil, ErrNotDerivable
}

// finish writes the secret with the further values that go in front of it.
func (f SecretForm) finish(key any, s *sampler) (safetext.Secret, error) {
	if s == nil {
		var random [32]byte
		_, _ = rand.Read(random[:]) // never fails
		s = &sampler{rng: mrand.New(mrand.NewChaCha8(random)), named: map[string]string{}}
	}
	var b strings.Builder
	for _, name := range f.fields {
		fmt.Fprintf(&b, "%s=%s\n", name, s.text(nil, uppers+digits, 17))
	}
	if key == nil {
		b.Write(f.text.append(nil, s))
		return safetext.NewSecret(b.String()), nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return safetext.Secret{}, err
	}
	b.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return safetext.NewSecret(b.String()), nil
}
