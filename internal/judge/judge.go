package judge

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Judge decides. Its exported fields must not be changed once it is used; it
// is safe for concurrent use if its functions are.
type Judge struct {
	Catalogue *provider.Catalogue

	// Secrets returns the secrets that a provider has of its own, none being no
	// error.
	Secrets func(ctx context.Context, provider string) ([]secret.Named, error)

	// Development returns the development secret in a provider's form. Nil:
	// there is none.
	Development func(provider string) (secret.Named, error)

	// Keep keeps a secret that a handshake has brought and says where. Nil: it
	// is not kept.
	Keep func(ctx context.Context, provider string, s safetext.Secret) (where string, err error)

	// Provider is the provider that everything is taken to be from; nil: each
	// delivery shows.
	Provider *provider.Provider

	Tolerance time.Duration // of signed timestamps; 0: the scheme's own
	AgeOff    bool          // how old a signed timestamp is does not matter

	cache    cache
	signing  limiter
	greeter  greeter
	adopting sync.Mutex // held while a secret of a handshake is looked at and kept
}

// Judge fills in provider, event and verification of d, as of now. It does not
// fail: what cannot be judged is unverified.
//
// Where several providers fit, the secret that verifies decides. Where nothing
// but the development secret is known, a signature that it did not make is
// invalid if the request came straight from this machine, for then it was made
// with the wrong secret; through a proxy or tunnel it is the provider's own,
// and only the secret is missing here: unverified.
func (j *Judge) Judge(ctx context.Context, d *webhook.Delivery, now time.Time) Outcome {
	t := &trial{
		judge: j, ctx: ctx, m: Message(d),
		options: scheme.VerifyOptions{Now: now, Tolerance: j.Tolerance, AgeOff: j.AgeOff},
		outcome: Outcome{Direct: Direct(d)},
	}
	t.recognise()
	p, v := t.decide()
	if v.Status != webhook.Verified && t.refresh() {
		p, v = t.decide()
	}
	d.Verification = v
	if p == nil {
		return t.outcome
	}
	d.Provider = p.ID
	info := p.Describe(t.m)
	d.EventID, d.EventType = info.EventID, info.EventType
	t.outcome.Ambiguous = info.Ambiguous
	if p.Places.Order != "" {
		t.outcome.Order = p.Order(t.m)
	}
	return t.outcome
}

// Message is the request of d as a scheme sees it.
func Message(d *webhook.Delivery) *scheme.Message {
	return &scheme.Message{Method: d.Method, URL: d.URL, Header: d.Header, Body: d.Body}
}

// Direct says whether d came straight from this machine: from a loopback
// address, with no word of a proxy or tunnel.
func Direct(d *webhook.Delivery) bool {
	from, err := netip.ParseAddrPort(d.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	for name := range d.Header {
		if name == "Forwarded" || name == "Via" || strings.HasPrefix(name, "X-Forwarded-") {
			return false
		}
	}
	return true
}

// A trial is the judging of one delivery.
type trial struct {
	judge   *Judge
	ctx     context.Context
	m       *scheme.Message
	options scheme.VerifyOptions
	outcome Outcome

	certain    bool // candidates is the one provider that it can be from
	recognised bool // candidates are the providers that fit, and not only those that may
	candidates []*provider.Provider
	known      []*known // by candidate
}

func (t *trial) recognise() {
	if p := t.judge.Provider; p != nil {
		t.candidates, t.certain, t.recognised = []*provider.Provider{p}, true, true
	} else {
		t.candidates = t.judge.Catalogue.Recognise(t.m)
		t.certain, t.recognised = len(t.candidates) == 1, len(t.candidates) > 0
		if !t.certain {
			t.candidates = t.judge.Catalogue.Candidates(t.m)
		}
	}
	t.load(0)
}

// load gets the secrets of the candidates, not older than age if that is not 0.
func (t *trial) load(age time.Duration) (fresh bool) {
	t.known = t.known[:0]
	for _, p := range t.candidates {
		k, loaded := t.judge.cache.get(t.ctx, t.judge, p, t.options.Now, age)
		t.known = append(t.known, k)
		fresh = fresh || loaded
	}
	return fresh
}

// refresh reads secrets anew that may have been set in the meantime, and says
// whether there was anything to read.
func (t *trial) refresh() bool { return len(t.candidates) > 0 && t.load(refreshAge) }

// decide finds the provider and the verdict. The provider is nil if it remains
// open.
func (t *trial) decide() (*provider.Provider, webhook.Verification) {
	verdicts := make([]webhook.Verification, len(t.candidates))
	owners, owner := 0, 0
	t.outcome.Candidates, t.outcome.Problem = nil, nil
	for i, k := range t.known {
		if k.problem != nil {
			t.outcome.Problem = k.problem
		}
		verdicts[i] = k.verifier.Verify(t.m, t.options)
		if k.own {
			owners++
			owner = i
		}
	}
	// A secret of one's own says more than the one that fits everywhere.
	for _, own := range []bool{true, false} {
		for i, v := range verdicts {
			if v.Status == webhook.Verified && t.known[i].own == own {
				t.outcome.Development = !own
				return t.candidates[i], v
			}
		}
	}
	switch {
	case t.certain:
		return t.candidates[0], t.soften(verdicts[0], t.known[0])
	case owners == 1 && t.recognised:
		return t.candidates[owner], verdicts[owner]
	}
	return nil, t.open(verdicts, owners)
}

// open is the verdict where the provider remains open.
func (t *trial) open(verdicts []webhook.Verification, owners int) webhook.Verification {
	if !t.recognised {
		return webhook.Verification{Status: webhook.Unverified, Reason: webhook.ProviderUnknown}
	}
	for _, p := range t.candidates {
		t.outcome.Candidates = append(t.outcome.Candidates, p.ID)
	}
	v := verdicts[0]
	if owners == 0 {
		v = t.soften(v, t.known[0])
	}
	v.Scheme = "" // which one it would be is open, too
	return v
}

// soften makes of a verdict what can be said where the development secret is
// all that is known.
func (t *trial) soften(v webhook.Verification, k *known) webhook.Verification {
	if k.own {
		return v
	}
	t.outcome.Development = k.development
	if v.Reason == webhook.TimestampExpired || v.Reason == webhook.TimestampFuture {
		return v // this secret did make the signature
	}
	if v.Status == webhook.Invalid && !t.outcome.Direct {
		return webhook.Verification{Status: webhook.Unverified, Reason: webhook.SecretUnknown, Scheme: v.Scheme}
	}
	return v
}
