package judge

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Greeting is the answer to a handshake: a request by which a provider makes
// sure that an address wants its deliveries.
type Greeting struct {
	Provider string
	Status   int
	Header   http.Header
	Body     []byte

	// Refused says why the answer is a refusal, "" if it is none.
	Refused string

	// Kept says where a secret that came with the handshake is kept from now
	// on, "" if none came or it counts already; NotKept why it is not.
	Kept, NotKept string

	// Visit is an address that the provider wants to be opened, "" for none.
	// Nothing here opens it.
	Visit string
}

// What an answer may hold of what the request says. An endpoint that echoes
// anything can be made to speak for itself; one that signs anything can be made
// to sign a delivery.
const (
	maxEcho = 1 << 10
	maxSign = 128
	// signsPerMinute is how many answers are signed in a minute.
	signsPerMinute = 10
)

// Greet answers d, which Judge has judged as of now, if it is a handshake. It
// reports false if it is none, or if its signature is wrong where that is all
// that the provider wants to know: such a one is a delivery like any other.
//
// A secret that comes with a handshake is masked in d.
func (j *Judge) Greet(ctx context.Context, d *webhook.Delivery, now time.Time) (Greeting, bool) {
	m := Message(d)
	p, h := j.handshake(d, m)
	switch {
	case h == nil:
		return Greeting{}, false
	case h.Signed && !h.NeedsSecret() && d.Verification.Status == webhook.Invalid:
		return Greeting{}, false
	}
	g := j.greet(ctx, p, h, d, now)
	if h.HandsOver() {
		conceal(h, m, d)
	}
	return g, true
}

// handshake finds the handshake that d is. Of several that it can be, it is the
// one of which most is known.
func (j *Judge) handshake(d *webhook.Delivery, m *scheme.Message) (*provider.Provider, *provider.Handshake) {
	var whose *provider.Provider
	var best *provider.Handshake
	for _, p := range j.greeters(d) {
		if h := p.Handshake(m); h != nil && (best == nil || h.Conditions() > best.Conditions()) {
			whose, best = p, h
		}
	}
	return whose, best
}

// conceal masks the secret that the handshake m brings in d. One that cannot be
// masked takes the whole body along.
func conceal(h *provider.Handshake, m *scheme.Message, d *webhook.Delivery) {
	place, err := h.Conceal(m)
	if err != nil {
		m.Body, place = nil, "body"
	}
	d.Header, d.Body = m.Header, m.Body
	d.Redacted = append(d.Redacted, place)
}

// greeters returns the providers whose handshake d can be: its own if it shows
// one. Few handshakes show their provider in another way than by being what
// they are.
func (j *Judge) greeters(d *webhook.Delivery) []*provider.Provider {
	if j.Provider != nil {
		return []*provider.Provider{j.Provider}
	}
	if d.Provider != "" {
		if p, err := j.Catalogue.Get(d.Provider); err == nil {
			return []*provider.Provider{p}
		}
	}
	return j.greeter.all(j.Catalogue)
}

// greeter lists the providers that have handshakes, once somebody asks.
type greeter struct {
	once sync.Once
	list []*provider.Provider
}

func (g *greeter) all(c *provider.Catalogue) []*provider.Provider {
	g.once.Do(func() { g.list = c.Greeters() })
	return g.list
}

func (j *Judge) greet(ctx context.Context, p *provider.Provider, h *provider.Handshake, d *webhook.Delivery, now time.Time) Greeting {
	m := Message(d)
	var key *scheme.Key
	limit := maxEcho
	if h.NeedsSecret() {
		limit = maxSign
		var why string
		if key, why = j.signingKey(ctx, p, h, d, now); why != "" {
			return refused(p, why)
		}
	}
	for _, text := range h.Takes(m) {
		if !harmless(text, limit, h.NeedsSecret(), h.Allow) {
			return refused(p, "the challenge is not one that "+p.ID+" sends")
		}
	}
	a, err := h.Answer(m, key)
	if err != nil {
		return refused(p, err.Error())
	}
	header := a.Header.Clone()
	if kind := header.Get("Content-Type"); kind == "" || kind == "text/plain" {
		header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	header.Set("X-Content-Type-Options", "nosniff")
	g := Greeting{Provider: p.ID, Status: a.Status, Header: header, Body: a.Body, Visit: h.Visits(m)}
	if a.Secret != "" {
		if !harmless(a.Secret, maxEcho, false, "") {
			return refused(p, "the secret is not one that "+p.ID+" hands over")
		}
		if err := j.adopt(ctx, p, safetext.NewSecret(a.Secret), &g); err != nil {
			return refused(p, "its secret could not be kept: "+err.Error())
		}
	}
	return g
}

// adopt keeps a secret that came with a handshake, and says in g what became
// of it. Anybody can send a handshake: the first one counts, and none takes the
// place of a secret that is known.
func (j *Judge) adopt(ctx context.Context, p *provider.Provider, s safetext.Secret, g *Greeting) error {
	if j.Keep == nil {
		return nil
	}
	j.adopting.Lock() // of two at the same moment one is the first
	defer j.adopting.Unlock()
	own, err := j.Secrets(ctx, p.ID)
	if err != nil {
		return err
	}
	known := own
	if j.Development != nil {
		if dev, err := j.Development(p.ID); err == nil {
			known = append(slices.Clone(own), dev)
		}
	}
	same := func(n secret.Named) bool { return hmac.Equal([]byte(n.Secret.Reveal()), []byte(s.Reveal())) }
	if slices.ContainsFunc(known, same) {
		return nil
	}
	if len(own) > 0 {
		g.NotKept = p.ID + " has a secret already: hooks secrets delete " + p.ID + " lets the next handshake bring one"
		return nil
	}
	if _, err := p.Keys(s); err != nil {
		return err
	}
	if g.Kept, err = j.Keep(ctx, p.ID, s); err != nil {
		return err
	}
	j.cache.forget(p.ID)
	return nil
}

// signingKey returns the key that a handshake is answered with: never the
// development secret, and only where the request is genuine if it can be.
func (j *Judge) signingKey(ctx context.Context, p *provider.Provider, h *provider.Handshake, d *webhook.Delivery, now time.Time) (*scheme.Key, string) {
	k, _ := j.cache.get(ctx, j, p, now, 0)
	switch {
	case !k.own || len(k.keys) == 0:
		return nil, "it is answered with the secret of " + p.ID + ": hooks secrets set " + p.ID
	case h.Signed && (d.Provider != p.ID || d.Verification.Status != webhook.Verified ||
		d.Verification.SecretName == secret.DevelopmentName):
		return nil, "the handshake is not signed by " + p.ID
	case !j.signing.allow(now):
		return nil, "more than ten signed answers a minute"
	}
	return k.keys[0], ""
}

func refused(p *provider.Provider, why string) Greeting {
	return Greeting{
		Provider: p.ID, Status: http.StatusBadRequest, Body: []byte("challenge refused\n"), Refused: why,
		Header: http.Header{
			"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"},
		},
	}
}

// harmless says whether text can be echoed, or signed, without being more than
// itself: no markup, no header, and where it is signed nothing that any scheme
// signs. Those join their parts with ".", ":" or lines, sign JSON or a digest,
// or begin with the time in Unix seconds.
//
// allow lists what one provider's texts have besides. They are answered as
// plain text, which no browser takes for anything else.
func harmless(text string, limit int, signed bool, allow string) bool {
	if len(text) > limit || signed && (startsWithTime(text) || isDigest(text)) {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c == '_', c == '~', c == '+', c == '/', c == '=', c == '-':
		case !signed && (c == '.' || strings.IndexByte(allow, c) >= 0):
		default:
			return false
		}
	}
	return true
}

// limiter lets through signsPerMinute in any minute.
type limiter struct {
	mu   sync.Mutex // guards last
	last [signsPerMinute]time.Time
}

func (l *limiter) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := &l.last[0]
	for i := range l.last {
		if l.last[i].Before(*oldest) {
			oldest = &l.last[i]
		}
	}
	if !oldest.IsZero() && now.Sub(*oldest) < time.Minute {
		return false
	}
	*oldest = now
	return true
}

// startsWithTime says whether text begins with ten digits, as Unix seconds do.
func startsWithTime(text string) bool {
	const digits = 10
	return len(text) >= digits && strings.Trim(text[:digits], "0123456789") == ""
}

// isDigest says whether text is as long as a digest in hex, and nothing else.
func isDigest(text string) bool {
	lengths := []int{md5.Size, sha1.Size, sha256.Size, sha512.Size384, sha512.Size}
	return slices.ContainsFunc(lengths, func(n int) bool { return len(text) == hex.EncodedLen(n) }) &&
		strings.Trim(text, "0123456789abcdefABCDEF") == ""
}
