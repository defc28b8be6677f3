package relay

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A claimant is who asks for a link, authenticated once for all that follows.
type claimant struct {
	owner owner
	token *Token // nil where nobody needs one
}

// mostJoining is how many clients are given their place at a time where relays
// share a store: more would wait for it longer than they have patience. Those
// beyond come again, about joinRate a second, within joinSpread.
const (
	mostJoining = 1000
	joinRate    = 500
	joinSpread  = 20
)

// crowded refuses a client for now. After the loss of a relay thousands come
// within a second: they are told to come again at different times.
func (s *Server) crowded() *refusal {
	e := *errCrowded
	spread := min(1+s.turned.Add(1)/joinRate, joinSpread)
	e.retry = time.Duration(1+rand.Int64N(spread)) * time.Second
	return &e
}

// joined notes that a client has its place, or none.
func (s *Server) joined() {
	if s.joining.Add(-1) < mostJoining/2 {
		s.turned.Store(0) // the crowd is over
	}
}

// serveConnect decides everything about a new link as HTTP, before the
// upgrade: what is refused costs neither a goroutine nor a buffer.
func (s *Server) serveConnect(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Cluster != nil && s.joining.Load() >= mostJoining {
		s.refuse(w, s.crowded())
		return
	}
	n, who, e := s.admit(r)
	if e == nil && s.cfg.Cluster != nil {
		holder, refused := s.admitShared(r, n.label, who)
		if holder != nil || refused != nil {
			s.names.settle(n, false)
		}
		if holder != nil {
			s.passClient(w, r, holder)
			return
		}
		e = refused
	}
	if e != nil {
		if e == errVersion {
			w.Header().Set("Hooks-Versions", "1")
		}
		s.refuse(w, e)
		return
	}
	ws, err := wire.Upgrade(w, r, &s.shared)
	if err != nil {
		s.metrics.refuse("upgrade_failed")
		s.names.settle(n, false)
		return
	}
	// The handler returns at once: the server's goroutine and its buffers go,
	// and the link keeps one goroutine of its own.
	if !s.begin(func() { s.names.settle(n, s.runLink(ws, n, who)) }) {
		_ = ws.Close()
	}
}

// admit authenticates and claims the name.
func (s *Server) admit(r *http.Request) (n *name, who claimant, e *refusal) {
	f, now := s.origin(r), s.cfg.Now()
	switch {
	case s.draining.Load():
		return nil, who, errDraining
	case s.tight.Load():
		return nil, who, errTight
	case !s.cfg.Limits.Unlimited && s.fails.empty(f.addr, time.Now()):
		return nil, who, errAuthRate
	}
	who, ok := s.authenticate(r)
	if !ok {
		s.fails.take(f.addr, time.Now())
		return nil, who, errToken
	}
	if !slices.Contains(websocket.Subprotocols(r), wire.Protocol) {
		return nil, who, errVersion
	}
	label := r.Header.Get("Hooks-Tunnel")
	switch {
	case label == "" && (who.token == nil || len(who.token.Names) == 0):
		label = inventName()
	case label == "" && !strings.Contains(who.token.Names[0], "*"):
		label = who.token.Names[0]
	case !ValidName(label):
		return nil, who, errBadName
	}
	if who.token != nil && !matchName(who.token.Names, label) {
		return nil, who, errNotForName
	}
	n, e = s.names.claim(label, who.owner, now, &s.cfg.Limits)
	return n, who, e
}

// authenticate reads the token, from the Authorization header and nowhere
// else.
func (s *Server) authenticate(r *http.Request) (claimant, bool) {
	values := r.Header["Authorization"]
	if len(values) > 1 {
		return claimant{}, false
	}
	text := ""
	if len(values) == 1 {
		bearer, ok := strings.CutPrefix(values[0], "Bearer ")
		if !ok {
			return claimant{}, false
		}
		text = bearer
	}
	hash := HashToken(safetext.NewSecret(text))
	if s.cfg.Tokens == nil {
		if !s.cfg.Strangers {
			return claimant{}, true
		}
		return claimant{owner: hash}, true
	}
	t := s.cfg.Tokens.find(hash, s.cfg.Now())
	return claimant{owner: hash, token: t}, t != nil
}

// runLink greets the client and has its link served. It says whether the client
// got the name.
func (s *Server) runLink(ws *websocket.Conn, n *name, who claimant) bool {
	hello, err := wire.ReadHello(ws)
	if err != nil {
		s.metrics.refuse("hello")
		wire.Refuse(ws, wire.CloseHello, "")
		return false
	}
	s.joining.Add(1)
	ses, welcome, err := s.greet(ws, n, who, hello)
	s.joined()
	if err != nil {
		s.cfg.Log.Error("greet", "tunnel", n.label, "error", err.Error())
		wire.Refuse(ws, wire.CloseFault, "")
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.kept != nil // the store knows it
	}
	s.takeOver(n)
	// The session takes requests before its client can know that it is
	// connected: whoever acts on the greeting finds it there.
	gone, refused := s.join(ses)
	err = wire.WriteWelcome(ws, welcome)
	ses.link.Release()
	switch {
	case err != nil:
		ses.link.Close(wire.CloseAbnormal, "")
	case refused:
		ses.link.Close(wire.CloseFault, errTooManyLinks.text)
	case s.cfg.Cluster != nil && s.names.find(n.label) != n: // it has moved on meanwhile
		ses.link.Close(wire.CloseGoingAway, "")
	}
	s.settle(ses, gone)
	return true
}

// greet makes the session and what its client is told first.
func (s *Server) greet(ws *websocket.Conn, n *name, who claimant, hello *wire.Hello) (*session, *wire.Welcome, error) {
	if !s.stores() {
		hello.Mode = wire.ModeLive
	}
	ses := &session{
		name: n, hello: hello, instance: hello.Instance, remote: ws.RemoteAddr().String(),
		since: s.cfg.Now(), slots: make(chan struct{}, min(s.cfg.Limits.Streams, hello.Limits.Streams)),
	}
	if who.token != nil {
		ses.token = who.token.ID
	}
	recv := wire.DefaultWindows()
	recv.Streams = cap(ses.slots)
	ses.link = wire.NewLink(ws, wire.Options{
		Role: wire.Relay, Send: hello.Limits, Recv: recv, Shared: &s.shared, Callbacks: s.callbacks(ses), Held: true,
	})
	w := &wire.Welcome{
		Relay: s.cfg.Version, Node: s.cfg.Node, URL: s.URLOf(n.label), Name: n.label,
		Mode: hello.Mode, Share: hello.Share, PingS: int(pingEvery.Seconds()), Limits: recv, Features: []string{wire.FeatureSeal},
	}
	return ses, w, s.enrol(ses, w)
}

// join makes the session take requests. It returns the sessions whose name it
// takes over.
func (s *Server) join(ses *session) (gone []*session, refused bool) {
	s.mu.Lock()
	s.live[ses] = struct{}{}
	s.mu.Unlock()
	return ses.name.join(ses, ses.hello, s.cfg.Limits.Links)
}

// settle sends away those whose name the session has now, and has it served.
func (s *Server) settle(ses *session, gone []*session) {
	n := ses.name
	for _, old := range gone {
		if old.instance == ses.instance {
			old.link.Close(wire.CloseReplaced, "") // its client has given it up
			continue
		}
		s.replace(old, wire.CloseReplaced)
	}
	s.metrics.links.Add(1)
	s.wheel.add(ses, pingEvery)
	ses.link.Ping(0) // how far away it is decides how large windows grow
	s.cfg.Log.Info("connected", "tunnel", n.label, "client", ses.hello.Client, "remote", ses.remote, "token", ses.token)
	if s.draining.Load() { // Drain may have run between admit and here
		ses.away.Store(true)
		ses.link.GoAway(wire.GoAway{Max: time.Second, Why: wire.GoAwayDraining})
	}
	s.checkToken(ses) // it may have been revoked between admit and join
	s.markStale(n)
	s.kick(n)
	// The greeting has made this goroutine's stack large; the link spends its
	// life on a small one.
	if !s.begin(func() { s.serveLink(ses) }) {
		ses.link.Close(wire.CloseGoingAway, "")
		s.serveLink(ses)
	}
}

// serveLink reads the link until it ends, and forgets the session.
func (s *Server) serveLink(ses *session) {
	end := ses.link.Serve()
	s.forget(ses, end)
}

func (s *Server) forget(ses *session, end *wire.CloseError) {
	n := ses.name
	n.leave(ses, s.cfg.Now())
	s.kick(n) // what it had goes to another
	s.mu.Lock()
	delete(s.live, ses)
	s.mu.Unlock()
	s.metrics.links.Add(-1)
	s.cfg.Log.Info("disconnected", "tunnel", n.label, "remote", ses.remote, "code", int(end.Code), "why", end.Code.String())
}

// replace closes a link whose name a newer one has, with code. What is under way
// on it finishes first, for a while: a client that moves opens the new link
// before it leaves the old one.
func (s *Server) replace(old *session, code wire.CloseCode) {
	old.away.Store(true)
	s.begin(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.DrainLinks)
		defer cancel()
		for range cap(old.slots) {
			select {
			case old.slots <- struct{}{}:
			case <-ctx.Done():
			}
		}
		old.link.Close(code, "")
	})
}
