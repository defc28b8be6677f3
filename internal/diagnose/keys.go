package diagnose

import (
	"encoding/base64"
	"hash"
	"regexp"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A form is a way to make a key of a secret.
type form struct {
	change
	spec scheme.Secret
	read func(string) string // what is done with the text first; nil: nothing
}

// forms lists the provider's way and those that are mistaken for it.
func forms(spec scheme.Spec) []form {
	usual := spec.Secret.Encoding
	if usual == "" {
		usual = "raw"
	}
	out := []form{{spec: spec.Secret}}
	if !keyed(spec.Algorithm) || len(spec.Secret.Fields) > 0 || spec.Secret.Key != "" {
		return out
	}
	add := func(encoding string, prefix []string, detail string, read func(string) string) {
		f := form{change: one(SecretEncoding, detail), spec: spec.Secret, read: read}
		f.rank, f.spec.Encoding, f.spec.Prefix = len(out), encoding, prefix
		out = append(out, f)
	}
	whsec := []string{"v1,whsec_", "whsec_"}
	if usual == "raw" {
		add("base64", spec.Secret.Prefix, "the signer decoded the secret as base64 first", nil)
		add("hex", spec.Secret.Prefix, "the signer decoded the secret as hex first", nil)
		add("base64", whsec, "the signer decoded what follows whsec_ as base64, as Standard Webhooks does", nil)
		add("base64url", spec.Secret.Prefix, "the signer decoded the secret as base64url first", nil)
		add("base64", spec.Secret.Prefix, "the signer decoded the secret as base64 as Node's Buffer does, which passes over what is none", lenient)
		add("raw", spec.Secret.Prefix, "the signer took base64 of the secret as the key", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })
		return out
	}
	add("raw", nil, "the signer took the text of the secret as it is for the key", nil)
	add("raw", spec.Secret.Prefix, "the signer took the text of the secret, without its prefix, for the key", nil)
	for _, other := range []string{"base64", "hex", "base64url"} {
		if other != usual {
			add(other, spec.Secret.Prefix, "the signer decoded the secret as "+other+", not as "+usual, nil)
		}
	}
	kept := form{change: one(SecretPrefix, "the signer decoded the secret with its prefix, as Node's Buffer does without an error"), spec: spec.Secret, read: lenient}
	kept.rank, kept.spec.Prefix = len(out), nil
	if usual == "base64" {
		out = append(out, kept)
	}
	return out
}

func keyed(algorithm string) bool { return strings.HasPrefix(algorithm, "hmac-") }

// lenient makes strict base64 of what Node's Buffer.from(s, "base64") would
// read: both alphabets, up to the first =, everything else passed over.
func lenient(s string) string {
	s, _, _ = strings.Cut(s, "=")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	s = regexp.MustCompile(`[^A-Za-z0-9+/]`).ReplaceAllString(s, "")
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	b, err := base64.RawStdEncoding.DecodeString(s) // bits that are left over are dropped
	if err != nil {
		return ""
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// A key is a secret in one form, made for one algorithm.
type key struct {
	change
	scheme *scheme.Scheme
	key    *scheme.Key
}

// keysFor makes the keys of an algorithm, each once, those with the fewest
// mistakes first.
func (s *search) keysFor(spec scheme.Spec) []key {
	var all []key
	for _, f := range s.forms {
		formed := spec
		formed.Secret = f.spec
		sch, err := scheme.Compile(formed)
		if err != nil {
			continue
		}
		for _, t := range s.texts {
			c := t.and(f.change)
			if c.weight() > 2 {
				continue
			}
			c.shown = t.shown && f.weight() == 0
			secret := t.secret
			if f.read != nil {
				secret = safetext.NewSecret(f.read(secret.Reveal()))
			}
			k, err := sch.Key(secret)
			if err != nil {
				continue
			}
			all = append(all, key{c, sch, k})
		}
	}
	slices.SortStableFunc(all, func(a, b key) int { return a.weight() - b.weight() })
	return distinct(all)
}

// distinct keeps of keys that are the same the one with the fewest mistakes,
// which comes first.
func distinct(all []key) []key {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(k key) bool {
		h := k.key.NewHash()
		if h == nil || !keyed(k.scheme.Spec().Algorithm) {
			return false
		}
		sum := string(h.Sum(nil))
		double := seen[sum]
		seen[sum] = true
		return double
	})
}

// cloneHash returns a copy of h that goes on from the same state.
func cloneHash(h hash.Hash) (hash.Hash, bool) {
	c, ok := h.(hash.Cloner)
	if !ok {
		return nil, false
	}
	out, err := c.Clone()
	if err != nil {
		return nil, false
	}
	return out, true
}
