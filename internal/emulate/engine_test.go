package emulate

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every provider of the catalogue whose schedule is known is kept to it, to the
// microsecond, by the clock of retries; then its endpoint is failing.
func TestSchedules(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	c, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"canvelete", "loopcanvas", "generic", "sketchpen", "stripe", "shopify", "svix", "standard-webhooks"} {
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		a := newApp(t, 500)
		a.clock = r.s.clock.now
		endpoint := r.register(id, a.URL+"/hook")
		begun := r.s.clock.now()
		r.want(201, "POST", "/_hooks/events", fmt.Sprintf(`{"provider":%q,"type":%q}`, id, p.Events[0].Type))
		r.settle()
		r.advance(60 * 24 * time.Hour)
		var due time.Duration
		got := a.arrivals()
		if len(got) != max(1, len(p.Delivery.Schedule)) {
			t.Errorf("%s: %d attempts, want %d", id, len(got), len(p.Delivery.Schedule))
		}
		for i, one := range got {
			if i < len(p.Delivery.Schedule) {
				due += p.Delivery.Schedule[i]
			}
			if off := one.at.Sub(begun) - due; off.Abs() > time.Millisecond {
				t.Errorf("%s: attempt %d %v off its time of %v", id, i+1, off, due)
			}
			if string(one.body) != string(got[0].body) {
				t.Errorf("%s: attempt %d has another body", id, i+1)
			}
		}
		all := r.deliveries("endpoint=" + endpoint)
		if len(all) != 1 || all[0].Status != failedStatus || all[0].NextAttemptAt != nil || len(all[0].Attempts) != len(got) {
			t.Errorf("%s: deliveries = %+v", id, all)
		}
		var e endpointView
		r.want(200, "GET", "/_hooks/endpoints/"+endpoint, "").decode(t, &e)
		if e.Status != "failing" || *e.LastError != "500 Internal Server Error" || e.Pending != 0 {
			t.Errorf("%s: endpoint = %+v", id, e)
		}
	}
}

// What the provider's rules say of an answer decides: success, final, or again.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		statuses []int
		attempts int
		status   string
	}{
		{"taken-at-once", []int{204}, 1, deliveredStatus},
		{"taken-later", []int{500, 404, 200}, 3, deliveredStatus},
		{"redirect-is-a-failure", []int{302, 200}, 2, deliveredStatus},
		{"gone-ends-it", []int{410, 200}, 1, failedStatus},
		{"never-taken", []int{400}, 5, failedStatus},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			a := newApp(t, test.statuses...)
			a.header = http.Header{"Location": {a.URL + "/elsewhere"}}
			r.register("canvelete", a.URL+"/hook")
			r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed"}`)
			r.advance(3 * time.Hour)
			all := r.deliveries("")
			if len(all) != 1 || len(all[0].Attempts) != test.attempts || all[0].Status != test.status {
				t.Errorf("deliveries = %+v, want %d attempts and %s", all, test.attempts, test.status)
			}
			for _, one := range a.arrivals() {
				if one.path != "/hook" {
					t.Errorf("%s was called", one.path)
				}
			}
		})
	}
}

// An answer's Retry-After puts the next attempt off, to the slot after it at
// most.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t, 503, 200)
	a.header = http.Header{"Retry-After": {"120"}}
	r.register("canvelete", a.URL)
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed"}`)
	r.advance(time.Minute + time.Second)
	if n := len(a.arrivals()); n != 1 {
		t.Errorf("%d attempts after a minute, want 1", n)
	}
	r.advance(time.Minute)
	if n := len(a.arrivals()); n != 2 {
		t.Errorf("%d attempts after two minutes, want 2", n)
	}
}

// A scaled clock runs as much faster, and an attempt is made when it is due.
func TestTimeScale(t *testing.T) {
	t.Parallel()
	real := &stopped{at: start()}
	r := openRig(t, t.TempDir(), real, func(c *Config) { c.TimeScale = 60 })
	a := newApp(t, 500, 500, 200)
	r.register("canvelete", a.URL)
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed"}`)
	a.await(t, 1)
	r.settle()
	next := r.deliveries("")[0].NextAttemptAt
	if next == nil || *next != "2026-01-15T12:00:01.000000Z" {
		t.Errorf("next attempt at %v, want a second later in real time", next)
	}
	real.add(999 * time.Millisecond)
	r.settle()
	if n := len(a.arrivals()); n != 1 {
		t.Errorf("%d attempts before the time, want 1", n)
	}
	real.add(time.Millisecond)
	r.s.look()
	a.await(t, 2)
	r.settle()
	real.add(5 * time.Second)
	r.s.look()
	a.await(t, 3)
}

// Each attempt of a provider that signs the time is signed anew, in real time.
func TestFreshSignatures(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t, 500)
	r.register("sketchpen", a.URL)
	r.want(201, "POST", "/_hooks/events", `{"provider":"sketchpen","type":"video.completed"}`)
	r.settle()
	r.real.add(10 * time.Second)
	r.advance(time.Hour)
	var stamps []string
	for _, one := range a.arrivals() {
		stamps = append(stamps, one.header.Get("X-Sketchpen-Timestamp"))
	}
	first, later := fmt.Sprint(start().Unix()), fmt.Sprint(start().Add(10*time.Second).Unix())
	if want := []string{first, later, later, later}; !slices.Equal(stamps, want) {
		t.Errorf("timestamps %v, want %v", stamps, want)
	}
}

// Events of a flow arrive in order and are about the same thing, whatever
// becomes of each.
func TestFlow(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t, 500, 200)
	r.register("loopcanvas", a.URL)
	var out struct{ Events []eventView }
	r.want(201, "POST", "/_hooks/events", `{"provider":"loopcanvas","flow":"render"}`).decode(t, &out)
	r.advance(time.Hour)
	got := a.arrivals()
	if len(got) != 6 || len(out.Events) != 5 {
		t.Fatalf("%d arrivals of %d events", len(got), len(out.Events))
	}
	var types []string
	for _, one := range got {
		types = append(types, fmt.Sprint(field(t, one.body, "type")))
		for _, path := range [][]string{{"data", "id"}, {"data", "canvas_id"}} {
			if id := field(t, one.body, path...); id != field(t, got[0].body, path...) {
				t.Errorf("%s has another %v: %v", types[len(types)-1], path, id)
			}
		}
	}
	want := []string{"render.started", "render.progress", "render.progress", "render.progress", "render.completed", "render.started"}
	if !slices.Equal(types, want) {
		t.Errorf("arrived %v, want %v", types, want)
	}
	if p := field(t, got[2].body, "data", "progress"); p != 50.0 {
		t.Errorf("progress %v, want 50", p)
	}
	canvas := fmt.Sprint(field(t, got[4].body, "data", "canvas_id"))
	if link := fmt.Sprint(field(t, got[4].body, "data", "exports", "mp4_720x1280")); !strings.Contains(link, canvas) {
		t.Errorf("the export %s is not of %s", link, canvas)
	}
}

// An id that an event is given holds for the ones after it, and one that they
// are given goes before it.
func TestGivenIDs(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t)
	r.register("canvelete", a.URL)
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","events":[
		{"type":"design.created","set":{"data.designId":"design_a"}},
		{"type":"render.completed","set":{"$.data.renderId":"render_x"}},
		{"type":"render.completed","set":{"data.designId":"design_b"}},
		{"type":"design.deleted"}]}`)
	r.settle()
	var got []string
	for _, one := range a.arrivals() {
		got = append(got, fmt.Sprint(field(t, one.body, "data", "designId"), " ", field(t, one.body, "data", "renderId")))
	}
	if want := []string{"design_a <nil>", "design_a render_x", "design_b render_x", "design_b <nil>"}; !slices.Equal(got, want) {
		t.Errorf("ids %q, want %q", got, want)
	}
}

// The steps of a list may name their distance and what they say.
func TestSteps(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t)
	a.clock = r.s.clock.now
	r.register("canvelete", a.URL)
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","events":[
		{"type":"design.created","set":{"data.name":"Sale"}},
		{"type":"render.completed","after":"10s"},
		{"body":{"eventId":"evt_mine","eventType":"design.deleted","n":1e3},"after":"5s"}]}`)
	r.settle()
	r.advance(time.Minute)
	got := a.arrivals()
	if len(got) != 3 {
		t.Fatalf("%d arrivals", len(got))
	}
	if field(t, got[0].body, "data", "name") != "Sale" || field(t, got[1].body, "data", "designId") != field(t, got[0].body, "data", "designId") {
		t.Errorf("bodies %s and %s", got[0].body, got[1].body)
	}
	if string(got[2].body) != `{"eventId":"evt_mine","eventType":"design.deleted","n":1e3}` {
		t.Errorf("body %s, want it byte for byte", got[2].body)
	}
	if a, b := got[1].at.Sub(got[0].at), got[2].at.Sub(got[1].at); a != 10*time.Second || b != 5*time.Second {
		t.Errorf("apart by %v and %v", a, b)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Faults.Duplicate = 1 })
	a := newApp(t)
	a.clock = r.s.clock.now
	r.register("generic", a.URL)
	event := func(faults string) {
		t.Helper()
		r.want(201, "POST", "/_hooks/events", `{"provider":"generic","type":"user.created","faults":`+faults+`}`)
		r.settle()
	}
	event(`{}`)
	got := a.arrivals()
	if len(got) != 2 || string(got[0].body) != string(got[1].body) {
		t.Fatalf("%d arrivals, want a duplicate", len(got))
	}
	event(`{"duplicate":4,"delay":"1m"}`)
	if n := len(a.arrivals()); n != 2 {
		t.Errorf("%d arrivals before the delay is over", n)
	}
	r.advance(time.Minute)
	if n := len(a.arrivals()); n != 7 {
		t.Errorf("%d arrivals after the delay, want 7", n)
	}
	event(`{"drop":true}`)
	if n := len(a.arrivals()); n != 7 {
		t.Errorf("%d arrivals, want the dropped ones not to come", n)
	}
	if all := r.deliveries("status=dropped"); len(all) != 2 || all[0].Attempts[0].Err != droppedText {
		t.Errorf("dropped = %+v", all)
	}
	event(`{"jitter":"1h","duplicate":20}`)
	before := len(a.arrivals())
	r.advance(time.Hour)
	times := map[time.Time]bool{}
	for _, one := range a.arrivals()[before:] {
		times[one.at] = true
	}
	if n := len(a.arrivals()); n != 28 || len(times) < 10 {
		t.Errorf("%d arrivals at %d times", n, len(times))
	}
}

// A batch that is shuffled arrives in another order, and its events are about
// different things.
func TestShuffle(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Concurrency = 1 })
	a := newApp(t)
	r.register("generic", a.URL)
	r.want(201, "POST", "/_hooks/events", `{"provider":"generic","shuffle":true,"events":[{"type":"user.created"},{"type":"user.updated"},{"type":"user.deleted"}]}`)
	r.settle()
	got := a.arrivals()
	if len(got) != 3 || field(t, got[0].body, "type") == "user.created" {
		t.Errorf("first of %d: %s", len(got), got[0].body)
	}
	if field(t, got[0].body, "data", "id") == field(t, got[1].body, "data", "id") {
		t.Error("two events are about the same user")
	}
}

// A delivery that was given up on is made once more when it is asked for, and
// one that still waits is made at once.
func TestReplay(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t, 500, 500, 500, 500, 500, 500, 200)
	endpoint := r.register("canvelete", a.URL)
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed"}`)
	r.settle()
	id := r.deliveries("")[0].ID
	r.want(202, "POST", "/_hooks/deliveries/"+id+"/replay", "")
	r.settle()
	if n := len(a.arrivals()); n != 2 {
		t.Errorf("%d attempts after a replay, want 2", n)
	}
	r.advance(3 * time.Hour)
	if d := r.deliveries("")[0]; d.Status != failedStatus || len(d.Attempts) != 5 {
		t.Fatalf("delivery = %+v", d)
	}
	for i, want := range []string{failedStatus, deliveredStatus} {
		if v := r.want(202, "POST", "/_hooks/deliveries/"+id+"/replay", ""); !strings.Contains(v.body, `"status":"pending"`) {
			t.Errorf("replay answers %s", v.body)
		}
		r.advance(3 * time.Hour)
		if d := r.deliveries("")[0]; d.Status != want || len(d.Attempts) != 6+i || d.Attempts[5+i].Number != 6+i {
			t.Errorf("after replay %d: %+v", i+1, d)
		}
	}
	var e endpointView
	r.want(200, "GET", "/_hooks/endpoints/"+endpoint, "").decode(t, &e)
	if e.Status != "ok" || e.FailingSince != nil {
		t.Errorf("endpoint = %+v, want it well again", e)
	}
}

// What is owed to an endpoint that goes, or sleeps, is not sent, and that is
// recorded.
func TestEndpointGoes(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t, 500)
	gone, asleep := r.register("canvelete", a.URL+"/gone"), r.register("canvelete", a.URL+"/asleep")
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","flow":"design"}`)
	r.settle()
	r.want(204, "DELETE", "/_hooks/endpoints/"+gone, "")
	r.want(200, "PATCH", "/_hooks/endpoints/"+asleep, `{"active":false}`)
	before := len(a.arrivals())
	r.advance(3 * time.Hour)
	if n := len(a.arrivals()); n != before {
		t.Errorf("%d deliveries came after that", n-before)
	}
	if all := r.deliveries("status=canceled"); len(all) != 8 || r.s.Pending() != 0 {
		t.Errorf("%d canceled, %d pending, want 8 and 0", len(all), r.s.Pending())
	}
	var out struct{ Events []eventView }
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed"}`).decode(t, &out)
	if len(out.Events[0].Deliveries) != 0 {
		t.Errorf("an endpoint that is not active gets %v", out.Events[0].Deliveries)
	}
}

// A rotation signs with both secrets for a while where the scheme can say both,
// and with the new one alone where it cannot.
func TestRotation(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t)
	stripe, generic := r.register("stripe", a.URL+"/stripe"), r.register("generic", a.URL+"/generic")
	send := func() (ofStripe, ofGeneric http.Header) {
		t.Helper()
		n := len(a.arrivals())
		r.want(201, "POST", "/_hooks/events", `{"provider":"stripe","type":"charge.succeeded"}`)
		r.settle()
		r.want(201, "POST", "/_hooks/events", `{"provider":"generic","type":"user.created","id":"evt_same"}`)
		r.settle()
		got := a.arrivals()
		return got[n].header, got[n+1].header
	}
	_, before := send()
	for _, id := range []string{stripe, generic} {
		r.want(200, "POST", "/_hooks/endpoints/"+id+"/rotate", `{"keep_old":"1h"}`)
	}
	s, after := send()
	if n := strings.Count(s.Get("Stripe-Signature"), "v1="); n != 2 {
		t.Errorf("stripe signs %q, want two signatures", s.Get("Stripe-Signature"))
	}
	if len(after.Get("X-Webhook-Signature")) != 64 || after.Get("X-Webhook-Signature") == before.Get("X-Webhook-Signature") {
		t.Errorf("generic signs %q after %q", after.Get("X-Webhook-Signature"), before.Get("X-Webhook-Signature"))
	}
	r.advance(time.Hour)
	s, _ = send()
	if n := strings.Count(s.Get("Stripe-Signature"), "v1="); n != 1 {
		t.Errorf("stripe signs %q, want one signature", s.Get("Stripe-Signature"))
	}
}

// At most so many attempts are open to one endpoint, and one that does not
// answer keeps no other waiting.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Concurrency = 3 })
	slow, quick := newApp(t), newApp(t)
	slow.hang = make(chan struct{})
	r.register("generic", slow.URL)
	r.register("generic", quick.URL)
	for range 10 {
		r.want(201, "POST", "/_hooks/events", `{"provider":"generic","type":"user.created"}`)
	}
	quick.await(t, 10)
	if n := len(slow.await(t, 3)); n != 3 {
		t.Errorf("%d attempts are open, want 3", n)
	}
	if n := r.s.Pending(); n < 10 {
		t.Errorf("%d deliveries are owed, want those to the slow one", n)
	}
	close(slow.hang)
	slow.await(t, 10)
}

// An attempt that takes too long has failed, and the next one waits for its
// time.
func TestTimeout(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Timeout = 20 * time.Millisecond })
	a := newApp(t)
	a.hang = make(chan struct{})
	defer close(a.hang)
	r.register("generic", a.URL)
	r.want(201, "POST", "/_hooks/events", `{"provider":"generic","type":"user.created"}`)
	r.settle()
	d := r.deliveries("")[0]
	if d.Status != pendingStatus || *d.NextAttemptAt != "2026-01-15T12:00:30.000000Z" || !strings.HasPrefix(d.Attempts[0].Err, "time-out: ") {
		t.Errorf("delivery = %+v", d)
	}
}

// Whoever ends the run breaks off what is under way, and it is made again by
// the next one.
func TestAbort(t *testing.T) {
	t.Parallel()
	dir, real := t.TempDir(), &stopped{at: start()}
	a := newApp(t)
	a.hang = make(chan struct{})
	r := openRig(t, dir, real, nil)
	r.register("generic", a.URL)
	r.want(201, "POST", "/_hooks/events", `{"provider":"generic","type":"user.created"}`)
	a.await(t, 1)
	r.end()
	close(a.hang)
	r = openRig(t, dir, real, nil)
	r.settle()
	if d := r.deliveries("")[0]; d.Status != deliveredStatus || len(d.Attempts) != 1 || len(a.arrivals()) != 2 {
		t.Errorf("delivery = %+v after %d arrivals", d, len(a.arrivals()))
	}
}
