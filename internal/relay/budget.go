package relay

import (
	"cmp"
	"runtime/metrics"
	"slices"

	"github.com/hooks-cli/hooks/internal/wire"
)

// From which share of the memory budget on, in percent, nothing is begun that
// takes more for long, and what holds most of it is given up.
const (
	tightShare = 80
	spentShare = 95
)

// InUse is how much memory the process needs: what a collection of garbage
// would leave.
func InUse() int64 {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/metadata/other:bytes"},
	}
	metrics.Read(samples)
	var sum uint64
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			sum += s.Value.Uint64()
		}
	}
	return int64(sum)
}

// weigh compares what is in use with the budget.
func (s *Server) weigh() {
	budget := s.cfg.Memory
	if budget <= 0 {
		return
	}
	used := s.cfg.InUse()
	tight := used >= budget/100*tightShare
	if s.tight.Swap(tight) != tight {
		s.cfg.Log.Warn("memory", "tight", tight, "in_use", used, "budget", budget)
	}
	if used >= budget/100*spentShare {
		s.shed(used - budget/100*tightShare)
	}
}

// shed resets the requests whose answers nobody fetches, those first that hold
// most, until about so many bytes are free.
func (s *Server) shed(bytes int64) {
	type load struct {
		stream *wire.Stream
		held   int
	}
	var loads []load
	for _, ses := range s.allSessions() {
		for st, held := range ses.link.Unread() {
			loads = append(loads, load{st, held})
		}
	}
	slices.SortFunc(loads, func(a, b load) int { return cmp.Compare(b.held, a.held) })
	for _, l := range loads {
		if bytes <= 0 {
			return
		}
		s.metrics.refuse("memory")
		l.stream.Reset(wire.ResetBusy, "the relay is short of memory")
		bytes -= int64(l.held)
	}
}
