package diagnose

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// readable is the request with a signature of the right form where the one that
// came cannot be read, so that what is signed along with the body can.
func readable(sch *scheme.Scheme, m *scheme.Message) *scheme.Message {
	spec := sch.Spec()
	if _, ok := sch.Read(m); ok || len(spec.Signature.In) == 0 {
		return m
	}
	place, err := scheme.ParsePlace(spec.Signature.In[0])
	if err != nil {
		return m
	}
	if _, header := place.Header(); !header {
		return m
	}
	values := place.Values(m)
	if len(values) == 0 {
		if out, ok := borrowed(sch, place, m); ok {
			return out
		}
		values = []string{""}
	}
	value := values[0]
	format := spec.Signature.Format
	if format == "" {
		format = "{signature}"
	}
	for _, part := range regexp.MustCompile(`\{[^}]*\}`).FindAllString(format, -1) {
		format = strings.Replace(format, part, element(spec, part, value), 1)
	}
	if spec.Signature.Wrap == "base64" {
		format = base64.StdEncoding.EncodeToString([]byte(format))
	}
	out := clone(m)
	if place.Set(out, format) != nil {
		return m
	}
	return out
}

// borrowed puts the value of another header where the signature belongs, if it
// is of the right form.
func borrowed(sch *scheme.Scheme, place *scheme.Place, m *scheme.Message) (*scheme.Message, bool) {
	for _, values := range m.Header {
		for _, v := range values {
			out := clone(m)
			if !signatureLike(v) || place.Set(out, v) != nil {
				continue
			}
			if _, ok := sch.Read(out); ok {
				return out, true
			}
		}
	}
	return nil, false
}

// element is what stands for a part of the format in a value that is malformed,
// and for the signature zeros.
func element(spec scheme.Spec, part, value string) string {
	if part == "{signature}" {
		zeros := make([]byte, max(16, hashSize(spec.Algorithm)))
		if strings.HasPrefix(spec.Signature.Encoding, "base64") {
			return base64.RawStdEncoding.EncodeToString(zeros) + strings.Repeat("=", (3-len(zeros)%3)%3)
		}
		return hex.EncodeToString(zeros)
	}
	sep := spec.Signature.Separator
	if sep == "" {
		return "0"
	}
	for piece := range strings.SplitSeq(spec.Signature.Format, sep) {
		front, end, ok := strings.Cut(piece, part)
		if !ok {
			continue
		}
		for _, got := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(sep+" ,;", r) }) {
			if inner, ok := strings.CutPrefix(got, front); ok && front != "" {
				return strings.TrimSuffix(inner, end)
			}
		}
	}
	return "0"
}

// wholeRequests makes the recipes for a scheme that judges whole requests: the
// signature from another header or spelled otherwise, another address, another
// hash.
func (s *search) wholeRequests(m *scheme.Message) {
	spec := s.base.Spec()
	messages := append([]message{{m: m}}, s.moved(spec, m)...)
	messages = append(messages, s.messages(spec)...)
	if spec.Message != nil || spec.JWT != nil && strings.Contains(joinedClaims(spec), "{url") {
		for _, a := range addresses(m) {
			changed := clone(m)
			changed.URL = a.url
			c := one(ContentURL, "the address that was signed is "+safetext.CleanURL(a.url)+a.why)
			messages = append(messages, message{c, changed})
		}
	}
	add := func(c change, spec scheme.Spec, m *scheme.Message) {
		r := recipe{change: c, m: m, keys: s.algorithm(spec)}
		r.rank += len(s.groups)
		g := group{keys: r.keys}
		g.add(r)
		s.groups = append(s.groups, g)
	}
	for _, one := range messages {
		add(one.change, spec, one.m)
	}
	for _, alg := range []string{"jwt-hs256", "jwt-hs384", "jwt-hs512"} {
		if strings.HasPrefix(spec.Algorithm, "jwt-hs") && alg != spec.Algorithm {
			changed := spec
			changed.Algorithm = alg
			add(one(AlgorithmOther, "it was made with "+alg+", not with "+spec.Algorithm), changed, m)
		}
	}
}

func joinedClaims(spec scheme.Spec) string {
	var out []string
	for _, c := range spec.JWT.Claims {
		out = append(out, c.Value)
	}
	return strings.Join(out, " ")
}

// maxMoved bounds the values that are tried in the place of a token.
const maxMoved = 60

// moved has the value of every place that could hold the signature in the place
// where the provider has it, and that one in the other spellings.
func (s *search) moved(spec scheme.Spec, m *scheme.Message) []message {
	var out []message
	seen := map[string]bool{}
	for _, in := range spec.Signature.In {
		place, err := scheme.ParsePlace(in)
		if err != nil {
			continue
		}
		own, _ := place.Header()
		try := func(c change, value string) {
			changed := clone(m)
			if id := in + "\x00" + value; !seen[id] && len(out) < maxMoved && place.Set(changed, value) == nil {
				seen[id] = true
				out = append(out, message{c, changed})
			}
		}
		for _, v := range place.Values(m) {
			seen[in+"\x00"+v] = true
			s.respelled(change{}, spec, v, try)
		}
		var names []string
		for name := range m.Header {
			if name != own {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			for _, v := range m.Header[name] {
				if c := one(SignatureHeader, "the signature stands in "+safetext.Line(name)+", not in "+strings.Join(wanted(s.base), " or ")); len(v) >= 8 {
					try(c, v)
					s.respelled(c, spec, v, try)
				}
			}
		}
	}
	return out
}

// respelled tries a token with and without the words that stand in front of it.
func (s *search) respelled(c change, spec scheme.Spec, value string, try func(change, string)) {
	front, _, _ := strings.Cut(spec.Signature.Format, "{signature}")
	if spec.Algorithm == "basic" && front == "" {
		front = "Basic "
	}
	bare := strings.TrimSpace(strings.TrimPrefix(value, front))
	for _, prefix := range []string{"Bearer ", "bearer ", "Token ", "token ", "Basic ", "basic ", "JWT "} {
		bare = strings.TrimPrefix(bare, prefix)
	}
	prefixed := c.and(one(SignaturePrefix, "what stands in front of the signature is not what the provider has there"))
	try(prefixed, front+bare)
	try(prefixed, front+unquoted(bare))
	coded := c.and(one(SignatureEncoding, "the signature is encoded once more, or once less, than the provider does"))
	if plain, err := url.QueryUnescape(bare); err == nil && plain != bare {
		try(coded, front+plain)
	}
	if raw, err := base64.StdEncoding.DecodeString(bare); err == nil {
		try(coded, front+string(raw))
	}
	if spec.Algorithm == "basic" && strings.Contains(bare, ":") {
		try(coded, front+base64.StdEncoding.EncodeToString([]byte(bare)))
	}
}
