package relay

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// A pulse notices that this process stood still, because it was stopped or its
// machine slept, for so long that other relays may have taken it for gone and
// stored what it knows nothing of.
type pulse struct {
	last   atomic.Int64 // when it was seen running, by the wall clock: the other one may stop with the machine
	missed atomic.Bool  // it stood still, and has not looked around since
}

const (
	pulseEvery = 500 * time.Millisecond
	pulseLost  = 4 * time.Second // less than a lease lacks after a heartbeat
	rouseMost  = 5 * time.Second // that a request waits
)

// feel notes that the process runs.
func (p *pulse) feel() {
	if p.stood() {
		p.missed.Store(true)
	}
	p.last.Store(time.Now().UnixNano())
}

// stood says whether the process stood still and has not looked around since.
func (p *pulse) stood() bool {
	last := p.last.Load()
	return p.missed.Load() || last != 0 && time.Duration(time.Now().UnixNano()-last) > pulseLost
}

// run feels the pulse until ctx ends.
func (p *pulse) run(ctx context.Context) {
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		p.feel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// rouse has a request wait that comes to a relay which stood still: it must not
// overtake what others stored meanwhile.
func (s *Server) rouse(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, rouseMost)
	defer cancel()
	for s.pulse.stood() && ctx.Err() == nil {
		s.waitForNews(ctx)
	}
}

// lookAround has every name looked after: a relay that was out of touch gives
// up those that others own by now, and learns what was stored for the rest.
func (s *Server) lookAround(ctx context.Context) {
	var work errgroup.Group
	work.SetLimit(lookers)
	s.names.each(func(n *name) {
		if ctx.Err() == nil {
			work.Go(func() error { s.verify(n); return nil })
		}
	})
	_ = work.Wait() // there is no error
}

// lookers is how many names are looked after at a time.
const lookers = 64
