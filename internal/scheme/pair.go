package scheme

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// A publicKey is one public key and the id under which a set lists it.
type publicKey struct {
	id  string
	key crypto.PublicKey
}

type privateKey struct {
	id  string
	key crypto.Signer
}

// minRSABits is below what any provider uses; such a key is a mistake, or an
// attack.
const minRSABits = 1024

// parsePair reads a private key, a public key, a certificate or a set of keys:
// PEM, JWK, JWKS, DER in base64 or hex, or the bare bytes of an Ed25519 key,
// with the prefixes whsk_ and whpk_ of Standard Webhooks if they are there.
func (k *Key) parsePair(a algorithm, text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return ErrEmptySecret
	}
	var err error
	switch {
	case strings.HasPrefix(text, "{"):
		err = k.parseJWK(text)
	case strings.Contains(text, "-----BEGIN"):
		err = k.parsePEM([]byte(text))
	default:
		err = k.parseBare(a, text)
	}
	if err != nil {
		return err
	}
	k.secret = []byte(text)
	if k.signer != nil {
		k.public = append([]publicKey{{k.signer.id, k.signer.key.Public()}}, k.public...)
	}
	fitting := k.public[:0]
	for _, p := range k.public {
		if a.fits(p.key) {
			fitting = append(fitting, p)
		}
	}
	if k.public = fitting; len(fitting) == 0 {
		return &SecretError{"holds no key for " + a.name}
	}
	if len(k.public) > MaxKeys {
		k.public = k.public[:MaxKeys]
	}
	return nil
}

// fits says whether a key is one that the algorithm uses.
func (a *algorithm) fits(key crypto.PublicKey) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return a.family == familyEd25519 && len(key) == ed25519.PublicKeySize
	case *ecdsa.PublicKey:
		return a.family == familyECDSA && key.Curve == a.curve
	case *rsa.PublicKey:
		return (a.family == familyRSA || a.family == familyPSS) && key.N.BitLen() >= minRSABits
	}
	return false
}

func (k *Key) parsePEM(text []byte) error {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if err := k.parseDER(block.Bytes); err != nil {
			return err
		}
		text = rest
	}
	if len(k.public) == 0 && k.signer == nil {
		return &SecretError{"is PEM that holds no key"}
	}
	return nil
}

func (k *Key) parseDER(der []byte) error {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return k.setSigner("", key)
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return k.setSigner("", key)
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k.setSigner("", key)
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		k.public = append(k.public, publicKey{key: key})
		return nil
	}
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		k.public = append(k.public, publicKey{key: key})
		return nil
	}
	if cert, err := x509.ParseCertificate(der); err == nil {
		k.public = append(k.public, publicKey{key: cert.PublicKey})
		return nil
	}
	return &SecretError{"is neither a key nor a certificate"}
}

func (k *Key) setSigner(id string, key any) error {
	signer, ok := key.(crypto.Signer)
	if !ok || k.signer != nil {
		return &SecretError{"holds more than one private key, or one that cannot sign"}
	}
	k.signer = &privateKey{id, signer}
	return nil
}

// parseBare reads base64 or hex of DER, or of the 32 or 64 bytes of an Ed25519
// key. 32 bytes are the public key, unless whsk_ says otherwise.
func (k *Key) parseBare(a algorithm, text string) error {
	private := false
	text = strings.TrimPrefix(text, "v1a,")
	if rest, ok := strings.CutPrefix(text, "whsk_"); ok {
		text, private = rest, true
	}
	text = strings.TrimPrefix(text, "whpk_")
	text = strings.Join(strings.Fields(text), "")
	raw, err := hex.DecodeString(text)
	if err != nil {
		if raw, err = decodeBase64(text); err != nil {
			return &SecretError{"is neither PEM, nor a JWK, nor base64 or hex of a key"}
		}
	}
	if a.family != familyEd25519 || len(raw) != ed25519.PublicKeySize && len(raw) != ed25519.PrivateKeySize {
		return k.parseDER(raw)
	}
	switch {
	case len(raw) == ed25519.PrivateKeySize:
		return k.setSigner("", ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize]))
	case private:
		return k.setSigner("", ed25519.NewKeyFromSeed(raw))
	}
	k.public = append(k.public, publicKey{key: ed25519.PublicKey(raw)})
	return nil
}

// verify says whether signature is one of content by the public key. digest is
// the hash of the content, where the algorithm has one.
func (a *algorithm) verify(key crypto.PublicKey, content, digest, signature []byte) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return len(signature) == ed25519.SignatureSize && ed25519.Verify(key, content, signature)
	case *ecdsa.PublicKey:
		if a.fixed {
			var ok bool
			if signature, ok = derOf(signature, key.Curve); !ok {
				return false
			}
		}
		return ecdsa.VerifyASN1(key, digest, signature)
	case *rsa.PublicKey:
		if a.family == familyPSS {
			return rsa.VerifyPSS(key, a.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		}
		return rsa.VerifyPKCS1v15(key, a.hash, digest, signature) == nil
	}
	return false
}

// sign makes a signature with the private key.
func (a *algorithm) sign(key *privateKey, content, digest []byte, o SignOptions) ([]byte, error) {
	var opts crypto.SignerOpts = a.hash
	switch a.family {
	case familyEd25519:
		digest, opts = content, crypto.Hash(0)
	case familyPSS:
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.hash}
	}
	out, err := key.key.Sign(o.random(), digest, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	if a.fixed {
		return fixedOf(out, a.curve)
	}
	return out, nil
}

type ecSignature struct{ R, S *big.Int }

// derOf turns r and s side by side into DER.
func derOf(fixed []byte, curve elliptic.Curve) ([]byte, bool) {
	n := (curve.Params().BitSize + 7) / 8
	if len(fixed) != 2*n {
		return nil, false
	}
	der, err := asn1.Marshal(ecSignature{new(big.Int).SetBytes(fixed[:n]), new(big.Int).SetBytes(fixed[n:])})
	return der, err == nil
}

// fixedOf turns DER into r and s side by side.
func fixedOf(der []byte, curve elliptic.Curve) ([]byte, error) {
	var sig ecSignature
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 {
		return nil, errors.New("signature is not DER")
	}
	n := (curve.Params().BitSize + 7) / 8
	out := make([]byte, 2*n)
	sig.R.FillBytes(out[:n])
	sig.S.FillBytes(out[n:])
	return out, nil
}
