package diagnose

import (
	"context"
	"slices"

	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A change is one thing done differently in one dimension. The first of each
// dimension changes nothing.
type change struct {
	cause  Cause
	detail string
	rank   int // how likely it is, the smaller the more

	body   []byte          // dimension body
	secret Secret          // dimension secret
	scheme *scheme.Scheme  // dimension scheme
	m      *scheme.Message // dimension message: headers and address; its body is not used
}

// A search tries combinations of changes.
type search struct {
	r        Request
	bodies   []change
	secrets  []change
	schemes  []change
	messages []change
	tried    map[string]int
	keys     map[keyID]*scheme.Key // nil for a secret that the scheme does not take
}

type keyID struct{ scheme, secret int }

func newSearch(r Request) *search {
	s := &search{r: r, tried: map[string]int{}, keys: map[keyID]*scheme.Key{}}
	s.bodies = bodies(r.Message.Body)
	s.secrets = secrets(r)
	s.schemes = schemes(r)
	s.messages = messages(r)
	return s
}

// run tries one change, then two together, then the three that go together
// often, and returns what the first of these tiers finds.
func (s *search) run(ctx context.Context) []Finding {
	if f := s.others(); len(f) > 0 {
		return f
	}
	for tier := 1; tier <= 3; tier++ {
		if found := s.tier(ctx, tier); len(found) > 0 || ctx.Err() != nil {
			return found
		}
	}
	return s.truncated()
}

// A hit is a combination under which the signature is right.
type hit struct {
	changes []change
	rank    int
}

// tier tries every combination of exactly n changes, at most one in each
// dimension. Three are tried only where the third is how the signature or the
// secret is spelled.
func (s *search) tier(ctx context.Context, n int) []Finding {
	var hits []hit
	for si, sch := range s.schemes {
		for ki, sec := range s.secrets {
			if ctx.Err() != nil {
				return nil
			}
			k := count(si, ki)
			if k > n || n == 3 && k < 2 {
				continue
			}
			key := s.key(si, ki)
			if key == nil {
				continue
			}
			for mi, msg := range s.messages {
				for bi, body := range s.bodies {
					if count(si, ki, mi, bi) != n {
						continue
					}
					if s.right(sch.scheme, key, msg.m, body.body) {
						hits = append(hits, newHit(body, sec, sch, msg))
					} else {
						s.note(bi, ki, si, mi)
					}
				}
			}
		}
	}
	return s.findings(hits)
}

func count(indexes ...int) int {
	n := 0
	for _, i := range indexes {
		if i > 0 {
			n++
		}
	}
	return n
}

// note counts what was ruled out, by the first dimension that was changed.
func (s *search) note(body, secret, scheme, message int) {
	switch {
	case body > 0:
		s.tried["body"]++
	case secret > 0:
		s.tried["secret"]++
	case scheme > 0:
		s.tried["signature"]++
	case message > 0:
		s.tried["headers"]++
	}
}

// right says whether the signature that came is right for the body, whatever
// its age.
func (s *search) right(sch *scheme.Scheme, key *scheme.Key, m *scheme.Message, body []byte) bool {
	trial := *m
	trial.Body = body
	v := sch.Verify(&trial, []scheme.NamedKey{{Key: key}}, scheme.VerifyOptions{Now: s.r.Now, AgeOff: true})
	return v.Status == webhook.Verified
}

// key prepares a secret for a scheme, once.
func (s *search) key(si, ki int) *scheme.Key {
	id := keyID{si, ki}
	key, ok := s.keys[id]
	if !ok {
		key, _ = s.schemes[si].scheme.Key(s.secrets[ki].secret.Secret) // nil: it is not a key of this scheme
		s.keys[id] = key
	}
	return key
}

func newHit(all ...change) hit {
	var h hit
	for _, c := range all {
		if c.cause != "" {
			h.changes = append(h.changes, c)
			h.rank += c.rank
		}
	}
	return h
}

// findings orders hits, the most likely first, and says each cause set once.
func (s *search) findings(hits []hit) []Finding {
	slices.SortStableFunc(hits, func(a, b hit) int { return a.rank - b.rank })
	var out []Finding
	for _, h := range hits {
		f := Finding{}
		for _, c := range h.changes {
			f.Causes = append(f.Causes, c.cause)
			f.Detail = join(f.Detail, c.detail)
			f.Fix = join(f.Fix, fixOf(c.cause))
			if c.body != nil || c.cause == BodyEmpty {
				f.Signed, f.Received = c.body, s.r.Message.Body
			}
		}
		if !slices.ContainsFunc(out, func(o Finding) bool { return slices.Equal(o.Causes, f.Causes) }) {
			out = append(out, f)
		}
	}
	return out
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
