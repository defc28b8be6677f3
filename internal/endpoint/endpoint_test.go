package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/endpoint"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// service answers as it is told and remembers what it was asked.
type service struct {
	status int
	answer string
	asked  []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.RequestURI
	for _, name := range []string{"Authorization", "X-Api-Key", "Content-Type"} {
		if v := r.Header.Get(name); v != "" {
			line += " " + name + "=" + v
		}
	}
	s.asked = append(s.asked, strings.TrimSpace(line+" "+string(b)))
	if s.status >= 300 && s.status < 400 {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, s.answer)
}

func client(t *testing.T, s *service, api endpoint.API, path string) *endpoint.Client {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	base, err := url.Parse(srv.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	return &endpoint.Client{API: api, Base: base, Key: safetext.NewSecret("k3y"), HTTP: srv.Client(), Program: "hooks/test"}
}

func api(t *testing.T, provider string) endpoint.API {
	t.Helper()
	a, ok := endpoint.Of(provider)
	if !ok {
		t.Fatalf("%s has no API", provider)
	}
	return a
}

// What is asked is what the documentation of each API shows.
func TestRequests(t *testing.T) {
	t.Parallel()
	to, secret, active := "https://app.example.com/hook", "whsec_x", false
	fields := endpoint.Fields{Provider: "generic", URL: &to, Events: []string{"user.created", "user.updated"}, Secret: &secret, Active: &active}
	for name, c := range map[string]struct {
		api  endpoint.API
		path string
		do   func(context.Context, *endpoint.Client) error
		want string
	}{
		"generic-create": {
			api(t, "generic"), "", func(ctx context.Context, c *endpoint.Client) error { _, err := c.Create(ctx, fields); return err },
			`POST /v1/webhooks Authorization=Bearer k3y Content-Type=application/json {"active":false,"events":["user.created","user.updated"],"secret":"whsec_x","url":"https://app.example.com/hook"}`,
		},
		"generic-test": {
			api(t, "generic"), "/", func(ctx context.Context, c *endpoint.Client) error {
				_, err := c.Test(ctx, "hook_1", "", "")
				return err
			},
			"POST /v1/webhooks/hook_1/test Authorization=Bearer k3y",
		},
		"generic-deliveries": {api(t, "generic"), "/v1", func(ctx context.Context, c *endpoint.Client) error {
			_, _, err := c.Deliveries(ctx, "hook_1", 3)
			return err
		}, "GET /v1/webhooks/hook_1/deliveries?limit=3 Authorization=Bearer k3y"},
		"generic-update": {api(t, "generic"), "/base/v1", func(ctx context.Context, c *endpoint.Client) error {
			_, err := c.Update(ctx, "hook_1", endpoint.Fields{Active: &active})
			return err
		}, `PATCH /base/v1/webhooks/hook_1 Authorization=Bearer k3y Content-Type=application/json {"active":false}`},
		"id-is-no-path": {
			api(t, "generic"), "", func(ctx context.Context, c *endpoint.Client) error { return c.Delete(ctx, "../x?y#z") },
			"DELETE /v1/webhooks/..%2Fx%3Fy%23z Authorization=Bearer k3y",
		},
		"sketchpen-create": {api(t, "sketchpen"), "/api/v1/", func(ctx context.Context, c *endpoint.Client) error {
			_, err := c.Create(ctx, endpoint.Fields{Provider: "sketchpen", URL: &to, Events: []string{"video.completed"}})
			return err
		}, `POST /api/v1/callbacks X-Api-Key=k3y Content-Type=application/json {"event":"video.completed","url":"https://app.example.com/hook"}`},
		"sketchpen-list": {
			api(t, "sketchpen"), "/api", func(ctx context.Context, c *endpoint.Client) error { _, _, err := c.List(ctx, "sketchpen"); return err },
			"GET /api/v1/callbacks X-Api-Key=k3y",
		},
		"sketchpen-delete": {
			api(t, "sketchpen"), "", func(ctx context.Context, c *endpoint.Client) error { return c.Delete(ctx, "uuid") },
			"DELETE /api/v1/callbacks/uuid X-Api-Key=k3y",
		},
		"emulator-list": {
			endpoint.Emulator(), "", func(ctx context.Context, c *endpoint.Client) error {
				_, _, err := c.List(ctx, "loopcanvas")
				return err
			},
			"GET /_hooks/endpoints?provider=loopcanvas Authorization=Bearer k3y",
		},
		"emulator-test": {endpoint.Emulator(), "", func(ctx context.Context, c *endpoint.Client) error {
			_, err := c.Test(ctx, "hook_1", "loopcanvas", "canvas.failed")
			return err
		}, `POST /_hooks/events Authorization=Bearer k3y Content-Type=application/json {"endpoints":["hook_1"],"provider":"loopcanvas","type":"canvas.failed"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &service{status: 200, answer: "[]"}
			if err := c.do(t.Context(), client(t, s, c.api, c.path)); err != nil {
				t.Error(err)
			}
			if len(s.asked) != 1 || s.asked[0] != c.want {
				t.Errorf("asked %q, want %q", s.asked, c.want)
			}
		})
	}
}

// What is answered is read with the fields that the documentation shows.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const callback = `{"id":"u1","user_id":"u","url":"https://x","event":"video.completed","secret":"whsec_abc123...","is_active":true,"created_at":"2024-01-01T00:00:00Z"}`
	c := client(t, &service{status: 200, answer: "[" + callback + "]"}, api(t, "sketchpen"), "")
	doc, err := c.Get(t.Context(), "u1")
	if err != nil || doc.Text("is_active") != "true" || doc.Text("secret") != "whsec_abc123..." || fmt.Sprint(doc.Events()) != "[video.completed]" {
		t.Errorf("Get = %s, %v", doc, err)
	}
	if _, err := c.Get(t.Context(), "u2"); !errors.Is(err, endpoint.ErrNotFound) {
		t.Errorf("Get of another = %v", err)
	}
	c = client(t, &service{status: 200, answer: `{"deliveries":[{"id":"del_123","event_id":"evt_abc","status":"success","status_code":200,"attempts":1},{"id":"del_124"}]}`}, api(t, "generic"), "")
	_, list, err := c.Deliveries(t.Context(), "hook_1", 1)
	if err != nil || len(list) != 1 || list[0].Text("none", "status_code") != "200" {
		t.Errorf("Deliveries = %s, %v", list, err)
	}
	c = client(t, &service{status: 201, answer: `{"id":"hook_123","events":["a.b","c.d"],"active":false}`}, api(t, "generic"), "")
	doc, err = c.Create(t.Context(), endpoint.Fields{})
	if err != nil || fmt.Sprint(doc.Events()) != "[a.b c.d]" || doc.Text("active") != "false" {
		t.Errorf("Create = %s, %v", doc, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status       int
		answer, want string
	}{
		"own-words": {422, "{\"detail\":\"no \x1b[2J\"}", `Sketchpen's API answered 422 Unprocessable Entity: {"detail":"no \x1b[2J"}`},
		"nothing":   {503, "", "Sketchpen's API answered 503 Service Unavailable"},
		"redirect":  {302, "", "Sketchpen's API answered 302 Found"},
		"html":      {200, "<html>", "Sketchpen's API answered 200 with what is no JSON: is http://127.0.0.1:"},
		"object":    {200, "{}", "the API's answer is no list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &service{status: c.status, answer: c.answer}
			_, _, err := client(t, s, api(t, "sketchpen"), "").List(t.Context(), "")
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "k3y") {
				t.Errorf("err = %v, want %s", err, c.want)
			}
			if len(s.asked) != 1 {
				t.Errorf("asked %q", s.asked)
			}
		})
	}
}

func TestIsEmulator(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{`{"status":"ok","time_scale":1}`: true, `{"status":"ok"}`: false, "ok": false, "": false, "[]": false} {
		c := client(t, &service{status: 200, answer: answer}, endpoint.Emulator(), "")
		if got, err := endpoint.IsEmulator(t.Context(), c.HTTP, c.Base); got != want || err != nil {
			t.Errorf("%q: %v, %v", answer, got, err)
		}
	}
	c := client(t, &service{status: 404}, endpoint.Emulator(), "")
	if got, err := endpoint.IsEmulator(t.Context(), c.HTTP, c.Base); got || err != nil {
		t.Errorf("404: %v, %v", got, err)
	}
	c.Base = &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	if _, err := endpoint.IsEmulator(t.Context(), c.HTTP, c.Base); err == nil {
		t.Error("nobody listens there, and no error")
	}
}
