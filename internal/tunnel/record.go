package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
	"github.com/hooks-cli/hooks/internal/wire"
)

// EventHeader carries the relay's id of a request to the app.
const EventHeader = "Hooks-Event-Id"

// AttemptHeader says to the app how often it may have seen a stored request.
const AttemptHeader = "Hooks-Attempt"

// A Recorder puts what comes through a tunnel into the capture store, judged
// over the bytes that the app gets and as of the moment when they came to the
// relay. Its fields must not be changed once it is used.
type Recorder struct {
	Judge   func(ctx context.Context, d *webhook.Delivery, now time.Time) judge.Outcome
	Store   Store
	IDs     IDs
	Now     func() time.Time
	Observe func(capture.Event) // told what happens, one call at a time; nil for none

	// VerifiedOnly keeps what is not verified from the app. Live requests need
	// Gate besides.
	VerifiedOnly bool

	// For stored requests.
	Forward *Forwarder      // where they go
	Client  *deliver.Client // makes the attempts
	Retry   bool            // an answer that is not 2xx is no success
	Timeout time.Duration   // of an attempt; 0 is 30 s

	work  sync.WaitGroup // what is being recorded
	notes sync.Mutex     // held while Observe runs
	slots chan struct{}
	start sync.Once
}

// A Store is what a Recorder needs of the capture store.
type Store interface {
	capture.Store
	Get(ctx context.Context, id string) (*webhook.Delivery, error)
}

// recording is how many exchanges are written at a time; they share syncs.
const recording = 64

// Done records a live exchange, as ForwarderConfig.Done wants it. It returns at
// once, unless very many are being recorded already.
func (r *Recorder) Done(x *Exchange, release func()) {
	r.start.Do(func() { r.slots = make(chan struct{}, recording) })
	r.slots <- struct{}{}
	r.work.Go(func() {
		defer func() { <-r.slots }()
		defer release()
		r.record(x)
	})
}

// Wait returns when everything has been recorded.
func (r *Recorder) Wait() { r.work.Wait() }

func (r *Recorder) record(x *Exchange) {
	ctx := context.Background()
	d := capture.Record(x.Request, x.Body, r.Now().Add(-x.Duration))
	d.URL = PublicURL(x.Request)
	d.ID = r.IDs.Of(x.Request.Header.Get(EventHeader), d.ReceivedAt)
	if x.Cut {
		r.tell(capture.Event{Kind: capture.Noted, Note: fmt.Sprintf("%s %s was not captured: its body is not there whole", d.Method, d.Path)})
		return
	}
	outcome := r.Judge(ctx, d, d.ReceivedAt)
	d.Response = &webhook.Response{Status: x.Status}
	if x.Called != "" {
		d.Attempts = []webhook.Attempt{attemptOf(x, d.ReceivedAt)}
	}
	err := r.Store.Append(ctx, d)
	if errors.Is(err, store.ErrExists) {
		// It came before, and was stored by the relay when the tunnel broke.
		for _, a := range d.Attempts {
			a.Number = 0
			err = r.Store.AddAttempt(ctx, d.ID, a)
		}
	}
	if err != nil {
		r.tell(capture.Event{Kind: capture.Noted, Note: fmt.Sprintf("%s %s was not captured: %v", d.Method, d.Path, err)})
		return
	}
	r.tell(capture.Event{Kind: capture.Stored, Delivery: d, Outcome: outcome, Selected: true})
	for i := range d.Attempts {
		r.tell(capture.Event{Kind: capture.Attempted, Delivery: d, Attempt: &d.Attempts[i]})
	}
}

func attemptOf(x *Exchange, at time.Time) webhook.Attempt {
	a := webhook.Attempt{Number: 1, URL: x.Called, At: at, Duration: x.Duration}
	if x.Err != nil {
		a.Err = x.Err.Error()
	}
	if x.Header != nil {
		a.Response = &webhook.Response{Status: x.Status, Header: x.Header, Body: x.Answer}
	}
	return a
}

func (r *Recorder) tell(e capture.Event) {
	if r.Observe == nil {
		return
	}
	r.notes.Lock()
	defer r.notes.Unlock()
	r.Observe(e)
}

// Deliver takes a stored request, as Config.Deliver wants it: it is done with
// when it is in the store here and the app's answer is recorded there.
func (r *Recorder) Deliver(ctx context.Context, e *Stored) error {
	req := requestOf(e)
	d := capture.Record(req, e.Body, e.ReceivedAt)
	d.URL = e.URL
	d.ID = r.IDs.Of(e.ID.String(), e.ReceivedAt)
	outcome := r.Judge(ctx, d, d.ReceivedAt)
	err := r.Store.Append(ctx, d)
	if errors.Is(err, store.ErrExists) {
		known, err := r.Store.Get(ctx, d.ID)
		if err != nil {
			return &Later{After: retryAfter, Why: wire.NackWait, Err: err}
		}
		if r.settled(known) {
			return nil // only the acknowledgement was lost
		}
		d = known
	} else if err != nil {
		r.tell(capture.Event{Kind: capture.Noted, Note: fmt.Sprintf("an event waits: not captured: %v", err)})
		return &Later{After: retryAfter, Why: wire.NackWait, Err: err}
	} else {
		r.tell(capture.Event{Kind: capture.Stored, Delivery: d, Outcome: outcome, Selected: true})
	}
	if r.VerifiedOnly && d.Verification.Status != webhook.Verified {
		return r.keepFrom(ctx, d, http.StatusUnauthorized, "it is not verified")
	}
	if status, _, text := r.Forward.refusal(req); status != 0 {
		return r.keepFrom(ctx, d, status, text)
	}
	return r.forward(ctx, e, req, d)
}

// keepFrom records that the app does not get d.
func (r *Recorder) keepFrom(ctx context.Context, d *webhook.Delivery, status int, why string) error {
	d.Response = &webhook.Response{Status: status}
	if err := r.Store.SetResponse(ctx, d.ID, status); err != nil {
		return &Later{After: retryAfter, Why: wire.NackWait, Err: err}
	}
	r.tell(capture.Event{Kind: capture.Noted, Note: fmt.Sprintf("%s was not passed on: %s", d.ID, why)})
	return nil
}

// settled says whether the app has answered, well enough.
func (r *Recorder) settled(d *webhook.Delivery) bool {
	for i := range d.Attempts {
		if a := &d.Attempts[i]; a.Response != nil && (!r.Retry || a.Delivered()) {
			return true
		}
	}
	return d.Response != nil && len(d.Attempts) == 0 // it was answered here
}

// requestOf is the request as it would have come live.
func requestOf(e *Stored) *http.Request {
	r := &http.Request{
		Method: e.Head.Method, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: e.Head.Header,
		Host: e.Head.Host, RemoteAddr: e.Head.Remote, RequestURI: e.Head.Target, URL: urlOf(e.Head.Target),
		ContentLength: int64(len(e.Body)), Body: http.NoBody,
	}
	if e.Attempt > 1 {
		r.Header.Set(AttemptHeader, strconv.FormatUint(uint64(e.Attempt), 10))
	}
	return r
}

// forward makes one attempt and records it.
func (r *Recorder) forward(ctx context.Context, e *Stored, req *http.Request, d *webhook.Delivery) error {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = deliver.DefaultTimeout
	}
	out := deliver.Request{
		Method: req.Method, URL: r.Forward.appURL(), Target: req.RequestURI,
		Header: r.Forward.header(req), Body: e.Body, Timeout: timeout,
	}
	res := r.Client.Send(ctx, out, len(d.Attempts)+1)
	if res.Kind == deliver.Canceled {
		return context.Canceled
	}
	a := res.Attempt
	a.URL = r.Forward.appURL() + strings.TrimPrefix(req.RequestURI, "/")
	good := a.Response != nil && (!r.Retry || a.Delivered())
	if good || !sameFailure(d.Attempts, a) {
		// A failure that repeats itself is recorded once, not every half minute.
		if err := r.Store.AddAttempt(ctx, d.ID, a); err != nil {
			return &Later{After: retryAfter, Why: wire.NackWait, Err: err}
		}
		d.Attempts = append(d.Attempts, a)
		r.tell(capture.Event{Kind: capture.Attempted, Delivery: d, Attempt: &a})
	}
	if good {
		return nil
	}
	why := wire.NackAppDown
	if a.Response != nil {
		why = wire.NackWait
	}
	if e.Attempt == stuckAfter {
		r.tell(capture.Event{Kind: capture.Noted, Note: fmt.Sprintf("%s had no success in %d attempts; it is tried again", d.ID, stuckAfter)})
	}
	return &Later{After: patience(e.Attempt), Why: why, Err: errors.New(a.Err)}
}

// stuckAfter is the attempt after which an event is spoken of by itself.
const stuckAfter = 10

func sameFailure(before []webhook.Attempt, a webhook.Attempt) bool {
	if len(before) == 0 {
		return false
	}
	last := before[len(before)-1]
	return last.Response == nil && a.Response == nil && last.Err == a.Err
}

// patience is how long to wait after the n-th failure.
func patience(n uint32) time.Duration {
	return min(firstPause<<min(n, 6), maxPause)
}

// Gate answers 401 to live requests that are not verified, and passes the
// others on to next. It reads each body whole, at most limit bytes of it.
func (r *Recorder) Gate(next http.Handler, limit int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			http.Error(w, "body too large to be verified", http.StatusRequestEntityTooLarge)
			return
		case err != nil:
			panic(http.ErrAbortHandler) // the sender is gone
		}
		copied := req.Clone(req.Context())
		now := r.Now()
		d := capture.Record(copied, body, now)
		d.URL = PublicURL(req)
		if r.Judge(req.Context(), d, now); d.Verification.Status == webhook.Verified {
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
			next.ServeHTTP(w, req)
			return
		}
		r.refuse(w, req, body, d)
	})
}

// refuse answers what is not verified, and records it.
func (r *Recorder) refuse(w http.ResponseWriter, req *http.Request, body []byte, d *webhook.Delivery) {
	reason := string(d.Verification.Reason)
	if reason == "" {
		reason = string(d.Verification.Status)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Hooks-Error", "not_verified")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, reason+"\n") // a lost stream shows elsewhere
	r.Done(&Exchange{Request: req, Body: body, Status: http.StatusUnauthorized}, func() {})
}

// appURL is the root of the app, with a slash at its end.
func (f *Forwarder) appURL() string {
	u := url.URL{Scheme: f.cfg.Target.Scheme, Host: f.cfg.Target.Host, Path: "/"}
	return u.String()
}

// header is what of a stored request's header the app gets.
func (f *Forwarder) header(r *http.Request) http.Header {
	h := endToEnd(r.Header)
	delete(h, "Host")
	if f.cfg.PreserveHost {
		h["Host"] = []string{r.Host}
	}
	marks := h[capture.LoopHeader]
	h[capture.LoopHeader] = append(marks[:len(marks):len(marks)], f.mark)
	return h
}
