package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
)

func ids(list []*provider.Provider) string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = p.ID
	}
	return strings.Join(out, " ")
}

// others are two more providers that sign in X-Signature, and one that is
// known by another header.
func others() []provider.Source {
	return []provider.Source{
		{Name: "a", Data: []byte("id: lemon\nschemes: [{algorithm: hmac-sha256, signature: {in: header:X-Signature}}]\n")},
		{Name: "b", Data: []byte("id: treasury\nschemes: [{algorithm: hmac-sha256, signature: {in: header:X-Signature}}]\nrecognise: {headers: {X-Topic: '*', User-Agent: 'Treasury/*'}}\n")},
		{Name: "c", Data: []byte("id: inbody\nschemes: [{algorithm: hmac-sha256, content: '{$.t}', signature: {in: $.signature.value}}]\nrecognise: {body: [$.signature.value, $.signature.t]}\n")},
	}
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	four, more := load(t), load(t, others()...)
	hex := strings.Repeat("0a", 32)
	const loop, foreign = `{"id":"evt_1","type":"canvas.completed","created":1,"data":{"id":"c"}}`, `{"meta":{"event_name":"order_created"}}`
	for _, tc := range []struct {
		what       string
		header     http.Header
		body       string
		four, more string
		candidates string // among more
	}{
		{"own header", http.Header{"X-Canvelete-Signature": {"sha256=" + hex}}, `{}`, "canvelete", "canvelete", "canvelete"},
		{"own header, malformed", http.Header{"X-Canvelete-Signature": {"x"}}, `not json`, "canvelete", "canvelete", "canvelete"},
		{"two timestamps", http.Header{"X-Sketchpen-Signature": {"sha256=" + hex}, "X-Sketchpen-Timestamp": {"1", "2"}}, `{}`, "sketchpen", "sketchpen", "sketchpen"},
		{"shared header, own shape and prefix", http.Header{"X-Signature": {"sha256=" + hex}}, loop, "loopcanvas", "loopcanvas", "loopcanvas lemon treasury"},
		{"shared header, another shape", http.Header{"X-Signature": {"sha256=" + hex}}, foreign, "", "", "loopcanvas lemon treasury"},
		{"shared header, own shape, another prefix", http.Header{"X-Signature": {hex}}, loop, "", "", "lemon loopcanvas treasury"},
		{"shared header and one of its own", http.Header{"X-Signature": {hex}, "X-Topic": {"a"}, "User-Agent": {"Treasury/1.0"}}, foreign, "", "treasury", "treasury lemon loopcanvas"},
		{"the others' header alone", http.Header{"X-Topic": {"a"}, "User-Agent": {"Treasury/1.0"}}, foreign, "", "treasury", "treasury"},
		{"another agent", http.Header{"X-Topic": {"a"}, "User-Agent": {"curl/8"}}, foreign, "", "", "treasury"},
		{"signature in the body", nil, `{"signature":{"value":"` + hex + `","t":"1"}}`, "", "inbody", "inbody"},
		{"generic shape", http.Header{"X-Webhook-Signature": {hex}}, `{"id":"e","type":"t","created_at":"x","data":{}}`, "generic", "generic", "generic"},
		{"generic header, another shape", http.Header{"X-Webhook-Signature": {hex}}, `{"event":"t"}`, "", "", "generic"},
		{"generic header with a prefix", http.Header{"X-Webhook-Signature": {"sha256=" + hex}}, `{"id":"e","type":"t","created_at":"x","data":{}}`, "", "", "generic"},
		{"nothing", http.Header{"Content-Type": {"application/json"}}, loop, "", "", ""},
		{"no body", http.Header{}, "", "", "", ""},
	} {
		m := &scheme.Message{Method: "POST", URL: "http://127.0.0.1/", Header: tc.header, Body: []byte(tc.body)}
		if got := ids(four.Recognise(m)); got != tc.four {
			t.Errorf("%s: among four Recognise = %q, want %q", tc.what, got, tc.four)
		}
		if got := ids(more.Recognise(m)); got != tc.more {
			t.Errorf("%s: Recognise = %q, want %q", tc.what, got, tc.more)
		}
		// What else the catalogue knows by these headers is no matter here.
		known := slices.DeleteFunc(more.Candidates(m), func(p *provider.Provider) bool {
			return p.Rank > 4 && !slices.Contains([]string{"lemon", "treasury", "inbody"}, p.ID)
		})
		if got := ids(known); got != tc.candidates {
			t.Errorf("%s: Candidates = %q, want %q", tc.what, got, tc.candidates)
		}
	}
}

func TestRecogniseNamesAllThatFit(t *testing.T) {
	t.Parallel()
	twin := func(id string) provider.Source {
		return provider.Source{Name: id, Data: []byte("id: " + id + "\nschemes: [{algorithm: hmac-sha256, signature: {in: header:X-Twin}}]\n")}
	}
	c := load(t, twin("twin-b"), twin("twin-a"))
	m := &scheme.Message{Header: http.Header{"X-Twin": {strings.Repeat("0a", 32)}}}
	if got := ids(c.Recognise(m)); got != "twin-a twin-b" {
		t.Errorf("Recognise = %q", got)
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	c := load(t)
	if got := strings.Join(c.IDs()[:4], " "); got != "canvelete loopcanvas generic sketchpen" {
		t.Errorf("IDs begin with %s", got)
	}
	for event, want := range map[string]string{
		"render.completed": "canvelete loopcanvas", "video.completed": "loopcanvas sketchpen", "user.created": "generic", "nothing.like.it": "",
	} {
		got := c.IDsForEvent(event)
		if have := strings.Join(got[:min(len(got), len(strings.Fields(want)))], " "); have != want {
			t.Errorf("IDsForEvent(%s) = %v, want %s first", event, got, want)
		}
	}
	if _, err := c.Get("canvlete"); err == nil || err.Error() != `no provider "canvlete"; did you mean canvelete?` {
		t.Errorf("Get: %v", err)
	}
	if _, err := c.Get("Sketchpen"); err == nil || !strings.Contains(err.Error(), "did you mean sketchpen?") {
		t.Errorf("Get: %v", err)
	}
	if _, err := c.Get("zzzzzzzz"); err == nil || err.Error() != `no provider "zzzzzzzz"` {
		t.Errorf("Get: %v", err)
	}
	if got := c.NearestEvent("render.complete"); got != "render.completed" {
		t.Errorf("NearestEvent = %q", got)
	}
	if text, err := c.YAML("generic"); err != nil || !strings.HasPrefix(string(text), "id: generic\n") {
		t.Errorf("YAML = %.20q, %v", text, err)
	}
	p, err := c.Get("canvelete")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Build(provider.BuildOptions{Type: "render.complete"}); err == nil || err.Error() != `canvelete has no event "render.complete"; did you mean render.completed?` {
		t.Errorf("Build: %v", err)
	}
}
