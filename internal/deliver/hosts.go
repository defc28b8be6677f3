package deliver

import (
	"context"
	"net/url"
	"sync"
)

const (
	// MaxOpen is how many attempts Hosts lets be open at once.
	MaxOpen = 64
	// troubled is how many failures in a row make a host be tried one attempt
	// at a time.
	troubled = 8
)

// Hosts keeps attempts within bounds: at most MaxOpen at once in all, and one
// at a time to a host that failed the last eight. Whoever comes beyond waits
// for his turn. Make it with NewHosts; it is safe for concurrent use.
type Hosts struct {
	open chan struct{}
	mu   sync.Mutex // guards the following
	m    map[string]*hostState
}

type hostState struct {
	failures int
	users    int           // attempts open or waiting
	single   chan struct{} // held by the one attempt to a troubled host
}

// NewHosts returns an empty Hosts.
func NewHosts() *Hosts {
	return &Hosts{open: make(chan struct{}, MaxOpen), m: make(map[string]*hostState)}
}

// Do waits until an attempt to the host of rawURL may begin and makes it. The
// error is that of ctx, if it ended before.
func (h *Hosts) Do(ctx context.Context, rawURL string, attempt func() Result) (Result, error) {
	st := h.enter(hostKey(rawURL))
	delivered, tried := false, false
	defer func() { h.leave(hostKey(rawURL), st, delivered, tried) }()
	if h.inTrouble(st) {
		select {
		case st.single <- struct{}{}:
			defer func() { <-st.single }()
		case <-ctx.Done():
			return Result{}, ctx.Err()
		}
	}
	select {
	case h.open <- struct{}{}:
		defer func() { <-h.open }()
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	r := attempt()
	delivered, tried = r.Delivered(), r.Kind != Canceled
	return r, nil
}

func (h *Hosts) enter(key string) *hostState {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := h.m[key]
	if st == nil {
		st = &hostState{single: make(chan struct{}, 1)}
		h.m[key] = st
	}
	st.users++
	return st
}

func (h *Hosts) inTrouble(st *hostState) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return st.failures >= troubled
}

func (h *Hosts) leave(key string, st *hostState, delivered, tried bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	st.users--
	switch {
	case delivered:
		st.failures = 0
	case tried:
		st.failures++
	}
	if st.users == 0 && st.failures == 0 {
		delete(h.m, key)
	}
}

func hostKey(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	return u.Scheme + "://" + u.Host
}
