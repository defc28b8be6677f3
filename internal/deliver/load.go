package deliver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultConcurrency is how many requests a load has open at once where
// nobody says.
const DefaultConcurrency = 50

// progressEvery is how often Load.Progress is called.
const progressEvery = 100 * time.Millisecond

// A Shot is one request of a load and the id by which it is accounted for.
type Shot struct {
	ID      string
	Request Request
}

// A Load sends many requests.
//
// With a Rate it is open-loop: request n is meant for its own moment, whether
// or not the ones before it were answered, and its latency counts from that
// moment. An endpoint that stalls is charged for every request that had to
// wait, not only for those that were open. Without a Rate each of Concurrency
// senders sends its next request when the last one is answered.
type Load struct {
	Client      *Client
	Count       int           // how many requests; 0: until Duration is over
	Duration    time.Duration // for how long new ones begin; 0: until Count
	Rate        float64       // a second; 0: as fast as it goes
	Concurrency int           // open at once; 0 is DefaultConcurrency
	Now         func() time.Time
	// Build makes request n, counted from 0, just before it is sent. It is
	// called concurrently. An error ends the load.
	Build func(n int) (Shot, error)
	// Progress, if set, is called ten times a second, from one goroutine.
	Progress func(Progress)
}

// A Progress is how far a load has come.
type Progress struct {
	Planned  int // 0 if there is no end to count to
	Sent     int
	Answered int
	Elapsed  time.Duration
}

// Run sends the load and returns the account of it. When ctx ends, nothing new
// is begun and what is open is broken off; the account is exact all the same.
// The error is that of Build, or says that the load has no end or no start.
func (l Load) Run(ctx context.Context) (Report, error) {
	if l.Count <= 0 && l.Duration <= 0 {
		return Report{}, errors.New("a load needs a count or a duration")
	}
	if l.Concurrency <= 0 {
		l.Concurrency = DefaultConcurrency
	}
	if l.Rate > 0 && l.Duration > 0 {
		if n := int(l.Rate*l.Duration.Seconds() + 0.5); l.Count <= 0 || n < l.Count {
			l.Count = max(1, n)
		}
	}
	r := &running{Load: l, account: newAccount(), start: l.Now()}
	senders := l.Concurrency
	if l.Count > 0 {
		senders = min(senders, l.Count)
	}
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if l.Duration > 0 {
		timer := time.AfterFunc(l.Duration, func() { r.over.Store(true) })
		defer timer.Stop()
	}
	var closeLanes func()
	r.lanes, closeLanes = l.Client.newLanes(run)
	defer closeLanes()
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() { r.send(run, cancel) })
	}
	stop := r.reportProgress()
	sending.Wait()
	stop()
	report := r.account.report(r)
	if err := context.Cause(run); err != nil && ctx.Err() == nil {
		return report, err
	}
	return report, nil
}

// running is a Load under way.
type running struct {
	Load
	start   time.Time
	next    atomic.Int64
	over    atomic.Bool // Duration is over
	lanes   *lanes
	account *account
}

// send takes one request after the other until there is none.
func (r *running) send(ctx context.Context, fail func(error)) {
	for {
		n := int(r.next.Add(1)) - 1
		if r.Count > 0 && n >= r.Count {
			return
		}
		meant, ok := r.turn(ctx, n)
		if !ok {
			return
		}
		shot, err := r.Build(n)
		if err != nil {
			fail(fmt.Errorf("make request %d: %w", n+1, err))
			return
		}
		began := r.Now()
		if meant.IsZero() {
			meant = began
		}
		x := r.lanes.exchange(ctx, shot.Request, r.Now)
		r.account.add(ctx, &x, &shot, meant, began, r.Now())
	}
}

// turn waits for the moment that request n is meant for and returns it; zero
// if it is meant for whenever its sender is free. It reports false where the
// request is not to be sent any more: one that could not begin while the load
// lasted, because all senders were waiting for answers, is given up and counted
// as not sent.
func (r *running) turn(ctx context.Context, n int) (time.Time, bool) {
	if ctx.Err() != nil || r.over.Load() || r.Duration > 0 && r.Now().Sub(r.start) >= r.Duration {
		return time.Time{}, false
	}
	if r.Rate <= 0 {
		return time.Time{}, true
	}
	meant := r.start.Add(time.Duration(float64(n) / r.Rate * float64(time.Second)))
	if early := meant.Sub(r.Now()); early > 0 {
		timer := time.NewTimer(early)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return time.Time{}, false
		case <-timer.C:
		}
	}
	return meant, true
}

// reportProgress calls Progress until the returned function is called.
func (r *running) reportProgress() (stop func()) {
	if r.Progress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				r.Progress(r.progress())
				return
			case <-ticker.C:
				r.Progress(r.progress())
			}
		}
	})
	return func() { close(done); reporting.Wait() }
}

func (r *running) progress() Progress {
	sent, answered := r.account.totals()
	return Progress{Planned: r.Count, Sent: sent, Answered: answered, Elapsed: r.Now().Sub(r.start)}
}
