package relay

import (
	"context"
	"maps"
	"slices"
	"time"

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
		n, made, e := s.names.claim(kept.Label, i.Owner, i.UsedAt, &Limits{Names: 1 << 30, AllNames: 1 << 30})
		if !made || e != nil {
			continue
		}
		n.mode, n.share, n.accept = wire.Mode(i.Mode), wire.Share(i.Share), i.Accept
		n.keep(kept)
	}
}

// keep gives n its part of the store.
func (n *name) keep(kept *spool.Name) {
	c := kept.Counts()
	n.kept = kept
	n.box = outbox[*session]{ordered: n.share == wire.ShareExclusive, next: 1, tail: c.Tail, waiting: c.Waiting}
}

// enrol makes the name durable and tells the client where it stands in the
// store. What the client says that it has is taken as acknowledged.
func (s *Server) enrol(n *name, hello *wire.Hello, w *wire.Welcome) error {
	if s.cfg.Spool == nil {
		return nil
	}
	ctx := context.Background()
	n.mu.Lock()
	kept := n.kept
	n.mu.Unlock()
	info := spool.Info{
		Owner: n.owner, Mode: string(hello.Mode), Share: string(hello.Share), Accept: hello.AcceptStatus, UsedAt: s.cfg.Now(),
	}
	if kept == nil {
		var err error
		if kept, err = s.cfg.Spool.Claim(ctx, n.label, info); err != nil {
			return err
		}
		n.mu.Lock()
		n.share = hello.Share
		n.keep(kept)
		n.mu.Unlock()
	} else {
		c := kept.Counts()
		w.Expired = uint64(c.Expired - kept.Info().Told)
		info.Told = c.Expired
		if err := s.cfg.Spool.Save(ctx, kept, info); err != nil {
			return err
		}
	}
	if r := hello.Resume; r != nil && r.Epoch == s.cfg.Spool.Epoch() && hello.Share == wire.ShareExclusive {
		// Under the lock: no acknowledgement may be counted here and there.
		n.mu.Lock()
		count, err := s.cfg.Spool.AckTo(ctx, kept, r.Offset)
		if err == nil {
			n.box.ackedTo(r.Offset, count)
		}
		n.mu.Unlock()
		if err != nil {
			return err
		}
	}
	first, err := s.cfg.Spool.Read(ctx, kept, 0, 1, 0, false)
	if err != nil {
		return err
	}
	w.Epoch, w.Cursor = s.cfg.Spool.Epoch(), kept.Counts().Tail
	if len(first) > 0 {
		w.Cursor = first[0].Offset - 1
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	w.Waiting = uint64(max(n.box.waiting, 0))
	return nil
}

// callbacks are what a client's frames do.
func (s *Server) callbacks(ses *session) wire.Callbacks {
	if s.cfg.Spool == nil {
		return wire.Callbacks{}
	}
	return wire.Callbacks{
		Ack: func(a wire.Ack) {
			n := ses.name
			n.mu.Lock()
			done := n.box.acked(ses, a)
			again := len(ses.replayed)
			maps.DeleteFunc(ses.replayed, func(o uint64, _ struct{}) bool { return o <= a.Cumulative || slices.Contains(a.Singles, o) })
			again -= len(ses.replayed)
			for _, offset := range done {
				s.cfg.Spool.Ack(n.kept, offset)
			}
			n.mu.Unlock()
			if len(done)+again > 0 {
				s.markStale(n)
				s.kick(n)
			}
		},
		Seek: func(k wire.Seek) { s.begin(func() { s.seek(ses, k) }) },
		Nack: func(k wire.Nack) {
			n := ses.name
			n.mu.Lock()
			n.box.nacked(ses, k, time.Now())
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
	if n.kept == nil || n.pumping || len(n.sessions) == 0 || n.box.waiting <= 0 && n.replayerLocked() == nil {
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

// seek starts a replay for one link.
func (s *Server) seek(ses *session, k wire.Seek) {
	n, ctx := ses.name, context.Background()
	from := k.Value
	switch k.Kind {
	case wire.SeekOldest:
		from = 1
	case wire.SeekNewest:
		from = 0 // nothing
	case wire.SeekTime:
		var err error
		if from, err = s.cfg.Spool.OffsetAt(ctx, n.kept, wire.TimeOf(int64(k.Value))); err != nil {
			s.cfg.Log.Error("read the store", "tunnel", n.label, "error", err.Error())
			return
		}
	}
	n.mu.Lock()
	ses.replay = replay{next: from, end: n.box.tail}
	n.mu.Unlock()
	s.kick(n)
}

// again sends the next event of a replay: those that were acknowledged. The
// others come by themselves.
func (s *Server) again(n *name, ses *session, from uint64) {
	list, err := s.cfg.Spool.Read(context.Background(), n.kept, from, 1, 0, true)
	n.mu.Lock()
	if err != nil || len(list) == 0 || list[0].Offset > ses.replay.end {
		ses.replay = replay{}
		n.mu.Unlock()
		return
	}
	r := list[0]
	ses.replay.next = r.Offset + 1
	if !r.Done || r.Damaged {
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

// freeLocked is a session that can take an event: with a shared name the one
// that has the fewest.
func (n *name) freeLocked() *session {
	var best *session
	fewest := 0
	for _, ses := range n.sessions {
		events, bytes := n.box.load(ses)
		if n.box.ordered {
			events = len(n.box.flights) // one that a link before still has is not overtaken
		}
		if ses.away.Load() || events >= ses.hello.Parallel || events > 0 && bytes >= flightBytes {
			continue
		}
		if best == nil || events < fewest {
			best, fewest = ses, events
		}
	}
	return best
}

// pump hands out events until none can go now.
func (s *Server) pump(n *name) {
	var ahead []*spool.Record
	for {
		n.mu.Lock()
		if ses := n.replayerLocked(); ses != nil {
			from := ses.replay.next
			n.mu.Unlock()
			s.again(n, ses, from)
			continue
		}
		ses := n.freeLocked()
		offset, fresh, ok, wait := n.box.pick(time.Now())
		if ses == nil || !ok {
			n.pumping = false
			if ses != nil && wait > 0 {
				n.retryLocked(s, wait)
			}
			n.mu.Unlock()
			return
		}
		tail := n.box.tail
		n.mu.Unlock()
		r, err := s.fetch(n, offset, fresh, &ahead)
		switch {
		case err != nil:
			s.cfg.Log.Error("read the store", "tunnel", n.label, "error", err.Error())
			n.mu.Lock()
			n.pumping = false
			n.retryLocked(s, time.Second)
			n.mu.Unlock()
			return
		case r == nil:
			n.mu.Lock()
			if fresh {
				n.box.skip(tail + 1)
			} else {
				n.box.gone(offset)
			}
			n.mu.Unlock()
		case r.Damaged:
			s.lose(n, r.Offset)
		default:
			s.hand(n, ses, r)
		}
	}
}

// fetch reads the event that pick named. Those behind it are read along.
func (s *Server) fetch(n *name, offset uint64, fresh bool, ahead *[]*spool.Record) (*spool.Record, error) {
	ctx := context.Background()
	if !fresh {
		list, err := s.cfg.Spool.Read(ctx, n.kept, offset, 1, 0, false)
		if err != nil || len(list) == 0 || list[0].Offset != offset {
			return nil, err
		}
		return list[0], nil
	}
	for len(*ahead) > 0 && (*ahead)[0].Offset < offset {
		*ahead = (*ahead)[1:]
	}
	if len(*ahead) == 0 {
		list, err := s.cfg.Spool.Read(ctx, n.kept, offset, readAhead, readBytes, false)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		*ahead = list
	}
	return (*ahead)[0], nil
}

// hand gives an event to a client. One that is gone meanwhile changes nothing.
func (s *Server) hand(n *name, ses *session, r *spool.Record) {
	n.mu.Lock()
	if !n.box.can(r.Offset) { // it left the store after it was read
		n.box.skip(r.Offset + 1)
		n.mu.Unlock()
		return
	}
	if !slices.Contains(n.sessions, ses) {
		n.mu.Unlock()
		return
	}
	tries := n.box.launch(ses, r.Offset, int64(len(r.Body)))
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
		n.box.unsent(ses, r.Offset, time.Now())
		n.mu.Unlock()
	}
}

// lose gives up an event whose bytes are no longer what was stored: it is
// never passed on, and told as expired.
func (s *Server) lose(n *name, offset uint64) {
	s.cfg.Log.Error("an event in the store is damaged and lost", "tunnel", n.label, "offset", offset)
	if err := s.cfg.Spool.Lose(context.Background(), n.kept, offset); err != nil {
		s.cfg.Log.Error("write the store", "tunnel", n.label, "error", err.Error())
	}
	n.mu.Lock()
	n.box.gone(offset)
	n.box.skip(offset + 1)
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
	gone, err := s.cfg.Spool.Expire(ctx, n.kept, n.box.inFlight())
	for _, offset := range gone {
		n.box.gone(offset)
	}
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

// release forgets a name and what is stored for it.
func (s *Server) release(ctx context.Context, n *name) {
	s.names.release(n)
	n.mu.Lock()
	kept := n.kept
	n.mu.Unlock()
	if kept == nil {
		return
	}
	if err := s.cfg.Spool.DropName(ctx, kept); err != nil {
		s.cfg.Log.Error("write the store", "tunnel", n.label, "error", err.Error())
	}
}

// markStale has the clients of n told how it stands, within a second.
func (s *Server) markStale(n *name) {
	if s.cfg.Spool == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale[n] = struct{}{}
}

// tellStates sends STATE where something changed.
func (s *Server) tellStates(ctx context.Context) {
	if s.cfg.Spool == nil {
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
	oldest, err := s.cfg.Spool.Oldest(ctx, kept)
	if err != nil {
		return // the next change asks again
	}
	n.mu.Lock()
	st := wire.State{
		Waiting: uint64(max(n.box.waiting, 0)), WaitingBytes: uint64(max(c.Bytes, 0)), Oldest: oldest,
		Expired: uint64(max(c.Expired-info.Told, 0)), Link: wire.StateLive, Durability: wire.Fsynced,
	}
	switch {
	case n.blocked:
		st.Link = wire.StateBlocked
	case !n.box.idle():
		st.Link = wire.StateDraining
	}
	same := st == n.told
	n.told = st
	n.mu.Unlock()
	if same {
		return
	}
	if st.Expired > 0 {
		info.Told = c.Expired
		if err := s.cfg.Spool.Save(ctx, kept, info); err != nil {
			s.cfg.Log.Error("write the store", "tunnel", n.label, "error", err.Error())
		}
	}
	for _, ses := range sessions {
		ses.link.SendState(st)
	}
}
