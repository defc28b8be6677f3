package relay

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Metrics counts what the relay does. No name of a tunnel is ever a label:
// there may be a million of them.
type Metrics struct {
	links    atomic.Int64
	streams  atomic.Int64
	overhead histogram

	redelivered atomic.Int64

	mu       sync.Mutex // guards the following
	requests map[[2]string]int64
	refused  map[string]int64
}

func (m *Metrics) request(mode string, code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.requests == nil {
		m.requests = make(map[[2]string]int64)
	}
	m.requests[[2]string{mode, fmt.Sprintf("%dxx", code/100)}]++
}

func (m *Metrics) refuse(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused == nil {
		m.refused = make(map[string]int64)
	}
	m.refused[why]++
}

// A histogram counts durations in buckets from 50 µs, doubling.
type histogram struct {
	buckets [20]atomic.Int64
	sum     atomic.Int64
	count   atomic.Int64
}

const firstBucket = 50 * time.Microsecond

func (h *histogram) observe(d time.Duration) {
	i := 0
	for bound := firstBucket; d > bound && i < len(h.buckets)-1; bound *= 2 {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
	h.count.Add(1)
}

// exposition writes the OpenMetrics text format.
type exposition struct {
	b strings.Builder
}

func (e *exposition) family(name, kind, help string) {
	fmt.Fprintf(&e.b, "# TYPE %s %s\n# HELP %s %s\n", name, kind, name, help)
}

func (e *exposition) value(name, labels string, v float64) {
	if labels != "" {
		labels = "{" + labels + "}"
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		fmt.Fprintf(&e.b, "%s%s %d\n", name, labels, int64(v))
		return
	}
	fmt.Fprintf(&e.b, "%s%s %g\n", name, labels, v)
}

func (e *exposition) gauge(name, help string, v float64) {
	e.family(name, "gauge", help)
	e.value(name, "", v)
}

func (e *exposition) counter(name, help string, v float64) {
	e.family(name, "counter", help)
	e.value(name+"_total", "", v)
}

func (e *exposition) histogram(name, help string, h *histogram) {
	e.family(name, "histogram", help)
	var sum int64
	bound := firstBucket
	for i := range h.buckets {
		sum += h.buckets[i].Load()
		le := fmt.Sprintf("%g", bound.Seconds())
		if i == len(h.buckets)-1 {
			le = "+Inf"
		}
		e.value(name+"_bucket", `le="`+le+`"`, float64(sum))
		bound *= 2
	}
	e.value(name+"_sum", "", time.Duration(h.sum.Load()).Seconds())
	e.value(name+"_count", "", float64(sum))
}

// WriteMetrics writes everything that is counted as OpenMetrics text.
func (s *Server) WriteMetrics(w io.Writer) error {
	var e exposition
	m := &s.metrics
	e.gauge("hooks_links", "Clients that are connected.", float64(m.links.Load()))
	e.gauge("hooks_streams", "Requests under way in tunnels.", float64(m.streams.Load()))
	m.mu.Lock()
	e.family("hooks_requests", "counter", "Public requests by mode and class of the answer.")
	for _, k := range sortedKeys(m.requests, func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) }) {
		e.value("hooks_requests_total", fmt.Sprintf("mode=%q,code=%q", k[0], k[1]), float64(m.requests[k]))
	}
	e.family("hooks_refused", "counter", "Answers that were the relay's own, by reason.")
	for _, k := range sortedKeys(m.refused, strings.Compare) {
		e.value("hooks_refused_total", fmt.Sprintf("why=%q", k), float64(m.refused[k]))
	}
	m.mu.Unlock()
	e.histogram("hooks_overhead_seconds", "Time that a request spends in the relay before its head is on the link.", &m.overhead)
	e.gauge("hooks_memory_bytes", "Memory that is in use.", float64(s.cfg.InUse()))
	e.gauge("hooks_memory_budget_bytes", "Memory that may be in use; 0: no bound.", float64(s.cfg.Memory))
	s.writeStoreMetrics(&e)
	e.b.WriteString("# EOF\n")
	_, err := io.WriteString(w, e.b.String())
	return err
}

// writeStoreMetrics writes what is known of the store. For every relay and at
// every moment stored = acked + expired + waiting.
func (s *Server) writeStoreMetrics(e *exposition) {
	if !s.stores() {
		e.gauge("hooks_durability", "What a stored event outlives. 0: nothing is stored, 1: it is on several machines, 2: it is on a disk.", 0)
		return
	}
	c := s.totals()
	e.counter("hooks_stored", "Events that were stored, over the life of the store.", float64(c.Stored))
	e.counter("hooks_acked", "Events that a client has acknowledged.", float64(c.Acked))
	e.counter("hooks_expired", "Events that were removed undelivered.", float64(c.Expired))
	e.counter("hooks_redelivered", "Events that were handed out again.", float64(s.metrics.redelivered.Load()))
	e.gauge("hooks_backlog_events", "Events that wait.", float64(c.Waiting))
	e.gauge("hooks_backlog_bytes", "Bytes of the events that wait.", float64(c.Bytes))
	e.gauge("hooks_durability", "What a stored event outlives. 0: nothing is stored, 1: it is on several machines, 2: it is on a disk.", float64(s.durability()))
	if c := s.cfg.Cluster; c != nil {
		up := 0.0
		if c.Reachable() {
			up = 1
		}
		e.gauge("hooks_store_up", "1: a NATS server is connected.", up)
		e.gauge("hooks_nodes", "Relays that are heard of, this one among them.", float64(len(c.Peers())))
	}
}

func sortedKeys[K comparable, V any](m map[K]V, cmp func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp)
	return keys
}
