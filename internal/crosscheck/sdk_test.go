package crosscheck

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// sdkData is where the programs are that the libraries of the providers are
// called by, each with the list of the versions that it is called with.
var sdkData = filepath.Join("..", "..", "testdata", "sdk")

// TestSDKs lets the libraries that providers publish judge what hooks signs,
// and hooks what they sign. A core of them is tried each time, all of them with
// HOOKS_TEST_SDK=all, which wants them installed:
//
//	npm ci --prefix testdata/sdk/node
//	go mod download -C testdata/sdk/go
func TestSDKs(t *testing.T) {
	t.Parallel()
	all := os.Getenv("HOOKS_TEST_SDK") == "all"
	m := &matrix{nodes: startNode(t)}
	if all {
		m.gophers = startGo(t)
	}
	m.ours, m.theirs = newHome(t), newHome(t)
	// The development secrets are made by the first that asks.
	m.ours.run(t, "", "secrets", "get", "stripe").want(t, 0)
	m.theirs.run(t, "", "secrets", "get", "stripe").want(t, 0)
	for _, l := range libraries() {
		if !l.core && !all {
			continue
		}
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			m.try(t, l)
		})
	}
}

// A matrix is what the libraries are tried with: two machines whose secrets
// differ, and a program for each language.
type matrix struct {
	ours, theirs   home
	nodes, gophers *sdkRunner
}

func (m *matrix) runner(l library) *sdkRunner {
	if l.golang {
		return m.gophers
	}
	return m.nodes
}

// try has every event of a provider judged by a library, then spoilt ones, then
// has hooks judge what the library signs.
func (m *matrix) try(t *testing.T, l library) {
	r := m.runner(l)
	version := r.version(t, l.module)
	var secret, other string
	if !l.unsigned {
		secret, other = m.ours.secretOf(t, l.provider), m.theirs.secretOf(t, l.provider)
	}
	events := m.ours.eventsOf(t, l)
	sent := m.ours.send(t, l, events)
	for _, d := range sent {
		r.judge(t, l, d, secret, true, "event "+d.EventType)
	}
	if l.unsigned {
		t.Logf("%s %s@%s reads %d events, which are not signed", l.provider, l.module, version, len(sent))
		return
	}
	d := sent[0]
	r.judge(t, l, d, other, false, "another secret")
	if !l.token {
		r.judge(t, l, l.spoil(t, d), secret, false, "another body")
	}
	if l.address {
		r.judge(t, l, d.elsewhere(), secret, false, "another address")
	}
	if l.age != unstamped {
		old := m.ours.send(t, l, events[:1], "--timestamp", "1d")[0]
		r.judge(t, l, old, secret, l.age == judgedByHooks, "a day old")
		if !l.within {
			moved := m.ours.send(t, l, events[:1], "--tamper", "timestamp")[0]
			r.judge(t, l, moved, secret, false, "a timestamp that was not signed")
		}
	}
	m.tryBack(t, l, d, secret, other)
	if t.Failed() {
		return
	}
	t.Logf("%s %s@%s: %s", l.provider, l.module, version, l.proof(len(sent)))
}

// tryBack has a library sign what hooks made, with the other machine's secret.
func (m *matrix) tryBack(t *testing.T, l library, d arrival, secret, other string) {
	t.Helper()
	r := m.runner(l)
	signed, other := r.sign(t, l, d, other, d.at.Add(-time.Second))
	r.judge(t, l, signed, other, true, "signed by the library")
	m.ours.judge(t, l, signed, other, 0, "signed by the library")
	m.ours.judge(t, l, signed, secret, 1, "signed by the library, another secret")
	if !l.token {
		m.ours.judge(t, l, l.spoil(t, signed), other, 1, "signed by the library, another body")
	}
	if l.address {
		m.ours.judge(t, l, signed.elsewhere(), other, 1, "signed by the library, another address")
	}
	if l.age == unstamped || l.now {
		return
	}
	signed, other = r.sign(t, l, d, other, d.at.Add(-24*time.Hour))
	r.judge(t, l, signed, other, l.age == judgedByHooks, "signed by the library a day ago")
	m.ours.judge(t, l, signed, other, 1, "signed by the library a day ago")
}

// secretOf returns the secret that this machine signs as a provider with: of a
// pair, the public key.
func (h home) secretOf(tb testing.TB, provider string) string {
	tb.Helper()
	args := []string{"secrets", "get", provider}
	r := h.run(tb, "", args...)
	r.want(tb, 0, args...)
	return strings.TrimSuffix(r.stdout, "\n")
}

// eventsOf lists the events of a provider that a library can judge.
func (h home) eventsOf(tb testing.TB, l library) []string {
	tb.Helper()
	args := []string{"providers", "show", l.provider, "--json"}
	r := h.run(tb, "", args...)
	r.want(tb, 0, args...)
	var p struct {
		Events []struct{ Type string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &p); err != nil || len(p.Events) == 0 {
		tb.Fatalf("hooks %q: %v\n%s", args, err, r.stdout)
	}
	var all []string
	for _, e := range p.Events {
		if !slices.Contains(l.not, e.Type) {
			all = append(all, e.Type)
		}
	}
	return all
}

// An arrival is a delivery and when it came, which is when it is judged.
type arrival struct {
	delivery
	at time.Time
}

// elsewhere returns what arrived as if it had been sent to another address.
func (a arrival) elsewhere() arrival {
	a.URL += "/other"
	return a
}

// send has hooks deliver events and returns what arrived, in its order.
func (h home) send(tb testing.TB, l library, events []string, more ...string) []arrival {
	tb.Helper()
	var arrived []arrival
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is cut off is refused by the library
		d := arrival{at: time.Now()}
		d.URL, d.EventType, d.Body = "http://"+r.Host+r.URL.String(), events[len(arrived)], string(body)
		for name, values := range r.Header {
			d.Headers = append(d.Headers, [2]string{name, strings.Join(values, ", ")})
		}
		arrived = append(arrived, d)
	}))
	defer server.Close()
	args := []string{"send", server.URL + "/webhooks/" + l.provider, "--provider", l.provider}
	for _, event := range events {
		args = append(args, "--event", event)
	}
	args = append(args, more...)
	h.run(tb, "", args...).want(tb, 0, args...)
	if len(arrived) != len(events) {
		tb.Fatalf("hooks %q: %d of %d events arrived", args, len(arrived), len(events))
	}
	return arrived
}

// judge has hooks verify a whole request.
func (h home) judge(tb testing.TB, l library, d arrival, secret string, status int, what string) {
	tb.Helper()
	request, err := json.Marshal(map[string]any{
		"method": "POST", "url": d.URL, "headers": d.Headers, "body_base64": d.bytes(tb),
	})
	if err != nil {
		tb.Fatal(err)
	}
	h.env = append(h.env[:len(h.env):len(h.env)], "HOOKS_SECRET="+secret)
	r := h.run(tb, string(request), "verify", "--request", "-", "--provider", l.provider, "--at", d.at.Format(time.RFC3339Nano))
	if r.status != status {
		tb.Errorf("%s: hooks verify: exit %d, want %d\n%s%s\n%s", what, r.status, status, r.stdout, r.stderr, request)
	}
}

// lastValue is the last letter or digit of the last text in a JSON document,
// or of the last parameter of a form.
var lastValue = regexp.MustCompile(`(?s)^.*(?:"[^"]*|=[^&]*)([A-Za-z0-9])(?:"\s*[,}\]]|[^A-Za-z0-9"]*$)`)

// spoil changes one letter of what a body says. It is as long as it was, and of
// the same form.
func (l library) spoil(tb testing.TB, d arrival) arrival {
	tb.Helper()
	body := d.bytes(tb)
	place := lastValue
	if l.spoils != "" {
		place = regexp.MustCompile(l.spoils)
	}
	at := place.FindSubmatchIndex(body)
	if at == nil {
		tb.Fatalf("nothing to change in %s", body)
	}
	letter := &body[at[2]]
	if *letter == '0' {
		*letter = '1'
	} else {
		*letter = '0'
	}
	d.Body, d.BodyBase64 = string(body), ""
	return d
}

// An sdkRunner is a program that calls libraries, one request at a time.
type sdkRunner struct {
	mu sync.Mutex
	*process
}

// sdkRequest and sdkAnswer are a line to and from such a program. What they
// hold is written at the head of run.mjs.
type sdkRequest struct {
	Do      string            `json:"do"`
	Library string            `json:"library,omitempty"`
	Module  string            `json:"module,omitempty"`
	Method  string            `json:"method,omitempty"`
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    []byte            `json:"body_base64,omitempty"`
	Secret  string            `json:"secret,omitempty"`
	At      int64             `json:"at,omitempty"`
}

type sdkAnswer struct {
	Accepts bool              `json:"accepts"`
	Why     string            `json:"why"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body_base64"`
	Secret  string            `json:"secret"`
	Version string            `json:"version"`
	Missing string            `json:"missing"`
	Error   string            `json:"error"`
}

func (r *sdkRunner) call(tb testing.TB, q sdkRequest) sdkAnswer {
	tb.Helper()
	line, err := json.Marshal(q)
	if err != nil {
		tb.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := fmt.Fprintf(r.stdin, "%s\n", line); err != nil {
		tb.Fatal(err)
	}
	var a sdkAnswer
	if text := r.line(tb); json.Unmarshal([]byte(text), &a) != nil || a.Error != "" {
		tb.Fatalf("%s %s: %s", q.Do, q.Library, cmp.Or(a.Error, text))
	}
	if a.Missing != "" {
		missing(tb, "the library "+a.Missing)
	}
	return a
}

func (r *sdkRunner) version(tb testing.TB, module string) string {
	tb.Helper()
	return r.call(tb, sdkRequest{Do: "version", Module: module}).Version
}

func asRequest(tb testing.TB, do string, l library, d arrival, secret string) sdkRequest {
	tb.Helper()
	return sdkRequest{
		Do: do, Library: l.name(), Method: "POST", URL: d.URL,
		Headers: lowerNames(d.Headers), Body: d.bytes(tb), Secret: secret, At: d.at.UnixMilli(),
	}
}

// judge has a library verify a request.
func (r *sdkRunner) judge(tb testing.TB, l library, d arrival, secret string, accepts bool, what string) {
	tb.Helper()
	a := r.call(tb, asRequest(tb, "verify", l, d, secret))
	if a.Accepts != accepts {
		tb.Errorf("%s: %s accepts it: %t, want %t\n%s\n%s\n%s", what, l.module, a.Accepts, accepts, a.Why, d.Headers, d.bytes(tb))
	}
}

// sign has a library sign a delivery, and returns it with the secret that
// verifies it: for a pair that is the library's own.
func (r *sdkRunner) sign(tb testing.TB, l library, d arrival, secret string, at time.Time) (arrival, string) {
	tb.Helper()
	q := asRequest(tb, "sign", l, d, secret)
	q.At = at.UnixMilli()
	a := r.call(tb, q)
	headers := q.Headers
	for name, value := range a.Headers {
		headers[name] = value
		if value == "" {
			delete(headers, name)
		}
	}
	d.Headers = nil
	for name, value := range headers {
		d.Headers = append(d.Headers, [2]string{name, value})
	}
	if a.Body != nil {
		d.Body, d.BodyBase64 = string(a.Body), ""
	}
	return d, cmp.Or(a.Secret, secret)
}

// startNode starts the program for Node's libraries. Node looks for modules
// above a program, so it is put beside those that are installed.
func startNode(tb testing.TB) *sdkRunner {
	tb.Helper()
	path, dir := node(tb), tb.TempDir()
	programs, err := filepath.Glob(filepath.Join(sdkData, "node", "*.mjs"))
	if err != nil || len(programs) == 0 {
		tb.Fatalf("no programs in %s: %v", sdkData, err)
	}
	for _, name := range programs {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.Symlink(nodeModules(tb), filepath.Join(dir, "node_modules")); err != nil {
		tb.Fatal(err)
	}
	return &sdkRunner{process: startFor(tb, sdkTime, os.Environ(), path, filepath.Join(dir, "run.mjs"))}
}

// nodeModules finds what npm installed: where NODE_PATH says, or beside one of
// the two lists of versions.
func nodeModules(tb testing.TB) string {
	tb.Helper()
	places := append(filepath.SplitList(os.Getenv("NODE_PATH")),
		filepath.Join(sdkData, "node", "node_modules"), filepath.Join(testdata, "node_modules"))
	for _, place := range places {
		if info, err := os.Stat(place); err == nil && info.IsDir() {
			if place, err = filepath.Abs(place); err != nil {
				tb.Fatal(err)
			}
			return place
		}
	}
	missing(tb, "what npm ci --prefix testdata/crosscheck installs")
	return ""
}

// startGo builds and starts the program for Go's libraries. It is a module of
// its own, and fetches nothing.
func startGo(tb testing.TB) *sdkRunner {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "sdk")
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-o", path, ".")
	cmd.Dir = filepath.Join(sdkData, "go")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		missing(tb, fmt.Sprintf("what the Go libraries need (go mod download -C testdata/sdk/go): %s", out))
	}
	return &sdkRunner{process: startFor(tb, sdkTime, os.Environ(), path)}
}

// sdkTime is how long all libraries together may take on a busy machine.
const sdkTime = 10 * time.Minute
