package provider_test

import (
	"errors"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
)

const inHeaders = `
id: inheaders
name: In headers
schemes: [{algorithm: hmac-sha256, signature: {in: header:X-Sig}}]
event: {id: header:X-Event-Id, type: header:X-Event, id_form: "id-{{digits 4}}"}
request: {headers: {User-Agent: In-Headers/1, X-Echo: "{{$.name}}"}}
events: [{type: thing.made, sample: '{"name":"sample"}'}]
`

func TestBuildAroundABody(t *testing.T) {
	t.Parallel()
	c, err := provider.Load(provider.Source{Name: "test", Data: []byte(inHeaders)})
	if err != nil {
		t.Fatal(err)
	}
	get := func(id string) *provider.Provider {
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	canvelete, sketchpen, headers := get("canvelete"), get("sketchpen"), get("inheaders")
	body := "{ \"eventId\":\"evt_1\",\n\"eventType\" : \"render.completed\"}\n"

	ev, err := canvelete.Build(provider.BuildOptions{Body: []byte(body)})
	if err != nil || string(ev.Body) != body || ev.ID != "evt_1" || ev.Type != "render.completed" || ev.Header.Get("Content-Type") == "" {
		t.Errorf("%v %+v", err, ev)
	}
	ev, err = canvelete.Build(provider.BuildOptions{Body: []byte(body), ID: "evt_2"})
	if want := "{ \"eventId\":\"evt_2\",\n\"eventType\" : \"render.completed\"}\n"; err != nil || string(ev.Body) != want || ev.ID != "evt_2" {
		t.Errorf("%v %s, want %s", err, ev.Body, want)
	}
	var other *provider.TypeError
	if _, err := canvelete.Build(provider.BuildOptions{Body: []byte(body), Type: "render.failed"}); !errors.As(err, &other) {
		t.Errorf("err = %v, want that the body is of another type", err)
	}
	ev, err = canvelete.Build(provider.BuildOptions{Body: []byte("not JSON"), Type: "any.type"})
	if err != nil || string(ev.Body) != "not JSON" || ev.ID != "" || ev.Type != "any.type" {
		t.Errorf("%v %+v", err, ev)
	}
	if _, err := sketchpen.Build(provider.BuildOptions{Body: []byte("{}"), ID: "x"}); !errors.Is(err, provider.ErrNoEventID) {
		t.Errorf("err = %v, want ErrNoEventID", err)
	}
	ev, err = headers.Build(provider.BuildOptions{Body: []byte(`{"name":"mine"}`), Type: "thing.unmade", ID: "id-7"})
	h := ev.Header
	if err != nil || h.Get("X-Event") != "thing.unmade" || h.Get("X-Event-Id") != "id-7" || ev.ID != "id-7" || h.Get("X-Echo") != "mine" || h.Get("User-Agent") != "In-Headers/1" {
		t.Errorf("%v %+v", err, ev)
	}
	if id := headers.NewEventID(); len(id) != 7 || sketchpen.NewEventID() != "" || canvelete.NewEventID() == canvelete.NewEventID() { //nolint:staticcheck // each call makes another
		t.Errorf("NewEventID = %q", id)
	}
}
