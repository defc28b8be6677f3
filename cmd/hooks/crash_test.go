package main

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// crashCycles is how often the programs of a tunnel are killed, 0 in the short
// form.
func crashCycles() int {
	n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_CRASH_CYCLES"))
	if err != nil {
		return 0
	}
	return n
}

// A relay, its client, the app and pairs of them are killed again and again
// under 200 events a second: whatever was answered with 2xx is at the app in
// the end, in order, and once in the store.
func TestTunnelSurvivesKills(t *testing.T) {
	t.Parallel()
	cycles := max(crashCycles(), 7)
	d := newTunnelled(t, here(t))
	end := d.pour(20, 10, 0)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range cycles {
		pause(t, time.Duration(150+rng.IntN(250))*time.Millisecond)
		victims := [][]*proc{{d.relay}, {d.client}, {d.app}, {d.relay, d.client}, {d.client, d.app}, {d.relay, d.app}, {d.relay, d.client, d.app}}[i%7]
		for _, p := range victims {
			p.kill()
		}
		pause(t, time.Duration(rng.IntN(100))*time.Millisecond)
		for _, p := range victims {
			p.start()
		}
	}
	pause(t, 300*time.Millisecond)
	end()
	promised, twice := d.settled(true)
	d.stop()
	t.Logf("%d kills: %d promised, 0 lost, %d twice at the app; answers %v", cycles, promised, twice, d.answers)
	if twice > 64*cycles {
		t.Errorf("%d duplicates at the app, want at most 64 a kill", twice)
	}
	if promised == 0 {
		t.Error("nothing was promised: nothing was tested")
	}
	d.onceInStore()
}

// Events come at 200 a second while the client is killed, and is back a second
// later: all are promised, all are at the app, and every 2xx says what is true,
// the app's own or that the event is kept.
func TestTunnelKeepsEverything(t *testing.T) {
	t.Parallel()
	events, before := 400, 500*time.Millisecond
	if crashCycles() > 0 {
		events, before = 1000, 2*time.Second
	}
	d := newTunnelled(t, here(t))
	end := d.pour(20, 10, events/20)
	for deadline := time.Now().Add(2 * time.Minute); d.answered("201") == 0 && time.Now().Before(deadline); {
		pause(t, 5*time.Millisecond)
	}
	pause(t, before)
	d.client.kill()
	pause(t, time.Second)
	d.client.start()
	end()
	promised, twice := d.settled(true)
	t.Logf("%d events: %d promised, 0 lost, %d twice at the app; answers %v", events, promised, twice, d.answers)
	if promised != events {
		t.Errorf("%d of %d events were promised", promised, events)
	}
	if d.answers["201"]+d.answers["202"] != events || d.answers["201"] == 0 || d.answers["202"] == 0 {
		t.Errorf("answers %v, want the app's 201 and the relay's 202", d.answers)
	}
}
