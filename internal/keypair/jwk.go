package keypair

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
)

// A jwk is a JSON web key (RFC 7517), as far as signing needs it.
type jwk struct {
	Type  string `json:"kty"`
	ID    string `json:"kid"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y"`
	D     string `json:"d"`
	N     string `json:"n"`
	E     string `json:"e"`
	P     string `json:"p"`
	Q     string `json:"q"`
	// Key holds the key where a provider wraps it, as Plaid does.
	Key *jwk `json:"key"`
}

// parseJWK reads a key or a set of them. Keys of kinds that are not known here
// are passed over in a set.
func (p *Pair) parseJWK(text string) error {
	var set struct {
		jwk
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return &Error{"is not a JWK: it is not JSON"}
	}
	list := set.Keys
	if list == nil {
		if set.Key != nil {
			set.jwk = *set.Key
		}
		list = []jwk{set.jwk}
	}
	for i := range list {
		if err := p.addJWK(&list[i]); err != nil && set.Keys == nil {
			return err
		}
	}
	if len(p.Public) == 0 && p.Private == nil {
		return &Error{"is a JWK set without a key that can be used"}
	}
	return nil
}

var errJWK = &Error{"is not a JWK that can be used"}

func (p *Pair) addJWK(j *jwk) error {
	var private, public any
	var err error
	switch j.Type {
	case "OKP":
		private, public, err = j.edwards()
	case "EC":
		private, public, err = j.ec()
	case "RSA":
		private, public, err = j.rsa()
	default:
		err = errJWK
	}
	switch {
	case err != nil:
		return errJWK
	case private != nil && p.Private == nil:
		return p.setSigner(j.ID, private)
	}
	p.Public = append(p.Public, Public{j.ID, public})
	return nil
}

func number(text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(b) == 0 {
		err = errors.New("empty")
	}
	return b, err
}

func (j *jwk) edwards() (private, public any, err error) {
	if j.Curve != "Ed25519" {
		return nil, nil, errJWK
	}
	if j.D != "" {
		seed, err := number(j.D)
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, nil, errJWK
		}
		key := ed25519.NewKeyFromSeed(seed)
		return key, key.Public(), nil
	}
	x, err := number(j.X)
	if err != nil || len(x) != ed25519.PublicKeySize {
		return nil, nil, errJWK
	}
	return nil, ed25519.PublicKey(x), nil
}

func (j *jwk) ec() (private, public any, err error) {
	var curve elliptic.Curve
	switch j.Curve {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil, nil, errJWK
	}
	n := (curve.Params().BitSize + 7) / 8
	x, errX := number(j.X)
	y, errY := number(j.Y)
	if err := errors.Join(errX, errY); err != nil || len(x) > n || len(y) > n {
		return nil, nil, errJWK
	}
	point := make([]byte, 1+2*n)
	point[0] = 4
	copy(point[1+n-len(x):], x)
	copy(point[1+2*n-len(y):], y)
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil || j.D == "" {
		return nil, pub, err
	}
	d, err := number(j.D)
	if err != nil || len(d) > n {
		return nil, nil, errJWK
	}
	key, err := ecdsa.ParseRawPrivateKey(curve, append(make([]byte, n-len(d)), d...))
	if err != nil || !key.PublicKey.Equal(pub) {
		return nil, nil, errJWK
	}
	return key, pub, nil
}

func (j *jwk) rsa() (private, public any, err error) {
	n, errN := number(j.N)
	e, errE := number(j.E)
	if err := errors.Join(errN, errE); err != nil || len(e) > 4 {
		return nil, nil, errJWK
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if j.D == "" {
		return nil, pub, nil
	}
	d, errD := number(j.D)
	p, errP := number(j.P)
	q, errQ := number(j.Q)
	if errors.Join(errD, errP, errQ) != nil {
		return nil, nil, errJWK
	}
	key := &rsa.PrivateKey{PublicKey: *pub, D: new(big.Int).SetBytes(d)}
	key.Primes = []*big.Int{new(big.Int).SetBytes(p), new(big.Int).SetBytes(q)}
	if err := key.Validate(); err != nil {
		return nil, nil, errJWK
	}
	key.Precompute()
	return key, pub, nil
}
