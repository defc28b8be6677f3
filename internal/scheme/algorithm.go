package scheme

import (
	"crypto"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"

	"github.com/hooks-cli/hooks/internal/keypair"
)

type algorithmKind uint8

const (
	kindMAC    algorithmKind = iota // HMAC with the secret as its key
	kindHash                        // a plain hash; the secret is part of the content
	kindToken                       // the secret itself
	kindBasic                       // user:password
	kindPublic                      // a key pair
)

// An algorithm is how a signature is made of the content and a key.
type algorithm struct {
	name    string
	kind    algorithmKind
	newHash func() hash.Hash // of MAC and hash
	size    int              // bytes of a MAC or hash
	pair    keypair.Algorithm
	jwt     string // the alg of a JSON web token, "" for everything else
}

var hashes = [...]struct {
	name string
	new  func() hash.Hash
	id   crypto.Hash
}{
	{"md5", md5.New, crypto.MD5},
	{"sha1", sha1.New, crypto.SHA1},
	{"sha256", sha256.New, crypto.SHA256},
	{"sha384", sha512.New384, crypto.SHA384},
	{"sha512", sha512.New, crypto.SHA512},
}

var jwtAlgorithms = [...]struct{ name, of string }{
	{"HS256", "hmac-sha256"},
	{"HS384", "hmac-sha384"},
	{"HS512", "hmac-sha512"},
	{"RS256", "rsa-sha256"},
	{"RS384", "rsa-sha384"},
	{"RS512", "rsa-sha512"},
	{"PS256", "rsa-pss-sha256"},
	{"PS384", "rsa-pss-sha384"},
	{"PS512", "rsa-pss-sha512"},
	{"ES256", "ecdsa-p256-sha256-raw"},
	{"ES384", "ecdsa-p384-sha384-raw"},
	{"ES512", "ecdsa-p521-sha512-raw"},
	{"EdDSA", "ed25519"},
}

// Algorithms lists the names that a Spec may use.
func Algorithms() []string {
	var out []string
	for _, h := range hashes {
		out = append(out, "hmac-"+h.name)
	}
	for _, h := range hashes {
		out = append(out, h.name)
	}
	out = append(out, "ed25519")
	for _, curve := range []string{"p256", "p384", "p521"} {
		for _, h := range hashes[1:] {
			out = append(out, "ecdsa-"+curve+"-"+h.name, "ecdsa-"+curve+"-"+h.name+"-raw")
		}
	}
	for _, h := range hashes[1:] {
		out = append(out, "rsa-"+h.name)
	}
	for _, h := range hashes[1:] {
		out = append(out, "rsa-pss-"+h.name)
	}
	for _, j := range jwtAlgorithms {
		out = append(out, "jwt-"+strings.ToLower(j.name))
	}
	return append(out, "token", "basic")
}

func algorithmOf(name string) (algorithm, bool) {
	a := algorithm{name: name}
	a.pair.Name = name
	switch name {
	case "token":
		a.kind = kindToken
		return a, true
	case "basic":
		a.kind = kindBasic
		return a, true
	case "ed25519":
		a.kind, a.pair.Family = kindPublic, keypair.Ed25519
		return a, true
	}
	if rest, ok := strings.CutPrefix(name, "jwt-"); ok {
		return jwtAlgorithm(name, rest)
	}
	for _, h := range hashes {
		base, ok := strings.CutSuffix(strings.TrimSuffix(name, "-raw"), h.name)
		if !ok {
			continue
		}
		a.newHash, a.pair.Hash, a.size = h.new, h.id, h.id.Size()
		a.pair.Fixed = strings.HasSuffix(name, "-raw")
		return a, a.is(base) && (a.pair.Family == keypair.ECDSA || !a.pair.Fixed)
	}
	return algorithm{}, false
}

// is sets the kind of an algorithm from what stands before its hash.
func (a *algorithm) is(base string) bool {
	switch base {
	case "":
		a.kind = kindHash
	case "hmac-":
		a.kind = kindMAC
	case "rsa-":
		a.kind, a.pair.Family = kindPublic, keypair.RSA
	case "rsa-pss-":
		a.kind, a.pair.Family = kindPublic, keypair.RSAPSS
	case "ecdsa-p256-":
		a.kind, a.pair.Family, a.pair.Curve = kindPublic, keypair.ECDSA, elliptic.P256()
	case "ecdsa-p384-":
		a.kind, a.pair.Family, a.pair.Curve = kindPublic, keypair.ECDSA, elliptic.P384()
	case "ecdsa-p521-":
		a.kind, a.pair.Family, a.pair.Curve = kindPublic, keypair.ECDSA, elliptic.P521()
	default:
		return false
	}
	return a.kind != kindPublic || a.pair.Hash != crypto.MD5
}

func jwtAlgorithm(name, alg string) (algorithm, bool) {
	for _, j := range jwtAlgorithms {
		if strings.ToLower(j.name) == alg {
			a, ok := algorithmOf(j.of)
			a.name, a.pair.Name, a.jwt = name, name, j.name
			return a, ok
		}
	}
	return algorithm{}, false
}
