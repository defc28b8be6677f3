package diagnose

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// A change is what is done differently in one dimension of the search: nothing,
// one mistake, or two that go together.
type change struct {
	causes  []Cause
	details []string
	rank    int // how likely it is, the smaller the more

	shown bool // the request itself shows it, so that it is tried in threes as well
	rare  bool // seldom seen: not tried together with others on a large body
	alone bool // one of many of its kind: not tried together with others at all
}

// weight is the number of mistakes.
func (c *change) weight() int { return len(c.causes) }

// one is a change by one mistake.
func one(c Cause, detail string) change { return change{causes: []Cause{c}, details: []string{detail}} }

// and is a change by what either does. A mistake that is made twice is one.
func (c *change) and(o change) change {
	switch {
	case c.weight() == 0:
		o.rank += c.rank
		return o
	case o.weight() == 0:
		o.rank += c.rank
		return change{causes: c.causes, details: c.details, rank: o.rank, shown: c.shown, rare: c.rare, alone: c.alone}
	}
	both := change{
		causes: slices.Clone(c.causes), details: append(slices.Clone(c.details), o.details...),
		rank: c.rank + o.rank, shown: c.shown && o.shown, rare: c.rare || o.rare, alone: c.alone || o.alone,
	}
	for _, cause := range o.causes {
		if !slices.Contains(both.causes, cause) {
			both.causes = append(both.causes, cause)
		}
	}
	return both
}

// inParallel calls do for 0 to n-1 on all cores and returns when all are done.
func inParallel(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}
