package emulate

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// What is owed is in the store's queue, one entry a delivery, before whoever
// caused it is answered. NextAt is by the clock of retries. An attempt is noted
// there before it is made: where a crash leaves that note, the attempt is made
// once more unless its outcome was recorded.

// A job is one delivery that is owed.
type job struct {
	entry store.Redelivery // as the store has it
	due   time.Time
	note  note
	place int // in Server.queue, -1 if it is not there
}

// A note is what the queue keeps besides.
type note struct {
	Endpoint string `json:"e"`
	Flow     string `json:"f,omitempty"` // events that come in order
	Step     int    `json:"n,omitempty"` // which of them it is
	Once     bool   `json:"m,omitempty"` // one attempt, asked for by a person
	Made     int    `json:"a,omitempty"` // attempts recorded so far
	Begun    bool   `json:"b,omitempty"` // the next one has been begun
}

func (j *job) flow() string {
	if j.note.Flow == "" {
		return ""
	}
	return j.note.Flow + " " + j.note.Endpoint
}

// jobs is a heap: the one that is due first, of those made first.
type jobs []*job

func (q jobs) Len() int { return len(q) }
func (q jobs) Less(i, k int) bool {
	return cmp.Or(q[i].due.Compare(q[k].due), cmp.Compare(q[i].entry.ID, q[k].entry.ID)) < 0
}
func (q jobs) Swap(i, k int) { q[i], q[k] = q[k], q[i]; q[i].place, q[k].place = i, k }

// Push is for package heap.
func (q *jobs) Push(x any) {
	j := x.(*job)
	j.place = len(*q)
	*q = append(*q, j)
}

// Pop is for package heap.
func (q *jobs) Pop() any {
	j := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	j.place = -1
	return j
}

const (
	// storeRest is how long an attempt is put off when the disk fails.
	storeRest = 10 * time.Second
	// maxRest is how long the queue is left alone: a machine that slept comes
	// back with its timers late.
	maxRest = 30 * time.Second
)

// loadBacklog takes up what was owed when the last run ended.
func (s *Server) loadBacklog(ctx context.Context) error {
	list, err := s.store.Pending(ctx, maxPending+1)
	if err != nil {
		return err
	}
	for _, r := range list {
		j := &job{entry: r, due: r.NextAt, place: -1}
		if json.Unmarshal([]byte(r.Note), &j.note) != nil {
			return fmt.Errorf("the queue in %s is not that of an emulator", s.store.Path())
		}
		if j.note.Begun {
			over, err := s.settle(ctx, j)
			if err != nil {
				return err
			}
			if over {
				continue
			}
		}
		s.mu.Lock()
		s.addLocked(j)
		s.mu.Unlock()
	}
	return nil
}

// settle finds out what became of an attempt that a crash may have cut off, and
// says whether nothing is owed any more.
func (s *Server) settle(ctx context.Context, j *job) (over bool, err error) {
	d, err := s.store.Get(ctx, j.entry.ID)
	if errors.Is(err, store.ErrNotFound) {
		return true, s.store.Done(ctx, j.entry)
	}
	if err != nil {
		return false, err
	}
	j.note.Begun = false
	if len(d.Attempts) == j.note.Made {
		s.note("attempt %d of %s may have been made when the last run ended; it is made again", j.note.Made+1, j.entry.ID)
		return false, nil
	}
	e := s.endpoints[j.note.Endpoint]
	if e == nil {
		return true, s.store.Done(ctx, j.entry)
	}
	last := deliver.Result{Attempt: d.Attempts[len(d.Attempts)-1]}
	at := s.clock.now()
	next, more, _ := s.follow(e, j, last, at, at)
	if !more {
		return true, s.store.Done(ctx, j.entry)
	}
	s.advanceJob(j, next)
	return false, s.enqueue(ctx, j)
}

// enqueue puts a job into the store's queue as it is.
func (s *Server) enqueue(ctx context.Context, j *job) error {
	text, err := json.Marshal(j.note)
	if err != nil {
		return err
	}
	j.entry.Note, j.entry.NextAt = string(text), j.due.Truncate(time.Microsecond)
	return s.store.Enqueue(ctx, j.entry)
}

// addLocked lets a job wait for its time, or for the one before it in its flow.
func (s *Server) addLocked(j *job) {
	s.pending[j.entry.ID] = j
	if e := s.endpoints[j.note.Endpoint]; e != nil {
		e.pending++
	}
	flow := j.flow()
	if flow != "" && j.entry.Number == 1 && !j.note.Once {
		waiting := append(s.flows[flow], j)
		for i := len(waiting) - 1; i > 0 && waiting[i-1].note.Step > j.note.Step; i-- {
			waiting[i-1], waiting[i] = waiting[i], waiting[i-1]
		}
		s.flows[flow] = waiting
		for _, one := range waiting[1:] { // only the first may go
			if one.place >= 0 {
				heap.Remove(&s.queue, one.place)
			}
		}
		if waiting[0] != j {
			return
		}
	}
	heap.Push(&s.queue, j)
	s.look()
}

// moveLocked gives a waiting job another time.
func (s *Server) moveLocked(j *job, at time.Time) {
	j.due = at
	heap.Fix(&s.queue, j.place)
}

// look makes the queue be looked at now.
func (s *Server) look() {
	select {
	case s.wake <- struct{}{}:
	default: // it is about to be
	}
}

// Run makes the attempts until ctx ends, and then waits for those under way,
// which only Abort ends.
func (s *Server) Run(ctx context.Context) {
	defer close(s.ran)
	defer s.work.Wait()
	defer func() {
		s.mu.Lock()
		s.leaving = true
		s.settled.Broadcast()
		s.mu.Unlock()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(s.dispatch())
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// Wait returns when Run has, or when ctx ends.
func (s *Server) Wait(ctx context.Context) {
	select {
	case <-s.ran:
	case <-ctx.Done():
	}
}

// dispatch begins what is due and returns how long nothing more will be.
func (s *Server) dispatch() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	for len(s.queue) > 0 && !s.queue[0].due.After(now) {
		j := heap.Pop(&s.queue).(*job)
		s.busy++
		e := s.endpoints[j.note.Endpoint]
		if e == nil {
			s.work.Go(func() { s.giveUp(j, deletedText) })
			continue
		}
		e.ready = append(e.ready, j)
		s.startLocked(e)
	}
	if len(s.queue) == 0 {
		return maxRest
	}
	return min(max(s.clock.until(s.queue[0].due), time.Millisecond), maxRest)
}

// startLocked begins as many attempts to e as may be open.
func (s *Server) startLocked(e *endpoint) {
	for len(e.ready) > 0 && e.open < s.cfg.Concurrency && !s.leaving {
		j := e.ready[0]
		e.ready = e.ready[1:]
		e.open++
		s.work.Go(func() {
			s.attempt(j, e.state)
		})
	}
}

// attempt makes the next attempt of a job and decides what follows.
func (s *Server) attempt(j *job, st *state) {
	e := s.find(j.note.Endpoint, "")
	switch {
	case e == nil:
		s.leave(st)
		s.giveUp(j, deletedText)
		return
	case !e.Active:
		s.leave(st)
		s.giveUp(j, "the endpoint is not active")
		return
	case e.hasExpired(s.clock.now()):
		if fresh, err := s.change(s.base, e.ID, func(*kept) error { return nil }); err == nil && fresh != nil {
			e = fresh
		}
	}
	var d *webhook.Delivery
	var begun time.Time
	var trouble error
	res, err := s.hosts.Do(s.base, e.URL, func() deliver.Result {
		if d, trouble = s.begin(j); trouble != nil {
			return deliver.Result{Kind: deliver.Canceled}
		}
		begun = s.clock.now()
		return s.send(e, j, d)
	})
	s.leave(st)
	switch {
	case errors.Is(trouble, store.ErrNotFound): // it was pruned
		s.note("delivery %s is not in the store any more and is not sent", j.entry.ID)
		s.end(j)
	case trouble != nil && s.base.Err() == nil:
		s.note("delivery %s: %v", j.entry.ID, trouble)
		s.again(j, s.clock.now().Add(s.clock.scaled(storeRest)))
	case err != nil || trouble != nil || res.Kind == deliver.Canceled:
		s.finished() // we end; it is made by the next run
	default:
		s.record(e, j, d, res, begun)
	}
}

// leave takes an attempt off those that are open to an endpoint.
func (s *Server) leave(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.open--
}

// begin notes that the attempt is made, and returns what is sent.
func (s *Server) begin(j *job) (*webhook.Delivery, error) {
	j.note.Begun = true
	if err := s.enqueue(s.base, j); err != nil {
		return nil, err
	}
	return s.store.Get(s.base, j.entry.ID)
}

// send signs the delivery anew and makes the attempt.
func (s *Server) send(e *endpoint, j *job, d *webhook.Delivery) deliver.Result {
	outgoing.SetURL(d, e.URL)
	signed, err := e.signer.Sign(d, s.cfg.Now())
	if err != nil {
		return deliver.Result{
			Attempt: webhook.Attempt{Number: j.note.Made + 1, URL: e.URL, At: s.cfg.Now(), Err: safetext.Line("sign: " + err.Error())},
			Kind:    deliver.BadRequest,
		}
	}
	timeout := s.cfg.Timeout
	if timeout <= 0 {
		timeout = e.provider.Delivery.Timeout
	}
	return s.cfg.Client.Send(s.base, outgoing.Request(signed, outgoing.Manner{Timeout: timeout}), j.note.Made+1)
}

// record keeps what became of an attempt and plans the next one.
func (s *Server) record(e *endpoint, j *job, d *webhook.Delivery, res deliver.Result, begun time.Time) {
	ctx := context.WithoutCancel(s.base)
	if err := s.store.AddAttempt(ctx, j.entry.ID, res.Attempt); err != nil {
		s.note("attempt of %s is not recorded: %v", j.entry.ID, err)
	}
	next, more, taken := s.follow(e, j, res, begun, s.clock.now())
	d.Attempts = []webhook.Attempt{res.Attempt}
	shown := e.signer.Conceal(d)
	ev := Event{
		Kind: Attempted, Provider: d.Provider, EndpointID: e.ID, Delivery: shown, Attempt: &shown.Attempts[0],
		GaveUp: !more && !taken,
	}
	if more {
		ev.Next = s.clock.realTime(next)
	}
	s.cfg.Observe(ev)
	s.judge(ctx, e, res, taken, more)
	if more {
		s.advanceJob(j, next)
		s.again(j, next)
		return
	}
	s.end(j)
}

func (s *Server) advanceJob(j *job, next time.Time) {
	j.note.Begun, j.note.Made, j.entry.Number, j.due = false, j.note.Made+1, j.entry.Number+1, next
}

// judge keeps how an endpoint does: failing once a delivery was given up on,
// well again when one is taken.
func (s *Server) judge(ctx context.Context, e *endpoint, res deliver.Result, taken, more bool) {
	if e = s.find(e.ID, ""); e == nil || more || taken == e.FailingSince.IsZero() {
		return
	}
	why := res.Err
	if res.Response != nil {
		why = fmt.Sprintf("%d %s", res.Response.Status, http.StatusText(res.Response.Status))
	}
	_, err := s.change(ctx, e.ID, func(k *kept) error {
		k.FailingSince, k.LastError = time.Time{}, ""
		if !taken {
			k.FailingSince, k.LastError = s.cfg.Now().UTC(), why
		}
		return nil
	})
	if err != nil {
		s.note("endpoint %s: %v", e.ID, err)
	}
}

func (s *Server) schedule(e *endpoint) deliver.Schedule {
	return deliver.Schedule{Waits: e.provider.Delivery.Schedule}
}

// follow says when the attempt after res is due, if there is one, and whether
// res delivered what was owed, by the provider's rules.
func (s *Server) follow(e *endpoint, j *job, res deliver.Result, begun, ended time.Time) (next time.Time, more, taken bool) {
	rules := &e.provider.Delivery
	if res.Response != nil {
		status := res.Response.Status
		taken = rules.Succeeds(status)
		// The schedule knows 2xx and failures; what the provider makes of the
		// status is decided here.
		res.Response = &webhook.Response{Status: http.StatusInternalServerError, Header: res.Response.Header}
		if taken || j.note.Once || status == http.StatusGone || rules.Stops(status) {
			return time.Time{}, false, taken
		}
	}
	if j.note.Once {
		return time.Time{}, false, false
	}
	res.Number, res.At = j.entry.Number, begun
	next, more = s.schedule(e).Next(res, ended)
	return next, more, false
}

// again lets a job wait for its next attempt.
func (s *Server) again(j *job, next time.Time) {
	j.due = next
	if err := s.enqueue(context.WithoutCancel(s.base), j); err != nil {
		s.note("delivery %s: %v", j.entry.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releaseLocked(j)
	heap.Push(&s.queue, j)
	s.doneLocked(j)
}

// end takes a job out of the queue.
func (s *Server) end(j *job) {
	if err := s.store.Done(context.WithoutCancel(s.base), j.entry); err != nil && !errors.Is(err, store.ErrTaken) {
		s.note("delivery %s: %v", j.entry.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, j.entry.ID)
	if e := s.endpoints[j.note.Endpoint]; e != nil {
		e.pending--
	}
	s.releaseLocked(j)
	s.doneLocked(j)
}

// releaseLocked lets the next event of a flow go, once the first attempt of the
// one before was made.
func (s *Server) releaseLocked(j *job) {
	flow := j.flow()
	waiting := s.flows[flow]
	if flow == "" || len(waiting) == 0 || waiting[0] != j {
		return
	}
	if len(waiting) == 1 {
		delete(s.flows, flow)
		return
	}
	s.flows[flow] = waiting[1:]
	if waiting[1].place < 0 {
		heap.Push(&s.queue, waiting[1])
	}
}

// doneLocked ends the turn of a job, and lets others of its endpoint begin.
func (s *Server) doneLocked(j *job) {
	s.busy--
	if e := s.endpoints[j.note.Endpoint]; e != nil {
		s.startLocked(e)
	}
	s.settled.Broadcast()
	s.look()
}

// finished ends a turn without an outcome.
func (s *Server) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	s.settled.Broadcast()
}

// notSent begins the record of what was owed and is not sent any more.
const (
	notSent     = "not sent: "
	deletedText = "the endpoint was deleted"
)

// giveUp records that a job is not done, and why.
func (s *Server) giveUp(j *job, why string) {
	a := webhook.Attempt{At: s.cfg.Now(), URL: j.entry.URL, Err: notSent + why}
	if err := s.store.AddAttempt(context.WithoutCancel(s.base), j.entry.ID, a); err != nil && !errors.Is(err, store.ErrNotFound) {
		s.note("delivery %s: %v", j.entry.ID, err)
	}
	s.end(j)
}

// Advance puts the clock of retries forward by d. What comes due on the way is
// attempted at its own time, one after the other; it returns when that is done.
func (s *Server) Advance(ctx context.Context, d time.Duration) error {
	s.flights.Lock()
	defer s.flights.Unlock()
	target := s.clock.now().Add(d)
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settled.Broadcast()
	})()
	s.mu.Lock()
	for ctx.Err() == nil && !s.leaving {
		if s.busy > 0 {
			s.settled.Wait()
			continue
		}
		if len(s.queue) == 0 || s.queue[0].due.After(target) {
			break
		}
		s.clock.reach(s.queue[0].due)
		s.mu.Unlock()
		s.dispatch()
		s.mu.Lock()
	}
	s.mu.Unlock()
	s.clock.reach(target)
	s.look()
	return errors.Join(ctx.Err(), s.noteClock())
}
