package relay

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A Server is a relay. It is an http.Handler for its public side; Run does
// what happens without a request. Its methods are safe for concurrent use.
type Server struct {
	cfg     Config
	prefix  string // of all public paths
	names   names
	metrics Metrics
	shared  wire.Shared
	wheel   wheel
	addrs   addrBuckets
	fails   addrBuckets
	buffers sync.Pool       // *[]byte, for request bodies
	trunks  *http.Transport // to the other relays
	pulse   pulse

	draining atomic.Bool
	tight    atomic.Bool    // memory is
	joining  atomic.Int64   // clients that wait for their place in the store
	ahead    atomic.Int64   // bytes of bodies that were read before their clients take them
	turned   atomic.Int64   // clients that were told to come again since there were too many
	work     sync.WaitGroup // links, and what hands out events

	mu     sync.Mutex // guards the following
	live   map[*session]struct{}
	closed bool
	stale  map[*name]struct{} // whose clients do not know how they stand
}

// New makes a relay.
func New(cfg Config) *Server {
	l, d := &cfg.Limits, DefaultLimits()
	if l.Streams == 0 {
		*l = withDefaults(*l, d)
	}
	if cfg.InUse == nil {
		cfg.InUse = InUse
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg:    cfg,
		prefix: strings.TrimSuffix(cfg.Public.EscapedPath(), "/"),
		addrs:  addrBuckets{rate: l.AddrRate, burst: l.AddrBurst},
		fails:  addrBuckets{rate: l.AuthFails / 60, burst: l.AuthFails},
		live:   make(map[*session]struct{}),
		stale:  make(map[*name]struct{}),
	}
	if cfg.Cluster != nil {
		s.joinCluster()
	}
	s.restore()
	return s
}

// begin starts f on a goroutine that Close waits for, unless the server is
// closed.
func (s *Server) begin(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Go(f)
	return true
}

// withDefaults keeps what l says of rates and takes the rest from d.
func withDefaults(l, d Limits) Limits {
	d.Unlimited = l.Unlimited
	if l.EventBody > 0 {
		d.EventBody = l.EventBody
	}
	return d
}

// Run keeps the links alive and the registry small until ctx ends.
func (s *Server) Run(ctx context.Context) {
	if s.cfg.Cluster != nil {
		s.begin(func() { s.pulse.run(ctx) })
		s.begin(func() { s.beat(ctx) })
		s.begin(func() { s.sweepShared(ctx) })
	}
	var sweeping atomic.Bool
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.wheel.tick()
		s.weigh()
		s.reloadTokens()
		s.tellStates(ctx)
		if n%60 == 0 && !sweeping.Swap(true) {
			s.begin(func() { // it waits for the store, and heartbeats do not wait for it
				defer sweeping.Store(false)
				s.sweep(ctx)
			})
		}
	}
}

// sweep forgets what nobody used for long.
func (s *Server) sweep(ctx context.Context) {
	s.addrs.sweep(time.Now())
	s.fails.sweep(time.Now())
	before := s.unused()
	s.names.each(func(n *name) {
		switch {
		case ctx.Err() != nil:
			return
		case s.names.releaseUnused(n, before):
			s.drop(ctx, n)
			return
		}
		s.touch(ctx, n)
		s.expire(ctx, n)
		s.forgetLanes(n)
	})
}

// touchEvery is how old the store's word may become of when a name in use was
// used last.
const touchEvery = 24 * time.Hour

// unused is the time since when nobody may have used a name that is free again,
// as the store says.
func (s *Server) unused() time.Time { return s.cfg.Now().Add(-s.cfg.Limits.Unused - touchEvery) }

// touch has the store know that a name is in use. A client may stay for longer
// than the name of one that is away is kept, and be away only while the relay
// that it was at is started again.
func (s *Server) touch(ctx context.Context, n *name) {
	n.mu.Lock()
	kept, here := n.kept, len(n.sessions) > 0
	n.mu.Unlock()
	if kept == nil || !here || s.cfg.Now().Sub(kept.Info().UsedAt) < touchEvery {
		return
	}
	n.enrolling.take()
	defer n.enrolling.leave()
	info := kept.Info()
	info.UsedAt = s.cfg.Now()
	if err := kept.Save(ctx, info); err != nil && !errors.Is(err, cluster.ErrMoved) {
		s.cfg.Log.Error("write the store", "tunnel", n.label, "error", err.Error())
	}
}

// reloadTokens takes over a changed token file and closes the links of tokens
// that are no longer in it or have expired.
func (s *Server) reloadTokens() {
	t := s.cfg.Tokens
	if t == nil {
		return
	}
	changed, err := t.Reload(s.cfg.Now())
	if err != nil {
		s.cfg.Log.Error("tokens not reloaded, the old ones stay", "error", err.Error())
	}
	if !changed {
		return
	}
	s.cfg.Log.Info("tokens changed")
	for _, ses := range s.allSessions() {
		s.checkToken(ses)
	}
}

// checkToken closes the link of a token that is not valid.
func (s *Server) checkToken(ses *session) {
	if t := s.cfg.Tokens; t != nil && t.find(ses.name.owner, s.cfg.Now()) == nil {
		ses.link.Close(wire.CloseRevoked, "")
	}
}

func (s *Server) allSessions() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*session, 0, len(s.live))
	for ses := range s.live {
		all = append(all, ses)
	}
	return all
}

// ServeHTTP answers senders and clients.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rt, ok := s.routeOf(r)
	switch {
	case ok:
		s.servePublic(w, r, rt)
	case r.URL.Path == s.prefix+"/v1/connect":
		s.serveConnect(w, r)
	case r.URL.Path == s.prefix+"/healthz" && r.Method == http.MethodGet:
		_, _ = w.Write([]byte("ok\n")) // a prober that has left reads nothing
	default:
		s.refuse(w, errUnknown)
	}
}

// refuse answers and counts.
func (s *Server) refuse(w http.ResponseWriter, e *refusal) {
	s.metrics.refuse(e.code)
	e.write(w)
}

// Ready says whether a load balancer may send requests here.
func (s *Server) Ready() bool { return !s.draining.Load() }

// Drain begins to leave: no client may register any more, and each is asked
// to look for another relay. Requests under way go on.
func (s *Server) Drain() {
	if s.draining.Swap(true) {
		return
	}
	all := s.allSessions()
	spread := max(time.Second, time.Duration(len(all)/500)*time.Second)
	for _, ses := range all {
		ses.away.Store(true)
		ses.link.GoAway(wire.GoAway{Max: spread, Why: wire.GoAwayDraining})
	}
}

// Close ends all links and waits until they are gone.
func (s *Server) Close() {
	s.draining.Store(true)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, ses := range s.allSessions() {
		ses.link.Close(wire.CloseGoingAway, "")
	}
	s.work.Wait()
	if s.trunks != nil {
		s.trunks.CloseIdleConnections()
	}
}

// Links are the links of the clients that are connected.
func (s *Server) Links() []*wire.Link {
	all := s.allSessions()
	links := make([]*wire.Link, len(all))
	for i, ses := range all {
		links[i] = ses.link
	}
	return links
}
