package capture

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// HealthPath is answered and never captured.
const HealthPath = "/_hooks/health"

// A Store keeps deliveries. Its methods return when what they were given is
// synced, and are safe for concurrent use.
type Store interface {
	// Append keeps d and sets its DuplicateOf.
	Append(ctx context.Context, d *webhook.Delivery) error
	// AddAttempt keeps an attempt of a delivery that was appended.
	AddAttempt(ctx context.Context, id string, a webhook.Attempt) error
	// SetResponse keeps what a delivery was answered with.
	SetResponse(ctx context.Context, id string, status int) error
}

// A Policy decides what is answered and what is shown.
type Policy struct {
	AcceptInvalid bool    // invalid deliveries are answered and forwarded as others are
	Script        *Script // what is answered instead of 200 or the app's answer; nil for none
	Body          []byte  // of that answer; nil for a word of our own
	Delay         time.Duration

	// Select chooses what is shown and forwarded; nil chooses all. The note, if
	// any, says why it could not decide.
	Select func(d *webhook.Delivery) (ok bool, note string)
}

// A Server is the pipeline as an http.Handler. Its exported fields must not be
// changed once it serves. Close must be called when nothing serves any more.
type Server struct {
	ReadBody func(*http.Request) (body []byte, release func(), err error) // as intake.Server has it
	Judge    func(ctx context.Context, d *webhook.Delivery, now time.Time) judge.Outcome
	Store    Store
	// Known returns a delivery that is in the store. Nil if no request has an
	// Origin with an ID.
	Known  func(ctx context.Context, id string) (*webhook.Delivery, error)
	NewID  func(now time.Time) string
	Now    func() time.Time
	Policy Policy

	// Greet answers the requests by which a provider makes sure of an endpoint,
	// once they are judged. It reports false for all others. Nil: there are
	// none.
	Greet func(ctx context.Context, d *webhook.Delivery, now time.Time) (judge.Greeting, bool)

	// Forward hands deliveries to apps. Nil: they are only kept.
	Forward *Forwarder

	// Observe is told what happens, in order, from one goroutine. Nil for none.
	Observe func(Event)

	start sync.Once
	queue *queue          // nil if nobody observes
	base  context.Context // of what no request waits for; ended by Abort
	abort context.CancelFunc
	order order
	quiet quiet
	count Counts
}

// Counts say what became of requests so far.
type Counts struct {
	Received, Verified, Invalid, Unverified  atomic.Int64
	Duplicates, Forwarded, Failed, NotStored atomic.Int64
}

// Counts returns the running counts.
func (s *Server) Counts() *Counts { return &s.count }

func (s *Server) prepare() {
	s.start.Do(func() {
		s.base, s.abort = context.WithCancel(context.Background())
		if s.Observe != nil {
			s.queue = newQueue(s.base, s.Observe)
		}
	})
}

// Redeliver makes the attempts that Forward owes to apps, until ctx ends. It
// does nothing without Forward.Retry.
func (s *Server) Redeliver(ctx context.Context) {
	s.prepare()
	if s.Forward != nil && s.Forward.Retry != nil {
		s.Forward.Retry.run(ctx, s)
	}
}

// Abort breaks off every attempt that is under way, its delivery being stored,
// and lets nobody wait for the observer any more.
func (s *Server) Abort() {
	s.prepare()
	s.abort()
}

// Close waits for the attempts that are under way, until Abort, and until the
// observer has been told everything.
func (s *Server) Close() {
	s.prepare()
	if s.Forward != nil {
		s.Forward.work.Wait()
	}
	if s.queue != nil {
		s.queue.close()
	}
	s.abort()
}

// Refused tells the observer of a request that the server in front refused,
// unless too much else is to be told: who refuses must not wait, and counts.
func (s *Server) Refused(r intake.Refusal) {
	s.prepare()
	if s.queue != nil {
		s.queue.offer(Event{Kind: Refused, Refusal: r})
	}
}

// Note tells the observer something that no delivery says.
func (s *Server) Note(line string) { s.tell(Event{Kind: Noted, Note: line}, nil) }

// tell queues e. The body that it refers to stays until the observer is done.
func (s *Server) tell(e Event, l *lease) {
	s.prepare()
	if s.queue == nil {
		return
	}
	if l == nil {
		s.queue.add(e, func() {})
		return
	}
	l.take()
	s.queue.add(e, l.drop)
}

// ServeHTTP takes one request through the pipeline.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == HealthPath && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		plain(http.StatusOK, "ok").write(w, r, "")
		return
	}
	if s.Forward.ours(r.Header) {
		s.refuseLoop(w, r)
		return
	}
	began := s.Now()
	body, release, err := s.ReadBody(r)
	l := newLease(release)
	defer l.drop()
	if err != nil {
		var refusal *intake.Refusal
		if !errors.As(err, &refusal) {
			refusal = &intake.Refusal{Status: http.StatusBadRequest, Text: "the body could not be read"}
		}
		refusal.Write(w)
		return
	}
	s.take(w, r, body, began, l)
}

func (s *Server) refuseLoop(w http.ResponseWriter, r *http.Request) {
	refusal := intake.Refusal{
		Status: http.StatusLoopDetected, Reason: "loop", RemoteAddr: r.RemoteAddr,
		Text: "this request was forwarded from here and has come back",
	}
	refusal.Write(w)
	s.Refused(refusal)
}

// take judges, stores, forwards and answers one request whose body is there.
func (s *Server) take(w http.ResponseWriter, r *http.Request, body []byte, began time.Time, l *lease) {
	ctx := r.Context()
	o := originOf(ctx)
	if !o.At.IsZero() {
		began = o.At
	}
	d := Record(r, body, began)
	if d.ID = o.ID; d.ID == "" {
		d.ID = s.NewID(began)
	}
	e := Event{Kind: Stored, Delivery: d, Outcome: s.Judge(ctx, d, began)}
	greeting, greeted := s.greet(ctx, d, began)
	if greeted {
		e.Handshake = &greeting
	}
	if greeted && greeting.Visit != "" && s.Forward != nil {
		greeted = false // there is more to do, by the app
	}
	accepted := greeted || s.accepts(d)
	forward := accepted && !greeted && s.Forward != nil && s.selects(&e) && s.Forward.wants(d)
	var a answer
	switch {
	case greeted:
		a = answer{status: greeting.Status, header: greeting.Header, body: greeting.Body}
	case !accepted:
		a = plain(http.StatusUnauthorized, string(d.Verification.Reason))
	case !forward || s.Policy.Script != nil:
		a = s.own(d, began)
	case s.Forward.Retry != nil:
		a = plain(http.StatusAccepted, "accepted: it is redelivered until the app takes it")
	}
	if a.status != 0 {
		d.Response = &webhook.Response{Status: a.status}
	}
	err := s.keep(ctx, d, forward)
	if o.ID != "" && errors.Is(err, store.ErrExists) {
		s.again(w, r, e, a, forward, l)
		return
	}
	if err != nil {
		s.notStored(w, r, err)
		return
	}
	s.tally(d)
	e.OutOfOrder = s.late(d, &e.Outcome)
	s.finish(w, r, e, a, forward, l)
}

// finish answers a delivery that is stored, hands it to the apps, and tells of
// it. Where an answer stands already, the sender does not wait for anything
// else.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, e Event, a answer, forward bool, l *lease) {
	d, ctx := e.Delivery, r.Context()
	wait := s.Policy.Delay > 0 && e.Handshake == nil
	answered := a.status != 0 && !wait
	if answered {
		a.write(w, r, d.ID)
	}
	s.selects(&e)
	s.tell(e, l)
	switch {
	case forward && s.Forward.Retry != nil:
		s.Forward.Retry.look()
	case forward && a.status == 0:
		a = s.Forward.now(s, d, l)
		if err := s.Store.SetResponse(context.WithoutCancel(ctx), d.ID, a.status); err != nil {
			s.Note("answer to " + d.ID + " not stored: " + safetext.Line(err.Error()))
		}
	case forward:
		s.Forward.background(s, d, l)
	}
	if wait {
		pause(ctx, s.Policy.Delay)
	} else if answered {
		return
	}
	a.write(w, r, d.ID)
}

// keep stores d, and with it what is owed to an app. A sender that leaves now
// has sent all: what it sent is kept.
func (s *Server) keep(ctx context.Context, d *webhook.Delivery, forward bool) error {
	ctx = context.WithoutCancel(ctx)
	if err := s.Store.Append(ctx, d); err != nil || !forward || s.Forward.Retry == nil {
		return err
	}
	return s.Forward.Retry.owe(ctx, d, s.Forward.targets(d), d.ReceivedAt)
}

func (s *Server) greet(ctx context.Context, d *webhook.Delivery, now time.Time) (judge.Greeting, bool) {
	if s.Greet == nil {
		return judge.Greeting{}, false
	}
	return s.Greet(ctx, d, now)
}

func (s *Server) accepts(d *webhook.Delivery) bool {
	return s.Policy.AcceptInvalid ||
		d.Verification.Status != webhook.Invalid && d.Verification.Status != webhook.Unsigned
}

// selects says whether e's delivery is to be shown and forwarded. It asks only
// once; where nothing is forwarded, the sender does not wait for it.
func (s *Server) selects(e *Event) bool {
	switch {
	case e.asked:
	case s.Policy.Select == nil:
		e.Selected = true
	default:
		var note string
		if e.Selected, note = s.Policy.Select(e.Delivery); note != "" {
			s.Note(note)
		}
	}
	e.asked = true
	return e.Selected
}

// own is the answer that no app gives.
func (s *Server) own(d *webhook.Delivery, now time.Time) answer {
	status := http.StatusOK
	if s.Policy.Script != nil {
		status = s.Policy.Script.Status(d, now)
	}
	switch {
	case s.Policy.Body != nil:
		return custom(status, s.Policy.Body)
	case status == http.StatusOK:
		return plain(status, "ok")
	}
	return plain(status, http.StatusText(status))
}

// late says whether d comes after an event that is younger. What is not genuine
// has no place in the order, and must not get one: it could be of any time.
func (s *Server) late(d *webhook.Delivery, o *judge.Outcome) bool {
	status := d.Verification.Status
	if d.DuplicateOf != "" || status == webhook.Invalid || status == webhook.Unsigned {
		return false
	}
	return s.order.late(d.Provider, o.Order)
}

func (s *Server) tally(d *webhook.Delivery) {
	s.count.Received.Add(1)
	switch d.Verification.Status {
	case webhook.Verified:
		s.count.Verified.Add(1)
	case webhook.Invalid, webhook.Unsigned:
		s.count.Invalid.Add(1)
	default:
		s.count.Unverified.Add(1)
	}
	if d.DuplicateOf != "" {
		s.count.Duplicates.Add(1)
	}
}

// notStored refuses a delivery that could not be kept. The sender will come
// again.
func (s *Server) notStored(w http.ResponseWriter, r *http.Request, err error) {
	text := "capture not stored"
	if full(err) {
		text = "capture not stored: no space left"
	}
	refusal := intake.Refusal{
		Status: http.StatusServiceUnavailable, Reason: "not_stored", Text: text,
		RetryAfter: time.Minute, RemoteAddr: r.RemoteAddr,
	}
	refusal.Write(w)
	s.count.NotStored.Add(1)
	if missed, due := s.quiet.due(s.Now()); due {
		s.Note(storeNote(err, missed))
	}
}

// pause waits for d, or until nobody waits for the answer any more.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
