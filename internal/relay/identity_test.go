package relay_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A client is who its one Authorization header says, and nothing else that it
// sends makes it somebody.
func TestIdentityIsTheTokenAlone(t *testing.T) {
	t.Parallel()
	tokens, tok, secret := oneToken(t)
	s := serve(t, func(c *relay.Config) { c.Tokens = tokens })
	good := secret.Reveal()
	d := wire.Dialer{Shared: &wire.Shared{}}
	for name, tt := range map[string]struct {
		query  string
		header http.Header
		want   int
	}{
		"header":         {"", http.Header{"Authorization": {"Bearer " + good}}, 101},
		"none":           {"", http.Header{}, 401},
		"query":          {"?access_token=" + good + "&token=" + good, http.Header{}, 401},
		"proxy":          {"", http.Header{"Proxy-Authorization": {"Bearer " + good}}, 401},
		"cookie":         {"", http.Header{"Cookie": {"token=" + good}}, 401},
		"own-header":     {"", http.Header{"Hooks-Token": {good}, "X-Api-Key": {good}}, 401},
		"basic":          {"", http.Header{"Authorization": {"Basic " + good}}, 401},
		"bare":           {"", http.Header{"Authorization": {good}}, 401},
		"two":            {"", http.Header{"Authorization": {"Bearer wrong", "Bearer " + good}}, 401},
		"two-first":      {"", http.Header{"Authorization": {"Bearer " + good, "Bearer wrong"}}, 401},
		"list":           {"", http.Header{"Authorization": {"Bearer wrong, Bearer " + good}}, 401},
		"space":          {"", http.Header{"Authorization": {"Bearer  " + good}}, 401},
		"cut":            {"", http.Header{"Authorization": {"Bearer " + good[:len(good)-1]}}, 401},
		"upper":          {"", http.Header{"Authorization": {"Bearer " + strings.ToUpper(good)}}, 401},
		"hash":           {"", http.Header{"Authorization": {"Bearer " + tok.SHA256}}, 401},
		"proxy-disagree": {"", http.Header{"Authorization": {"Bearer wrong"}, "Proxy-Authorization": {"Bearer " + good}}, 401},
	} {
		tt.header.Set("Hooks-Tunnel", "id-"+name)
		ws, resp, _ := d.Connect(t.Context(), "ws://"+s.url.Host+"/v1/connect"+tt.query, tt.header)
		if ws != nil {
			_ = ws.Close()
		}
		if resp == nil || resp.StatusCode != tt.want {
			t.Errorf("%s: %v, want %d", name, resp, tt.want)
		}
	}
}

// A name has one form: what only looks like one is refused, not made to fit.
func TestNamesHaveOneForm(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	forward(t, s, "mine", answering("mine"))
	d := wire.Dialer{Shared: &wire.Shared{}}
	for _, name := range []string{
		"MINE", "Mine", "mine.", ".mine", "mi.ne", "mine/", "mine%00", "-mine", "mine-", "mi_ne", "ab", strings.Repeat("a", 64),
		"xn--mne-5qa", "m\u0131ne", "min\u0435", "mine ", "../mine", "admin", "www", "metrics", "healthz",
	} {
		ws, resp, err := d.Connect(t.Context(), "ws://"+s.url.Host+"/v1/connect", http.Header{"Hooks-Tunnel": {name}})
		if ws != nil {
			_ = ws.Close()
		}
		if trimmed := strings.TrimSpace(name); trimmed != name && err == nil {
			continue // HTTP takes white space around a value away
		}
		if resp == nil || resp.StatusCode != 400 {
			t.Errorf("%q: %v, %v, want 400", name, resp, err)
		}
	}
	for _, path := range []string{"/t/MINE/x", "/t/%6dine/x", "/t//mine/x", "/t/./mine/x", "/t/mine%2fx", "/T/mine/x", "/t/mine;a/x"} {
		if resp, body := do(t, "GET", s.url.String()+path, nil); resp.StatusCode != 404 || body == "mine" {
			t.Errorf("%s: %d %q, want 404", path, resp.StatusCode, body)
		}
	}
}

// Where host and path name two tunnels, the host decides, whatever else names a
// third.
func TestHostDecidesBeforePath(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *relay.Config) { c.Domain = "tunnels.example" })
	forward(t, s, "one", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("one " + r.RequestURI)) }))
	forward(t, s, "two", answering("two"))
	for _, host := range []string{"one.tunnels.example", "ONE.tunnels.example", "one.tunnels.example:8443", "one.tunnels.example."} {
		resp, body := do(t, "GET", s.url.String()+"/t/two/x", http.Header{
			"Host": {host}, "X-Forwarded-Host": {"two.tunnels.example"}, "Forwarded": {"host=two.tunnels.example"}, "Hooks-Tunnel": {"two"},
		})
		if resp.StatusCode != 200 || body != "one /t/two/x" {
			t.Errorf("%s: %d %q", host, resp.StatusCode, body)
		}
	}
	for _, host := range []string{"two.one.tunnels.example", "tunnels.example", "onetunnels.example", "one.tunnels.example.evil.example"} {
		if resp, body := do(t, "GET", s.url.String()+"/x", http.Header{"Host": {host}}); resp.StatusCode == 200 {
			t.Errorf("%s: %q", host, body)
		}
	}
}

// Whoever is greeted by nobody is sent away in time, and leaves nothing behind.
func TestHalfOpenGreetings(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	d := wire.Dialer{Shared: &wire.Shared{}}
	const count = 100
	var all sync.WaitGroup
	for i := range count {
		ws, _, err := d.Connect(t.Context(), "ws://"+s.url.Host+"/v1/connect", http.Header{"Hooks-Tunnel": {"half-" + strings.Repeat("x", i%50)}})
		if err != nil {
			continue // the name is another one's
		}
		all.Go(func() {
			defer ws.Close()
			_ = ws.SetReadDeadline(time.Now().Add(30 * time.Second))
			if i%2 == 0 { // more than a greeting holds, and not the end of it
				_ = ws.WriteMessage(websocket.BinaryMessage, bytes.Repeat([]byte{1}, 60<<10))
			}
			if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, int(wire.CloseHello), int(wire.CloseTooBig)) && !strings.Contains(err.Error(), "reset") {
				t.Errorf("closed with %v, want %d", err, wire.CloseHello)
			}
		})
	}
	if resp, body := do(t, "GET", forward(t, s, "greeted", answering("ok")), nil); resp.StatusCode != 200 || body != "ok" {
		t.Errorf("beside them: %d %q", resp.StatusCode, body)
	}
	all.Wait()
	waitFor(t, func() bool {
		resp, _ := do(t, "GET", s.url.String()+"/t/half-xxx", nil)
		return resp.StatusCode == 404 && len(s.Links()) == 1
	})
}

// What a sender calls its headers and fields never becomes another part of the
// event, live or stored.
func TestSenderSubstitutesNothing(t *testing.T) {
	t.Parallel()
	change, _ := storing(t, spool.Limits{})
	s := serve(t, change)
	var r receiver
	public, stop := dial(t, s, "plain", answering("live"), r.with)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	const body = `{"body":"forged","bodyb":"forged","method":"PUT"}`
	var headers []string
	for _, name := range []string{
		"body", "bodyb", "body_base64", "head", "header", "headers", "method", "target", "path", "url", "query", "host", "remote", "offset",
		"number", "attempt", "id", "event-id", "epoch", "length", "sha256", "digest", "received", "timestamp", "status", "__proto__", "constructor",
	} {
		headers = append(headers, name, strings.ToUpper(name), strings.ToUpper(name[:1])+name[1:], "X-"+name, "Hooks-"+name)
	}
	req, err := http.NewRequest(http.MethodPost, public+"/right?x=1", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range headers {
		if !strings.EqualFold(name, "host") {
			req.Header[name] = []string{"forged"}
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 202 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	dial(t, s, "plain", answering("live"), r.with)
	waitFor(t, func() bool { return r.count() == 1 })
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.got[0] != "POST /right?x=1 "+body || r.offset[0] == 0 || r.tries[0] != 1 {
		t.Errorf("got %q at %d, try %d", r.got[0], r.offset[0], r.tries[0])
	}
}

// What was delivered is gone from the relay's disk, and others of the machine
// can read nothing of what was not.
func TestDeliveredIsGoneFromDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sp, err := spool.Open(t.Context(), dir, spool.Limits{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = sp.Close()
		}
	}()
	s := serve(t, func(c *relay.Config) { c.Spool = sp })
	var r receiver
	public, stop := dial(t, s, "brief", answering("live"), r.with)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 0 })
	for _, body := range []string{"a canary of few bytes", "a canary " + strings.Repeat("of many bytes ", 10_000)} {
		if status, _ := send(t, public+"/canary?canary", body); status != 202 {
			t.Fatalf("status %d", status)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	found := false
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		found = found || holds(t, name, "canary")
	}
	if !found {
		t.Error("nothing of what waits is on disk")
	}
	_, stop = dial(t, s, "brief", answering("live"), r.with)
	waitFor(t, func() bool { return r.count() == 2 })
	waitFor(t, func() bool { return s.Status().Waiting == 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	closed = true
	if err := sp.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ = filepath.Glob(filepath.Join(dir, "*"))
	for _, name := range files {
		if holds(t, name, "canary") {
			t.Errorf("%s still has what was delivered", name)
		}
	}
}

func holds(t *testing.T, name, what string) bool {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(text, []byte(what))
}
