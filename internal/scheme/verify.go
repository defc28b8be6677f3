package scheme

import (
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Verify says whether m was signed with one of keys. A request that carries no
// signature is webhook.Unsigned; without keys nothing can be judged and it is
// webhook.Unverified. A malformed request is one more way to be invalid.
//
// Every signature that the request carries is compared with what every key
// makes, in constant time and without stopping at the first hit; at most
// MaxKeys times MaxSignatures. For a signature in hex by HMAC of body and
// timestamp nothing is allocated.
func (s *Scheme) Verify(m *Message, keys []NamedKey, o VerifyOptions) webhook.Verification {
	keys = s.usable(keys)
	if len(keys) == 0 {
		return s.withoutKey(m)
	}
	first := keys[0].Key
	st := first.states.Get().(*state)
	defer first.release(st)
	st.r.s, st.r.m = s, m
	switch {
	case s.jwt != nil:
		return s.verifyToken(st, keys, o)
	case s.message != nil:
		return s.verifyMessage(st, keys, o)
	case s.each.kind != locNone:
		return s.verifyItems(st, keys, o)
	}
	return s.verify(st, keys, o)
}

// usable returns the keys that were made for this scheme.
func (s *Scheme) usable(keys []NamedKey) []NamedKey {
	if len(keys) > MaxKeys {
		keys = keys[:MaxKeys]
	}
	for i := range keys {
		if keys[i].Key == nil || keys[i].Key.scheme != s {
			var out []NamedKey
			for _, k := range keys {
				if k.Key != nil && k.Key.scheme == s {
					out = append(out, k)
				}
			}
			return out
		}
	}
	return keys
}

func (s *Scheme) withoutKey(m *Message) webhook.Verification {
	if !s.present(s.read(m)) {
		return s.verdict(webhook.Unsigned, webhook.SignatureMissing)
	}
	return s.verdict(webhook.Unverified, webhook.SecretUnknown)
}

func (k *Key) release(st *state) {
	st.clear()
	k.states.Put(st)
}

// clear forgets the message.
func (st *state) clear() {
	st.r.reset()
	for i := range st.p.n {
		st.wanted[i] = nil
	}
	st.p.reset()
}

// read starts the reading of a message outside of a verification.
func (s *Scheme) read(m *Message) *reading { return &reading{s: s, m: m} }

// present says whether anything stands where the signature belongs.
func (s *Scheme) present(r *reading) bool {
	if s.each.kind != locNone {
		for _, item := range r.match(s.each.index).Values {
			if r.enter(item.Raw); s.presentHere(r) {
				return true
			}
		}
		return false
	}
	return s.presentHere(r)
}

func (s *Scheme) presentHere(r *reading) bool {
	for i := range s.at {
		if len(s.at[i].all(r)) > 0 {
			return true
		}
	}
	return false
}

// verify judges a request, or one item of it, in the general way.
func (s *Scheme) verify(st *state, keys []NamedKey, o VerifyOptions) webhook.Verification {
	if bad := s.take(st); bad != "" {
		if bad == webhook.SignatureMissing {
			return s.verdict(webhook.Unsigned, bad)
		}
		return s.invalid(bad)
	}
	key, set := s.compare(st, keys)
	if key < 0 {
		return s.invalid(webhook.SignatureMismatch)
	}
	s.enterSet(st, set)
	if bad := s.after(st, o); bad != "" {
		return s.invalid(bad)
	}
	v := s.verdict(webhook.Verified, "")
	v.SecretName = keys[key].Name
	return v
}

// after judges what a right signature still needs: hashes, conditions, age.
func (s *Scheme) after(st *state, o VerifyOptions) webhook.Reason {
	if st.r.ambiguous() {
		return webhook.SignatureMalformed
	}
	if bad := s.checkDigests(&st.r); bad != "" {
		return bad
	}
	if !s.holds(&st.r) {
		return webhook.SignatureMismatch
	}
	if !s.stamp.signed {
		return ""
	}
	return s.stamp.judge(st.r.at, o)
}

// take finds, takes apart and decodes the signatures and what goes with them.
func (s *Scheme) take(st *state) webhook.Reason {
	found := false
	for i := range s.at {
		values := s.at[i].all(&st.r)
		switch {
		case len(values) == 0:
			continue
		case len(values) > 1 || !s.signature.parse(&st.p, values[0]):
			return webhook.SignatureMalformed
		}
		found = true
	}
	if !found {
		return webhook.SignatureMissing
	}
	if !s.decode(st) {
		return webhook.SignatureMalformed
	}
	if s.id.kind != locNone {
		values := s.id.all(&st.r)
		if len(values) != 1 || values[0] == "" {
			return webhook.SignatureMalformed
		}
		st.r.id = values[0]
	}
	return s.takeStamp(st)
}

// decode decodes the signatures and says whether any could be. One that cannot
// be is none, as for the libraries that providers publish: the ones beside it
// count.
func (s *Scheme) decode(st *state) bool {
	found := false
	for i := 0; i < st.p.n; i++ {
		var ok bool
		if st.wanted[i], ok = s.signature.decode(st.buf[i][:0], st.p.text[i]); ok && s.rightSize(st.wanted[i]) {
			found = true
		} else {
			st.wanted[i] = nil
		}
	}
	return found
}

func (s *Scheme) rightSize(b []byte) bool {
	switch s.alg.kind {
	case kindMAC, kindHash:
		return len(b) == s.alg.size
	}
	return len(b) > 0
}

// takeStamp reads the timestamp, where one is signed.
func (s *Scheme) takeStamp(st *state) webhook.Reason {
	if !s.stamp.signed {
		return ""
	}
	if s.stamp.inFormat {
		for set := 0; set < st.p.sets; set++ {
			if st.p.stamps[set] == "" {
				return webhook.TimestampMissing
			}
			var ok bool
			if st.p.at[set], ok = s.stamp.unit.parse(st.p.stamps[set]); !ok {
				return webhook.TimestampMalformed
			}
		}
		return ""
	}
	values := s.stamp.place.all(&st.r)
	switch {
	case len(values) == 0:
		return webhook.TimestampMissing
	case len(values) > 1:
		return webhook.TimestampMalformed
	}
	return st.r.stamp(s.stamp.unit, values[0])
}

// enterSet makes the elements of one set what templates refer to.
func (s *Scheme) enterSet(st *state, set int) {
	if s.stamp.inFormat {
		st.r.timestamp, st.r.at = st.p.stamps[set], st.p.at[set]
	}
	if s.id.kind == locNone {
		st.r.id = st.p.ids[set]
	}
	if len(s.signature.partNames) > 0 {
		st.r.parts, st.r.more = st.p.parts[set], true
	}
}

// compare returns the key, and the set of the signature, that fit; -1 if none
// do. All are compared, whatever fits.
func (s *Scheme) compare(st *state, keys []NamedKey) (key, set int) {
	key = -1
	for k := range keys {
		st.r.key = keys[k].Key
		hashing := st
		if k > 0 {
			hashing = st.r.key.states.Get().(*state)
		}
		for n := 0; n < st.p.sets; n++ {
			s.enterSet(st, n)
			s.digest(st, hashing)
			for i := 0; i < st.p.n; i++ {
				if st.p.set[i] == n && st.wanted[i] != nil && s.equal(st, hashing, st.wanted[i]) && key < 0 {
					key, set = k, n
				}
			}
		}
		if k > 0 {
			st.r.key.release(hashing)
		}
	}
	return key, set
}

// digest works out what the signature is compared with: the MAC or hash of the
// content, the token, or for a key pair what is verified.
func (s *Scheme) digest(st, hashing *state) {
	w := &hashing.w
	switch s.alg.kind {
	case kindToken, kindBasic:
		hashing.sum = append(hashing.sum[:0], st.r.key.secret...)
		return
	}
	w.buf = w.buf[:0]
	if w.h != nil {
		w.h.Reset()
	}
	s.writeContent(w, &st.r)
	if w.h != nil {
		w.flush()
		hashing.sum = w.h.Sum(hashing.sum[:0])
	}
}

func (s *Scheme) equal(st, hashing *state, signature []byte) bool {
	switch s.alg.kind {
	case kindMAC, kindHash:
		return hmac.Equal(hashing.sum, signature)
	case kindToken, kindBasic:
		// Of equal length, so that the length of the secret does not show.
		want, got := sha256.Sum256(hashing.sum), sha256.Sum256(signature)
		return hmac.Equal(want[:], got[:])
	}
	ok := false
	for _, p := range st.r.key.pair.Public {
		if s.alg.pair.Verify(p.Key, hashing.w.buf, hashing.sum, signature) {
			ok = true
		}
	}
	return ok
}

// verifyItems judges every item of a body. All have to be right, and the
// verdict names the key of the first.
func (s *Scheme) verifyItems(st *state, keys []NamedKey, o VerifyOptions) webhook.Verification {
	items := st.r.match(s.each.index)
	if len(items.Values) == 0 {
		return s.verdict(webhook.Unsigned, webhook.SignatureMissing)
	}
	if items.Ambiguous {
		return s.invalid(webhook.SignatureMalformed)
	}
	var out webhook.Verification
	for i, item := range items.Values {
		st.p.reset()
		st.r.enter(item.Raw)
		v := s.verify(st, keys, o)
		if v.Status != webhook.Verified {
			return v
		}
		if i == 0 {
			out = v
		}
	}
	return out
}

// A Reading is what a request holds for a scheme, as it is spelled there. It
// is meant for explaining a verdict.
type Reading struct {
	Signatures []string // as they stand, without prefix and tag
	Timestamp  string
	ID         string
}

// Read takes a request apart without judging it. ok is false if no signature
// stands where the scheme puts it, or it is malformed.
func (s *Scheme) Read(m *Message) (out Reading, ok bool) {
	st := s.borrow(m)
	defer s.giveBack(st)
	if s.each.kind != locNone {
		items := st.r.match(s.each.index).Values
		if len(items) == 0 {
			return Reading{}, false
		}
		st.r.enter(items[0].Raw)
	}
	bad := s.take(st)
	out.Signatures = append(out.Signatures, st.p.text[:st.p.n]...)
	s.enterSet(st, 0)
	out.Timestamp, out.ID = st.r.timestamp, st.r.id
	return out, bad == ""
}

// SignedContent returns the bytes that the scheme signs for m with key, which
// may be nil where no part of them depends on it. It is meant for explaining a
// verdict.
func (s *Scheme) SignedContent(m *Message, key *Key) []byte {
	st := &state{r: reading{s: s, m: m, key: key}}
	if s.message != nil {
		return s.messageContent(st)
	}
	if s.each.kind != locNone {
		if items := st.r.match(s.each.index).Values; len(items) > 0 {
			st.r.enter(items[0].Raw)
		}
	}
	_ = s.take(st)
	s.enterSet(st, 0)
	var w writer
	s.writeContent(&w, &st.r)
	return w.buf
}

// Time returns the time of signing that m states, and the zero time if the
// scheme signs none or it cannot be read.
func (s *Scheme) Time(m *Message) time.Time {
	if !s.stamp.signed {
		return time.Time{}
	}
	got, _ := s.Read(m)
	t, ok := s.stamp.unit.parse(got.Timestamp)
	if !ok {
		return time.Time{}
	}
	return t
}

// itemsOf is the list of items in a body that a scheme signs one by one.
func (s *Scheme) itemsOf(body []byte) []payload.Value {
	return find(body, s.each.path).Values
}
