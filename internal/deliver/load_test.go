package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
)

// shots makes requests to url whose body and id is their number.
func shots(url string, timeout time.Duration) func(n int) (deliver.Shot, error) {
	return func(n int) (deliver.Shot, error) {
		id := fmt.Sprintf("evt_%d", n)
		return deliver.Shot{ID: id, Request: deliver.Request{URL: url, Body: []byte(id), Timeout: timeout}}, nil
	}
}

func TestLoadAccountIsExact(t *testing.T) {
	t.Parallel()
	const count = 2000
	var mu sync.Mutex
	seen := map[string]int{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen[string(id)]++
		n := len(seen)
		mu.Unlock()
		switch {
		case n%10 == 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		case n%10 == 7: // read, and never answered
			c, _, _ := http.NewResponseController(w).Hijack()
			_ = c.Close()
		}
	}))
	t.Cleanup(srv.Close)
	var progress []deliver.Progress
	r, err := deliver.Load{
		Client: newClient(t, deliver.Options{}), Count: count, Concurrency: 16, Now: time.Now,
		Build: shots(srv.URL, time.Minute), Progress: func(p deliver.Progress) { progress = append(progress, p) },
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, n := range r.Errors {
		failed += n
	}
	if r.Planned != count || r.Sent != count || r.NotSent != 0 || r.Answered+failed != count {
		t.Errorf("the account does not add up: %+v", r)
	}
	if r.Statuses[503] != 200 || r.Statuses[200] != 1600 || r.Accepted != 1600 || r.Lost != 200 || len(r.LostIDs) != 100 {
		t.Errorf("statuses %v, accepted %d, lost %d, ids of lost %d", r.Statuses, r.Accepted, r.Lost, len(r.LostIDs))
	}
	if len(seen) != count {
		t.Errorf("the endpoint saw %d ids, want %d", len(seen), count)
	}
	if l := r.Latency; l.Min <= 0 || l.P50 < l.Min || l.P99 < l.P50 || l.Max < l.P999 || r.Throughput() <= 0 {
		t.Errorf("latencies %+v, throughput %v", l, r.Throughput())
	}
	if last := progress[len(progress)-1]; last.Sent != count || last.Planned != count {
		t.Errorf("the last progress is %+v", last)
	}
}

// TestLoadCountsTheWait: an endpoint that stalls once is charged for all the
// requests that were meant for that time, though few were open.
func TestLoadCountsTheWait(t *testing.T) {
	t.Parallel()
	var once sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() { <-time.After(300 * time.Millisecond) })
	}))
	t.Cleanup(srv.Close)
	r, err := deliver.Load{
		Client: newClient(t, deliver.Options{}), Count: 100, Rate: 250, Concurrency: 1, Now: time.Now,
		Build: shots(srv.URL, time.Minute),
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// 75 requests were meant for the 300 ms; half of them waited 150 ms and more.
	if r.Sent != 100 || r.Latency.P50 < 20*time.Millisecond || r.Service.P50 > r.Latency.P50/2 {
		t.Errorf("sent %d, latency %+v, service %+v", r.Sent, r.Latency, r.Service)
	}
}

func TestLoadKeepsItsRate(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(srv.Close)
	r, err := deliver.Load{
		Client: newClient(t, deliver.Options{}), Rate: 500, Duration: 300 * time.Millisecond, Now: time.Now,
		Build: shots(srv.URL, time.Minute),
	}.Run(t.Context())
	// A machine that is busy may not send all of them in time, and says so.
	if err != nil || r.Planned != 150 || r.Sent+r.NotSent != 150 || r.Elapsed < 280*time.Millisecond {
		t.Errorf("err %v, planned %d, sent %d and not %d in %v; want 150 in 300ms", err, r.Planned, r.Sent, r.NotSent, r.Elapsed)
	}
}

func TestLoadSaysWhatWasNotSent(t *testing.T) {
	t.Parallel()
	srv := raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	r, err := deliver.Load{
		Client: newClient(t, deliver.Options{}), Rate: 10, Duration: time.Second, Concurrency: 1, Now: time.Now,
		Build: shots(srv, 2*time.Second),
	}.Run(t.Context())
	if err != nil || r.Planned != 10 || r.Sent != 1 || r.NotSent != 9 || r.Errors[deliver.Timeout] != 1 || r.Lost != 1 || r.LostIDs[0] != "evt_0" {
		t.Errorf("err %v, report %+v", err, r)
	}
}

func TestLoadInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if id, _ := io.ReadAll(r.Body); string(id) == "evt_50" {
			cancel()
			<-r.Context().Done()
		}
	}))
	t.Cleanup(srv.Close)
	r, err := deliver.Load{
		Client: newClient(t, deliver.Options{}), Count: 100000, Concurrency: 2, Now: time.Now, Build: shots(srv.URL, time.Minute),
	}.Run(ctx)
	failed := 0
	for _, n := range r.Errors {
		failed += n
	}
	if err != nil || r.Errors[deliver.Canceled] == 0 || r.Sent != r.Answered+failed || r.Planned != r.Sent+r.NotSent {
		t.Errorf("err %v, report %+v", err, r)
	}
}

func TestLoadNobodyThere(t *testing.T) {
	t.Parallel()
	r, err := deliver.Load{
		Client: newClient(t, deliver.Options{}), Count: 5, Now: time.Now, Build: shots("http://127.0.0.1:1", time.Second),
	}.Run(t.Context())
	if err != nil || r.Connected || r.Errors[deliver.Refused] != 5 || r.Lost != 0 {
		t.Errorf("err %v, report %+v", err, r)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	if _, err := (deliver.Load{Now: time.Now}).Run(t.Context()); err == nil {
		t.Error("a load without an end was accepted")
	}
	broken := errors.New("no sample")
	_, err := deliver.Load{
		Client: newClient(t, deliver.Options{}), Count: 5, Now: time.Now,
		Build: func(int) (deliver.Shot, error) { return deliver.Shot{}, broken },
	}.Run(t.Context())
	if !errors.Is(err, broken) {
		t.Errorf("err = %v, want that of Build", err)
	}
}
