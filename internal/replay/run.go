package replay

import (
	"context"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
)

// A Run sends items, each Times times, in their order.
type Run struct {
	Items       []Item
	Times       int     // 0 is 1
	Speed       float64 // 1 keeps the distances in which they came, 10 makes them ten times shorter; 0: none
	Concurrency int     // attempts open at once; 0 is 1

	// Send makes one attempt, and records it. It is called concurrently.
	Send func(ctx context.Context, item Item, number int) deliver.Result
	// Done is told the outcome of each attempt, one after the other, in the
	// order in which they end.
	Done func(Outcome)
}

// An Outcome is one attempt and how it compares.
type Outcome struct {
	Item    Item
	Result  deliver.Result
	Verdict Verdict
}

// Do sends the items and returns when all have ended. The error is that of
// ctx, if it ended before the last one was sent; what is open then is broken
// off.
func (r Run) Do(ctx context.Context) error {
	j := &job{Run: r, hosts: deliver.NewHosts(), slots: make(chan struct{}, max(1, r.Concurrency))}
	due := make(chan struct{}, len(r.Items))
	j.open.Go(func() { r.clock(ctx, due) })
	defer j.open.Wait()
	for _, item := range r.Items {
		if err := receive(ctx, due); err != nil {
			return err
		}
		for nth := 1; nth <= max(1, r.Times); nth++ {
			if err := send(ctx, j.slots); err != nil {
				return err
			}
			j.open.Go(func() { j.attempt(ctx, item, nth) })
		}
	}
	j.open.Wait()
	return ctx.Err()
}

// A job is a Run under way.
type job struct {
	Run
	hosts *deliver.Hosts
	slots chan struct{}
	open  sync.WaitGroup
	mu    sync.Mutex // one Done at a time
}

func (j *job) attempt(ctx context.Context, item Item, nth int) {
	defer func() { <-j.slots }()
	number := len(item.Delivery.Attempts) + nth
	res, err := j.hosts.Do(ctx, item.Request.URL, func() deliver.Result { return j.Send(ctx, item, number) })
	if err != nil {
		return // ctx ended before its turn
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Done(Outcome{item, res, Compare(item.Delivery, &res.Attempt)})
}

// clock puts a value into due for each item when its turn has come, whether or
// not the ones before it have ended.
func (r Run) clock(ctx context.Context, due chan<- struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for i := range r.Items {
		if gap := r.gap(i); gap > 0 {
			timer.Reset(gap)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		}
		due <- struct{}{}
	}
}

// gap returns how long item i comes after the one before it.
func (r Run) gap(i int) time.Duration {
	if i == 0 || r.Speed <= 0 {
		return 0
	}
	d := arrived(r.Items[i]).Sub(arrived(r.Items[i-1]))
	return time.Duration(float64(max(0, d)) / r.Speed)
}

func arrived(i Item) time.Time { return i.Delivery.ReceivedAt }

func receive(ctx context.Context, c <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c:
		return ctx.Err()
	}
}

func send(ctx context.Context, c chan<- struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case c <- struct{}{}:
		return nil
	}
}
