package relay

import (
	"net/netip"
	"sync"
	"time"
)

// A bucket lets through burst at once and rate a second after that. The zero
// value is full.
type bucket struct {
	spent float64
	at    time.Time
}

// take takes one token if there is one.
func (b *bucket) take(now time.Time, rate, burst float64) bool {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.spent = max(0, b.spent-passed*rate)
		b.at = now
	}
	if b.spent+1 > burst {
		return false
	}
	b.spent++
	return true
}

// addrBuckets keeps a bucket for each address that was seen lately. IPv6
// addresses count by their /64, of which one customer has 2^64.
type addrBuckets struct {
	rate, burst float64

	mu  sync.Mutex // guards all
	all map[netip.Addr]*bucket
}

// maxAddrs bounds the memory: beyond it, full buckets are forgotten, and if
// that does not help all are. That is generous to an attacker with very many
// addresses, whom no limit by address could stop.
const maxAddrs = 100_000

func (a *addrBuckets) take(addr netip.Addr, now time.Time) bool {
	return a.with(addr, now, func(b *bucket) bool { return b.take(now, a.rate, a.burst) })
}

// empty says whether addr has used up what it may do, without taking.
func (a *addrBuckets) empty(addr netip.Addr, now time.Time) bool {
	return a.with(addr, now, func(b *bucket) bool {
		test := *b
		return !test.take(now, a.rate, a.burst)
	})
}

func (a *addrBuckets) with(addr netip.Addr, now time.Time, f func(*bucket) bool) bool {
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.all[addr]
	if b == nil {
		if len(a.all) >= maxAddrs {
			a.sweepLocked(now)
		}
		if len(a.all) >= maxAddrs || a.all == nil {
			a.all = make(map[netip.Addr]*bucket)
		}
		b = &bucket{}
		a.all[addr] = b
	}
	return f(b)
}

// sweep forgets addresses whose bucket is full again.
func (a *addrBuckets) sweep(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweepLocked(now)
}

func (a *addrBuckets) sweepLocked(now time.Time) {
	for addr, b := range a.all {
		if b.spent <= now.Sub(b.at).Seconds()*a.rate {
			delete(a.all, addr)
		}
	}
}
