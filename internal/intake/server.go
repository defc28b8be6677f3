package intake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// A Server serves HTTP/1.1 on listeners under Limits. Its exported fields must
// not be changed once Serve has been called. Its methods are safe for
// concurrent use.
type Server struct {
	Handler http.Handler
	Limits  Limits      // zero fields have the values of Defaults
	TLS     *tls.Config // nil for plain HTTP
	// Proxies are not bounded by Limits.PerAddress: they come for many.
	Proxies []netip.Prefix

	// Refused is told of every refusal, from the goroutine that refuses: it
	// must be quick. Nil for none.
	Refused func(Refusal)

	// Panicked is told of every panic of the handler. Nil for none.
	Panicked func(Panic)

	// addressOf replaces the address of a peer where a test wants many.
	addressOf func(net.Conn) netip.Addr

	start    sync.Once
	http     *http.Server
	tls      *tls.Config
	limits   Limits
	memory   *semaphore.Weighted
	buffers  sync.Pool
	peers    peers
	counters counters
	closing  atomic.Bool
	handlers gate
}

// A Panic is a mistake in the program that one request met. It holds nothing of
// that request: what was said may be in the value.
type Panic struct {
	ID    string // what the sender was told
	Kind  string // the type of the value, and its text if the runtime made it
	Stack []byte
}

// Serve answers on ls until Shutdown or Close, and closes them. It returns nil
// after either, else the error that ended a listener.
func (s *Server) Serve(ls ...net.Listener) error {
	s.prepare()
	var group errgroup.Group
	for _, l := range ls {
		group.Go(func() error {
			err := s.http.Serve(&listener{Listener: l, server: s})
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			_ = s.http.Close() // the others end too
			return fmt.Errorf("serve %s: %w", l.Addr(), err)
		})
	}
	return group.Wait()
}

func (s *Server) prepare() {
	s.start.Do(func() {
		s.limits = s.Limits.filled()
		s.memory = semaphore.NewWeighted(s.limits.Memory)
		if s.TLS != nil {
			s.tls = s.TLS.Clone()
			s.tls.NextProtos = []string{"http/1.1"}
		}
		s.buffers.New = func() any { b := make([]byte, bufSize); return &b }
		protocols := new(http.Protocols)
		protocols.SetHTTP1(true)
		s.http = &http.Server{
			Handler:                      http.HandlerFunc(s.serve),
			ReadHeaderTimeout:            s.limits.HeadTime,
			IdleTimeout:                  s.limits.IdleTime,
			MaxHeaderBytes:               8 * s.limits.Head, // never met: heads are judged before
			DisableGeneralOptionsHandler: true,
			Protocols:                    protocols,
			ErrorLog:                     log.New(io.Discard, "", 0),
			ConnState:                    s.connState,
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, connKey{}, ours(c))
			},
		}
	})
}

// Shutdown stops accepting, closes what is idle and waits for the requests in
// flight until ctx ends; then it cuts their connections, which cancels their
// contexts, and returns ctx's error. No handler runs any more when it returns.
func (s *Server) Shutdown(ctx context.Context) error {
	s.prepare()
	s.closing.Store(true)
	for _, c := range s.peers.silent() {
		_ = c.Conn.Close()
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close()
	}
	s.handlers.wait()
	return err
}

// Close ends everything at once.
func (s *Server) Close() error {
	s.prepare()
	s.closing.Store(true)
	return s.http.Close()
}

// Counts returns how often requests were refused, by reason.
func (s *Server) Counts() map[Reason]int64 { return s.counters.all() }

// count records a refusal, c being the connection if it is known.
func (s *Server) count(r *Refusal, c net.Conn) {
	s.counters.add(r.Reason)
	if s.Refused == nil {
		return
	}
	told := *r
	if c != nil && c.RemoteAddr() != nil {
		told.RemoteAddr = c.RemoteAddr().String()
	}
	s.Refused(told)
}

type connKey struct{}

// connOf returns the connection that r came on. It is nil for a request that
// was not made by a Server.
func connOf(r *http.Request) net.Conn {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		return c.Conn
	}
	return nil
}

func ours(c net.Conn) *conn {
	switch c := c.(type) {
	case *conn:
		return c
	case tlsConn:
		return c.conn
	}
	return nil
}

// Target returns the request target of r as the bytes that came. RequestURI
// differs where the sender wrote a "%" that escapes nothing.
func Target(r *http.Request) string {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok && c.target != "" {
		return c.target
	}
	return r.RequestURI
}

func (s *Server) connState(nc net.Conn, state http.ConnState) {
	c := ours(nc)
	switch state {
	case http.StateActive:
		c.idle.Store(0)
	case http.StateIdle:
		s.peers.rest(c)
	case http.StateHijacked:
		c.hijacked()
	case http.StateClosed:
		c.closed()
	}
}

// listener gives net/http connections that are counted and watched.
type listener struct {
	net.Listener
	server *Server
}

// Accept returns the next connection that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.server.admit(nc); c != nil {
			return c, nil
		}
	}
}

func (s *Server) admit(nc net.Conn) net.Conn {
	c := &conn{Conn: nc, server: s}
	if s.TLS != nil {
		c.Conn = tls.Server(nc, s.tls)
	}
	a := s.addrOf(nc)
	c.peer, c.loopback = group(a), !a.IsValid() || a.IsLoopback()
	c.unbound = c.loopback || slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	victim, ok := s.peers.admit(c, &s.limits)
	if !ok {
		refusal := crowded()
		s.count(refusal, nc)
		if s.TLS == nil && nc.SetWriteDeadline(deadline(time.Second)) == nil {
			_, _ = nc.Write(refusal.raw()) // a few bytes into an empty buffer: it does not wait
		}
		_ = nc.Close()
		return nil
	}
	if victim != nil {
		_ = victim.Conn.Close()
	}
	if s.TLS == nil {
		return c
	}
	return tlsConn{c}
}

// addrOf is the address of a peer; the zero one for a socket of this machine's
// own.
func (s *Server) addrOf(nc net.Conn) netip.Addr {
	if s.addressOf != nil {
		return s.addressOf(nc)
	}
	ap, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
