package check

import (
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A surgeon returns what is to stand in the place of a signature's value. The
// signature itself is value[from:to]; the rest is what goes around it.
type surgeon func(s *scheme.Scheme, value string, from, to int) string

var errNoSignature = errors.New("the signature stands where it cannot be changed by itself")

// operate returns a copy of d, which is signed, with every signature changed.
func (k *kit) operate(d *webhook.Delivery, f surgeon) (*webhook.Delivery, error) {
	m := message(d)
	out := with(d, m)
	if err := k.eachSignature(out, f); err != nil {
		return nil, skip("%v", err)
	}
	return out, nil
}

// eachSignature changes the signatures in d. Its header must be its own.
func (k *kit) eachSignature(d *webhook.Delivery, f surgeon) error {
	found := false
	for _, s := range k.schemes {
		for _, name := range s.SignatureHeaders() {
			for i, v := range d.Header[name] {
				from, to := signatureIn(s.Spec(), v)
				d.Header[name] = slices.Clone(d.Header[name])
				d.Header[name][i], found = f(s, v, from, to), true
			}
		}
		if len(s.SignatureHeaders()) > 0 {
			continue
		}
		for _, text := range s.Spec().Signature.In {
			changed, err := inside(d, s, text, f)
			if err != nil {
				return err
			}
			found = found || changed
		}
	}
	if !found {
		return errNoSignature
	}
	return nil
}

// inside changes a signature that stands in the body or the address.
func inside(d *webhook.Delivery, s *scheme.Scheme, text string, f surgeon) (bool, error) {
	p, err := scheme.ParsePlace(text)
	if err != nil {
		return false, errNoSignature
	}
	m := message(d)
	values := p.Values(m)
	if len(values) != 1 {
		return false, nil
	}
	from, to := signatureIn(s.Spec(), values[0])
	if err := p.Set(m, f(s, values[0], from, to)); err != nil {
		return false, errNoSignature
	}
	*d = *with(d, m)
	return true, nil
}

// signatureIn finds the signature in the value of its place: what stands there
// where the format has {signature}.
func signatureIn(spec scheme.Spec, value string) (from, to int) {
	if spec.Message != nil {
		return between(value, "=:", ":")
	}
	format := spec.Signature.Format
	if format == "" && spec.Algorithm == "basic" {
		format = "Basic {signature}"
	}
	before, after, ok := strings.Cut(format, "{signature}")
	if !ok || spec.Signature.Wrap != "" {
		return 0, len(value)
	}
	if i := strings.LastIndexByte(before, '}'); i >= 0 {
		before = before[i+1:]
	}
	after, _, _ = strings.Cut(after, "{")
	return between(value, before, after)
}

// between finds what stands behind before and in front of after, either of
// which may be empty; all of s if before is not there.
func between(s, before, after string) (from, to int) {
	i := strings.Index(s, before)
	if i < 0 {
		return 0, len(s)
	}
	from, to = i+len(before), len(s)
	if j := strings.Index(s[from:], after); after != "" && j >= 0 {
		to = from + j
	}
	return from, to
}

// replaced returns a surgeon that puts text in the place of the signature.
func replaced(text func(signature string) string) surgeon {
	return func(_ *scheme.Scheme, value string, from, to int) string {
		return value[:from] + text(value[from:to]) + value[to:]
	}
}

// A forgery is a signature by something weaker than what the provider uses.
type forgery struct {
	name string
	spec scheme.Spec
}

// forgeries lists the weaker algorithms for the scheme by which is signed, but
// for those that the provider documents as well.
func (k *kit) forgeries() []forgery {
	spec := k.main().Spec()
	spec.Also = false
	as := func(name, algorithm string) forgery {
		f := forgery{name, spec}
		f.spec.Algorithm, f.spec.Content = algorithm, slices.Clone(spec.Content)
		if !strings.HasPrefix(algorithm, "hmac-") {
			f.spec.Content = withoutSecret(f.spec.Content)
		}
		return f
	}
	var out []forgery
	switch {
	case strings.HasPrefix(spec.Algorithm, "hmac-"):
		if !k.documents("hmac-sha1") {
			out = append(out, as("HMAC-SHA1", "hmac-sha1"))
			if strings.Contains(spec.Signature.Format, "sha256=") {
				f := as("HMAC-SHA1 under the name sha1", "hmac-sha1")
				f.spec.Signature.Format = strings.ReplaceAll(spec.Signature.Format, "sha256=", "sha1=")
				out = append(out, f)
			}
		}
		out = append(out, as("SHA-256 without a key", "sha256"))
		if k.documents("hmac-sha1") {
			out = append(out, as("SHA-1 without a key", "sha1"))
		}
	case strings.HasPrefix(spec.Algorithm, "sha"):
		out = append(out, as("SHA-256 without the secret", "sha256"))
	}
	return out
}

// noSecret is a part of a template that a plain hash must have, and that is
// empty.
const noSecret = "{secret|first:0}"

// withoutSecret returns the content without the secret in it: what is then
// hashed is known to anyone.
func withoutSecret(content []string) []string {
	if len(content) == 0 {
		return []string{noSecret + "{body}"}
	}
	for i := range content {
		content[i] = strings.ReplaceAll(content[i], "{secret}", "")
	}
	content[0] = noSecret + content[0]
	return content
}

// documents says whether the provider has a scheme with that algorithm.
func (k *kit) documents(algorithm string) bool {
	return slices.ContainsFunc(k.provider.Schemes(), func(s *scheme.Scheme) bool { return s.Spec().Algorithm == algorithm })
}

// forge signs d, which is not signed, by f.
func (k *kit) forge(d *webhook.Delivery, f forgery) (*webhook.Delivery, error) {
	s, err := scheme.Compile(f.spec)
	if err != nil {
		return nil, err
	}
	key, err := s.Key(k.secrets[0].Secret)
	if err != nil {
		return nil, err
	}
	m := message(d)
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: k.now()}); err != nil {
		return nil, err
	}
	return with(d, m), nil
}

// unsecured makes a JSON web token one that says that it is not signed.
func unsecured(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return token
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	return none + "." + parts[1] + "."
}

// headersOf returns what signing has set among the headers.
func headersOf(draft, signed *webhook.Delivery) map[string][]string {
	out := map[string][]string{}
	for name, values := range signed.Header {
		if !slices.Equal(draft.Header[name], values) {
			out[name] = values
		}
	}
	return out
}

// graft puts the headers that signed one delivery on another.
func graft(to *webhook.Delivery, headers map[string][]string) *webhook.Delivery {
	m := message(to)
	maps.Copy(m.Header, headers)
	return with(to, m)
}
