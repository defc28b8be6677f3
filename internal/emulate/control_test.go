package emulate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Deliveries are listed newest first, page by page, and chosen by what they
// are.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t, 410, 200)
	canvelete, generic := r.register("canvelete", a.URL), r.register("generic", a.URL)
	for n, one := range []string{"canvelete design.created", "canvelete design.updated", "generic user.created", "canvelete render.completed", "generic user.updated"} {
		id, event, _ := strings.Cut(one, " ")
		r.want(201, "POST", "/_hooks/events", fmt.Sprintf(`{"provider":%q,"type":%q,"id":"evt_%d"}`, id, event, n))
		r.settle()
	}
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"design.deleted","id":"evt_5","faults":{"delay":"1h"}}`)
	var out struct {
		Deliveries []deliveryView
		Next       *string
	}
	var got []string
	for path := "/_hooks/deliveries?limit=4"; path != ""; {
		out.Deliveries, out.Next = nil, nil
		r.want(200, "GET", path, "").decode(t, &out)
		for _, d := range out.Deliveries {
			got = append(got, *d.EventID)
		}
		path = ""
		if out.Next != nil {
			path = "/_hooks/deliveries?limit=4&before=" + *out.Next
		}
	}
	if want := []string{"evt_5", "evt_4", "evt_3", "evt_2", "evt_1", "evt_0"}; !slices.Equal(got, want) {
		t.Errorf("pages %v, want %v", got, want)
	}
	for query, want := range map[string]string{
		"endpoint=" + canvelete:                  "evt_0 evt_1 evt_3 evt_5",
		"endpoint=" + generic + "&status=failed": "",
		"provider=generic":                       "evt_2 evt_4",
		"event=design.*":                         "evt_0 evt_1 evt_5",
		"event=generic:user.created":             "evt_2",
		"event_id=evt_3":                         "evt_3",
		"status=failed":                          "evt_0",
		"status=delivered":                       "evt_1 evt_2 evt_3 evt_4",
		"status=pending":                         "evt_5",
		"status=dropped":                         "",
		"status=canceled":                        "",
	} {
		got = nil
		for _, d := range r.deliveries(query) {
			got = append(got, *d.EventID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s lists %v, want %s", query, got, want)
		}
	}
	for _, bad := range []string{"limit=0", "limit=x", "status=ok", "state=failed"} {
		r.want(400, "GET", "/_hooks/deliveries?"+bad, "")
	}
	id := r.deliveries("event_id=evt_3")[0].ID
	for _, name := range []string{id, deliveryID(id)} {
		if body := r.want(200, "GET", "/_hooks/deliveries/"+name, "").body; !strings.Contains(body, `"request":{"id":"`+id+`","direction":"sent"`) {
			t.Errorf("%s = %s", name, body)
		}
	}
	for _, name := range []string{"x", "dlv_x", "dlv_01arz3ndektsv4rrffq69g5fav", "del_"} {
		r.want(404, "GET", "/_hooks/deliveries/"+name, "")
		r.want(404, "POST", "/_hooks/deliveries/"+name+"/replay", "")
	}
}

// Endpoints are made, listed, changed and deleted; what is wrong is told and
// changes nothing.
func TestControlEndpoints(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	var e endpointView
	r.want(201, "POST", "/_hooks/endpoints", `{"provider":"canvelete","url":"http://127.0.0.1:9999/","events":["render.*"],"secret":"s","active":false}`).decode(t, &e)
	if e.Active || *e.Secret != "s" || *e.SecretName != "given" || e.Events[0] != "render.*" || e.Status != "ok" {
		t.Errorf("endpoint = %+v", e)
	}
	path := "/_hooks/endpoints/" + e.ID
	for _, bad := range []string{`{"provider":"generic"}`, `{"url":"x"}`, `{"events":["render.complete"]}`, `{"events":[" * , , "]}`, `{"secret":""}`, `{"acitve":true}`, `[]`, ``} {
		if got := r.call("PATCH", path, bad); got.status != 400 {
			t.Errorf("PATCH %s = %d %s", bad, got.status, got.body)
		}
	}
	r.want(200, "PATCH", path, `{"provider":"canvelete","active":true,"events":["design.created"],"url":"http://127.0.0.1:9998/"}`).decode(t, &e)
	if !e.Active || *e.Secret != "s" || e.Events[0] != "design.created" || e.URL != "http://127.0.0.1:9998/" {
		t.Errorf("endpoint = %+v", e)
	}
	second := r.register("sketchpen", "http://127.0.0.1:9999/")
	var list struct{ Endpoints []endpointView }
	if r.want(200, "GET", "/_hooks/endpoints", "").decode(t, &list); len(list.Endpoints) != 2 || list.Endpoints[0].ID != second {
		t.Errorf("list = %+v", list)
	}
	if r.want(200, "GET", "/_hooks/endpoints?provider=canvelete", "").decode(t, &list); len(list.Endpoints) != 1 {
		t.Errorf("list = %+v", list)
	}
	r.want(204, "DELETE", path, "")
	for _, method := range []string{"GET", "DELETE", "PATCH"} {
		body := map[bool]string{true: "{}"}[method == "PATCH"]
		r.want(404, method, path, body)
	}
	for _, bad := range []string{`{"url":"http://127.0.0.1:9999/"}`, `{"provider":"canvelete"}`, `{"provider":"nobody","url":"http://127.0.0.1:9999/"}`, `{"provider":"canvelete","url":"http://10.0.0.1/"}`} {
		r.want(400, "POST", "/_hooks/endpoints", bad)
	}
}

// The clock is told, and goes forward by what is asked for.
func TestControlClock(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.TimeScale = 2 })
	var c clockView
	for _, good := range []string{`{"advance":"2h"}`, `{"advance":7200000}`} {
		r.want(200, "POST", "/_hooks/clock", good).decode(t, &c)
	}
	if c.Ahead != float64(4*time.Hour/time.Millisecond) || c.TimeScale != 2 || c.Now != "2026-01-15T12:00:00.000000Z" {
		t.Errorf("clock = %+v", c)
	}
	for _, bad := range []string{`{"advance":"-2h"}`, `{"advance":-5}`, `{"advance":0}`, `{"advance":"500d"}`, `{"advance":"soon"}`, `{"advance":true}`, `{}`, `{"back":"1h"}`} {
		r.want(400, "POST", "/_hooks/clock", bad)
	}
	r.want(200, "GET", "/_hooks/clock", "").decode(t, &c)
	if c.Ahead != float64(4*time.Hour/time.Millisecond) {
		t.Errorf("clock = %+v", c)
	}
}

// A delivery that failed is listed, page by page, whether the store takes its
// answer for a failure or only its provider does.
func TestFailedDeliveries(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	gone, strict := newApp(t, 410), newApp(t, 410, 201, 200)
	r.register("canvelete", gone.URL)
	r.register("whatsapp", strict.URL)
	for _, one := range []string{"canvelete design.created", "whatsapp messages.text", "canvelete design.updated", "whatsapp messages.text", "whatsapp messages.text"} {
		id, event, _ := strings.Cut(one, " ")
		r.want(201, "POST", "/_hooks/events", fmt.Sprintf(`{"provider":%q,"type":%q}`, id, event))
		r.settle()
	}
	var got []string
	for path := "/_hooks/deliveries?status=failed&limit=1"; path != ""; {
		var out struct {
			Deliveries []deliveryView
			Next       *string
		}
		r.want(200, "GET", path, "").decode(t, &out)
		for _, d := range out.Deliveries {
			got = append(got, fmt.Sprintf("%s %d", d.Provider, d.Attempts[len(d.Attempts)-1].Response.Status))
		}
		path = ""
		if out.Next != nil {
			path = "/_hooks/deliveries?status=failed&limit=1&before=" + *out.Next
		}
	}
	if want := []string{"whatsapp 201", "canvelete 410", "whatsapp 410", "canvelete 410"}; !slices.Equal(got, want) {
		t.Errorf("failed: %v, want %v", got, want)
	}
}
