package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/wire"
)

// smallBody is the size up to which a request goes out whole, head and body in
// one message. Larger bodies are streamed.
const smallBody int64 = wire.MaxData

// An exchange is one public request on its way.
type exchange struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	rt    route
	n     *name
	from  forwarded
	id    wire.EventID
	began time.Time

	mode   string // how it went, for the metrics
	status int    // what was answered
	sent   int64  // bytes of the answer's body
}

// servePublic takes a request for a tunnel.
func (s *Server) servePublic(w http.ResponseWriter, r *http.Request, rt route) {
	x := &exchange{s: s, w: w, r: r, rt: rt, from: s.origin(r), began: time.Now(), mode: "live"}
	if e := x.admit(); e != nil {
		x.status = e.status
		s.refuse(w, e)
		x.log(e.code)
		return
	}
	if s.cfg.Shared && rt.prefix != "" && s.guardRequest(w, r) {
		x.log("guarded")
		return
	}
	if a, ok := r.Context().Value(trunkKey{}).(arrival); ok {
		x.id = a.id
	} else {
		x.id = newEventID(s.cfg.Now())
	}
	if e := x.serve(); e != nil {
		x.status = e.status
		s.refuse(w, e)
		x.log(e.code)
		return
	}
	x.log("")
}

// admit finds the name and counts the request against the limits.
func (x *exchange) admit() *refusal {
	l, now := &x.s.cfg.Limits, x.began
	_, passed := x.r.Context().Value(trunkKey{}).(arrival) // counted where it came in
	if !l.Unlimited && !passed && !x.s.addrs.take(x.from.addr, now) {
		return errRate
	}
	if x.r.Method == http.MethodConnect {
		return errMethod
	}
	if up := x.r.Header.Get("Upgrade"); up != "" && strings.Contains(strings.ToLower(up), "websocket") {
		return errUpgrade
	}
	x.s.rouse(x.r.Context())
	if x.n = x.s.owned(x.rt.name); x.n == nil && x.s.cfg.Cluster == nil {
		return errUnknown
	}
	if x.n != nil && !l.Unlimited {
		if rate, burst := x.s.rateOf(x.n); !x.n.allow(now, rate, burst) {
			return errRate
		}
	}
	return nil
}

// rateOf is how many requests a second a name may have, and at once: what its
// token says comes before what the relay does.
func (s *Server) rateOf(n *name) (rate, burst float64) {
	l := &s.cfg.Limits
	if s.cfg.Tokens != nil {
		if t := s.cfg.Tokens.find(n.owner, s.cfg.Now()); t != nil && t.Rate > 0 {
			return t.Rate, max(1, t.Rate*l.Burst/l.Rate)
		}
	}
	return l.Rate, l.Burst
}

// serve passes the request on or stores it. A refusal is returned only while
// nothing has been answered.
func (x *exchange) serve() *refusal {
	if x.n == nil {
		return x.elsewhere()
	}
	live := x.wantsLive()
	v := x.n.decide(live, x.s.draining.Load())
	switch {
	case v.refuse != nil:
		return v.refuse
	case v.store:
		return x.store(0, nil, false)
	}
	if !v.ses.acquire(x.r.Context(), x.s.cfg.Limits.SlotWait) {
		return errBusy
	}
	defer v.ses.release()
	x.s.metrics.streams.Add(1)
	defer x.s.metrics.streams.Add(-1)
	return x.through(v.ses, v.others, live)
}

// wantsLive says that the sender would rather be refused than stored.
func (x *exchange) wantsLive() bool { return strings.EqualFold(x.r.Header.Get("Hooks-Mode"), "live") }

// head is the request's head as the app shall see it.
func (x *exchange) head() *wire.RequestHead {
	return &wire.RequestHead{
		TLS: x.from.https, Method: x.r.Method, Target: x.rt.target, Host: x.r.Host,
		Remote: x.r.RemoteAddr, Header: headerFor(x.r, x.from, x.rt, x.id.String()),
	}
}

// through opens a stream on the link and answers with what comes back. If the
// link is lost before the app's answer begins, a request whose body is at hand
// is stored instead, where the name keeps such.
func (x *exchange) through(ses *session, others []*session, live bool) *refusal {
	// The answer may begin before the request has ended.
	_ = http.NewResponseController(x.w).EnableFullDuplex()
	keeps, hold := x.n.hold(x.r.ContentLength, &x.s.cfg.Limits)
	defer x.n.unhold(hold)
	keeps = keeps && !live
	first, whole, e := x.firstBytes(max(smallBody, hold))
	if e != nil {
		return e
	}
	head := x.head()
	st, err := ses.link.Open(x.r.Context(), head, x.r.Header.Get("Expect") != "", first, whole)
	if err != nil {
		if keeps && whole && !errors.Is(err, wire.ErrFrame) {
			return x.storeAfter(seenAfter(err), first)
		}
		return openRefusal(err)
	}
	x.s.metrics.overhead.observe(time.Since(x.began))
	stop := st.ResetOn(x.r.Context())
	defer stop()
	up := upload{fan: x.fan(others, head, first, whole), patience: newPatience(st, x.s.cfg.Limits.HeadWait)}
	defer up.patience.end()
	if !whole {
		up.start(x, st)
	}
	e = x.answer(st, &up)
	st.Reset(wire.ResetCancel, "done") // the upload ends too; nothing if all is said
	if e == errLinkLost {
		if keeps && whole {
			return x.storeAfter(1, first)
		}
		return errBroken
	}
	return e
}

// storeAfter stores a request that could not be passed on after all.
func (x *exchange) storeAfter(before uint32, body []byte) *refusal {
	x.n.mu.Lock()
	x.n.storing++
	x.n.mu.Unlock()
	return x.store(before, body, true)
}

// hold says whether a request may have to be stored, and how much of its body
// is kept for that.
func (n *name) hold(length int64, l *Limits) (keeps bool, hold int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if keeps = n.keepsLocked(); !keeps || length < 0 || length > int64(l.Hold) || n.held+length > l.HoldAll {
		return keeps, 0
	}
	n.held += length
	return true, length
}

// reserve holds size bytes more, if the name may.
func (n *name) reserve(size, most int64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held+size > most {
		return false
	}
	n.held += size
	return true
}

func (n *name) unhold(hold int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held -= hold
}

// seenAfter is how often the app may have seen a request that could not be opened.
func seenAfter(err error) uint32 {
	if errors.Is(err, wire.ErrEnded) || errors.Is(err, wire.ErrGoingAway) {
		return 0
	}
	return 1 // some of it was sent
}

func openRefusal(err error) *refusal {
	switch {
	case errors.Is(err, wire.ErrEnded):
		return errOffline
	case errors.Is(err, wire.ErrGoingAway):
		return errMoving
	case errors.Is(err, wire.ErrFrame) && strings.Contains(err.Error(), "head of"):
		return errHead
	case errors.Is(err, wire.ErrFrame):
		return errBadHead
	}
	return errBroken
}

// firstBytes reads a body whole that is no larger than most.
func (x *exchange) firstBytes(most int64) (body []byte, whole bool, e *refusal) {
	n := x.r.ContentLength
	if n == 0 || x.r.Body == nil {
		return nil, true, nil
	}
	if n < 0 || n > most || x.r.Header.Get("Expect") != "" {
		return nil, false, nil
	}
	body = make([]byte, n)
	if _, err := io.ReadFull(x.r.Body, body); err != nil {
		return nil, false, bodyRefusal(err)
	}
	return body, true, nil
}

// bodyRefusal says what a body that could not be read means. A sender that is
// gone gets the answer of a broken exchange, which nobody reads.
func bodyRefusal(err error) *refusal {
	var r *intake.Refusal
	if errors.As(err, &r) && r.Status != 0 {
		return &refusal{r.Status, string(r.Reason), r.Text, r.RetryAfter}
	}
	return errBroken
}

// A patience is how long the head of an app's answer is waited for: it begins
// anew with every part of the request's body that goes out, for an app on a
// slow network is not silent before it has the whole.
type patience struct {
	limit time.Duration
	timer *time.Timer
	ended atomic.Bool
}

func newPatience(st *wire.Stream, limit time.Duration) *patience {
	p := &patience{limit: limit}
	p.timer = time.AfterFunc(limit, func() {
		if !p.ended.Load() {
			st.Reset(wire.ResetTimeout, "no answer in time")
		}
	})
	return p
}

func (p *patience) renew() {
	if !p.ended.Load() {
		p.timer.Reset(p.limit)
	}
}

// end is called when the head is there.
func (p *patience) end() {
	p.ended.Store(true)
	p.timer.Stop()
}

// answer waits for the app's answer and writes it to the sender.
func (x *exchange) answer(st *wire.Stream, up *upload) *refusal {
	for {
		h, info, err := st.NextHead()
		if err != nil {
			if e := up.failure(); e != nil {
				return e
			}
			return streamRefusal(x.r.Context(), err)
		}
		if !info {
			up.patience.end()
			return x.pass(st, h)
		}
		if h.Status == http.StatusEarlyHints {
			x.early(h)
		}
	}
}

func streamRefusal(ctx context.Context, err error) *refusal {
	var r wire.Reset
	var lost *wire.CloseError
	switch {
	case ctx.Err() != nil:
		return errBroken
	case errors.As(err, &lost):
		return errLinkLost
	case errors.As(err, &r) && r.Code == wire.ResetTimeout:
		return errSilent
	case errors.As(err, &r) && r.Code == wire.ResetBusy:
		return errBusy
	case errors.As(err, &r) && r.Code == wire.ResetBadHead:
		return errBadAnswer
	}
	return errBroken
}

// early passes on 103 Early Hints.
func (x *exchange) early(h *wire.ResponseHead) {
	to := x.w.Header()
	for name, values := range h.Header {
		to[name] = values
	}
	x.w.WriteHeader(h.Status)
	clear(to)
}

// pass writes the app's answer. Once it has begun it can only be cut: an
// answer that is not whole must not look whole.
func (x *exchange) pass(st *wire.Stream, h *wire.ResponseHead) *refusal {
	wire.DropHop(h.Header)
	if x.s.cfg.Shared && x.rt.prefix != "" {
		guardAnswer(h.Header)
	}
	to := x.w.Header()
	for name, values := range h.Header {
		to[name] = values
	}
	// net/http invents these where the app sent none.
	for _, name := range [...]string{"Date", "Content-Type"} {
		if _, ok := to[name]; !ok {
			to[name] = nil
		}
	}
	x.status = h.Status
	x.w.WriteHeader(h.Status)
	n, err := st.WriteTo(flushing{x.w})
	x.sent = n
	if err != nil {
		x.log("cut")
		panic(http.ErrAbortHandler)
	}
	if trailer := st.Trailer(); len(trailer) > 0 {
		flushing{x.w}.Flush() // a small answer would get a length, and no trailers
		for name, values := range trailer {
			to[http.TrailerPrefix+name] = values
		}
	}
	return nil
}

// flushing lets a stream flush when it has nothing more at hand.
type flushing struct{ http.ResponseWriter }

// Flush sends what was written.
func (f flushing) Flush() { _ = http.NewResponseController(f.ResponseWriter).Flush() }

// log tells of the request: neither query nor headers nor body.
func (x *exchange) log(why string) {
	if why != "" && why != "cut" {
		x.mode = "refused"
	}
	x.s.metrics.request(x.mode, x.status)
	if !x.s.cfg.Log.Enabled(x.r.Context(), slog.LevelInfo) {
		return
	}
	path, _, _ := strings.Cut(x.rt.target, "?")
	attrs := []slog.Attr{
		slog.String("tunnel", x.rt.name), slog.String("method", x.r.Method), slog.String("path", path),
		slog.Int("status", x.status), slog.Int64("in", max(x.r.ContentLength, 0)), slog.Int64("out", x.sent),
		slog.Duration("took", time.Since(x.began)),
	}
	if why != "" {
		attrs = append(attrs, slog.String("why", why))
	}
	x.s.cfg.Log.LogAttrs(x.r.Context(), slog.LevelInfo, "request", attrs...)
}
