package scheme

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
)

// SignOptions are the circumstances of a signature.
type SignOptions struct {
	Keys []*Key    // the newest first; all sign where a request can carry several signatures
	At   time.Time // the signed timestamp
	ID   string    // the message id, where one is signed; "" keeps the one in the message, or makes one

	// Rand is where nonces and ids come from; nil is the system's.
	Rand io.Reader

	// KeepStamp leaves a timestamp that stands in the body as it is, and with
	// it, unless the signature itself stands there, the body.
	KeepStamp bool

	nonce string // made once for all that is set
}

func (o *SignOptions) random() io.Reader {
	if o.Rand == nil {
		return rand.Reader
	}
	return o.Rand
}

// ErrNoKey is returned by Sign without a key, and ErrPublicKey where the key
// is the public half of a pair.
var (
	ErrNoKey     = errors.New("no key to sign with")
	ErrPublicKey = errors.New("the key is public: signing takes the private key")
)

// Sign signs m: it sets the headers, parameters or fields in which the scheme
// puts signature, timestamp and id, replacing what stood there. m.Header is
// made if it is nil. On error m may be changed in part.
func (s *Scheme) Sign(m *Message, o SignOptions) error {
	keys, err := s.signers(o.Keys)
	if err != nil {
		return err
	}
	if m.Header == nil {
		m.Header = http.Header{}
	}
	r := s.read(m)
	r.key = keys[0]
	if o.nonce, err = newNonce(o); err != nil {
		return err
	}
	if err := s.setAround(r, o); err != nil {
		return err
	}
	switch {
	case s.jwt != nil:
		return s.signToken(m, keys[0], o)
	case s.message != nil:
		return s.signMessage(m, keys, o)
	case s.each.kind != locNone:
		return s.signItems(m, keys, o)
	}
	return s.signOne(m, nil, keys, o)
}

func newNonce(o SignOptions) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(o.random(), b[:]); err != nil {
		return "", fmt.Errorf("nonce: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

func (s *Scheme) signers(keys []*Key) ([]*Key, error) {
	var out []*Key
	for _, k := range keys {
		if k != nil && k.scheme == s && len(out) < MaxSignatures {
			if !k.CanSign() {
				return nil, ErrPublicKey
			}
			out = append(out, k)
		}
	}
	if len(out) == 0 {
		return nil, ErrNoKey
	}
	if !s.Several() {
		out = out[:1]
	}
	return out, nil
}

// setAround sets what is signed along: conditions, headers, timestamp, id and
// digests. Hashes of the body come last.
func (s *Scheme) setAround(r *reading, o SignOptions) error {
	r.timestamp = s.stamp.unit.format(o.At)
	for _, c := range s.when {
		if c.literal {
			if err := c.place.set(r.m, c.pattern); err != nil {
				return err
			}
		}
	}
	if err := s.setStamp(r, o); err != nil {
		return err
	}
	if err := s.setID(r, o); err != nil {
		return err
	}
	if s.signed != nil && s.signed.place.kind != locNone {
		if err := s.signed.place.set(r.m, strings.Join(s.signed.send, s.signed.separator)); err != nil {
			return fmt.Errorf("signed headers: %w", err)
		}
	}
	fresh := s.read(r.m)
	fresh.key, fresh.timestamp, fresh.id, fresh.nonce = r.key, r.timestamp, r.id, o.nonce
	for _, h := range s.headers {
		r.m.Header[h.name] = []string{h.value.text(fresh)}
	}
	return s.setDigests(fresh)
}

func (s *Scheme) setStamp(r *reading, o SignOptions) error {
	l := &s.stamp.place
	switch l.kind {
	case locNone, locClaim, locItem:
		return nil
	case locBody:
		if o.KeepStamp && len(l.all(r)) > 0 {
			return nil
		}
	}
	if err := l.set(r.m, r.timestamp); err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	return nil
}

func (s *Scheme) setID(r *reading, o SignOptions) error {
	if s.id.kind == locNone && s.signature.index(nodeID) < 0 {
		return nil
	}
	if r.id = o.ID; r.id == "" {
		if values := s.id.all(r); len(values) == 1 && values[0] != "" {
			r.id = values[0]
			return nil
		}
		var b [18]byte
		if _, err := io.ReadFull(o.random(), b[:]); err != nil {
			return fmt.Errorf("message id: %w", err)
		}
		r.id = "msg_" + base64.RawURLEncoding.EncodeToString(b[:])
	}
	if s.id.kind == locNone {
		return nil
	}
	if err := s.id.set(r.m, r.id); err != nil {
		return fmt.Errorf("message id: %w", err)
	}
	return nil
}

// signOne signs the message, or one item of it.
func (s *Scheme) signOne(m *Message, item *payload.Value, keys []*Key, o SignOptions) error {
	made := make([]string, 0, len(keys))
	var last *reading
	for _, k := range keys {
		st := k.states.Get().(*state)
		defer k.release(st)
		st.r = reading{s: s, m: m, key: k, more: true}
		if item != nil {
			st.r.enter(item.Raw)
		}
		s.restore(&st.r, o)
		raw, err := s.make(st, o)
		if err != nil {
			return err
		}
		made, last = append(made, s.signature.encode(raw)), &st.r
	}
	if item != nil {
		return s.putItem(m, item, s.signature.render(last, made[:1]))
	}
	if len(s.at) > 1 {
		for i, one := range made[:min(len(made), len(s.at))] {
			if err := s.at[i].set(m, s.signature.render(last, []string{one})); err != nil {
				return err
			}
		}
		return nil
	}
	return s.at[0].set(m, s.signature.render(last, made))
}

// restore gives a fresh reading the timestamp and id that were set before.
func (s *Scheme) restore(r *reading, o SignOptions) {
	r.timestamp, r.nonce = s.stamp.unit.format(o.At), o.nonce
	if s.stamp.place.kind != locNone {
		if values := s.stamp.place.all(r); len(values) > 0 {
			r.timestamp = values[0]
		}
	}
	r.id = o.ID
	if s.id.kind != locNone {
		if values := s.id.all(r); len(values) > 0 {
			r.id = values[0]
		}
	}
	for i, name := range s.signature.partNames {
		r.parts[i] = s.partFor(r, name)
	}
}

// partFor is what {part:NAME} is in a signature that we make.
func (s *Scheme) partFor(r *reading, name string) string {
	if s.signed != nil && s.signed.inFormat == name {
		return strings.Join(s.signed.send, s.signed.separator)
	}
	for _, p := range s.partValue {
		if p.name == name {
			return p.value.text(r)
		}
	}
	return ""
}

// part is what {part:NAME} is in the request that is read.
func (s *Scheme) part(r *reading, name string) string {
	for i, n := range s.signature.partNames {
		if n == name {
			return r.parts[i]
		}
	}
	return ""
}

// make makes the bytes of a signature, which may share the state's memory.
func (s *Scheme) make(st *state, o SignOptions) ([]byte, error) {
	s.digest(st, st)
	if s.alg.kind != kindPublic {
		return st.sum, nil
	}
	return s.alg.pair.Sign(o.random(), st.r.key.pair.Private, st.w.buf, st.sum)
}

// signItems signs every item of the body, from the last to the first, so that
// the places of those to come stay right.
func (s *Scheme) signItems(m *Message, keys []*Key, o SignOptions) error {
	items := s.itemsOf(m.Body)
	if len(items) == 0 {
		return fmt.Errorf("the body has no items at %s", s.each.path)
	}
	for i := len(items) - 1; i >= 0; i-- {
		if err := s.signOne(m, &items[i], keys, o); err != nil {
			return err
		}
	}
	return nil
}

// putItem sets the signature in one item of the body.
func (s *Scheme) putItem(m *Message, item *payload.Value, text string) error {
	changed, err := payload.Set(item.Raw, payload.Edit{Path: s.at[0].path, Value: text, Mode: payload.Create})
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	end := item.Start + len(item.Raw)
	body := append([]byte(nil), m.Body[:item.Start]...)
	m.Body = append(append(body, changed...), m.Body[end:]...)
	return nil
}

// writeContent writes what is signed.
func (s *Scheme) writeContent(w *writer, r *reading) {
	if !s.sort {
		s.content.write(w, r)
		return
	}
	texts := make([]string, len(s.parts))
	for i, p := range s.parts {
		texts[i] = p.text(r)
	}
	slices.Sort(texts)
	w.text(strings.Join(texts, s.join))
}
