package relay

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
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

	kept    *spool.Name // nil without a store
	box     outbox[*session]
	pumping bool        // a goroutine hands out events
	retry   *time.Timer // starts it again
	blocked bool        // the store took nothing when it was last asked
	told    wire.State  // what the clients were told last
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
	hello    *wire.Hello
	instance string
	token    string // id of the token, "" without one
	remote   string
	since    time.Time
	slots    chan struct{} // one for each stream under way
	away     atomic.Bool   // asked to leave: nothing new starts here

	// The name's lock guards the following.
	replay   replay
	replayed map[uint64]struct{} // events of the replay that are under way
}

// A replay reads the store again for one link, beside what is delivered. Its
// events have been delivered before or are in flight elsewhere; acknowledging
// them changes nothing.
type replay struct {
	next, end uint64 // offsets; done when next is above end
}

// wantsLocked says whether the replay has something to send now.
func (s *session) wantsLocked() bool {
	return s.replay.next != 0 && s.replay.next <= s.replay.end && len(s.replayed) < s.hello.Parallel && !s.away.Load()
}

// pickLocked chooses the link for a request: nil if there is none.
func (n *name) pickLocked() *session {
	if len(n.sessions) == 0 {
		return nil
	}
	if n.share == wire.ShareOneOfN {
		n.turn++
		best := n.sessions[n.turn%len(n.sessions)]
		for i := range n.sessions {
			if s := n.sessions[(n.turn+i)%len(n.sessions)]; len(s.slots) < len(best.slots) {
				best = s
			}
		}
		return best
	}
	return n.sessions[len(n.sessions)-1]
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
	n.box.ordered = h.Share == wire.ShareExclusive
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
	n.box.left(s, time.Now())
}

// keeps says whether what cannot be passed on now is stored.
func (n *name) keepsLocked() bool { return n.kept != nil && n.mode != wire.ModeLive }

// allow counts a request against the name's rate.
func (n *name) allow(now time.Time, rate, burst float64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.bucket.take(now, rate, burst)
}
