package emulate

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A restart goes on where it was: endpoints, their secrets, what is owed and
// when.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir, real := t.TempDir(), &stopped{at: start()}
	a := newApp(t, 500, 500, 500, 200)
	durable := func(c *Config) { c.Relaxed = false }
	r := openRig(t, dir, real, durable)
	endpoint := r.register("canvelete", a.URL)
	gone := r.register("generic", a.URL)
	r.want(204, "DELETE", "/_hooks/endpoints/"+gone, "")
	var before, after endpointView
	r.want(200, "GET", "/_hooks/endpoints/"+endpoint, "").decode(t, &before)
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed"}`)
	r.settle()
	r.advance(30 * time.Second) // half of the first wait
	r.end()
	real.add(20 * time.Second) // time goes by meanwhile

	r = openRig(t, dir, real, durable)
	if r.want(200, "GET", "/_hooks/endpoints/"+endpoint, "").decode(t, &after); *after.Secret != *before.Secret || after.URL != before.URL || after.Pending != 1 {
		t.Errorf("endpoint = %+v, was %+v", after, before)
	}
	if n := len(r.s.list("")); n != 1 {
		t.Errorf("%d endpoints, want 1", n)
	}
	r.advance(9 * time.Second)
	if n := len(a.arrivals()); n != 1 {
		t.Errorf("%d attempts before the time, want 1", n)
	}
	r.advance(2 * time.Second)
	if n := len(a.arrivals()); n != 2 {
		t.Errorf("%d attempts at the time, want 2", n)
	}
	r.end()
	real.add(24 * time.Hour) // overdue by far: made once, and then by the schedule
	r = openRig(t, dir, real, durable)
	r.settle()
	if n := len(a.arrivals()); n != 3 {
		t.Errorf("%d attempts after a day, want 3", n)
	}
	r.advance(31 * time.Minute)
	if d := r.deliveries("")[0]; d.Status != deliveredStatus || len(d.Attempts) != 4 {
		t.Errorf("delivery = %+v", d)
	}
}

// A directory belongs to one emulator at a time.
func TestInUse(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	if _, err := Open(t.Context(), Config{Catalogue: r.s.cfg.Catalogue, Now: r.real.now, Dir: r.dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("Open = %v, want ErrInUse", err)
	}
	r.want(200, "GET", HealthPath, "")
}

// An attempt that was noted and has no outcome is made again; one whose outcome
// was recorded is not.
func TestInDoubt(t *testing.T) {
	t.Parallel()
	dir, real := t.TempDir(), &stopped{at: start()}
	a := newApp(t)
	r := openRig(t, dir, real, nil)
	r.register("canvelete", a.URL)
	for _, id := range []string{"evt_doubt", "evt_taken", "evt_failed"} {
		r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed","id":"`+id+`","faults":{"delay":"1h"}}`)
	}
	r.end()

	st, err := store.Open(t.Context(), filepath.Join(dir, "deliveries.db"), store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	owed, err := st.Pending(t.Context(), 10)
	if err != nil || len(owed) != 3 {
		t.Fatalf("%d owed, %v", len(owed), err)
	}
	for _, one := range owed {
		var n note
		if err := json.Unmarshal([]byte(one.Note), &n); err != nil {
			t.Fatal(err)
		}
		n.Begun = true
		text, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		one.Note, one.NextAt = string(text), real.now()
		if err := st.Enqueue(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		d, err := st.Get(t.Context(), one.ID)
		if err != nil {
			t.Fatal(err)
		}
		status := map[string]int{"evt_taken": 200, "evt_failed": 500}[d.EventID]
		if status == 0 {
			continue
		}
		if err := st.AddAttempt(t.Context(), one.ID, webhook.Attempt{URL: one.URL, At: real.now(), Response: &webhook.Response{Status: status}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	r = openRig(t, dir, real, nil)
	r.settle()
	got := a.arrivals()
	if len(got) != 1 || field(t, got[0].body, "eventId") != "evt_doubt" {
		t.Fatalf("%d arrivals, want the one in doubt", len(got))
	}
	r.advance(time.Minute)
	if got = a.arrivals(); len(got) != 2 || field(t, got[1].body, "eventId") != "evt_failed" {
		t.Fatalf("%d arrivals after a minute, want the one that failed", len(got))
	}
	for _, d := range r.deliveries("") {
		if want := map[string]int{"evt_doubt": 1, "evt_taken": 1, "evt_failed": 2}[*d.EventID]; len(d.Attempts) != want || d.Status != deliveredStatus {
			t.Errorf("%s: %d attempts, %s", *d.EventID, len(d.Attempts), d.Status)
		}
	}
}

// A line that a crash cut off is dropped; anything else that is not a journal is
// refused and left as it is.
func TestJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openRig(t, dir, &stopped{at: start()}, nil)
	id := r.register("canvelete", "http://127.0.0.1:9999/")
	r.end()
	path := filepath.Join(dir, journalName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(string(good) + `{"deleted":"` + id + `"`)
	r = openRig(t, dir, &stopped{at: start()}, nil)
	if r.s.find(id, "") == nil {
		t.Error("half a line counts")
	}
	r.end()
	for _, bad := range []string{"x\n" + string(good), `{"version":2}` + "\n", strings.Replace(string(good), "canvelete", "nobody", 1), "{}\n"} {
		write(bad)
		if _, err := Open(t.Context(), Config{Catalogue: r.s.cfg.Catalogue, Now: time.Now, Dir: dir}); err == nil {
			t.Errorf("%q is opened", bad[:20])
		}
		if now, err := os.ReadFile(path); err != nil || len(now) < len(bad)-len("nobody") && strings.HasPrefix(bad, "x") {
			t.Errorf("%q is now %q, %v", bad[:6], now, err)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	real := &stopped{at: start()}
	c := newClock(real.now, start(), start().Add(-time.Minute), 60)
	if got := c.now(); !got.Equal(start().Add(time.Hour)) {
		t.Errorf("a minute at 60 shows %v", got)
	}
	real.add(-time.Hour)
	if got := c.now(); !got.Equal(start().Add(time.Hour)) {
		t.Errorf("it goes back to %v", got)
	}
	real.add(time.Second)
	if got := c.now(); !got.Equal(start().Add(time.Hour + time.Minute)) {
		t.Errorf("a second later it shows %v", got)
	}
	c.reach(start().Add(3 * time.Hour))
	c.reach(start())
	if got := c.now(); !got.Equal(start().Add(3 * time.Hour)) {
		t.Errorf("put forward it shows %v", got)
	}
	if got := c.until(start().Add(4 * time.Hour)); got != time.Minute {
		t.Errorf("an hour takes %v", got)
	}
}

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{"": {}, "10/s": {10, time.Second}, "100/m": {100, time.Minute}, "1000/h": {1000, time.Hour}} {
		if got, err := ParseRate(text); err != nil || got != want || got.String() != text {
			t.Errorf("ParseRate(%q) = %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"10", "0/s", "-1/s", "1.5/s", "10/d", "/s", "ten/s", "10000000/s"} {
		if got, err := ParseRate(bad); err == nil || got != (Rate{}) {
			t.Errorf("ParseRate(%q) = %v, %v", bad, got, err)
		}
	}
}
