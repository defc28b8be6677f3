package capture

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Queue holds what is owed to apps, on disk; store.Store is one.
type Queue interface {
	Get(ctx context.Context, id string) (*webhook.Delivery, error)
	Enqueue(ctx context.Context, r store.Redelivery) error
	Due(ctx context.Context, now time.Time, limit int) ([]store.Redelivery, error)
	Pending(ctx context.Context, limit int) ([]store.Redelivery, error)
	Reschedule(ctx context.Context, r store.Redelivery, number int, next time.Time) error
	Done(ctx context.Context, r store.Redelivery) error
}

// A Redelivery hands deliveries to apps until they are taken, by the schedule
// of their provider. What is owed is on disk before the sender is answered, so
// that it goes on after a restart. A Redelivery is part of a Forwarder; its
// exported fields must not be changed once it is used.
//
// Before an attempt is made it is taken for this process by putting its time
// off a little, again and again while the attempt lasts. If the process dies,
// the time comes, and whoever listens then makes the attempt once more.
type Redelivery struct {
	Queue Queue
	// Schedule is that of a provider, "" being one that is not known.
	Schedule func(provider string) deliver.Schedule
	// Renew returns d as its provider would send it again: with a fresh
	// signature where an old one would be refused. Nil: as it was.
	Renew func(ctx context.Context, d *webhook.Delivery) (*webhook.Delivery, error)

	start  sync.Once
	wake   chan struct{}
	hosts  *deliver.Hosts
	memory *semaphore.Weighted
}

const (
	// claimTime is how long an attempt belongs to its process without a sign
	// of life, renewTime how often that is given.
	claimTime = 5 * time.Second
	renewTime = 2 * time.Second
	// restTime is how long the queue is left alone at most: another process
	// may have put something into it, or died with something of it.
	restTime = 5 * time.Second
	// maxAttempts is how many attempts are open at once, maxHeld how many
	// bytes of bodies they have in memory besides one.
	maxAttempts = 16
	maxHeld     = 32 << 20
	// lookAt is how much of the queue is looked at in one go; some of it may be
	// another listener's.
	lookAt = 256
	// retryStore is how long to wait for a store that does not answer.
	retryStore = 10 * time.Second
)

func (r *Redelivery) prepare() {
	r.start.Do(func() {
		r.wake = make(chan struct{}, 1)
		r.hosts = deliver.NewHosts()
		r.memory = semaphore.NewWeighted(maxHeld)
	})
}

// owe puts a delivery into the queue for each of its targets.
func (r *Redelivery) owe(ctx context.Context, d *webhook.Delivery, targets []*Target, now time.Time) error {
	r.prepare()
	for _, t := range targets {
		if err := r.Queue.Enqueue(ctx, store.Redelivery{ID: d.ID, URL: t.URL.String(), Number: 1, NextAt: now}); err != nil {
			return err
		}
	}
	return nil
}

// look makes the queue be looked at now.
func (r *Redelivery) look() {
	select {
	case r.wake <- struct{}{}:
	default: // it is about to be
	}
}

// run makes attempts until ctx ends, and then waits for those under way, which
// only Abort ends.
func (r *Redelivery) run(ctx context.Context, s *Server) {
	r.prepare()
	var work sync.WaitGroup
	defer work.Wait()
	slots := make(chan struct{}, maxAttempts)
	for ctx.Err() == nil {
		due, err := r.Queue.Due(ctx, s.Now(), lookAt)
		if err != nil && ctx.Err() == nil {
			s.Note("queue of redeliveries: " + safetext.Line(err.Error()))
			r.rest(ctx, retryStore)
			continue
		}
		begun, trouble := 0, false
		for _, one := range due {
			to := s.Forward.target(one.URL)
			if to == nil {
				continue // another listener's
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			mine, err := r.claim(ctx, s, one)
			if err != nil {
				<-slots
				trouble = trouble || !errors.Is(err, store.ErrTaken)
				continue
			}
			begun++
			work.Go(func() {
				defer func() { <-slots }()
				r.attempt(s.base, s, to, mine)
			})
		}
		switch {
		case trouble:
			r.rest(ctx, retryStore)
		case begun == 0:
			r.rest(ctx, r.pause(ctx, s))
		}
	}
}

// claim takes one redelivery for this process.
func (r *Redelivery) claim(ctx context.Context, s *Server, one store.Redelivery) (store.Redelivery, error) {
	until := s.Now().Add(claimTime).Truncate(time.Microsecond)
	err := r.Queue.Reschedule(ctx, one, one.Number, until)
	one.NextAt = until
	return one, err
}

// pause is how long nothing is due.
func (r *Redelivery) pause(ctx context.Context, s *Server) time.Duration {
	next, err := r.Queue.Pending(ctx, lookAt)
	if err != nil {
		return retryStore
	}
	for _, one := range next {
		if left := one.NextAt.Sub(s.Now()); s.Forward.target(one.URL) != nil && left < restTime {
			return max(left, 10*time.Millisecond)
		}
	}
	return restTime
}

func (r *Redelivery) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-t.C:
	}
}

// attempt makes one attempt and decides what follows.
func (r *Redelivery) attempt(ctx context.Context, s *Server, to *Target, one store.Redelivery) {
	d, err := r.Queue.Get(ctx, one.ID)
	if err != nil {
		r.drop(ctx, s, one, err)
		return
	}
	held := min(int64(len(d.Body)), maxHeld)
	if r.memory.Acquire(ctx, held) != nil {
		return
	}
	defer r.memory.Release(held)
	keep := r.keepClaim(ctx, s, one)
	res, err := r.hosts.Do(ctx, one.URL, func() deliver.Result { return r.send(ctx, s, to.URL, d, one.Number) })
	mine := keep()
	if err != nil || res.Kind == deliver.Canceled {
		return // we end; whoever listens next makes the attempt
	}
	next, more := r.Schedule(d.Provider).Next(res, s.Now())
	if !more {
		next = time.Time{}
	}
	s.Forward.record(s, d, &res, next, nil)
	kept := context.WithoutCancel(ctx) // the attempt was made: that counts
	if more {
		err = r.Queue.Reschedule(kept, mine, one.Number+1, next)
		r.look() // it may come before anything else
	} else {
		err = r.Queue.Done(kept, mine)
	}
	switch {
	case err != nil && !errors.Is(err, store.ErrTaken):
		s.Note("redelivery of " + one.ID + ": " + safetext.Line(err.Error()))
	case !more && !res.Delivered():
		s.Note("gave up on " + one.ID + " after the last attempt of its schedule; hooks replay " + one.ID + " sends it again")
	}
}

func (r *Redelivery) send(ctx context.Context, s *Server, to *url.URL, d *webhook.Delivery, number int) deliver.Result {
	if number > 1 && r.Renew != nil {
		fresh, err := r.Renew(ctx, d)
		if err != nil {
			s.Note("redelivery of " + d.ID + " keeps its old signature: " + safetext.Line(err.Error()))
		} else {
			d = fresh
		}
	}
	return s.Forward.Client.Send(ctx, s.Forward.request(to, d), number)
}

// drop gives up on a delivery that is not in the store any more.
func (r *Redelivery) drop(ctx context.Context, s *Server, one store.Redelivery, err error) {
	if ctx.Err() != nil {
		return
	}
	s.Note("redelivery of " + one.ID + " is not possible: " + safetext.Line(err.Error()))
	if err := r.Queue.Done(ctx, one); err != nil && !errors.Is(err, store.ErrTaken) {
		s.Note("redelivery of " + one.ID + ": " + safetext.Line(err.Error()))
	}
}

// keepClaim gives signs of life for one until the function that it returns is
// called, which returns one as it stands in the queue.
func (r *Redelivery) keepClaim(ctx context.Context, s *Server, one store.Redelivery) func() store.Redelivery {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(renewTime)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if renewed, err := r.claim(ctx, s, one); err == nil {
				one = renewed
			}
		}
	}()
	return func() store.Redelivery {
		close(stop)
		<-done
		return one
	}
}
