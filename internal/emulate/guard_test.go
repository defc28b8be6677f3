package emulate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// raw sends bytes and returns the status of the answer.
func (r *rig) raw(text string) int {
	r.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(r.t.Context(), "tcp", r.front.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// A page that was led here by a name of its own reads and changes nothing,
// under any path.
func TestHost(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Hosts = []string{"emulate.test:4000"} })
	_, port, err := net.SplitHostPort(r.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
		if got := r.raw("GET /_hooks/endpoints HTTP/1.1\r\nHost: " + host + ":" + port + "\r\n\r\n"); got != 200 {
			t.Errorf("Host %s: %d, want 200", host, got)
		}
	}
	if got := r.raw("GET /_hooks/endpoints HTTP/1.1\r\nHost: EMULATE.test:4000\r\n\r\n"); got != 200 {
		t.Errorf("a host that is allowed: %d, want 200", got)
	}
	for _, host := range []string{
		"evil.example", "evil.example:" + port, "localhost", "127.0.0.1", "localhost:1", "localhost.:" + port, "localhost.evil.example:" + port,
		"127.0.0.1.evil.example:" + port, "evil.example@127.0.0.1:" + port, "127.1:" + port, "0x7f000001:" + port, "2130706433:" + port,
		"0177.0.0.1:" + port, "[::ffff:127.0.0.1]:" + port, "[::]:" + port, "0.0.0.0:" + port, "127.0.0.2:" + port, "192.168.0.1:" + port,
		"[::1%25lo]:" + port, "localhost:" + port + ":80", "emulate.test", "emulate.test:80", "xemulate.test:4000", "", ":" + port,
		"LOCALHOST.EVIL:" + port, "[localhost]:" + port, "localhost:0" + port, "localhost:+" + port,
	} {
		for _, target := range []string{"GET /_hooks/endpoints", "GET /v1/webhooks", "DELETE /api/v1/callbacks/x", "GET /renders/x.png", "GET /nothing"} {
			if got := r.raw(target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"); got != 403 && got != 400 {
				t.Errorf("Host %q, %s: %d, want it refused", host, target, got)
			}
		}
	}
	if got := r.raw("GET http://evil.example/_hooks/endpoints HTTP/1.1\r\nHost: 127.0.0.1:" + port + "\r\n\r\n"); got != 403 {
		t.Errorf("absolute target: %d, want 403", got)
	}
}

// A page of another origin changes nothing, and is told nothing that would let
// its browser read an answer.
func TestOrigin(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	own := r.front.URL
	for _, test := range []struct {
		status int
		header []string
	}{
		{200, nil},
		{200, []string{"Origin: " + own}},
		{200, []string{"Sec-Fetch-Site: same-origin", "Origin: " + own}},
		{200, []string{"Sec-Fetch-Site: none"}},
		{403, []string{"Sec-Fetch-Site: cross-site"}},
		{403, []string{"Sec-Fetch-Site: same-site", "Origin: " + own}},
		{403, []string{"Origin: http://evil.example"}},
		{403, []string{"Origin: null"}},
		{403, []string{"Origin: http://127.0.0.1:1"}},
		{403, []string{"Origin: " + own + ".evil.example"}},
		{403, []string{"Origin: file://" + strings.TrimPrefix(own, "http://")}},
		{403, []string{"Access-Control-Request-Method: POST", "Origin: " + own}},
		{403, []string{"Access-Control-Request-Private-Network: true"}},
	} {
		for _, call := range []string{"GET /_hooks/endpoints", "POST /_hooks/clock", "GET /v1/webhooks"} {
			method, path, _ := strings.Cut(call, " ")
			body := ""
			if method == "POST" {
				body = `{"advance":"1ms"}`
			}
			got := r.call(method, path, body, test.header...)
			if got.status != test.status {
				t.Errorf("%s with %q: %d, want %d", call, test.header, got.status, test.status)
			}
			for name := range got.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s answers with %s", call, name)
				}
			}
		}
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", ""} {
		for _, path := range []string{"/_hooks/events", "/v1/webhooks", "/v1/render/design/d"} {
			if got := r.call("POST", path, "{}", "Content-Type: "+kind); got.status != 415 {
				t.Errorf("POST %s of %q: %d, want 415", path, kind, got.status)
			}
		}
	}
}

// The control API of an emulator that others can reach needs its key, under
// every path but the one that says it is there.
func TestControlKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.ControlKey = safetext.NewSecret("right") })
	for _, one := range r.s.Routes() {
		if one.Provider != "" || one.Path == HealthPath {
			continue
		}
		path := strings.ReplaceAll(one.Path, "{id}", "x")
		for _, header := range [][]string{nil, {"Authorization: Bearer wrong"}, {"Authorization: right"}} {
			r.want(401, one.Method, path, "", header...)
		}
		if got := r.call(one.Method, path, "", "Authorization: Bearer right"); got.status == 401 {
			t.Errorf("%s %s refuses its key", one.Method, path)
		}
	}
	r.want(401, "GET", "/_hooks/endpoints?key=right&api_key=right", "")
	r.want(200, "GET", HealthPath, "")
}

// However an address is written, what others choose reaches the internet alone.
func TestReach(t *testing.T) {
	t.Parallel()
	public, local := DefaultReach(false), DefaultReach(true)
	for _, text := range []string{
		"10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1", "192.168.1.1", "0.0.0.0", "192.0.0.1", "198.18.0.1",
		"203.0.113.7", "224.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25eth0]",
		"[ff02::1]", "[2001:db8::1]", "[::127.0.0.1]", "localhost", "LOCALHOST", "localhost.",
	} {
		if public.CheckURL("http://"+text+"/hook") == nil {
			t.Errorf("http://%s is taken", text)
		}
	}
	for text, want := range map[string]bool{
		"http://127.0.0.1:3000/": true, "http://localhost/": true, "https://[::1]:8443/": true, "http://93.184.215.14/": true, "https://hooks.example.com/x": true,
		"http://10.0.0.1/": false, "http://169.254.169.254/latest/": false, "http://127.0.0.1:22/": false, "http://127.0.0.1:6379/": false, "https://hooks.example.com:25/": false,
		"ftp://127.0.0.1/": false, "file:///etc/passwd": false, "gopher://127.0.0.1:3000/": false, "http:///x": false, "//127.0.0.1/": false, "": false,
		"http://127.0.0.1:0/": false, "http://127.0.0.1:99999/": false, "http://a\x1b[2J.example/": false, "http://" + strings.Repeat("a", 3000): false,
	} {
		if err := local.CheckURL(text); (err == nil) != want {
			t.Errorf("CheckURL(%q) = %v, want good %v", text, err, want)
		}
	}
	// What a name server answers counts, not what was written.
	for answer, want := range map[string]bool{"93.184.215.14:443": true, "127.0.0.1:443": false, "10.1.1.1:443": false, "[fd00::1]:443": false, "[::ffff:169.254.169.254]:443": false} {
		if err := public.Check("rebound.example", netip.MustParseAddrPort(answer)); (err == nil) != want {
			t.Errorf("a name that leads to %s: %v", answer, err)
		}
	}
}

// --allow-hosts widens and narrows.
func TestParseReach(t *testing.T) {
	t.Parallel()
	r, err := ParseReach([]string{"172.17.0.0/16", "app.internal", "192.168.1.9"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		host, at string
		want     bool
	}{
		{"x", "172.17.3.4:80", true},
		{"x", "172.18.3.4:80", false},
		{"192.168.1.9", "192.168.1.9:8080", true},
		{"192.168.1.10", "192.168.1.10:8080", false},
		{"app.internal", "10.0.0.5:80", true},
		{"APP.internal.", "10.0.0.5:80", true},
		{"app.internal", "169.254.169.254:80", false},
		{"app.internal", "0.0.0.0:80", false},
		{"app.internal", "10.0.0.5:6379", false},
		{"app.internal.evil.example", "10.0.0.5:80", false},
		{"x", "127.0.0.1:80", false},
		{"x", "93.184.215.14:80", false},
	} {
		if err := r.Check(test.host, netip.MustParseAddrPort(test.at)); (err == nil) != test.want {
			t.Errorf("Check(%s, %s) = %v, want good %v", test.host, test.at, err, test.want)
		}
	}
	for _, bad := range []string{"", "10.0.0.0/33", "http://x", "a b", "user@host", "host:80"} {
		if _, err := ParseReach([]string{bad}); err == nil {
			t.Errorf("ParseReach(%q) is taken", bad)
		}
	}
}

// An endpoint whose name leads to a place that is not allowed is not called,
// and its log says why.
func TestForbiddenAttempt(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	r := newRig(t, func(c *Config) {
		c.Reach = DefaultReach(false)
		c.Client = deliver.New(c.Now, deliver.Options{Allow: c.Reach.Check})
	})
	// No name server is asked in a test: the endpoint is registered while its
	// address is allowed.
	r.s.cfg.Reach = DefaultReach(true)
	r.register("canvelete", strings.Replace(a.URL, "127.0.0.1", "localhost", 1))
	r.want(201, "POST", "/_hooks/events", `{"provider":"canvelete","type":"render.completed"}`)
	r.settle()
	d := r.deliveries("")[0]
	if len(d.Attempts) != 1 || !strings.HasSuffix(d.Attempts[0].Err, "is not allowed (--allow-hosts HOST|CIDR)") {
		t.Errorf("attempts = %+v", d.Attempts)
	}
	if n := len(a.arrivals()); n != 0 {
		t.Errorf("it was called %d times", n)
	}
}

// Whatever comes, the server answers and goes on.
func FuzzCalls(f *testing.F) {
	r := newRig(f, func(c *Config) { // what is registered here must not be called
		c.Client = deliver.New(c.Now, deliver.Options{Proxy: func(*http.Request) (*url.URL, error) { return nil, errors.New("no network") }})
	})
	for _, one := range []struct{ method, path, body string }{
		{"POST", "/v1/webhooks", `{"url":"http://127.0.0.1:9/","events":["user.created"]}`},
		{"POST", "/v1/render/design/%00", `{"format":"png","width":1e9}`},
		{"POST", "/_hooks/events", `{"provider":"stripe","type":"charge.succeeded","set":{"a[*].b":null},"endpoints":[]}`},
		{"POST", "/_hooks/events", `{"provider":"loopcanvas","flow":"render","faults":{"drop":"x"}}`},
		{"POST", "/_hooks/events", `{"provider":"generic","events":[{"type":"user.created","faults":{"drop":[]}},{}]}`},
		{"POST", "/_hooks/clock", `{"advance":-1}`},
		{"GET", "/_hooks/deliveries?limit=0&before=dlv_", ""},
		{"PATCH", "/_hooks/endpoints/x", `{"events":["*","a:b"]}`},
		{"GET", "/renders/" + strings.Repeat("z", 24) + ".png", ""},
	} {
		f.Add(one.method, one.path, one.body)
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer k")
		req.Header.Set("X-Api-Key", "k")
		w := &statusOnly{header: http.Header{}}
		local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}
		r.s.ServeHTTP(w, req.WithContext(contextWithAddr(t, local)))
		if w.status < 200 || w.status > 599 || w.status == 500 && !strings.Contains(path, "fail") {
			t.Errorf("%s %s = %d %s", method, path, w.status, w.body)
		}
	})
}

type statusOnly struct {
	header http.Header
	status int
	body   []byte
}

func (w *statusOnly) Header() http.Header { return w.header }

func (w *statusOnly) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *statusOnly) Write(p []byte) (int, error) {
	w.WriteHeader(200)
	w.body = fmt.Appendf(w.body, "%s", p)
	return len(p), nil
}

func contextWithAddr(t *testing.T, local net.Addr) context.Context {
	return context.WithValue(t.Context(), http.LocalAddrContextKey, local)
}
