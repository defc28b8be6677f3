package tunnel

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A session is one link and what is under way on it.
type session struct {
	c       *Client
	link    *wire.Link
	local   netip.Addr
	base    string // the public address
	ping    time.Duration
	away    chan wire.GoAway
	done    chan struct{} // closed by finish
	finish  func()
	running sync.WaitGroup
	busy    atomic.Int64 // events under way
	ledger  Ledger
	greeted *wire.Welcome
}

func newSession(c *Client, ws *websocket.Conn, w *wire.Welcome) *session {
	s := &session{
		c: c, base: w.URL, ping: time.Duration(w.PingS) * time.Second,
		away: make(chan wire.GoAway, 1), done: make(chan struct{}), greeted: w,
		ledger: Ledger{Shared: w.Share == wire.ShareOneOfN},
	}
	s.finish = sync.OnceFunc(func() { close(s.done) })
	if a, err := netip.ParseAddrPort(ws.LocalAddr().String()); err == nil {
		s.local = a.Addr().Unmap()
	}
	s.link = wire.NewLink(ws, wire.Options{
		Role: wire.Client, Send: w.Limits, Recv: wire.DefaultWindows(), Shared: &c.shared,
		Callbacks: wire.Callbacks{Open: s.open, Event: s.takeEvents(), GoAway: s.goAway, State: s.state},
	})
	return s
}

func (s *session) takeEvents() func(*wire.Stream, *wire.Event) {
	if s.c.cfg.Deliver == nil {
		return nil
	}
	return s.event
}

// welcome tells of the new link, and whether the relay's store is the one
// that it was.
func (s *session) welcome(again bool) {
	w, c := s.greeted, s.c
	c.mu.Lock()
	replaced := c.epoch != "" && w.Epoch != c.epoch
	if replaced {
		c.upTo = 0
	}
	c.epoch = w.Epoch
	seek := !c.sought && !c.cfg.Since.IsZero() && w.Epoch != "" && c.cfg.Deliver != nil
	c.sought = c.sought || seek
	c.mu.Unlock()
	if seek {
		s.link.SendSeek(wire.Seek{Kind: wire.SeekTime, Value: uint64(max(c.cfg.Since.UnixNano(), 0))})
	}
	c.observe(State{Phase: Connected, Moved: again, Waiting: w.Waiting, Expired: w.Expired, Replaced: replaced})
}

func (s *session) state(st wire.State) {
	s.c.observe(State{
		Phase: Connected, Waiting: st.Waiting, Oldest: st.Oldest, Expired: st.Expired,
		Blocked: st.Link == wire.StateBlocked, RTT: s.link.RTT(),
	})
}

func (s *session) goAway(g wire.GoAway) {
	select {
	case s.away <- g:
	default: // it has been asked already
	}
}

// serve runs the link until it ends. When ctx ends or finish is called, what
// is under way may finish first.
func (s *session) serve(ctx context.Context) *wire.CloseError {
	watch, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { s.watch(watch) })
	wg.Go(func() {
		select {
		case <-watch.Done():
			return
		case <-ctx.Done():
		case <-s.done:
		}
		s.leave(watch)
	})
	s.link.Ping(0) // how far away the relay is decides how large windows grow
	e := s.link.Serve()
	stop()
	wg.Wait()
	s.remember()
	s.c.sessions.Go(s.running.Wait) // what is under way may go on beside the next link
	return e
}

// remember keeps how far the relay's store has been worked through, for the
// next link: acknowledgements may have been lost with this one.
func (s *session) remember() {
	if s.ledger.Shared {
		return
	}
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.greeted.Epoch == c.epoch {
		c.upTo = max(c.upTo, s.ledger.Resume())
	}
}

// leave closes the link once nothing is under way, or after a while.
func (s *session) leave(ctx context.Context) {
	idle := time.NewTicker(20 * time.Millisecond)
	defer idle.Stop()
	for end := time.Now().Add(finishTime); time.Now().Before(end) && (s.link.Streams() > 0 || s.busy.Load() > 0); {
		select {
		case <-ctx.Done():
			return
		case <-idle.C:
		}
	}
	s.link.Flush()
	s.link.Close(wire.CloseDone, "")
}

// watch keeps the link alive, and ends it where this machine knows before the
// network does that it is dead: after sleep, and when the address is gone that
// the connection came from.
func (s *session) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var sleep sleepWatch
	began := time.Now()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if sleep.slept(time.Now().Round(0), time.Since(began)) || n%3 == 0 && !s.hasAddress() {
			s.link.Close(wire.CloseHeartbeat, "")
			return
		}
		s.link.Ping(s.ping * 3 / 4)
	}
}

func (s *session) hasAddress() bool {
	if !s.local.IsValid() || s.local.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap().WithZone("") == s.local.WithZone("") {
			return true
		}
	}
	return false
}
