package relay

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A verdict says what becomes of a request.
type verdict struct {
	ses    *session   // passed on to it
	others []*session // copies go to them
	store  bool       // stored; the name counts it as being stored
	refuse *refusal
}

// decide chooses under the name's lock, so that no request overtakes one that
// is stored: as long as anything waits, whatever comes is stored behind it.
func (n *name) decide(live, draining bool) verdict {
	n.mu.Lock()
	defer n.mu.Unlock()
	ses, others := n.pickLocked()
	keeps := n.keepsLocked()
	if n.mode == wire.ModeQueue && keeps {
		ses, live = nil, false
	}
	switch {
	case ses != nil && (!keeps || n.idleLocked()):
		return verdict{ses: ses, others: others}
	case ses != nil && live:
		return verdict{refuse: errDrainLive}
	case keeps && !live:
		n.storing++
		return verdict{store: true}
	case draining:
		return verdict{refuse: errMoving}
	}
	return verdict{refuse: errOffline}
}

// store keeps the request and answers for the app. The name has counted it as
// being stored. before is how often the app may have seen it.
func (x *exchange) store(before uint32, body []byte, whole bool) *refusal {
	defer func() {
		x.n.mu.Lock()
		x.n.storing--
		x.n.mu.Unlock()
		x.s.kick(x.n)
	}()
	if x.s.tight.Load() {
		return errTight
	}
	r, release, e := x.record(before, body, whole, x.n.kept.Info().Seal)
	if e != nil {
		return e
	}
	defer release()
	err := x.n.kept.Append(x.r.Context(), r)
	x.n.mu.Lock()
	x.n.blocked = err != nil && x.r.Context().Err() == nil
	if err == nil {
		x.n.tookLocked(r)
	}
	accept, away := x.n.accept, !x.n.hereLocked()
	x.n.mu.Unlock()
	if q, ok := x.n.kept.(*cluster.Queue); ok && err == nil && away {
		q.Confirm(x.r.Context()) // its client may be at another relay
	}
	x.s.markStale(x.n)
	return x.kept(err, accept)
}

// kept answers for what became of storing the request.
func (x *exchange) kept(err error, accept int) *refusal {
	switch {
	case errors.Is(err, spool.ErrFull):
		return errFull
	case err != nil:
		x.s.cfg.Log.Error("store a request", "tunnel", x.rt.name, "error", err.Error())
		return errStore
	}
	x.stored(accept)
	return nil
}

// record makes what is stored of the request, its body sealed if there is a key
// for that. The body is held until release is called.
func (x *exchange) record(before uint32, body []byte, whole bool, seal string) (r *spool.Record, release func(), e *refusal) {
	release = func() {}
	if !whole {
		var err error
		if body, release, err = x.readBody(); err != nil {
			return nil, nil, bodyRefusal(err)
		}
	}
	if int64(len(body)) > x.s.cfg.Limits.EventBody {
		release()
		return nil, nil, &refusal{http.StatusRequestEntityTooLarge, string(intake.BodyTooLarge), "body too large to be stored", 0}
	}
	h := x.head()
	if seal != "" {
		sealed, err := wire.SealBody(seal, x.id, body)
		if err != nil {
			release()
			return nil, nil, errStore
		}
		body, h.Header[wire.SealedHeader] = sealed, []string{wire.SealedValue}
	}
	head, err := wire.AppendRequestHead(nil, h)
	if err != nil || len(head) > wire.MaxHead {
		release()
		if err != nil {
			return nil, nil, errBadHead
		}
		return nil, nil, errHead
	}
	return &spool.Record{
		ID: x.id, ReceivedAt: x.s.cfg.Now(), Attempt: before, Head: head, Body: body, Digest: sha256.Sum256(body),
	}, release, nil
}

// stored tells the sender that the request is on the disk.
func (x *exchange) stored(status int) {
	x.status, x.mode = status, "stored"
	h := x.w.Header()
	h.Set("Hooks-Event-Id", x.id.String())
	if status == http.StatusNoContent {
		x.w.WriteHeader(status)
		return
	}
	text := `{"stored":"` + x.id.String() + "\"}\n"
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	x.w.WriteHeader(status)
	n, _ := io.WriteString(x.w, text) // a sender that has left reads nothing
	x.sent = int64(n)
}

func (x *exchange) readBody() ([]byte, func(), error) {
	if x.s.cfg.ReadBody != nil {
		return x.s.cfg.ReadBody(x.r)
	}
	b, err := io.ReadAll(io.LimitReader(x.r.Body, x.s.cfg.Limits.EventBody+1))
	return b, func() {}, err
}
