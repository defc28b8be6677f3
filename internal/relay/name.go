package relay

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/wire"
)

// An owner is who a name belongs to: the hash of what they authenticate with.
type owner [32]byte

// A name is one tunnel.
type name struct {
	label string
	owner owner

	enrolling turn // taken while a client is given its place in the store, or what is kept of the name is written

	// The registry's lock guards the following.
	claims int  // of clients that were admitted and are not connected yet
	got    bool // some client has been connected, in this process or before

	mu       sync.Mutex // guards the following
	mode     wire.Mode
	share    wire.Share
	accept   int        // the status for what is stored
	sessions []*session // in the order of their connecting
	turn     int
	usedAt   time.Time
	bucket   bucket
	held     int64 // bytes of bodies kept in case they must be stored, or since the client takes none

	kept    queue // nil without a store
	lanes   []*lane[*session]
	storing int         // events on their way into the store
	unread  int         // notes of events that other nodes stored and that are not found yet
	ackedTo uint64      // with broadcast: what all are done with
	pumping bool        // a goroutine hands out events
	retry   *time.Timer // starts it again
	blocked bool        // the store took nothing when it was last asked
}

// A turn is a lock that is kept while others are asked something.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take()  { t <- struct{}{} }
func (t turn) leave() { <-t }

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

	lane *lane[*session] // nil without a store; set before the link serves

	// The name's lock guards the following.
	sought   *wire.Seek // the replay that is being looked for, nil for none
	replay   replay
	replayed map[uint64]struct{} // events of the replay that are under way
	told     wire.State          // what it was told last
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

// pickLocked chooses the link for a request: nil if there is none. With
// broadcast the others are those that get a copy.
func (n *name) pickLocked() (ses *session, others []*session) {
	here := make([]*session, 0, 4)
	for _, s := range n.sessions {
		if !s.away.Load() {
			here = append(here, s)
		}
	}
	switch {
	case len(here) == 0:
		return nil, nil
	case n.share == wire.ShareBroadcast:
		return here[0], here[1:]
	case n.share != wire.ShareOneOfN:
		return here[len(here)-1], nil
	}
	n.turn++
	best := here[n.turn%len(here)]
	for i := range here {
		if s := here[(n.turn+i)%len(here)]; len(s.slots) < len(best.slots) {
			best = s
		}
	}
	return best, nil
}

// hereLocked says whether a client is connected that takes requests.
func (n *name) hereLocked() bool {
	return slices.ContainsFunc(n.sessions, func(s *session) bool { return !s.away.Load() })
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

// join adds a session. The older ones that have to go are returned for the
// caller to close: all with an exclusive name or one that is shared in another
// way than before, else those of the same instance.
func (n *name) join(s *session, h *wire.Hello, most int) (gone []*session, refused bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := h.Share == wire.ShareExclusive || h.Share != n.share
	var stay []*session
	for _, old := range n.sessions {
		if all || h.Share == wire.ShareBroadcast && old.instance == s.instance {
			gone = append(gone, old)
		} else {
			stay = append(stay, old)
		}
	}
	n.sessions = stay
	if len(n.sessions) >= most {
		return gone, true
	}
	n.mode, n.share, n.accept = h.Mode, h.Share, h.AcceptStatus
	n.sessions = append(n.sessions, s)
	if s.lane != nil {
		s.lane.box.ordered = h.Share != wire.ShareOneOfN
	}
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
	if s.lane != nil {
		s.lane.box.left(s, time.Now())
		s.lane.seenAt = now
	}
}

// keeps says whether what cannot be passed on now is stored.
func (n *name) keepsLocked() bool { return n.kept != nil && n.mode != wire.ModeLive }

// allow counts a request against the name's rate.
func (n *name) allow(now time.Time, rate, burst float64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.bucket.take(now, rate, burst)
}
