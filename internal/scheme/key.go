package scheme

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"

	"github.com/hooks-cli/hooks/internal/keypair"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// ErrEmptySecret is returned for a secret that is empty, or empty after its
// prefix was taken off or it was decoded. It is never a key.
var ErrEmptySecret = errors.New("the secret is empty")

// A SecretError says why a secret cannot be the key of a scheme. It never
// holds any part of the secret.
type SecretError struct{ Why string }

// Error says why.
func (e *SecretError) Error() string { return "the secret " + e.Why }

// A Key is a secret, decoded and prepared for one scheme. It may be used by
// several goroutines at once.
type Key struct {
	scheme *Scheme           // the one that it was made for
	secret []byte            // the key's bytes; of a pair, the text that was given
	fields map[string]string // see Secret.Fields
	pair   *keypair.Pair     // nil for a key that both sides share
	states sync.Pool         // of *state
}

// CanSign says whether the key can make signatures: always, but for the public
// half of a pair.
func (k *Key) CanSign() bool { return k.pair == nil || k.pair.Private != nil }

// A state is what one verification works with. It is kept and reused, since
// making the state of an HMAC costs as much as hashing two blocks.
type state struct {
	r      reading
	p      parsed
	w      writer
	sum    []byte
	wanted [MaxSignatures][]byte // the decoded signatures
	buf    [MaxSignatures][64]byte
}

type secretForm struct {
	encoding string
	prefixes []string
	derive   *template
	names    []string
}

func (sc scope) secretForm(spec Secret, alg algorithm) (secretForm, error) {
	f := secretForm{encoding: spec.Encoding, prefixes: spec.Prefix, names: spec.Fields}
	switch f.encoding {
	case "":
		f.encoding = "raw"
	case "raw", "base64", "base64url", "hex":
	default:
		return secretForm{}, fmt.Errorf("encoding: %q is none of raw, base64, base64url, hex", spec.Encoding)
	}
	if spec.Key != "" {
		if alg.kind == kindPublic {
			return secretForm{}, errors.New("key: the keys of a pair cannot be derived")
		}
		var err error
		if f.derive, err = sc.template(spec.Key); err != nil {
			return secretForm{}, fmt.Errorf("key: %w", err)
		}
	}
	return f, nil
}

// Key prepares a secret. For a key pair the secret is the private or the
// public key, a certificate, or a set of keys. The error is a *SecretError or
// ErrEmptySecret and holds nothing of the secret.
func (s *Scheme) Key(secret safetext.Secret) (*Key, error) {
	k := &Key{scheme: s}
	text, err := s.secret.split(k, secret.Reveal())
	if err != nil {
		return nil, err
	}
	if s.alg.kind == kindPublic {
		if err := k.parsePair(s.alg.pair, text); err != nil {
			return nil, err
		}
	} else if k.secret, err = s.secret.decode(text); err != nil {
		return nil, err
	}
	if s.secret.derive != nil {
		r := &reading{s: s, m: &Message{}, key: k}
		k.secret = []byte(s.secret.derive.text(r))
	}
	if len(k.secret) == 0 {
		return nil, ErrEmptySecret
	}
	if s.alg.kind == kindBasic && !strings.Contains(string(k.secret), ":") {
		return nil, &SecretError{"is not USER:PASSWORD"}
	}
	s.prepare(k)
	return k, nil
}

// parsePair reads the key of a pair.
func (k *Key) parsePair(a keypair.Algorithm, text string) (err error) {
	var bad *keypair.Error
	switch k.pair, err = keypair.Parse(text, a, MaxKeys); {
	case errors.As(err, &bad):
		return &SecretError{bad.Why}
	case err != nil:
		return ErrEmptySecret
	}
	k.secret = []byte(text)
	return nil
}

// id is the id that a set of keys gives to the private key, and "".
func (k *Key) id() string {
	if k.pair == nil || k.pair.Private == nil {
		return ""
	}
	return k.pair.Private.ID
}

// prepare makes the pool of states. The first one is made at once, so that the
// key's blocks are hashed here and never again.
func (s *Scheme) prepare(k *Key) {
	newState := func() *state {
		st := &state{sum: make([]byte, 0, 64)}
		st.w.h = s.newHash(k)
		st.w.buf = make([]byte, 0, 256)
		return st
	}
	k.states.New = func() any { return newState() }
	k.states.Put(newState())
}

// newHash returns the hash that the content goes into, and nil where the
// algorithm takes the content itself.
func (s *Scheme) newHash(k *Key) hash.Hash {
	switch {
	case s.alg.kind == kindMAC:
		return hmac.New(s.alg.newHash, k.secret)
	case s.alg.kind == kindHash, s.alg.kind == kindPublic && s.alg.newHash != nil:
		return s.alg.newHash()
	}
	return nil
}

// split takes the lines NAME=VALUE of further values off a secret.
func (f *secretForm) split(k *Key, text string) (string, error) {
	if len(f.names) == 0 {
		return text, nil
	}
	k.fields = make(map[string]string, len(f.names))
	for {
		line, rest, _ := strings.Cut(text, "\n")
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r"), "=")
		if !ok || !slices.Contains(f.names, name) {
			break
		}
		k.fields[name], text = value, rest
	}
	for _, name := range f.names {
		if k.fields[name] == "" {
			return "", &SecretError{fmt.Sprintf("needs a first line %s=…", name)}
		}
	}
	return text, nil
}

func (f *secretForm) decode(text string) ([]byte, error) {
	for _, prefix := range f.prefixes {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			text = rest
			break
		}
	}
	if text == "" {
		return nil, ErrEmptySecret
	}
	var out []byte
	var err error
	switch f.encoding {
	case "hex":
		out, err = hex.DecodeString(text)
	case "base64", "base64url":
		out, err = f.base64(text)
	default:
		return []byte(text), nil
	}
	if err != nil {
		return nil, &SecretError{"is not " + f.encoding + f.afterPrefix()}
	}
	if len(out) == 0 {
		return nil, ErrEmptySecret
	}
	return out, nil
}

// base64 reads a secret with or without its padding, which people lose.
func (f *secretForm) base64(text string) ([]byte, error) {
	enc := base64.RawStdEncoding
	if f.encoding == "base64url" {
		enc = base64.RawURLEncoding
	}
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("line ends")
	}
	return enc.DecodeString(strings.TrimRight(text, "="))
}

func (f *secretForm) afterPrefix() string {
	if len(f.prefixes) == 0 {
		return ""
	}
	return " after " + strings.Join(f.prefixes, " or ")
}

// Of says whether the key was made for s.
func (k *Key) Of(s *Scheme) bool { return k != nil && k.scheme == s }
