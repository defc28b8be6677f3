package diagnose

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"sync"

	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A search tries to make the signature that came, by one scheme of the
// provider. Its dimensions are what was signed (bodies), how it was put
// together (recipes), with which key, and how the signature is spelled
// (claims). The last costs nothing: each MAC is looked up among all claims.
type search struct {
	base     *scheme.Scheme
	m        *scheme.Message // the request, with a signature that can be read
	received *scheme.Message // the request as it came
	bodies   *bodyList
	claims   []claim
	index    map[string][]int // claims by what they decode to
	texts    []text
	forms    []form
	book     cookbook
	groups   []group
	keys     [][]key // by algorithm
	general  bool    // the scheme judges whole requests, and not a MAC of some content

	algNames []string

	mu    sync.Mutex // guards the following
	hits  []hit
	tried map[string]int
}

// A group is recipes that begin alike: what they have in common is hashed once.
type group struct {
	keys        int
	pre         []byte
	recipes     []recipe
	least, most int // mistakes of its recipes
}

func (g *group) add(r recipe) {
	if len(g.recipes) == 0 {
		g.least = r.weight()
	}
	g.least, g.most = min(g.least, r.weight()), max(g.most, r.weight())
	g.recipes = append(g.recipes, r)
}

// A hit is a combination under which the signature is right.
type hit struct {
	change
	body   *body
	recipe *recipe
	claim  *claim
}

func newSearch(r Request, base *scheme.Scheme, bodies *bodyList) *search {
	spec := base.Spec()
	s := &search{base: base, received: r.Message, bodies: bodies, m: readable(base, r.Message), tried: map[string]int{}, index: map[string][]int{}}
	s.general = spec.JWT != nil || strings.HasPrefix(spec.Algorithm, "jwt-") || spec.Message != nil || spec.Each != "" ||
		len(spec.Digests) > 0 || spec.Algorithm == "token" || spec.Algorithm == "basic"
	s.texts = texts(r)
	s.forms = forms(spec)
	s.claims = claims(base, r.Message)
	for i, c := range s.claims {
		if c.raw != nil {
			s.index[string(c.raw)] = append(s.index[string(c.raw)], i)
		}
	}
	if s.general {
		s.wholeRequests(r.Message)
		return s
	}
	s.book = s.cookbook()
	s.cook(0, 1)
	return s
}

// tier tries every combination of exactly n mistakes in body, recipe and key.
func (s *search) tier(ctx context.Context, n int) {
	if n == 2 && !s.general {
		s.cook(2, 2)
	}
	inParallel(len(s.bodies.list), func(i int) {
		b := &s.bodies.list[i]
		if b.weight() > n {
			return
		}
		t := &trial{search: s, n: n, body: b, tried: map[string]int{}}
		left := n - b.weight()
		for g := range s.groups {
			if ctx.Err() != nil {
				return
			}
			group := &s.groups[g]
			for k := range s.keys[group.keys] {
				key := &s.keys[group.keys][k]
				if key.weight()+group.least > left {
					break // those that follow have more mistakes
				}
				if key.weight()+group.most >= left {
					t.group(group, key)
				}
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for family, n := range t.tried {
			s.tried[family] += n
		}
		s.hits = append(s.hits, t.hits...)
	})
}

// A trial tries everything with one body.
type trial struct {
	*search
	n     int
	body  *body
	hits  []hit
	tried map[string]int

	recipes []*recipe // of a group, those that are due
}

// group tries the recipes of a group with one key.
func (t *trial) group(g *group, k *key) {
	t.recipes = t.recipes[:0]
	for i := range g.recipes {
		if r := &g.recipes[i]; t.due(r, k) {
			t.recipes = append(t.recipes, r)
		}
	}
	switch {
	case len(t.recipes) == 0:
	case t.general:
		t.judge(k)
	case t.base.Asymmetric():
		t.signed(k)
	case g.recipes[0].simple:
		t.share(g, k)
	default:
		h := k.key.NewHash()
		for _, r := range t.recipes {
			h.Reset()
			h.Write(r.scheme.SignedContent(withBody(r.m, t.body.bytes), k.key))
			t.compare(h.Sum(nil), r, k)
		}
	}
}

// due says whether a combination belongs to the tier and is likely enough.
func (t *trial) due(r *recipe, k *key) bool {
	all := [...]*change{&t.body.change, &k.change, &r.change}
	weight, changed, hidden, rare, alone := 0, 0, 0, false, false
	for _, c := range all {
		if c.weight() == 0 {
			continue
		}
		weight += c.weight()
		changed++
		rare, alone = rare || c.rare, alone || c.alone
		if !c.shown {
			hidden++
		}
	}
	switch {
	case weight != t.n:
		return false
	case t.n == 3 && hidden > 1, changed > 1 && alone:
		return false
	case changed > 1 && rare && len(t.body.bytes) > smallBody:
		return false
	}
	return true
}

// share hashes what the recipes begin with and the body once, and then what
// each ends with.
func (t *trial) share(g *group, k *key) {
	h := k.key.NewHash()
	h.Write(g.pre)
	h.Write(t.body.bytes)
	for i, r := range t.recipes {
		one := h
		if i < len(t.recipes)-1 {
			var ok bool
			if one, ok = cloneHash(h); !ok {
				one = k.key.NewHash()
				one.Write(g.pre)
				one.Write(t.body.bytes)
			}
		}
		t.compare(finish(one, r.post), r, k)
	}
}

func finish(h hash.Hash, post []byte) []byte {
	h.Write(post)
	return h.Sum(nil)
}

// compare looks a MAC up among what came.
func (t *trial) compare(sum []byte, r *recipe, k *key) {
	found := false
	for _, i := range t.index[string(sum)] {
		if c := &t.claims[i]; hmac.Equal(c.raw, sum) {
			t.hit(c, r, k, 0, 0)
			found = true
		}
	}
	for i := range t.claims {
		c := &t.claims[i]
		if c.from == "" && len(c.raw) < len(sum) && !found {
			t.cut(c, sum, r, k)
		}
	}
	if !found {
		t.note(r, k)
	}
}

// cut asks whether what came is a part of the signature.
func (t *trial) cut(c *claim, sum []byte, r *recipe, k *key) {
	part := strings.TrimRight(c.text, "=")
	if isHex(part) && len(part) >= leastHex {
		if whole := hex.EncodeToString(sum); len(part) < len(whole) && strings.Contains(whole, strings.ToLower(part)) {
			t.hit(c, r, k, len(part), len(whole))
			return
		}
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if whole := enc.EncodeToString(sum); len(part) >= leastBase64 && len(part) < len(whole) && strings.Contains(whole, part) {
			t.hit(c, r, k, len(part), len(whole))
			return
		}
	}
}

// signed asks about signatures of key pairs.
func (t *trial) signed(k *key) {
	for _, r := range t.recipes {
		var content []byte
		if r.simple {
			content = slices.Concat(r.pre, t.body.bytes, r.post)
		} else {
			content = r.scheme.SignedContent(withBody(r.m, t.body.bytes), k.key)
		}
		found := false
		for i := range t.claims {
			if c := &t.claims[i]; len(c.raw) >= leastPair && k.key.Signed(content, c.raw) {
				t.hit(c, r, k, 0, 0)
				found = true
			}
		}
		if !found {
			t.note(r, k)
		}
	}
}

// leastPair is how long in bytes the signature of a key pair is at least.
const leastPair = 48

// judge asks the scheme about whole requests.
func (t *trial) judge(k *key) {
	for _, r := range t.recipes {
		v := k.scheme.Verify(withBody(r.m, t.body.bytes), []scheme.NamedKey{{Key: k.key}}, scheme.VerifyOptions{AgeOff: true})
		if v.Status == webhook.Verified {
			t.hit(&claim{}, r, k, 0, 0)
		} else {
			t.note(r, k)
		}
	}
}

// hit notes that the signature is right under these four. Of it, of characters
// long, cut came, or all of them where cut is 0.
func (t *trial) hit(c *claim, r *recipe, k *key, cut, of int) {
	h := hit{change: t.body.change, body: t.body, recipe: r, claim: c}
	h.change = h.and(k.change)
	h.change = h.and(r.change)
	h.change = h.and(c.change)
	if cut > 0 {
		h.change = h.and(truncated(cut, of))
	}
	if h.weight() == 0 {
		h.change = t.unread()
	}
	t.hits = append(t.hits, h)
}

// unread is the mistake of a request whose signature is right, but for what
// stands around it: it was not even compared.
func (t *trial) unread() change {
	v := t.base.Verify(t.received, nil, scheme.VerifyOptions{})
	for _, k := range t.keys[0] {
		if k.weight() == 0 {
			v = k.scheme.Verify(t.received, []scheme.NamedKey{{Key: k.key}}, scheme.VerifyOptions{AgeOff: true})
			break
		}
	}
	if v.Reason == webhook.TimestampMalformed {
		return one(TimestampFormat, "the signature is right, but its timestamp is spelled as the provider never does")
	}
	return one(SignaturePrefix, "the signature is right, but what stands around it is not as the provider has it")
}

// note counts what was ruled out: by what was changed, or as two or three
// changes together.
func (t *trial) note(r *recipe, k *key) {
	switch t.n {
	case 0:
		return
	case 1:
		for _, c := range [...]*change{&t.body.change, &k.change, &r.change} {
			if c.weight() > 0 {
				family, _, _ := strings.Cut(string(c.causes[0]), "_")
				t.tried[family]++
			}
		}
	case 2:
		t.tried[Pairs]++
	default:
		t.tried[Threes]++
	}
}

// best returns the hits with at most n mistakes.
func best(hits []hit, n int) []hit {
	var out []hit
	for _, h := range hits {
		if h.weight() <= n {
			out = append(out, h)
		}
	}
	return out
}
