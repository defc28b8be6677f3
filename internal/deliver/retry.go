package deliver

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxRetryAfter is how long an endpoint may put an attempt off.
	maxRetryAfter = time.Hour
	// wakeEvery is how often a wait looks at the clock: a machine that slept
	// comes back with its timers late.
	wakeEvery = 30 * time.Second
)

// A Schedule says when attempts are made. The zero value is one attempt.
type Schedule struct {
	// Waits holds the wait before each attempt, the first one included. Each
	// is counted from the moment that the attempt before it began.
	Waits []time.Duration
	// Scale runs the schedule that many times faster; 0 and 1 leave it as it is.
	Scale float64
	// Final says that a status that is not a success ends the schedule all the
	// same; nil: 410 does.
	Final func(status int) bool
}

// Len returns how many attempts the schedule has.
func (s Schedule) Len() int { return max(1, len(s.Waits)) }

// Next returns when the attempt that follows r is due. It reports false where
// none follows: r was delivered, its status is final, or it was the last.
// r.Number counts from 1 and ended is when r was over.
//
// An attempt is put off as long as the answer's Retry-After asks, but not past
// the slot of the attempt after it and never more than an hour. One that is
// overdue is made at once, and the later ones keep their distance from it.
func (s Schedule) Next(r Result, ended time.Time) (time.Time, bool) {
	if r.Delivered() || r.Kind == Canceled || r.Kind == BadRequest || r.Number >= s.Len() {
		return time.Time{}, false
	}
	if r.Response != nil && s.final(r.Response.Status) {
		return time.Time{}, false
	}
	due := r.At.Add(s.wait(r.Number))
	if due.Before(ended) {
		due = ended
	}
	if r.Response == nil {
		return due, true
	}
	asked := retryAfter(r.Response.Header, ended)
	limit := ended.Add(s.scaled(maxRetryAfter))
	if r.Number+1 < s.Len() {
		if slot := due.Add(s.wait(r.Number + 1)); slot.Before(limit) {
			limit = slot
		}
	}
	if until := ended.Add(s.scaled(min(asked, maxRetryAfter))); until.After(due) {
		if until.After(limit) && limit.After(due) {
			until = limit
		}
		due = until
	}
	return due, true
}

func (s Schedule) final(status int) bool {
	if s.Final == nil {
		return status == http.StatusGone
	}
	return s.Final(status)
}

// wait returns the wait before attempt i, counted from 0.
func (s Schedule) wait(i int) time.Duration {
	if i >= len(s.Waits) {
		return 0
	}
	return s.scaled(s.Waits[i])
}

func (s Schedule) scaled(d time.Duration) time.Duration {
	if s.Scale <= 0 || s.Scale == 1 {
		return d
	}
	return time.Duration(float64(d) / s.Scale)
}

// retryAfter reads the header of that name: seconds or a date. What is not
// understood is no wish.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return time.Duration(max(0, min(n, int64(maxRetryAfter/time.Second)))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// A Retry makes the attempts of one delivery. Attempt is called once an
// attempt, one after the other, and makes the request anew: it is the place
// for a fresh signature.
type Retry struct {
	Schedule Schedule
	Now      func() time.Time
	Attempt  func(ctx context.Context, number int) Result
	// Waiting, if set, is told before each wait which attempt comes when.
	Waiting func(number int, due time.Time, wait time.Duration)
}

// Run makes attempts until one is delivered or the schedule has ended, and
// returns the last one. The error is that of ctx if it ended while an attempt
// was to come; the result is then the last one made, its Number 0 if none was.
func (r Retry) Run(ctx context.Context) (Result, error) {
	var last Result
	due, more := r.Now().Add(r.Schedule.wait(0)), true
	for number := 1; more; number++ {
		if err := r.wait(ctx, number, due); err != nil {
			return last, err
		}
		began := r.Now()
		last = r.Attempt(ctx, number)
		last.Number, last.At = number, began
		if last.Kind == Canceled {
			return last, ctx.Err()
		}
		due, more = r.Schedule.Next(last, r.Now())
	}
	return last, nil
}

func (r Retry) wait(ctx context.Context, number int, due time.Time) error {
	left := due.Sub(r.Now())
	if left <= 0 {
		return ctx.Err()
	}
	if r.Waiting != nil {
		r.Waiting(number, due, left)
	}
	return Wait(ctx, r.Now, due)
}

// Wait returns at due, or earlier with the error of ctx. Where the machine
// slept through due, it returns within half a minute of waking. A clock that
// is set back makes no wait longer than it was to be.
func Wait(ctx context.Context, now func() time.Time, due time.Time) error {
	due = due.Round(0) // by the wall clock: the other one stands still in sleep
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for left := due.Sub(now().Round(0)); left > 0; {
		step := min(left, wakeEvery)
		timer.Reset(step)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		left = min(left-step, due.Sub(now().Round(0)))
	}
	return ctx.Err()
}
