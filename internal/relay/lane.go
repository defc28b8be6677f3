package relay

import (
	"context"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A lane is a way out of a name's store, with a place of its own in it. The
// clients of a name share one; where each is to get everything (broadcast),
// each instance has its own, which stays for a while when the instance is
// away. Like the outbox it does no I/O. H is a client's link.
type lane[H comparable] struct {
	instance string // "" for the one that all share
	box      outbox[H]
	base     uint64 // highest offset that was counted when the lane was made
	saved    uint64 // the cursor that was noted last
	seenAt   time.Time
	dropped  bool // its events are another lane's now

	ahead []*spool.Record // read before they were wanted; the pump's alone
}

// newLane makes a lane that begins after offset from, in a store whose highest
// offset is tail and in which count events wait between the two.
func newLane[H comparable](instance string, ordered bool, from, tail uint64, count int64) *lane[H] {
	return &lane[H]{
		instance: instance, base: tail, saved: from,
		box: outbox[H]{ordered: ordered, next: from + 1, tail: tail, waiting: count},
	}
}

// stored notes that the store has taken an event.
func (l *lane[H]) stored(offset uint64) {
	if offset > l.base {
		l.box.stored(offset)
	}
}

// gone notes that an event has left the store undelivered, unless the lane is
// done with it. It must not be in flight.
func (l *lane[H]) gone(offset uint64) {
	if offset >= l.box.next || l.box.find(offset) >= 0 {
		l.box.gone(offset)
	}
}

// cursor is the offset up to which everything is done with.
func (l *lane[H]) cursor() uint64 {
	low := l.box.next
	for offset := range l.box.flights {
		low = min(low, offset)
	}
	if len(l.box.back) > 0 {
		low = min(low, l.box.back[0].offset)
	}
	return low - 1
}

// laneKey is the lane's instance for what a client says of itself: "" is the lane that
// all share.
func laneKey(h *wire.Hello) string {
	if h.Share == wire.ShareBroadcast {
		return h.Instance
	}
	return ""
}

// openLane gives a client its lane, and makes it if there is none. A way of
// sharing that is another than before begins anew: what was handed out then
// comes again.
func (s *Server) openLane(ctx context.Context, n *name, h *wire.Hello) (*lane[*session], error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := laneKey(h)
	for _, l := range n.lanes {
		if l.instance == key {
			return l, nil
		}
	}
	if len(n.lanes) > 0 && (key == "" || n.lanes[0].instance == "") {
		s.dropLanesLocked(n)
	}
	// Nothing may be acknowledged here and counted there.
	if err := n.kept.Settle(ctx); err != nil {
		return nil, err
	}
	if q, ok := n.kept.(*cluster.Queue); ok && !q.Complete() {
		if err := n.discoverLocked(ctx); err != nil {
			return nil, err
		}
	}
	c := n.kept.Counts()
	if key == "" {
		l := newLane[*session]("", h.Share == wire.ShareExclusive, 0, c.Tail, c.Waiting)
		n.lanes = []*lane[*session]{l}
		return l, nil
	}
	// A new one gets what no other is done with: what one has is not lost.
	var from uint64
	for _, l := range n.lanes {
		from = max(from, l.cursor())
	}
	l, err := s.makeLaneLocked(ctx, n, spool.Cursor{Instance: key, Offset: from, SeenAt: s.cfg.Now()})
	if err != nil {
		return nil, err
	}
	s.roomLocked(n)
	n.lanes = append(n.lanes, l)
	n.kept.SetCursor(spool.Cursor{Instance: key, Offset: from, SeenAt: l.seenAt})
	return l, n.kept.Settle(ctx)
}

func (s *Server) makeLaneLocked(ctx context.Context, n *name, c spool.Cursor) (*lane[*session], error) {
	tail := n.kept.Counts().Tail
	count, err := n.kept.Count(ctx, c.Offset+1, tail)
	if err != nil {
		return nil, err
	}
	l := newLane[*session](c.Instance, true, c.Offset, tail, count)
	l.seenAt = c.SeenAt
	return l, nil
}

// dropLanesLocked gives up all lanes of a name.
func (s *Server) dropLanesLocked(n *name) {
	for _, l := range n.lanes {
		s.dropLaneLocked(n, l)
	}
	n.lanes = nil
}

func (s *Server) dropLaneLocked(n *name, l *lane[*session]) {
	l.dropped = true
	if l.instance != "" {
		n.kept.DropCursor(l.instance)
	}
}

// roomLocked forgets the instance that has been away longest if there are as
// many lanes as there may be clients.
func (s *Server) roomLocked(n *name) {
	if len(n.lanes) < s.cfg.Limits.Links {
		return
	}
	oldest := -1
	for i, l := range n.lanes {
		if n.sessionOfLocked(l) == nil && (oldest < 0 || l.seenAt.Before(n.lanes[oldest].seenAt)) {
			oldest = i
		}
	}
	if oldest >= 0 {
		s.forgetLaneLocked(n, oldest)
	}
}

func (s *Server) forgetLaneLocked(n *name, i int) {
	s.dropLaneLocked(n, n.lanes[i])
	n.lanes = append(n.lanes[:i:i], n.lanes[i+1:]...)
	s.ackLanesLocked(n)
}

// forgetLanes drops the lanes of instances that were not seen for long: what
// waited for nobody else then waits no more.
func (s *Server) forgetLanes(n *name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := s.cfg.Now().Add(-s.cfg.Limits.Unseen)
	for i := len(n.lanes) - 1; i >= 0 && len(n.lanes) > 1; i-- {
		l := n.lanes[i]
		if l.instance != "" && n.sessionOfLocked(l) == nil && l.seenAt.Before(before) {
			s.forgetLaneLocked(n, i)
		}
	}
}

// ackLanesLocked acknowledges what every lane is done with.
func (s *Server) ackLanesLocked(n *name) {
	if len(n.lanes) == 0 || n.lanes[0].instance == "" {
		return
	}
	low := n.lanes[0].cursor()
	for _, l := range n.lanes[1:] {
		low = min(low, l.cursor())
	}
	if low > n.ackedTo {
		n.ackedTo = low
		n.kept.AckUpTo(low)
	}
}

// ackedLocked notes what a client is done with.
func (s *Server) ackedLocked(n *name, l *lane[*session], done []uint64) {
	if l.instance == "" {
		for _, offset := range done {
			n.kept.Ack(offset)
		}
		return
	}
	if at := l.cursor(); at > l.saved {
		l.saved = at
		n.kept.SetCursor(spool.Cursor{Instance: l.instance, Offset: at, SeenAt: s.cfg.Now()})
	}
	s.ackLanesLocked(n)
}

// sessionOfLocked is the newest session of a lane, nil if there is none.
func (n *name) sessionOfLocked(l *lane[*session]) *session {
	for i := len(n.sessions) - 1; i >= 0; i-- {
		if n.sessions[i].lane == l {
			return n.sessions[i]
		}
	}
	return nil
}

// idleLocked says that nothing waits for whoever is connected and nothing is
// being stored: a live request overtakes nothing. What a store is asked to take
// that took nothing before holds up nobody.
func (n *name) idleLocked() bool {
	if n.storing > 0 && !n.blocked || n.unread > 0 {
		return false
	}
	for _, l := range n.lanes {
		waiting := l.box.waiting
		if q, ok := n.kept.(*cluster.Queue); ok && l.instance == "" {
			waiting = max(waiting, q.Counts().Waiting) // it knows of those that are just being discovered
		}
		if waiting > l.box.poisoned() && (l.instance == "" || n.sessionOfLocked(l) != nil) {
			return false
		}
	}
	return true
}

// tookLocked notes that the store has taken r for this node. Among relays it is
// now that the queue learns of it: a lane that is made meanwhile would count it,
// and not those before it that others have stored.
func (n *name) tookLocked(r *spool.Record) {
	if q, ok := n.kept.(*cluster.Queue); ok {
		r.New = q.Learn(r)
	}
	if r.New {
		n.storedLocked(r.Offset)
	}
}

// storedLocked notes that the store has taken an event.
func (n *name) storedLocked(offset uint64) {
	for _, l := range n.lanes {
		l.stored(offset)
	}
}

// goneLocked notes that an event has left the store undelivered.
func (n *name) goneLocked(offset uint64) {
	for _, l := range n.lanes {
		l.gone(offset)
	}
}

// waitingLocked is how many events wait for the client that most wait for.
func (n *name) waitingLocked() int64 {
	var most int64
	for _, l := range n.lanes {
		most = max(most, l.box.waiting)
	}
	return most
}

// inFlightLocked lists the events that clients have.
func (n *name) inFlightLocked() []uint64 {
	var all []uint64
	for _, l := range n.lanes {
		all = append(all, l.box.inFlight()...)
	}
	return all
}

// A handout is an event that can go now.
type handout struct {
	lane   *lane[*session]
	ses    *session
	offset uint64
	fresh  bool
	tail   uint64
}

// nextLocked chooses what goes next, lane by lane in turn. If nothing can, wait
// is how long until something may, 0 if that is not a matter of time.
func (n *name) nextLocked(now time.Time) (h handout, ok bool, wait time.Duration) {
	for range n.lanes {
		n.turn++
		l := n.lanes[n.turn%len(n.lanes)]
		ses := n.freeLocked(l)
		if ses == nil {
			continue
		}
		offset, fresh, ok, w := l.box.pick(now)
		if ok {
			return handout{l, ses, offset, fresh, l.box.tail}, true, 0
		}
		if w > 0 && (wait == 0 || w < wait) {
			wait = w
		}
	}
	return handout{}, false, wait
}

// freeLocked is a session of the lane that can take an event: with a shared
// name the one that has the fewest.
func (n *name) freeLocked(l *lane[*session]) *session {
	var best *session
	fewest := 0
	for _, ses := range n.sessions {
		if ses.lane != l || ses.away.Load() {
			continue
		}
		events, bytes := l.box.load(ses)
		if l.box.ordered {
			events = len(l.box.flights) // one that a link before still has is not overtaken
		}
		if events >= ses.hello.Parallel || events > 0 && bytes >= flightBytes {
			continue
		}
		if best == nil || events < fewest {
			best, fewest = ses, events
		}
	}
	return best
}
