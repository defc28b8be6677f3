package emulate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkHanging delivers an event to 1,000 endpoints, in turns without and
// with one that does not answer for 30 s. x-hanging is the median latency of
// the others with it, as a multiple of the one without; it should be 1.
func BenchmarkHanging(b *testing.B) {
	const endpoints = 1000
	var mu sync.Mutex // guards the following
	var begun time.Time
	var latencies []time.Duration
	arrived := make(chan struct{}, endpoints)
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		latencies = append(latencies, time.Since(begun))
		mu.Unlock()
		arrived <- struct{}{}
	}))
	defer app.Close()
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hanging.Close()
	defer close(release)

	r := newRig(b, func(c *Config) { c.Now = time.Now })
	for n := range endpoints - 1 {
		if _, err := r.s.register(b.Context(), registration{provider: "generic", url: fmt.Sprintf("%s/%d", app.URL, n), active: true}); err != nil {
			b.Fatal(err)
		}
	}
	stuck, err := r.s.register(b.Context(), registration{provider: "generic", url: hanging.URL, active: true})
	if err != nil {
		b.Fatal(err)
	}
	round := func(active bool) []time.Duration {
		if _, err := r.s.change(b.Context(), stuck.ID, func(k *kept) error { k.Active = active; return nil }); err != nil {
			b.Fatal(err)
		}
		mu.Lock()
		begun, latencies = time.Now(), nil
		mu.Unlock()
		r.want(201, "POST", "/_hooks/events", `{"provider":"generic","type":"user.created"}`)
		for range endpoints - 1 {
			<-arrived
		}
		mu.Lock()
		defer mu.Unlock()
		return latencies
	}
	var without, with []time.Duration
	for b.Loop() {
		without = append(without, round(false)...)
		with = append(with, round(true)...)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(without), "ms/without")
	b.ReportMetric(milliseconds(with), "ms/with")
	b.ReportMetric(milliseconds(with)/milliseconds(without), "x-hanging")
	r.s.Abort()
}

// milliseconds is the median.
func milliseconds(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2]) / float64(time.Millisecond)
}

// BenchmarkDeliver is an event from the call of the API to the app, and its
// record: what one delivery costs where the disk is waited for.
func BenchmarkDeliver(b *testing.B) {
	got := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got <- struct{}{} }))
	defer app.Close()
	r := newRig(b, func(c *Config) { c.Now, c.Relaxed = time.Now, false })
	r.register("canvelete", app.URL)
	for b.Loop() {
		r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed"}`)
		<-got
	}
}
