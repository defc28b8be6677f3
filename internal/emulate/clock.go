package emulate

import (
	"sync"
	"time"
)

// A clock is the time by which retries are due. It runs Scale times as fast as
// the real one and can be put forward; it never goes back. Signatures and
// everything that is shown bear the real time.
type clock struct {
	real  func() time.Time
	scale float64

	mu    sync.Mutex // guards the following
	shown time.Time  // this clock's time at last
	last  time.Time  // real time
}

// sleep is by how much the wall clock may run ahead of the one that stands
// still while the machine sleeps before that counts as time gone by.
const sleep = time.Second

// newClock returns a clock that shows shown when it is real time at.
func newClock(now func() time.Time, shown, at time.Time, scale float64) *clock {
	c := &clock{real: now, scale: scale, shown: shown, last: now()}
	c.shown = c.shown.Add(c.scaled(c.last.Round(0).Sub(at.Round(0))))
	return c
}

func (c *clock) scaled(real time.Duration) time.Duration {
	return time.Duration(float64(max(0, real)) * c.scale)
}

// now returns the time of this clock.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nowLocked()
}

func (c *clock) nowLocked() time.Time {
	real := c.real()
	gone := real.Sub(c.last)
	if wall := real.Round(0).Sub(c.last.Round(0)); wall > gone+sleep {
		gone = wall
	}
	c.last = real
	c.shown = c.shown.Add(c.scaled(gone))
	return c.shown
}

// reach puts the clock forward to t; it stays where it is beyond that.
func (c *clock) reach(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nowLocked().Before(t) {
		c.shown = t
	}
}

// until is how long it really is until t.
func (c *clock) until(t time.Time) time.Duration {
	return time.Duration(float64(t.Sub(c.now())) / c.scale)
}

// realTime is when it will be t, in real time.
func (c *clock) realTime(t time.Time) time.Time { return c.real().Add(c.until(t)) }
