package intake

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
)

// serve stands before the handler: it refuses what is too large by its own
// word, and survives what the handler does.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.handlers.enter()
	defer s.handlers.leave()
	if r.ContentLength > s.limits.Body {
		refusal := bodyTooLarge(s.limits.Body)
		s.count(refusal, connOf(r))
		refusal.Write(w)
		return
	}
	t := &tracked{ResponseWriter: w}
	defer s.recover(t, r)
	s.Handler.ServeHTTP(t, r)
}

// recover turns a panic into an answer, if none has begun, and a report.
func (s *Server) recover(w *tracked, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v) // net/http's word for "cut the connection", nothing else
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	id := "req_" + hex.EncodeToString(random[:])
	kind := fmt.Sprintf("%T", v)
	if e, ok := v.(runtime.Error); ok {
		kind = e.Error()
	}
	s.count(&Refusal{Status: http.StatusInternalServerError, Reason: Panicked, Text: "internal error"}, connOf(r))
	if s.Panicked != nil {
		s.Panicked(Panic{ID: id, Kind: kind, Stack: debug.Stack()})
	}
	if w.began {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	refusal := &Refusal{Status: http.StatusInternalServerError, Text: "internal error, request " + id}
	refusal.Write(w)
}

// tracked is a ResponseWriter that knows whether the answer has begun.
type tracked struct {
	http.ResponseWriter
	began bool
}

// WriteHeader begins the answer.
func (t *tracked) WriteHeader(status int) {
	t.began = t.began || status >= 200
	t.ResponseWriter.WriteHeader(status)
}

// Write begins the answer if nothing has.
func (t *tracked) Write(p []byte) (int, error) {
	t.began = true
	return t.ResponseWriter.Write(p)
}

// Unwrap serves http.ResponseController.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// Flush sends what has been written.
func (t *tracked) Flush() {
	t.began = true
	_ = http.NewResponseController(t.ResponseWriter).Flush() // an error shows at the next write
}

// Hijack gives the handler the connection.
func (t *tracked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	t.began = true
	return http.NewResponseController(t.ResponseWriter).Hijack()
}

// A gate counts who is inside and lets one wait until nobody is.
type gate struct {
	mu     sync.Mutex // guards the following
	inside int
	empty  chan struct{} // closed when nobody is inside; nil while nobody waits
}

func (g *gate) enter() {
	g.mu.Lock()
	g.inside++
	g.mu.Unlock()
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

func (g *gate) wait() {
	g.mu.Lock()
	if g.inside == 0 {
		g.mu.Unlock()
		return
	}
	if g.empty == nil {
		g.empty = make(chan struct{})
	}
	empty := g.empty
	g.mu.Unlock()
	<-empty
}
