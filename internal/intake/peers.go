package intake

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// peers knows every connection and keeps their number in bounds. When there
// are too many, the one that has been idle longest makes room; if none is idle,
// the newcomer is refused.
type peers struct {
	clock atomic.Int64 // counts the moments at which a connection became idle

	mu     sync.Mutex // guards the following
	all    map[*conn]struct{}
	taken  map[*conn]struct{} // by a handler that serves them itself; only their addresses count them
	byAddr map[netip.Addr]int // of peers that it bounds
}

// group is what the cap of one address counts: an IPv4 address, or the /64 of
// an IPv6 address, of which one customer has 2^64.
func group(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// rest marks c as idle from now on.
func (p *peers) rest(c *conn) { c.idle.Store(p.clock.Add(1)) }

// admit makes room for c, if it can, and counts it. It returns the connection
// that has to go for it, if any: the caller closes it.
func (p *peers) admit(c *conn, limits *Limits) (victim *conn, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !c.unbound && p.byAddr[c.peer] >= limits.PerAddress:
		victim = p.oldestIdleLocked(func(o *conn) bool { return !o.unbound && o.peer == c.peer })
	case len(p.all) >= limits.Connections:
		victim = p.oldestIdleLocked(func(*conn) bool { return true })
	default:
		p.addLocked(c)
		return nil, true
	}
	if victim == nil {
		return nil, false
	}
	p.removeLocked(victim)
	p.addLocked(c)
	return victim, true
}

func (p *peers) oldestIdleLocked(candidate func(*conn) bool) *conn {
	var oldest *conn
	var since int64
	for c := range p.all {
		if idle := c.idle.Load(); idle > 0 && (oldest == nil || idle < since) && candidate(c) {
			oldest, since = c, idle
		}
	}
	return oldest
}

func (p *peers) addLocked(c *conn) {
	if p.all == nil {
		p.all, p.taken, p.byAddr = map[*conn]struct{}{}, map[*conn]struct{}{}, map[netip.Addr]int{}
	}
	p.all[c] = struct{}{}
	if !c.unbound {
		p.byAddr[c.peer]++
	}
	p.rest(c)
}

// take makes room for another in the place of c, which a handler has taken over
// and bounds by itself.
func (p *peers) take(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.all[c]; ok {
		delete(p.all, c)
		p.taken[c] = struct{}{}
	}
}

// leave forgets c. A second call does nothing.
func (p *peers) leave(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removeLocked(c)
}

func (p *peers) removeLocked(c *conn) {
	_, ok := p.all[c]
	_, taken := p.taken[c]
	if !ok && !taken {
		return
	}
	delete(p.all, c)
	delete(p.taken, c)
	if c.unbound {
		return
	}
	if p.byAddr[c.peer]--; p.byAddr[c.peer] == 0 {
		delete(p.byAddr, c.peer)
	}
}

// silent returns the connections on which nothing has ever come.
func (p *peers) silent() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*conn
	for c := range p.all {
		if !c.heard.Load() {
			out = append(out, c)
		}
	}
	return out
}
