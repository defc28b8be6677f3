package relay

import (
	"crypto/rand"
	"encoding/base32"
	"regexp"
	"strings"
	"sync"
	"time"
)

// ValidName says whether s can be the name of a tunnel: a DNS label of 3 to 63
// characters in its one canonical form, and no word that a person would take
// for a part of the relay.
func ValidName(s string) bool {
	if len(s) < 3 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' || strings.HasPrefix(s, "xn--") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return !reserved(s)
}

func reserved(s string) bool {
	switch s {
	case "www", "api", "admin", "relay", "tunnel", "status", "health", "healthz", "readyz", "metrics",
		"hooks", "mail", "smtp", "imap", "pop", "ftp", "ssh", "dns", "ns1", "ns2", "localhost", "root",
		"login", "auth", "account", "accounts", "billing", "support", "help", "docs", "static", "assets",
		"cdn", "wpad", "autoconfig", "autodiscover", "webmaster", "postmaster", "hostmaster", "abuse", "security":
		return true
	}
	return false
}

// inventName makes a name that cannot be guessed: 100 random bits.
func inventName() string {
	var b [13]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:])[:20])
}

// matchName says whether a token that is limited to patterns may have name: a
// pattern is a name, in which * stands for any characters.
func matchName(patterns []string, name string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		re := "^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, `[a-z0-9-]*`) + "$"
		if ok, err := regexp.MatchString(re, name); err == nil && ok {
			return true
		}
	}
	return false
}

// names is the registry: which names there are and whose they are. One lock
// decides every claim.
type names struct {
	mu    sync.RWMutex // guards the following
	all   map[string]*name
	count map[owner]int
}

// find returns the name, nil if nobody has claimed it.
func (r *names) find(label string) *name {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.all[label]
}

// claim gives label to who if it is free or already theirs. Whoever has claimed
// it calls settle.
func (r *names) claim(label string, who owner, now time.Time, l *Limits) (*name, *refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.all[label]
	switch {
	case n != nil && n.owner != who:
		return nil, errTaken
	case n == nil && (who != (owner{}) && r.count[who] >= l.Names || len(r.all) >= l.AllNames):
		// Where nobody is told apart, there is no share of anybody's.
		return nil, errTooManyNames
	case n == nil:
		n = &name{label: label, owner: who, usedAt: now, enrolling: newTurn()}
		if r.all == nil {
			r.all, r.count = make(map[string]*name), make(map[owner]int)
		}
		r.all[label] = n
		r.count[who]++
	}
	n.claims++
	return n, nil
}

// settle ends a claim: kept says that a client got the name. One that nobody
// has got is free again with the last claim.
func (r *names) settle(n *name, kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n.claims--
	n.got = n.got || kept
	if !n.got && n.claims == 0 {
		r.removeLocked(n)
	}
}

// release forgets n, if it is still what its label means.
func (r *names) release(n *name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeLocked(n)
}

// releaseUnused forgets n if nobody has been connected since t, and says so.
func (r *names) releaseUnused(n *name, t time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.claims > 0 || !n.unusedSince(t) {
		return false
	}
	r.removeLocked(n)
	return true
}

func (r *names) removeLocked(n *name) {
	if r.all[n.label] != n {
		return
	}
	delete(r.all, n.label)
	if r.count[n.owner]--; r.count[n.owner] == 0 {
		delete(r.count, n.owner)
	}
}

// each calls f for every name, without holding the lock meanwhile.
func (r *names) each(f func(*name)) {
	r.mu.RLock()
	list := make([]*name, 0, len(r.all))
	for _, n := range r.all {
		list = append(list, n)
	}
	r.mu.RUnlock()
	for _, n := range list {
		f(n)
	}
}
