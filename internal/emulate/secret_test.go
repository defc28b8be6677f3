package emulate

import (
	"context"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// The secrets of the person sign for endpoints that the person has named, and
// whoever can call the control API gets nothing that they have signed. The
// development secret signs towards this machine.
func TestBorrowedSecrets(t *testing.T) {
	t.Parallel()
	const own, development = "real-0123456789abcdef", "made-0123456789abcdef"
	dir := t.TempDir()
	change := func(c *Config) {
		c.Secrets = func(_ context.Context, id string) ([]secret.Named, error) {
			if id != "canvelete" {
				return nil, nil
			}
			return []secret.Named{{Name: "canvelete", Secret: safetext.NewSecret(own)}}, nil
		}
		c.Development = func(string) (secret.Named, error) {
			return secret.Named{Name: secret.DevelopmentName, Secret: safetext.NewSecret(development)}, nil
		}
	}
	r := openRig(t, dir, &stopped{at: start()}, change)
	a := newApp(t)
	named, err := r.s.Register(t.Context(), "canvelete", a.URL+"/named")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.s.Register(t.Context(), "canvelete", a.URL+"/named"); again != named || err != nil {
		t.Errorf("registered again as %s, %v", again, err)
	}
	signedBy := map[string]string{"/named": own, "/loop": development}
	for _, test := range []struct{ provider, url, name string }{
		{"canvelete", a.URL + "/stranger", "generated"},
		{"loopcanvas", a.URL + "/loop", "development"},
		{"loopcanvas", "https://app.example.com/hook", "generated"},
	} {
		var e endpointView
		r.want(201, "POST", "/_hooks/endpoints", `{"provider":"`+test.provider+`","url":"`+test.url+`"}`).decode(t, &e)
		if *e.SecretName != test.name || (e.Secret == nil) != (test.name == "development") {
			t.Errorf("%s at %s is signed for with %s", test.provider, test.url, *e.SecretName)
		}
		if test.name == "generated" && strings.HasPrefix(test.url, a.URL) {
			signedBy["/stranger"] = *e.Secret
		}
		if strings.HasPrefix(test.url, "https") {
			r.want(204, "DELETE", "/_hooks/endpoints/"+e.ID, "")
		}
	}
	r.end()
	r = openRig(t, dir, &stopped{at: start()}, change)
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed"}`)
	r.want(201, "POST", "/_hooks/events", `{"provider":"loopcanvas","type":"canvas.completed"}`)
	r.settle()
	got := a.arrivals()
	if len(got) != 3 {
		t.Fatalf("%d arrivals", len(got))
	}
	for _, one := range got {
		id := map[bool]string{true: "loopcanvas", false: "canvelete"}[one.path == "/loop"]
		p, err := r.s.cfg.Catalogue.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		m := &scheme.Message{Method: one.method, Header: one.header, Body: one.body}
		if v := p.Verifier(provider.NamedSecret{Name: "s", Secret: safetext.NewSecret(signedBy[one.path])}).Verify(m, scheme.VerifyOptions{Now: start()}); v.Status != webhook.Verified {
			t.Errorf("%s: %+v", one.path, v)
		}
	}
	for _, d := range r.deliveries("") {
		all := r.want(200, "GET", "/_hooks/deliveries/"+d.ID, "").body
		if shown := strings.Contains(all, `"request"`); shown != (d.EndpointID != named) {
			t.Errorf("the request to %s is shown: %v", d.URL, shown)
		}
	}
	for _, path := range []string{"/_hooks/endpoints", "/_hooks/endpoints/" + named, "/_hooks/deliveries"} {
		if body := r.want(200, "GET", path, "").body; strings.Contains(body, own) || strings.Contains(body, development) {
			t.Errorf("%s tells a secret: %s", path, body)
		}
	}
	r.want(400, "PATCH", "/_hooks/endpoints/"+named, `{"url":"`+a.URL+`/elsewhere"}`)
	r.want(400, "POST", "/_hooks/endpoints/"+named+"/rotate", ``)
	r.want(200, "PATCH", "/_hooks/endpoints/"+named, `{"url":"`+a.URL+`/elsewhere","secret":"another"}`)
	loop := r.s.list("loopcanvas")[0].ID
	r.want(400, "PATCH", "/_hooks/endpoints/"+loop, `{"url":"https://app.example.com/"}`)
}
