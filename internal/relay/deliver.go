package relay

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// restore makes the names of the store known.
func (s *Server) restore() {
	if s.cfg.Spool == nil {
		return
	}
	for _, kept := range s.cfg.Spool.Names() {
		i := kept.Info()
		n, e := s.names.claim(kept.Label, i.Owner, i.UsedAt, &Limits{Names: 1 << 30, AllNames: 1 << 30})
		if e != nil {
			continue
		}
		s.names.settle(n, true)
		n.mode, n.share, n.accept = wire.Mode(i.Mode), wire.Share(i.Share), i.Accept
		if err := s.restoreLanes(n, kept); err != nil {
			s.cfg.Log.Error("read the store", "tunnel", n.label, "error", err.Error())
		}
	}
}

// restoreLanes makes the lanes of a name as the store knows them. Nobody else
// knows the name yet.
func (s *Server) restoreLanes(n *name, kept queue) error {
	n.kept = kept
	if n.share != wire.ShareBroadcast {
		c := kept.Counts()
		n.lanes = []*lane[*session]{newLane[*session]("", n.share == wire.ShareExclusive, 0, c.Tail, c.Waiting)}
		return nil
	}
	return s.restoreReadersLocked(n)
}

// restoreReadersLocked makes a lane for each of a name's single readers.
func (s *Server) restoreReadersLocked(n *name) error {
	for _, c := range n.kept.Cursors() {
		c.SeenAt = s.cfg.Now() // how long it was away counts from now on
		l, err := s.makeLaneLocked(context.Background(), n, c)
		if err != nil {
			return err
		}
		n.lanes = append(n.lanes, l)
	}
	return nil
}

// enrol makes the name durable and tells the client where it stands in the
// store. What the client says that it has is taken as acknowledged.
func (s *Server) enrol(ses *session, w *wire.Welcome) error {
	n, hello := ses.name, ses.hello
	if !s.stores() {
		return nil
	}
	ctx := context.Background()
	n.enrolling.take()
	defer n.enrolling.leave()
	if s.names.find(n.label) != n {
		return errMovedOn
	}
	if err := s.keep(ctx, n, hello, w); err != nil {
		return err
	}
	l, err := s.openLane(ctx, n, hello)
	if err != nil {
		return err
	}
	ses.lane = l
	// A client that has events skipped has not all up to an offset.
	if r := hello.Resume; r != nil && r.Epoch == s.epoch() && hello.Share == wire.ShareExclusive && !hello.SkipPoison {
		if err := s.resume(ctx, n, l, r.Offset); err != nil {
			return err
		}
	}
	w.Epoch, w.Cursor = s.epoch(), n.kept.Counts().Tail
	first, err := n.kept.First(ctx)
	if err != nil {
		return err
	}
	if first > 0 {
		w.Cursor = first - 1
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.instance != "" {
		w.Cursor = l.cursor()
	}
	w.Waiting = uint64(max(l.box.waiting, 0))
	return nil
}

// keep makes durable what the client says about the name.
func (s *Server) keep(ctx context.Context, n *name, hello *wire.Hello, w *wire.Welcome) error {
	n.mu.Lock()
	kept := n.kept
	n.mu.Unlock()
	info := spool.Info{
		Owner: n.owner, Mode: string(hello.Mode), Share: string(hello.Share), Accept: hello.AcceptStatus, Seal: hello.Seal, UsedAt: s.cfg.Now(),
	}
	if kept != nil {
		c := kept.Counts()
		w.Expired = uint64(c.Expired - kept.Info().Told)
		info.Told = c.Expired
		err := kept.Save(ctx, info)
		if errors.Is(err, cluster.ErrMoved) {
			s.begin(func() { s.moved(n, math.MaxUint64, func() {}) })
			return errMovedOn
		}
		return err
	}
	kept, err := s.claimStore(ctx, n.label, hello.Instance, info)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept = kept
	n.mode, n.accept = hello.Mode, hello.AcceptStatus // from now on requests are stored
	return s.restoreReadersLocked(n)
}

// claimStore makes the name known to the store.
func (s *Server) claimStore(ctx context.Context, label, instance string, info spool.Info) (queue, error) {
	if s.cfg.Cluster != nil {
		return s.claimShared(ctx, label, instance, info)
	}
	return s.cfg.Spool.Claim(ctx, label, info)
}

// errMovedOn says that a name has another owner since its client was admitted:
// the client comes again.
var errMovedOn = errors.New("the tunnel has moved to another relay")

// resume takes everything up to offset as acknowledged.
func (s *Server) resume(ctx context.Context, n *name, l *lane[*session], offset uint64) error {
	// Under the lock: no acknowledgement may be counted here and there.
	n.mu.Lock()
	defer n.mu.Unlock()
	count, err := n.kept.AckTo(ctx, offset)
	if err == nil {
		l.box.ackedTo(offset, count)
	}
	return err
}

// callbacks are what a client's frames do.
func (s *Server) callbacks(ses *session) wire.Callbacks {
	if !s.stores() {
		return wire.Callbacks{}
	}
	return wire.Callbacks{
		Ack: func(a wire.Ack) {
			n := ses.name
			n.mu.Lock()
			defer n.mu.Unlock()
			var done []uint64
			if !ses.lane.dropped {
				done = ses.lane.box.acked(ses, a)
			}
			again := len(ses.replayed)
			maps.DeleteFunc(ses.replayed, func(o uint64, _ struct{}) bool { return o <= a.Cumulative || slices.Contains(a.Singles, o) })
			again -= len(ses.replayed)
			s.ackedLocked(n, ses.lane, done)
			n.blocked = n.blocked && len(done) == 0 // there is room
			if len(done)+again > 0 {
				s.markStale(n)
				s.kickLocked(n)
			}
		},
		Seek: func(k wire.Seek) {
			n := ses.name
			n.mu.Lock()
			idle := ses.sought == nil
			ses.sought = &k
			n.mu.Unlock()
			if idle {
				s.begin(func() { s.seek(ses) })
			}
		},
		Nack: func(k wire.Nack) {
			n := ses.name
			n.mu.Lock()
			ses.lane.box.nacked(ses, k, ses.hello.SkipPoison, time.Now())
			delete(ses.replayed, k.Offset) // a copy that is not wanted now is not sent again
			n.mu.Unlock()
			s.kick(n)
		},
	}
}

// kick sees to it that what can be handed out is handed out.
func (s *Server) kick(n *name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s.kickLocked(n)
}

func (s *Server) kickLocked(n *name) {
	if n.kept == nil || n.pumping || len(n.sessions) == 0 || n.waitingLocked() <= 0 && n.replayerLocked() == nil {
		return
	}
	n.pumping = s.begin(func() { s.pump(n) })
}

// replayerLocked is a session whose replay has something to send.
func (n *name) replayerLocked() *session {
	for _, ses := range n.sessions {
		if ses.wantsLocked() {
			return ses
		}
	}
	return nil
}

// seek starts the replay that a link wants, the last one if it has wanted several.
func (s *Server) seek(ses *session) {
	n := ses.name
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		k := ses.sought
		n.mu.Unlock()
		from, err := n.find(*k)
		n.mu.Lock()
		if ses.sought != k {
			continue
		}
		ses.sought = nil
		if err != nil {
			s.cfg.Log.Error("read the store", "tunnel", n.label, "error", err.Error())
			return
		}
		ses.replay = replay{next: from, end: ses.lane.box.tail}
		s.kickLocked(n)
		return
	}
}

// find is the offset that a replay begins with, 0 for none.
func (n *name) find(k wire.Seek) (uint64, error) {
	switch k.Kind {
	case wire.SeekOldest:
		return 1, nil
	case wire.SeekNewest:
		return 0, nil
	case wire.SeekTime:
		return n.kept.OffsetAt(context.Background(), wire.TimeOf(int64(k.Value)))
	}
	return k.Value, nil
}

// again sends the next event of a replay: those that were acknowledged. The
// others come by themselves.
func (s *Server) again(n *name, ses *session, from uint64) {
	list, err := n.kept.Read(context.Background(), from, 1, 0, true)
	n.learn(list)
	n.mu.Lock()
	if err != nil || len(list) == 0 || list[0].Offset > ses.replay.end {
		ses.replay = replay{}
		n.mu.Unlock()
		if err != nil {
			s.cfg.Log.Error("read the store", "tunnel", n.label, "error", err.Error())
		}
		return
	}
	r := list[0]
	ses.replay.next = r.Offset + 1
	done := r.Done || ses.lane.instance != "" && r.Offset <= ses.lane.cursor()
	if !done || r.Damaged {
		n.mu.Unlock()
		return
	}
	if ses.replayed == nil {
		ses.replayed = make(map[uint64]struct{})
	}
	ses.replayed[r.Offset] = struct{}{}
	n.mu.Unlock()
	e := &wire.Event{
		Offset: r.Offset, Number: r.Offset, ReceivedAt: r.ReceivedAt, ID: r.ID,
		Attempt: r.Attempt + 2, Length: uint64(len(r.Body)), Digest: r.Digest,
	}
	s.metrics.redelivered.Add(1)
	if err := ses.link.OpenEvent(e, r.Head, r.Body); err != nil {
		ses.away.Store(true)
	}
}

// What a client may have unacknowledged, besides its parallel.
const (
	flightBytes = 8 << 20
	readAhead   = 32
	readBytes   = 4 << 20
)

// pump hands out events until none can go now.
func (s *Server) pump(n *name) {
	for {
		n.mu.Lock()
		if ses := n.replayerLocked(); ses != nil {
			from := ses.replay.next
			n.mu.Unlock()
			s.again(n, ses, from)
			continue
		}
		h, ok, wait := n.nextLocked(time.Now())
		if !ok {
			s.restLocked(n, wait)
			n.mu.Unlock()
			return
		}
		share := len(n.lanes)
		n.mu.Unlock()
		r, err := s.fetch(n, &h, share)
		switch {
		case err != nil:
			s.cfg.Log.Error("read the store", "tunnel", n.label, "error", err.Error())
			n.mu.Lock()
			s.restLocked(n, time.Second)
			n.mu.Unlock()
			return
		case r == nil:
			n.mu.Lock()
			if h.fresh {
				h.lane.box.skip(h.tail + 1)
			} else {
				h.lane.gone(h.offset)
			}
			n.mu.Unlock()
		case r.Damaged:
			s.lose(n, h.lane, r.Offset)
		default:
			s.hand(n, h, r)
		}
	}
}

// restLocked ends a pump, and has another start after wait if it is not 0.
func (s *Server) restLocked(n *name, wait time.Duration) {
	n.pumping = false
	for _, l := range n.lanes {
		l.ahead = nil
	}
	if wait > 0 {
		n.retryLocked(s, wait)
	}
}

// fetch reads the event that was chosen. Those behind it are read along, with
// share lanes less of them.
func (s *Server) fetch(n *name, h *handout, share int) (*spool.Record, error) {
	ctx, l := context.Background(), h.lane
	if !h.fresh {
		list, err := n.kept.Read(ctx, h.offset, 1, 0, false)
		n.learn(list)
		if err != nil || len(list) == 0 || list[0].Offset != h.offset {
			return nil, err
		}
		return list[0], nil
	}
	for len(l.ahead) > 0 && l.ahead[0].Offset < h.offset {
		l.ahead = l.ahead[1:]
	}
	if len(l.ahead) == 0 {
		list, err := n.kept.Read(ctx, h.offset, readAhead, readBytes/int64(share), false)
		n.learn(list)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		l.ahead = list
	}
	return l.ahead[0], nil
}

// hand gives an event to a client. One that is gone meanwhile changes nothing.
func (s *Server) hand(n *name, h handout, r *spool.Record) {
	ses, box := h.ses, &h.lane.box
	n.mu.Lock()
	if !box.can(r.Offset) { // it left the store after it was read
		box.skip(r.Offset + 1)
		n.mu.Unlock()
		return
	}
	if h.lane.dropped || !slices.Contains(n.sessions, ses) {
		n.mu.Unlock()
		return
	}
	tries := box.launch(ses, r.Offset, int64(len(r.Body)))
	n.mu.Unlock()
	before := r.Attempt
	if r.Old && before == 0 {
		before = 1 // it may have gone before this process began
	}
	e := &wire.Event{
		Offset: r.Offset, Number: r.Offset, ReceivedAt: r.ReceivedAt, ID: r.ID,
		Attempt: before + tries + 1, Length: uint64(len(r.Body)), Digest: r.Digest,
	}
	if before+tries > 0 {
		s.metrics.redelivered.Add(1)
	}
	if err := ses.link.OpenEvent(e, r.Head, r.Body); err != nil {
		ses.away.Store(true) // it takes nothing more
		n.mu.Lock()
		box.unsent(ses, r.Offset, time.Now())
		n.mu.Unlock()
	}
}

// lose gives up an event whose bytes are no longer what was stored: it is
// never passed on, and told as expired.
func (s *Server) lose(n *name, l *lane[*session], offset uint64) {
	s.cfg.Log.Error("an event in the store is damaged and lost", "tunnel", n.label, "offset", offset)
	if err := n.kept.Lose(context.Background(), offset); err != nil {
		s.cfg.Log.Error("write the store", "tunnel", n.label, "error", err.Error())
	}
	n.mu.Lock()
	n.goneLocked(offset)
	l.box.skip(offset + 1)
	n.mu.Unlock()
	s.markStale(n)
}

// retryLocked starts the pump again after a while.
func (n *name) retryLocked(s *Server, wait time.Duration) {
	if n.retry != nil {
		n.retry.Stop()
	}
	n.retry = time.AfterFunc(wait, func() { s.kick(n) })
}

// expire removes what is too old.
func (s *Server) expire(ctx context.Context, n *name) {
	n.mu.Lock()
	if n.kept == nil {
		n.mu.Unlock()
		return
	}
	// Under the lock: what is not in flight now is not handed out meanwhile.
	gone, err := n.kept.Expire(ctx, n.inFlightLocked())
	for _, offset := range gone {
		n.goneLocked(offset)
	}
	n.blocked = n.blocked && len(gone) == 0
	n.mu.Unlock()
	if err != nil {
		s.cfg.Log.Error("write the store", "tunnel", n.label, "error", err.Error())
		return
	}
	if len(gone) == 0 {
		return
	}
	s.cfg.Log.Warn("events expired undelivered", "tunnel", n.label, "events", len(gone))
	s.markStale(n)
}

// drop removes what is stored for a name that is free again.
func (s *Server) drop(ctx context.Context, n *name) {
	n.mu.Lock()
	kept := n.kept
	n.mu.Unlock()
	if kept == nil {
		return
	}
	if err := kept.DropName(ctx); err != nil {
		s.cfg.Log.Error("write the store", "tunnel", n.label, "error", err.Error())
	}
}

// markStale has the clients of n told how it stands, within a second.
func (s *Server) markStale(n *name) {
	if !s.stores() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale[n] = struct{}{}
}

// tellStates sends STATE where something changed.
func (s *Server) tellStates(ctx context.Context) {
	if !s.stores() {
		return
	}
	s.mu.Lock()
	stale := s.stale
	s.stale = make(map[*name]struct{})
	s.mu.Unlock()
	for n := range stale {
		s.tellState(ctx, n)
	}
}

func (s *Server) tellState(ctx context.Context, n *name) {
	n.mu.Lock()
	kept, sessions := n.kept, slices.Clone(n.sessions)
	n.mu.Unlock()
	if kept == nil || len(sessions) == 0 {
		return
	}
	c, info := kept.Counts(), kept.Info()
	oldest, err := kept.Oldest(ctx)
	if err != nil {
		return // the next change asks again
	}
	st := wire.State{
		WaitingBytes: uint64(max(c.Bytes, 0)), Oldest: oldest, Expired: uint64(max(c.Expired-info.Told, 0)), Durability: s.durability(),
	}
	if st.Expired > 0 {
		info.Told = c.Expired
		if err := kept.Save(ctx, info); err != nil {
			s.cfg.Log.Error("write the store", "tunnel", n.label, "error", err.Error())
		}
	}
	for _, ses := range sessions {
		ses.tell(st)
	}
}

// tell sends st with what concerns this client, unless it was told so before.
func (s *session) tell(st wire.State) {
	n := s.name
	n.mu.Lock()
	st.Waiting, st.Link = uint64(max(s.lane.box.waiting, 0)), wire.StateLive
	switch {
	case n.blocked:
		st.Link = wire.StateBlocked
	case st.Waiting > 0 || n.storing > 0:
		st.Link = wire.StateDraining
	}
	same := st == s.told
	s.told = st
	n.mu.Unlock()
	if !same {
		s.link.SendState(st)
	}
}
