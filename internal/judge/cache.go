package judge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/secret"
)

const (
	// keepAge is how long secrets that verify are used without being read
	// again: what a person sets or takes away counts after this time.
	keepAge = 30 * time.Second
	// refreshAge is how old secrets must be to be read again for a delivery
	// that they do not verify: a secret that has just been set counts at once,
	// and a flood of invalid requests reads them 20 times a second at most.
	refreshAge = 50 * time.Millisecond
)

// known is what is known to verify a provider with. It is not changed.
type known struct {
	verifier    *provider.Verifier
	keys        []*scheme.Key // of the first secret, to sign with
	own         bool          // with secrets of its own
	development bool          // with the development secret
	problem     error
	readAt      time.Time
	until       time.Time // when one of the secrets ends; zero for never
}

// cache keeps the prepared keys of each provider.
type cache struct {
	mu      sync.Mutex // guards entries
	entries map[string]*cached
}

type cached struct {
	mu  sync.Mutex // held while secrets are read
	now atomic.Pointer[known]
}

// get returns what is known of p. It reads secrets if it has none, or if they
// are older than age (0: than keepAge), and says whether it did.
func (c *cache) get(ctx context.Context, j *Judge, p *provider.Provider, now time.Time, age time.Duration) (k *known, loaded bool) {
	e := c.entry(p.ID)
	if k := e.now.Load(); k.good(now, age) {
		return k, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if k := e.now.Load(); k.good(now, age) {
		return k, false // another request has read them
	}
	k = j.read(ctx, p, now)
	e.now.Store(k)
	return k, true
}

// forget lets what is known of a provider be read anew.
func (c *cache) forget(id string) { c.entry(id).now.Store(nil) }

func (c *cache) entry(id string) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = map[string]*cached{}
	}
	e := c.entries[id]
	if e == nil {
		e = &cached{}
		c.entries[id] = e
	}
	return e
}

func (k *known) good(now time.Time, age time.Duration) bool {
	if age == 0 {
		age = keepAge
	}
	return k != nil && now.Sub(k.readAt).Abs() < age && (k.until.IsZero() || now.Before(k.until))
}

// read gets the secrets of p: its own, else the development secret.
func (j *Judge) read(ctx context.Context, p *provider.Provider, now time.Time) *known {
	// A sender that leaves must not leave the others without secrets.
	list, err := j.Secrets(context.WithoutCancel(ctx), p.ID)
	k := &known{own: err != nil || len(list) > 0, problem: err, readAt: now}
	if !k.own && j.Development != nil {
		dev, err := j.Development(p.ID)
		var none *secret.NoSecretError
		switch {
		case err == nil:
			list, k.development = []secret.Named{dev}, true
		case !errors.As(err, &none):
			k.problem = err
		}
	}
	named := make([]provider.NamedSecret, len(list))
	for i, s := range list {
		named[i] = provider.NamedSecret{Name: s.Name, Secret: s.Secret}
		if !s.NotAfter.IsZero() && (k.until.IsZero() || s.NotAfter.Before(k.until)) {
			k.until = s.NotAfter
		}
	}
	k.verifier = p.Verifier(named...)
	if len(list) > 0 {
		k.keys, _ = p.Keys(list[0].Secret) // what is wrong with it, the verifier says
	}
	if rejected := k.verifier.Rejected(); len(rejected) > 0 && k.problem == nil {
		k.problem = fmt.Errorf("secret of %s: %w", p.ID, errors.Join(rejected...))
	}
	return k
}
