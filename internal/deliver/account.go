package deliver

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// Latencies are kept in microseconds with three significant digits.
	minLatency = 1
	maxLatency = int64(time.Hour / time.Microsecond)
	// maxLost is how many ids of lost requests a report names.
	maxLost = 100
)

// A Report is the exact account of a load:
// Planned = Sent + NotSent, Sent = Answered + the sum of Errors, and Lost of
// those errors may have reached the endpoint all the same.
type Report struct {
	Planned  int
	Sent     int // an attempt was made
	NotSent  int // the load ended before their turn
	Answered int
	Accepted int // answered with a 2xx status
	Statuses map[int]int
	Errors   map[Kind]int
	Texts    map[Kind]string // an example of each
	Lost     int             // written, and no answer came
	LostIDs  []string        // of the first hundred
	// Connected says that at least one connection stood.
	Connected bool
	Elapsed   time.Duration
	// Latency counts from the moment a request was meant for, Service from the
	// one when it was begun. Without a rate they are the same.
	Latency Latencies
	Service Latencies
}

// Throughput returns the answers a second.
func (r Report) Throughput() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Answered) / r.Elapsed.Seconds()
}

// Latencies are the percentiles of the answered requests.
type Latencies struct {
	Min, Mean, P50, P90, P95, P99, P999, Max time.Duration
}

// An account counts what becomes of each request.
type account struct {
	mu       sync.Mutex // guards the following
	r        Report
	latency  *hdrhistogram.Histogram
	service  *hdrhistogram.Histogram
	finished time.Time
}

func newAccount() *account {
	return &account{
		r:       Report{Statuses: map[int]int{}, Errors: map[Kind]int{}, Texts: map[Kind]string{}},
		latency: hdrhistogram.New(minLatency, maxLatency, 3),
		service: hdrhistogram.New(minLatency, maxLatency, 3),
	}
}

// add books one exchange that was made.
func (a *account) add(ctx context.Context, x *exchange, s *Shot, meant, began, ended time.Time) {
	var kind Kind
	var text string
	if x.err != nil {
		kind, text = x.describe(ctx, s.Request)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.r.Sent++
	a.r.Connected = a.r.Connected || x.connected
	if ended.After(a.finished) {
		a.finished = ended
	}
	if x.err == nil {
		a.r.Answered++
		a.r.Statuses[x.status]++
		if x.status >= 200 && x.status <= 299 {
			a.r.Accepted++
		}
		record(a.latency, ended.Sub(meant))
		record(a.service, ended.Sub(began))
		return
	}
	a.r.Errors[kind]++
	a.r.Texts[kind] = text
	if x.written {
		a.r.Lost++
		if len(a.r.LostIDs) < maxLost {
			a.r.LostIDs = append(a.r.LostIDs, s.ID)
		}
	}
}

// record books d; what is out of range is booked at its end.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(max(minLatency, min(maxLatency, d.Microseconds())))
}

func (a *account) totals() (sent, answered int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.r.Sent, a.r.Answered
}

// report closes the account.
func (a *account) report(r *running) Report {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.r
	out.Planned = out.Sent
	if r.Count > 0 {
		out.Planned = r.Count
	}
	out.NotSent = out.Planned - out.Sent
	if out.Sent > 0 {
		out.Elapsed = a.finished.Sub(r.start)
	}
	out.Latency, out.Service = latencies(a.latency), latencies(a.service)
	return out
}

func latencies(h *hdrhistogram.Histogram) Latencies {
	if h.TotalCount() == 0 {
		return Latencies{}
	}
	at := func(q float64) time.Duration { return time.Duration(h.ValueAtQuantile(q)) * time.Microsecond }
	return Latencies{
		Min:  time.Duration(h.Min()) * time.Microsecond,
		Mean: time.Duration(h.Mean() * float64(time.Microsecond)),
		P50:  at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9),
		Max: time.Duration(h.Max()) * time.Microsecond,
	}
}
