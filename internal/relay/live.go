package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/wire"
)

// smallBody is the size up to which a request goes out whole, head and body in
// one message. Larger bodies are streamed.
const smallBody = wire.MaxData

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

	status int   // what was answered
	sent   int64 // bytes of the answer's body
}

// servePublic takes a request for a tunnel.
func (s *Server) servePublic(w http.ResponseWriter, r *http.Request, rt route) {
	x := &exchange{s: s, w: w, r: r, rt: rt, from: s.origin(r), began: time.Now()}
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
	x.id = newEventID(s.cfg.Now())
	if e := x.live(); e != nil {
		x.status = e.status
		s.refuse(w, e)
		x.log(e.code)
		return
	}
	x.log("")
}

// admit finds the name and counts the request against the limits.
func (x *exchange) admit() *refusal {
	l, now := &x.s.cfg.Limits, x.s.cfg.Now()
	if !l.Unlimited && !x.s.addrs.take(x.from.addr, now) {
		return errRate
	}
	if x.r.Method == http.MethodConnect {
		return errMethod
	}
	if up := x.r.Header.Get("Upgrade"); up != "" && strings.Contains(strings.ToLower(up), "websocket") {
		return errUpgrade
	}
	if x.n = x.s.names.find(x.rt.name); x.n == nil {
		return errUnknown
	}
	if !l.Unlimited && !x.n.allow(now, l.Rate, l.Burst) {
		return errRate
	}
	return nil
}

// live passes the request on and the answer back. A refusal is returned only
// while nothing has been answered.
func (x *exchange) live() *refusal {
	ses, all := x.n.pick()
	if ses == nil {
		if x.s.draining.Load() {
			return errMoving
		}
		return errOffline
	}
	if !ses.acquire(x.r.Context(), x.s.cfg.Limits.SlotWait) {
		return errBusy
	}
	defer ses.release()
	x.s.metrics.streams.Add(1)
	defer x.s.metrics.streams.Add(-1)
	_ = all
	return x.through(ses)
}

// through opens a stream on the link and answers with what comes back.
func (x *exchange) through(ses *session) *refusal {
	// The answer may begin before the request has ended.
	_ = http.NewResponseController(x.w).EnableFullDuplex()
	head := &wire.RequestHead{
		TLS: x.from.https, Method: x.r.Method, Target: x.rt.target, Host: x.r.Host,
		Remote: x.r.RemoteAddr, Header: headerFor(x.r, x.from, x.rt, x.id.String()),
	}
	first, whole, e := x.firstBytes()
	if e != nil {
		return e
	}
	expect := x.r.Header.Get("Expect") != ""
	st, err := ses.link.Open(head, expect, first, whole)
	if err != nil {
		return openRefusal(err)
	}
	x.s.metrics.overhead.observe(time.Since(x.began))
	stop := st.ResetOn(x.r.Context())
	defer stop()
	var up upload
	if !whole {
		up.start(x, st)
	}
	e = x.answer(st, &up)
	st.Reset(wire.ResetCancel, "done") // the upload ends too; nothing if all is said
	return e
}

func openRefusal(err error) *refusal {
	switch {
	case errors.Is(err, wire.ErrGoingAway):
		return errMoving
	case errors.Is(err, wire.ErrFrame) && strings.Contains(err.Error(), "head of"):
		return errHead
	case errors.Is(err, wire.ErrFrame):
		return errBadHead
	}
	return errBroken
}

// firstBytes reads a small body whole.
func (x *exchange) firstBytes() (body []byte, whole bool, e *refusal) {
	n := x.r.ContentLength
	if n == 0 || x.r.Body == nil {
		return nil, true, nil
	}
	if n < 0 || n > smallBody || x.r.Header.Get("Expect") != "" {
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

// An upload streams a request's body. It may outlive the handler by a moment:
// net/http waits for whoever still reads the body.
type upload struct {
	mu  sync.Mutex // guards err
	err *refusal
}

func (u *upload) start(x *exchange, st *wire.Stream) {
	go func() {
		p, _ := x.s.buffers.Get().(*[]byte)
		if p == nil {
			b := make([]byte, 32<<10)
			p = &b
		}
		defer x.s.buffers.Put(p)
		for {
			n, err := x.r.Body.Read(*p)
			if err == io.EOF {
				_ = st.Finish((*p)[:n]) // a stream that failed fails the answer too
				return
			}
			if err != nil {
				u.mu.Lock()
				u.err = bodyRefusal(err)
				u.mu.Unlock()
				st.Reset(wire.ResetCancel, "the request ended early")
				return
			}
			if _, err := st.Write((*p)[:n]); err != nil {
				return
			}
		}
	}()
}

// failure is why the body could not be read, nil if that is not the reason.
func (u *upload) failure() *refusal {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// answer waits for the app's answer and writes it to the sender.
func (x *exchange) answer(st *wire.Stream, up *upload) *refusal {
	silent := time.AfterFunc(x.s.cfg.Limits.HeadWait, func() { st.Reset(wire.ResetTimeout, "no answer in time") })
	defer silent.Stop()
	for {
		h, info, err := st.NextHead()
		if err != nil {
			if e := up.failure(); e != nil {
				return e
			}
			return streamRefusal(x.r.Context(), err)
		}
		if !info {
			silent.Stop()
			return x.pass(st, h)
		}
		if h.Status == http.StatusEarlyHints {
			x.early(h)
		}
	}
}

func streamRefusal(ctx context.Context, err error) *refusal {
	var r wire.Reset
	switch {
	case ctx.Err() != nil:
		return errBroken
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
	dropHop(h.Header)
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
	for name, values := range st.Trailer() {
		to[http.TrailerPrefix+name] = values
	}
	return nil
}

// flushing lets a stream flush when it has nothing more at hand.
type flushing struct{ http.ResponseWriter }

// Flush sends what was written.
func (f flushing) Flush() { _ = http.NewResponseController(f.ResponseWriter).Flush() }

// log tells of the request: neither query nor headers nor body.
func (x *exchange) log(why string) {
	mode := "live"
	if why != "" && why != "cut" {
		mode = "refused"
	}
	x.s.metrics.request(mode, x.status)
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
