package relay

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/wire"
)

// An owner is who a name belongs to: the hash of what they authenticate with.
type owner [32]byte

// A name is one tunnel.
type name struct {
	label string
	owner owner

	mu       sync.Mutex // guards the following
	mode     wire.Mode
	share    wire.Share
	accept   int        // the status for what is stored
	sessions []*session // in the order of their connecting
	turn     int
	usedAt   time.Time
	bucket   bucket
	held     int64 // bytes of bodies kept in case they must be stored
}

// unusedSince says whether nobody has been connected since t.
func (n *name) unusedSince(t time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.sessions) == 0 && n.usedAt.Before(t)
}

// A session is one client's link.
type session struct {
	link     *wire.Link
	name     *name
	instance string
	token    string // id of the token, "" without one
	remote   string
	since    time.Time
	slots    chan struct{} // one for each stream under way
}

// pick chooses the link for a request: nil if there is none. Several say that
// the request goes to all of them.
func (n *name) pick() (one *session, all []*session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.sessions) == 0 {
		return nil, nil
	}
	switch n.share {
	case wire.ShareOneOfN:
		n.turn++
		best := n.sessions[n.turn%len(n.sessions)]
		for i := range n.sessions {
			if s := n.sessions[(n.turn+i)%len(n.sessions)]; len(s.slots) < len(best.slots) {
				best = s
			}
		}
		return best, nil
	case wire.ShareBroadcast:
		return n.sessions[0], slices.Clone(n.sessions)
	}
	return n.sessions[len(n.sessions)-1], nil
}

// acquire takes a slot of the session, waiting a while for one.
func (s *session) acquire(ctx context.Context, wait time.Duration) bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *session) release() { <-s.slots }

// join adds a session. With an exclusive name the older ones have to go; they
// are returned for the caller to close.
func (n *name) join(s *session, h *wire.Hello, most int) (gone []*session, refused bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h.Share == wire.ShareExclusive || n.share == wire.ShareExclusive {
		gone, n.sessions = n.sessions, nil
	}
	if len(n.sessions) >= most {
		return nil, true
	}
	n.mode, n.share, n.accept = h.Mode, h.Share, h.AcceptStatus
	n.sessions = append(n.sessions, s)
	return gone, false
}

// leave removes a session.
func (n *name) leave(s *session, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.Index(n.sessions, s); i >= 0 {
		n.sessions = slices.Delete(n.sessions, i, i+1)
	}
	n.usedAt = now
}

// allow counts a request against the name's rate.
func (n *name) allow(now time.Time, rate, burst float64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.bucket.take(now, rate, burst)
}
