// Package keypair reads the keys of key pairs in every form in which people
// and providers hold them, and signs and verifies with them. A private key
// stands for its public one as well. It fetches nothing.
package keypair

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// A Family is a kind of key and how it signs.
type Family uint8

// The families. The zero Family is none.
const (
	None Family = iota
	Ed25519
	ECDSA
	RSA    // PKCS #1 v1.5
	RSAPSS // RSA with the probabilistic scheme
)

// An Algorithm is how signatures are made with a key of a pair.
type Algorithm struct {
	Name   string // for messages
	Family Family
	Hash   crypto.Hash // 0: the content itself is signed
	Curve  elliptic.Curve
	Fixed  bool // an ECDSA signature is r and s side by side, not DER
}

// A Public is one public key, and the id under which a set lists it.
type Public struct {
	ID  string
	Key crypto.PublicKey
}

// A Private is a private key, and the id under which a set lists it.
type Private struct {
	ID  string
	Key crypto.Signer
}

// A Pair is what a text holds of key pairs.
type Pair struct {
	Private *Private // nil if only public keys are known
	Public  []Public // at least one; those of the private key first
}

// An Error says why a text cannot be used. It holds nothing of the text.
type Error struct{ Why string }

// Error says why, with the text as its subject: "is not PEM".
func (e *Error) Error() string { return e.Why }

// ErrEmpty is returned by Parse for no text.
var ErrEmpty = errors.New("is empty")

// minRSABits is below what any provider uses; such a key is a mistake, or an
// attack.
const minRSABits = 1024

// Parse reads a private key, a public key, a certificate or a set of keys: PEM,
// JWK, JWKS, DER in base64 or hex, or the bare bytes of an Ed25519 key, with
// the prefixes whsk_ and whpk_ of Standard Webhooks if they are there. Keys
// that do not fit the algorithm are passed over, and at most limit are kept.
// The error is an *Error or ErrEmpty.
func Parse(text string, a Algorithm, limit int) (*Pair, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, ErrEmpty
	}
	p := &Pair{}
	var err error
	switch {
	case strings.HasPrefix(text, "{"):
		err = p.parseJWK(text)
	case strings.Contains(text, "-----BEGIN"):
		err = p.parsePEM([]byte(text))
	default:
		err = p.parseBare(a, text)
	}
	if err != nil {
		return nil, err
	}
	if p.Private != nil && !a.Fits(p.Private.Key.Public()) {
		p.Private = nil
	}
	if p.Private != nil {
		p.Public = append([]Public{{p.Private.ID, p.Private.Key.Public()}}, p.Public...)
	}
	p.Public = slices.DeleteFunc(p.Public, func(one Public) bool { return !a.Fits(one.Key) })
	if len(p.Public) == 0 {
		return nil, &Error{"holds no key for " + a.Name}
	}
	p.Public = p.Public[:min(len(p.Public), limit)]
	return p, nil
}

// Fits says whether a key is one that the algorithm uses.
func (a Algorithm) Fits(key crypto.PublicKey) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return a.Family == Ed25519 && len(key) == ed25519.PublicKeySize
	case *ecdsa.PublicKey:
		return a.Family == ECDSA && key.Curve == a.Curve
	case *rsa.PublicKey:
		return (a.Family == RSA || a.Family == RSAPSS) && key.N.BitLen() >= minRSABits
	}
	return false
}

func (p *Pair) parsePEM(text []byte) error {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if err := p.parseDER(block.Bytes); err != nil {
			return err
		}
		text = rest
	}
	if len(p.Public) == 0 && p.Private == nil {
		return &Error{"is PEM that holds no key"}
	}
	return nil
}

func (p *Pair) parseDER(der []byte) error {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return p.setSigner("", key)
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return p.setSigner("", key)
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return p.setSigner("", key)
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		p.Public = append(p.Public, Public{Key: key})
		return nil
	}
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		p.Public = append(p.Public, Public{Key: key})
		return nil
	}
	if cert, err := x509.ParseCertificate(der); err == nil {
		p.Public = append(p.Public, Public{Key: cert.PublicKey})
		return nil
	}
	return &Error{"is neither a key nor a certificate"}
}

func (p *Pair) setSigner(id string, key any) error {
	signer, ok := key.(crypto.Signer)
	if !ok || p.Private != nil {
		return &Error{"holds more than one private key, or one that cannot sign"}
	}
	p.Private = &Private{id, signer}
	return nil
}

// parseBare reads base64 or hex of DER, or of the 32 or 64 bytes of an Ed25519
// key. 32 bytes are the public key, unless whsk_ says otherwise.
func (p *Pair) parseBare(a Algorithm, text string) error {
	private := false
	text = strings.TrimPrefix(text, "v1a,")
	if rest, ok := strings.CutPrefix(text, "whsk_"); ok {
		text, private = rest, true
	}
	text = strings.TrimPrefix(text, "whpk_")
	text = strings.Join(strings.Fields(text), "")
	raw, err := hex.DecodeString(text)
	if err != nil {
		if raw, err = anyBase64(text); err != nil {
			return &Error{"is neither PEM, nor a JWK, nor base64 or hex of a key"}
		}
	}
	if a.Family != Ed25519 || len(raw) != ed25519.PublicKeySize && len(raw) != ed25519.PrivateKeySize {
		return p.parseDER(raw)
	}
	switch {
	case len(raw) == ed25519.PrivateKeySize:
		return p.setSigner("", ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize]))
	case private:
		return p.setSigner("", ed25519.NewKeyFromSeed(raw))
	}
	p.Public = append(p.Public, Public{Key: ed25519.PublicKey(raw)})
	return nil
}

// Verify says whether signature is one of content by the public key. digest is
// the hash of the content, where the algorithm has one.
func (a Algorithm) Verify(key crypto.PublicKey, content, digest, signature []byte) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return len(signature) == ed25519.SignatureSize && ed25519.Verify(key, content, signature)
	case *ecdsa.PublicKey:
		if a.Fixed {
			var ok bool
			if signature, ok = derOf(signature, key.Curve); !ok {
				return false
			}
		}
		return ecdsa.VerifyASN1(key, digest, signature)
	case *rsa.PublicKey:
		if a.Family == RSAPSS {
			return rsa.VerifyPSS(key, a.Hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		}
		return rsa.VerifyPKCS1v15(key, a.Hash, digest, signature) == nil
	}
	return false
}

// Sign makes a signature of content, or of its digest where the algorithm has
// a hash.
func (a Algorithm) Sign(random io.Reader, key *Private, content, digest []byte) ([]byte, error) {
	var opts crypto.SignerOpts = a.Hash
	switch a.Family {
	case Ed25519:
		digest, opts = content, crypto.Hash(0)
	case RSAPSS:
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.Hash}
	}
	out, err := key.Key.Sign(random, digest, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Name, err)
	}
	if a.Fixed {
		return fixedOf(out, a.Curve)
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

// anyBase64 reads all usual spellings of base64.
func anyBase64(text string) ([]byte, error) {
	text = strings.TrimRight(text, "=")
	if strings.ContainsAny(text, "-_") {
		return base64.RawURLEncoding.DecodeString(text)
	}
	return base64.RawStdEncoding.DecodeString(text)
}

// PublicPEM returns the public keys, each in PEM.
func (p *Pair) PublicPEM() string {
	var b strings.Builder
	for _, one := range p.Public {
		der, err := x509.MarshalPKIXPublicKey(one.Key)
		if err != nil {
			continue // a kind of key that is never read
		}
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	return b.String()
}
