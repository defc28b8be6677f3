package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// What is here concerns relays that share a store. One of them owns a name: it
// holds the links of the name's clients and hands out its events. A public
// request may come to any. It is passed to the owner; while that cannot be
// reached, whoever took the request stores it.

// joinCluster has the server hear what the others do.
func (s *Server) joinCluster() {
	c := s.cfg.Cluster
	s.trunks = newTrunks()
	c.OnNote(func(label string, known func()) {
		n := s.names.find(label)
		if n == nil {
			s.begin(func() {
				if s.closedHere(label) && known != nil {
					known() // whoever opens it finds the event
				}
			})
			return
		}
		s.begin(func() {
			if known != nil { // nothing goes live before the event is found
				n.mu.Lock()
				n.unread++
				n.mu.Unlock()
				known()
			}
			s.discover(n)
		})
	})
	c.OnMove(func(label string, generation uint64, left func()) {
		n := s.names.find(label)
		if n == nil {
			left()
			return
		}
		s.begin(func() { s.moved(n, generation, left) })
	})
}

// closedHere says that a name which is not open here is open nowhere else: this
// node is its owner. Else another one is by now, and has to be told.
func (s *Server) closedHere(label string) bool {
	s.cfg.Cluster.Forget(label)
	o, err := s.cfg.Cluster.Find(context.Background(), label)
	return err == nil && s.cfg.Cluster.Mine(o)
}

// owned is a name that this node can serve: on a relay of its own each name
// that is known, else one whose store this node has opened.
func (s *Server) owned(label string) *name {
	n := s.names.find(label)
	if n == nil || s.cfg.Cluster == nil {
		return n
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kept == nil {
		return nil
	}
	return n
}

// discover learns of events that other nodes stored. If it cannot now it does so
// soon.
func (s *Server) discover(n *name) {
	n.enrolling.take()
	defer n.enrolling.leave()
	n.mu.Lock()
	unread := n.unread
	q, ok := n.kept.(*cluster.Queue)
	if !ok { // its queue is not open yet, and finds them
		n.unread -= unread
	}
	n.mu.Unlock()
	if !ok {
		return
	}
	found, err := q.Discover(context.Background()) // requests do not wait for NATS
	n.mu.Lock()
	for _, offset := range found {
		n.storedLocked(offset)
	}
	if err == nil {
		n.unread -= unread
	}
	n.mu.Unlock()
	if err != nil {
		s.cfg.Log.Warn("read the store", "tunnel", n.label, "error", err.Error())
		time.AfterFunc(time.Second, q.Suspect)
	}
	s.markStale(n)
	s.kick(n)
}

// discoverLocked counts the events that other nodes stored. A lane counts what
// the queue knows when it is made: then the queue has to know everything.
func (n *name) discoverLocked(ctx context.Context) error {
	q, ok := n.kept.(*cluster.Queue)
	if !ok {
		return nil
	}
	found, err := q.Discover(ctx)
	for _, offset := range found {
		n.storedLocked(offset)
	}
	return err
}

// moved gives up a name that another node owns since generation. What is being
// stored for it now is stored all the same: the new owner looks for it. left is
// called when nothing new is passed on any more.
func (s *Server) moved(n *name, generation uint64, left func()) {
	n.enrolling.take()
	n.mu.Lock()
	q, ok := n.kept.(*cluster.Queue)
	if !ok || q.Generation() >= generation {
		n.mu.Unlock()
		n.enrolling.leave()
		left()
		return
	}
	n.mu.Unlock()
	s.names.release(n) // from now on a session that joins finds that it is too late
	n.mu.Lock()
	gone := slices.Clone(n.sessions)
	leaving := make(map[*session]bool) // of their own accord, for they were asked to
	for _, ses := range gone {
		leaving[ses] = ses.away.Swap(true)
	}
	n.mu.Unlock()
	n.enrolling.leave()
	left()
	s.cfg.Log.Info("another relay owns the tunnel now", "tunnel", n.label, "generation", generation)
	o, err := s.cfg.Cluster.Find(context.Background(), n.label)
	for _, ses := range gone {
		switch {
		case err == nil && o != nil && o.Instance != ses.instance:
			s.replace(ses, wire.CloseReplaced) // another client has the name
		case leaving[ses]:
			s.replace(ses, wire.CloseGoingAway)
		default:
			ses.link.Close(wire.CloseGoingAway, "") // the client has lost this link, or tried another relay
		}
	}
	if err := q.Close(context.Background()); err != nil && !errors.Is(err, cluster.ErrMoved) {
		s.cfg.Log.Warn("write the store", "tunnel", n.label, "error", err.Error())
	}
}

// takeOver has whoever owned the name before give it up, so that only one node
// passes requests on, and learns of what that one stored until then.
func (s *Server) takeOver(n *name) {
	n.mu.Lock()
	q, ok := n.kept.(*cluster.Queue)
	n.mu.Unlock()
	if ok && q.TakeOver(context.Background()) {
		s.discover(n)
	}
}

// claimShared makes this node the name's owner.
func (s *Server) claimShared(ctx context.Context, label, instance string, info spool.Info) (queue, error) {
	c := s.cfg.Cluster
	o, err := c.Claim(ctx, label, cluster.Owner{
		Key: info.Owner, Instance: instance, Mode: info.Mode, Share: info.Share, Accept: info.Accept, Seal: info.Seal, UsedAt: info.UsedAt,
	}, s.unused())
	if err != nil {
		return nil, err
	}
	q, err := c.Open(ctx, label, o)
	if err != nil {
		return nil, err
	}
	s.cfg.Log.Info("owner", "tunnel", label, "generation", o.Generation, "node", c.Node())
	return q, nil
}

// admitShared looks whether a client may have a name, and whether another node
// holds it for several clients: then the client is passed on to it.
func (s *Server) admitShared(r *http.Request, label string, who claimant) (holder *cluster.Owner, e *refusal) {
	c := s.cfg.Cluster
	o, err := c.Find(r.Context(), label)
	switch {
	case err != nil:
		return nil, errLookup
	case o == nil || c.Mine(o):
		return nil, nil
	case o.Key != who.owner && (c.Alive(o) || o.UsedAt.After(s.unused())):
		return nil, errTaken
	}
	_, passed := r.Context().Value(trunkKey{}).(arrival)
	if passed || o.Key != who.owner || o.Share == string(wire.ShareExclusive) {
		return nil, nil
	}
	if !c.Alive(o) {
		return nil, nil
	}
	return o, nil
}

// passClient passes a client on to the node that holds its name.
func (s *Server) passClient(w http.ResponseWriter, r *http.Request, o *cluster.Owner) {
	address, _ := s.cfg.Cluster.AddressOf(o)
	p := &passing{
		s: s, to: address, owner: o,
		arrival: arrival{forwarded: s.origin(r), id: newEventID(s.cfg.Now()), target: intake.Target(r)},
	}
	if err := p.pass(w, r); err != nil {
		s.cfg.Cluster.Forget(r.Header.Get("Hooks-Tunnel"))
		s.refuse(w, errDraining)
	}
}

// misdirections is how often a request is passed to a node that turns out not
// to own the name: while it moves, nobody may for a moment.
const misdirections = 3

// elsewhere serves a request for a name that another node owns, or none.
func (x *exchange) elsewhere() *refusal {
	if _, passed := x.r.Context().Value(trunkKey{}).(arrival); passed {
		return errNotOwner
	}
	o, e := x.owner()
	if e != nil {
		return e
	}
	keeps := wire.Mode(o.Mode) != wire.ModeLive && !x.wantsLive()
	hold := int64(0)
	if keeps {
		hold = int64(x.s.cfg.Limits.Hold)
	}
	body, whole, e := x.firstBytes(hold)
	if e != nil {
		return e
	}
	before := uint32(0)
	for range misdirections {
		p, err := x.passOn(o, body, whole)
		switch {
		case p == nil: // the owner is gone
			return x.storeShared(o, keeps, before, body, whole)
		case err == nil:
			x.status, x.mode = p.status, "trunk"
			return nil
		case p.touched.Load() && !whole:
			return errBroken
		case !errors.Is(err, errMisdirected):
			if p.sent.Load() {
				before = 1
			}
			return x.storeShared(o, keeps, before, body, whole)
		}
		x.s.cfg.Cluster.Forget(x.rt.name)
		x.s.waitForNews(x.r.Context())
		if o, e = x.owner(); e != nil {
			return e
		}
	}
	if !keeps {
		return errMoving
	}
	return x.storeShared(o, keeps, before, body, whole) // whoever is about to own it will find it
}

// waitForNews gives the news of a name's move a moment to come.
func (s *Server) waitForNews(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}

// owner looks up whose name it is.
func (x *exchange) owner() (*cluster.Owner, *refusal) {
	switch o, err := x.s.cfg.Cluster.Find(x.r.Context(), x.rt.name); {
	case err != nil:
		return nil, errLookup
	case o == nil:
		return nil, errUnknown
	default:
		return o, nil
	}
}

// passOn passes the request to the name's owner; nil if that is gone.
func (x *exchange) passOn(o *cluster.Owner, body []byte, whole bool) (*passing, error) {
	c := x.s.cfg.Cluster
	address, alive := c.AddressOf(o)
	if !alive || c.Mine(o) {
		return nil, nil
	}
	p := &passing{s: x.s, to: address, owner: o, arrival: arrival{forwarded: x.from, id: x.id, target: intake.Target(x.r)}}
	return p, p.pass(x.w, x.bodied(body, whole))
}

// storeShared stores a request whose owner cannot be reached.
func (x *exchange) storeShared(o *cluster.Owner, keeps bool, before uint32, body []byte, whole bool) *refusal {
	if !keeps {
		return errOffline
	}
	r, release, e := x.record(before, body, whole, o.Seal)
	if e != nil {
		return e
	}
	defer release()
	return x.kept(x.s.cfg.Cluster.Store(x.r.Context(), x.rt.name, o, r), o.Accept)
}

// bodied is the request with the body that was read of it already.
func (x *exchange) bodied(body []byte, whole bool) *http.Request {
	r := x.r.Clone(x.r.Context())
	if !whole && r.Header.Get("Expect") == "" {
		r.Header.Set("Expect", "100-continue") // who is not the owner says so before the body goes
	}
	if whole {
		r.Body, r.ContentLength = http.NoBody, int64(len(body))
		if len(body) > 0 {
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
	}
	return r
}

// beat says again and again that this node is alive. After a time in which
// nobody could hear it, it looks which names are still its own.
func (s *Server) beat(ctx context.Context) {
	tick := time.NewTicker(cluster.BeatEvery())
	defer tick.Stop()
	deaf := false
	for {
		deaf = s.beatOnce(ctx, deaf)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// beatOnce says that this node is alive, and returns whether nobody heard it;
// deaf is what it returned before.
func (s *Server) beatOnce(ctx context.Context, deaf bool) bool {
	stood := s.pulse.stood()
	if (deaf || stood) && s.cfg.Cluster.Reachable() {
		s.lookAround(ctx) // before others take it for alive
	}
	deaf = s.cfg.Cluster.Beat(ctx, s.metrics.links.Load()) != nil
	if stood {
		s.pulse.missed.Store(false)
	}
	return deaf
}

// verify gives up a name that another node has claimed unheard, and learns of
// what others stored for one that is still this node's.
func (s *Server) verify(n *name) {
	s.cfg.Cluster.Forget(n.label)
	o, err := s.cfg.Cluster.Find(context.Background(), n.label)
	if err == nil && o != nil && !s.cfg.Cluster.Mine(o) {
		s.moved(n, o.Generation, func() {})
		return
	}
	s.discover(n)
}

// sweepEvery is how often a relay looks for names in the shared store that nobody
// uses: those of relays that are gone are nobody's to sweep.
const sweepEvery = 24 * time.Hour

// sweepShared frees the names of relays that are gone, until ctx ends. Relays that
// were started together do not sweep together.
func (s *Server) sweepShared(ctx context.Context) {
	timer := time.NewTimer(time.Minute + rand.N(time.Hour))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(sweepEvery)
		freed, err := s.cfg.Cluster.Sweep(ctx, s.unused())
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("sweep the store", "error", err.Error())
		}
		if freed > 0 {
			s.cfg.Log.Info("freed tunnels that nobody uses", "tunnels", freed)
		}
	}
}
