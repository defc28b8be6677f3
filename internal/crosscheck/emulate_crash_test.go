package crosscheck

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A taker is an app that counts what it takes, by event id.
type taker struct {
	mu    sync.Mutex // guards the following
	taken map[string]int
}

func (a *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var event struct{ EventID string }
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &event) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.taken[event.EventID]++
}

func (a *taker) count() (events, repeated int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.taken {
		repeated += n - 1
	}
	return len(a.taken), repeated
}

// TestCrashEmulate kills an emulator that has 1,000 deliveries to make, in the
// middle of them, and finds all of them delivered after a restart. What is
// delivered twice is no more than what was under way: four to each endpoint.
// HOOKS_TEST_CRASH_CYCLES makes it a tenth of so many kills, two at least; alone
// it is one.
func TestCrashEmulate(t *testing.T) {
	t.Parallel()
	cycles := 1
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_CRASH_CYCLES")); err == nil {
		cycles = max(2, n/10)
	}
	const (
		endpoints, events = 4, 250
		underWay          = 4 * endpoints
	)
	h, dir := newHome(t), t.TempDir()
	app := &taker{taken: map[string]int{}}
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)

	p, url := h.emulator(t, "--data-dir", dir)
	go p.drain()
	for n := range endpoints {
		control(t, "POST", url+"/_hooks/endpoints", fmt.Sprintf(`{"provider":"canvelete","url":"%s/%d","secret":"s"}`, server.URL, n), nil)
	}
	cut := 0
	for cycle := range cycles {
		for batch := range events / 50 {
			var list []string
			for n := range 50 {
				list = append(list, fmt.Sprintf(`{"type":"design.created","id":"evt_%d_%d_%d"}`, cycle, batch, n))
			}
			control(t, "POST", url+"/_hooks/events",
				`{"provider":"canvelete","shuffle":true,"faults":{"delay":"1h"},"events":[`+strings.Join(list, ",")+`]}`, nil)
		}
		before, _ := app.count()
		go func() { // it is not answered
			resp, err := http.Post(url+"/_hooks/clock", "application/json", strings.NewReader(`{"advance":"1h"}`))
			if err == nil {
				_ = resp.Body.Close()
			}
		}()
		<-time.After(20*time.Millisecond + rand.N(300*time.Millisecond))
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = p.cmd.Wait() // it says that it was killed
		if n, _ := app.count(); n > before && n < before+events {
			cut++
		}
		p, url = h.emulator(t, "--data-dir", dir)
		go p.drain()
		var clock struct{ Pending int }
		control(t, "POST", url+"/_hooks/clock", `{"advance":"3h"}`, &clock)
		if clock.Pending != 0 {
			t.Errorf("%d deliveries still wait", clock.Pending)
		}
	}
	_, repeated := app.count()
	app.mu.Lock()
	defer app.mu.Unlock()
	for cycle := range cycles {
		for batch := range events / 50 {
			for n := range 50 {
				id := fmt.Sprintf("evt_%d_%d_%d", cycle, batch, n)
				if app.taken[id] < endpoints {
					t.Errorf("%s was delivered %d times, want %d", id, app.taken[id], endpoints)
				}
			}
		}
	}
	repeated -= (endpoints - 1) * cycles * events
	if repeated > cycles*underWay {
		t.Errorf("%d deliveries were made twice in %d kills, want %d at most", repeated, cycles, cycles*underWay)
	}
	t.Logf("%d kills with %d deliveries owed, %d of them in the middle: 0 lost, %d made twice", cycles, endpoints*events, cut, repeated)
}
