package outgoing_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func edit(t *testing.T, text string, create bool) payload.Edit {
	t.Helper()
	e, err := payload.ParseEdit(text, create)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCompose(t *testing.T) {
	t.Parallel()
	p := define(t, "body-hex")
	seed := int64(7)
	order := outgoing.Order{
		Provider: p, URL: "http://127.0.0.1:3000/hook?a=1", Type: "thing.made", At: now(), Seed: &seed,
		Header: http.Header{"Content-Type": nil, "X-New": {"1"}},
	}
	d, err := outgoing.Compose(order)
	if err != nil {
		t.Fatal(err)
	}
	if d.Direction != webhook.Sent || d.Provider != "test" || d.EventType != "thing.made" || !strings.HasPrefix(d.EventID, "evt_") ||
		d.Path != "/hook" || d.Query != "a=1" || d.Method != "POST" {
		t.Errorf("%+v", d)
	}
	if d.Header["Content-Type"] != nil || d.Header.Get("X-New") != "1" || d.Header.Get("User-Agent") != "hooks" {
		t.Errorf("headers %v", d.Header)
	}
	again, err := outgoing.Compose(order)
	if err != nil || string(again.Body) != string(d.Body) {
		t.Errorf("err %v: the seed made %s and then %s", err, d.Body, again.Body)
	}
	fresh, err := outgoing.Compose(order.Fresh(now()))
	if err != nil || fresh.EventID == d.EventID {
		t.Errorf("err %v: a fresh event has the same id %s", err, fresh.EventID)
	}
}

func TestComposeEdits(t *testing.T) {
	t.Parallel()
	o := outgoing.Order{
		Provider: define(t, "body-hex"), URL: "http://127.0.0.1:3000", Data: []byte("{\"id\": \"evt_1\", \"type\":\"thing.made\" , \"n\":1}"),
		Edits: []payload.Edit{edit(t, "n=2", false), edit(t, "type=thing.lost", false), edit(t, "new=true", true)},
	}
	d, err := outgoing.Compose(o)
	want := "{\"id\": \"evt_1\", \"type\":\"thing.lost\" , \"n\":2,\"new\":true}"
	if err != nil || string(d.Body) != want || d.EventType != "thing.lost" || d.EventID != "evt_1" {
		t.Errorf("err %v, body %s, want %s; %s %s", err, d.Body, want, d.EventType, d.EventID)
	}
	fresh, err := outgoing.Compose(o.Fresh(now()))
	if err != nil || fresh.EventID == "evt_1" || !strings.Contains(string(fresh.Body), fresh.EventID) || !strings.Contains(string(fresh.Body), `"n":2`) {
		t.Errorf("err %v, fresh body %s", err, fresh.Body)
	}
	o.Edits = []payload.Edit{edit(t, "m=2", false)}
	var missing *payload.PathError
	if _, err := outgoing.Compose(o); !errors.As(err, &missing) {
		t.Errorf("err = %v, want that there is no such field", err)
	}
	var unknown *provider.UnknownEventError
	if _, err := outgoing.Compose(outgoing.Order{Provider: o.Provider, Type: "thing.mode"}); !errors.As(err, &unknown) || unknown.Nearest != "thing.made" {
		t.Errorf("err = %v, want the nearest event", err)
	}
}
