package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// memory is a Store that forgets. fail, if set, is what Append says.
type memory struct {
	mu    sync.Mutex // guards the following
	all   []*webhook.Delivery
	fail  error
	tries map[string][]webhook.Attempt
	said  map[string]int
}

func (m *memory) Append(_ context.Context, d *webhook.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, o := range m.all {
		if d.EventID != "" && o.EventID == d.EventID {
			d.DuplicateOf = o.ID
			break
		}
	}
	m.all = append(m.all, d.Clone())
	return nil
}

func (m *memory) AddAttempt(_ context.Context, id string, a webhook.Attempt) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tries == nil {
		m.tries = map[string][]webhook.Attempt{}
	}
	m.tries[id] = append(m.tries[id], a)
	return nil
}

func (m *memory) SetResponse(_ context.Context, id string, status int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.said == nil {
		m.said = map[string]int{}
	}
	m.said[id] = status
	return nil
}

func (m *memory) deliveries() []*webhook.Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*webhook.Delivery(nil), m.all...)
}

// byHeader judges by what the test says in headers.
func byHeader(_ context.Context, d *webhook.Delivery, _ time.Time) judge.Outcome {
	d.Provider, d.EventID = d.Header.Get("T-Provider"), d.Header.Get("T-Event")
	d.Verification = webhook.Verification{Status: webhook.Verified}
	switch d.Header.Get("T-Verdict") {
	case "invalid":
		d.Verification = webhook.Verification{Status: webhook.Invalid, Reason: webhook.SignatureMismatch}
	case "unsigned":
		d.Verification = webhook.Verification{Status: webhook.Unsigned, Reason: webhook.SignatureMissing}
	case "unverified":
		d.Verification = webhook.Verification{Status: webhook.Unverified, Reason: webhook.SecretUnknown}
	}
	created, _ := time.Parse(time.RFC3339, d.Header.Get("T-Created"))
	if d.Provider == "other" {
		created = time.Time{}
	}
	return judge.Outcome{Order: created}
}

// A rig is a Server behind a real intake, and what it told.
type rig struct {
	*Server
	*memory
	url string

	mu     sync.Mutex // guards events
	events []Event
}

func (r *rig) told() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Event(nil), r.events...)
}

// newRig serves until the test ends. A test calls end before it looks at what
// was told.
func newRig(t *testing.T, set func(*Server)) (r *rig, end func()) {
	t.Helper()
	gen := &ids.Generator{}
	r = &rig{memory: &memory{}}
	in := &intake.Server{}
	r.Server = &Server{
		ReadBody: in.ReadBody, Judge: byHeader, Store: r.memory, NewID: gen.New, Now: time.Now,
		Observe: func(e Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
	}
	if set != nil {
		set(r.Server)
	}
	in.Handler = r.Server
	in.Refused = r.Refused
	ls, err := intake.Bind(t.Context(), listenAnywhere())
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- in.Serve(ls...) }()
	r.url = "http://" + ls[0].Addr().String()
	end = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := in.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		r.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	t.Cleanup(end)
	return r, end
}

// post sends a request with headers given as "Name: value" and returns status
// and body of the answer.
func post(t *testing.T, url, body string, headers ...string) (int, string) {
	t.Helper()
	resp := send(t, http.MethodPost, url, body, headers...)
	return resp.StatusCode, resp.Status
}

func send(t *testing.T, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	resp.Status = string(text) // the answer's body, so that a test has both
	return resp
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	script, err := ParseScript("500,200")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, verdict string
		policy        Policy
		status        int
		body          string
	}{
		{"verified", "", Policy{}, 200, "ok\n"},
		{"unverified", "unverified", Policy{}, 200, "ok\n"},
		{"invalid", "invalid", Policy{}, 401, "signature_mismatch\n"},
		{"unsigned", "unsigned", Policy{}, 401, "signature_missing\n"},
		{"accepted", "invalid", Policy{AcceptInvalid: true}, 200, "ok\n"},
		{"scripted", "", Policy{Script: script}, 500, "Internal Server Error\n"},
		{"scripted-invalid", "invalid", Policy{Script: script}, 401, "signature_mismatch\n"},
		{"body", "", Policy{Body: []byte(`{"a":1}`)}, 200, `{"a":1}`},
		{"empty-body", "", Policy{Body: []byte{}}, 200, ""},
		{"not-selected", "", Policy{Select: func(*webhook.Delivery) (bool, string) { return false, "" }}, 200, "ok\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, end := newRig(t, func(s *Server) { s.Policy = tt.policy })
			status, body := post(t, r.url+"/any/path", "x", "T-Verdict: "+tt.verdict)
			if status != tt.status || body != tt.body {
				t.Errorf("answer = %d %q, want %d %q", status, body, tt.status, tt.body)
			}
			end()
			kept := r.deliveries()
			if len(kept) != 1 || kept[0].Response == nil || kept[0].Response.Status != tt.status {
				t.Fatalf("kept = %+v, want one delivery with its answer", kept)
			}
			told := r.told()
			if len(told) != 1 || told[0].Kind != Stored || told[0].Delivery.ID != kept[0].ID {
				t.Errorf("told = %+v, want the delivery", told)
			}
			if tt.name == "not-selected" && told[0].Selected {
				t.Error("selected, though the policy says no")
			}
		})
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	r, end := newRig(t, nil)
	if resp := send(t, http.MethodGet, r.url+HealthPath, ""); resp.StatusCode != 200 || resp.Status != "ok\n" {
		t.Errorf("health = %d %q", resp.StatusCode, resp.Status)
	}
	post(t, r.url+HealthPath, "a webhook may go anywhere")
	end()
	if n := len(r.deliveries()); n != 1 {
		t.Errorf("%d captured, want the POST alone", n)
	}
}

// What cannot be stored is refused, said once, and taken again when it can.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	r, end := newRig(t, nil)
	r.memory.fail = fmt.Errorf("store delivery: %w", store.ErrNoSpace)
	for range 20 {
		resp := send(t, http.MethodPost, r.url, "x")
		if resp.StatusCode != 503 || resp.Status != "capture not stored: no space left\n" || resp.Header.Get("Retry-After") != "60" {
			t.Fatalf("answer = %d %q, Retry-After %q", resp.StatusCode, resp.Status, resp.Header.Get("Retry-After"))
		}
	}
	r.memory.mu.Lock()
	r.memory.fail = errors.New("something else")
	r.memory.mu.Unlock()
	if status, body := post(t, r.url, "x"); status != 503 || body != "capture not stored\n" {
		t.Errorf("another error = %d %q", status, body)
	}
	r.memory.mu.Lock()
	r.memory.fail = nil
	r.memory.mu.Unlock()
	if status, _ := post(t, r.url, "x"); status != 200 {
		t.Errorf("with space again = %d, want 200", status)
	}
	end()
	var notes []string
	for _, e := range r.told() {
		if e.Kind == Noted {
			notes = append(notes, e.Note)
		}
	}
	if len(notes) != 1 || notes[0] != "capture not stored: no space left; the sender got 503" {
		t.Errorf("notes = %q, want one", notes)
	}
	if got := r.Counts().NotStored.Load(); got != 21 {
		t.Errorf("%d counted as not stored, want 21", got)
	}
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	var q quiet
	start := time.Unix(1_700_000_000, 0)
	var said []string
	for i, at := range []time.Duration{0, time.Second, 9 * time.Second, 10 * time.Second, 11 * time.Second, 30 * time.Second} {
		if missed, ok := q.due(start.Add(at)); ok {
			said = append(said, fmt.Sprint(i, ":", missed))
		}
	}
	if got := strings.Join(said, " "); got != "0:0 3:2 5:1" {
		t.Errorf("said %s, want 0:0 3:2 5:1", got)
	}
}

func TestOutOfOrder(t *testing.T) {
	t.Parallel()
	r, end := newRig(t, nil)
	post(t, r.url, "x", "T-Provider: loopcanvas", "T-Event: forged", "T-Created: 2030-01-01T00:00:00Z", "T-Verdict: invalid")
	for _, d := range [][3]string{
		{"loopcanvas", "a", "2026-01-01T00:00:00Z"},
		{"loopcanvas", "b", "2026-01-01T00:00:02Z"},
		{"loopcanvas", "c", "2026-01-01T00:00:01Z"}, // late
		{"loopcanvas", "a", "2026-01-01T00:00:00Z"}, // again, not late
		{"loopcanvas", "d", "2026-01-01T00:00:02Z"}, // at the same time
		{"other", "e", "2026-01-01T00:00:02Z"},
		{"other", "f", "2026-01-01T00:00:01Z"}, // tells no order
		{"loopcanvas", "g", ""},
	} {
		post(t, r.url, "x", "T-Provider: "+d[0], "T-Event: "+d[1], "T-Created: "+d[2])
	}
	end()
	var late, again []string
	for _, e := range r.told() {
		if e.OutOfOrder {
			late = append(late, e.Delivery.EventID)
		}
		if e.Delivery.DuplicateOf != "" {
			again = append(again, e.Delivery.EventID)
		}
	}
	if fmt.Sprint(late, again) != "[c] [a]" {
		t.Errorf("late %v, duplicates %v, want [c] and [a]", late, again)
	}
}

// app is an endpoint that remembers what it got.
type app struct {
	*httptest.Server
	mu  sync.Mutex // guards got
	got []*http.Request
}

func newApp(t *testing.T, status int, body string) *app {
	a := &app{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(sent))
		a.mu.Lock()
		a.got = append(a.got, r)
		a.mu.Unlock()
		w.Header().Set("X-App", body)
		w.Header().Set("Keep-Alive", "timeout=1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(a.Close)
	return a
}

func forwarder(t *testing.T, targets ...string) *Forwarder {
	f := &Forwarder{Client: deliver.New(time.Now, deliver.Options{}), Mark: "mark-" + t.Name()}
	t.Cleanup(f.Client.Close)
	for _, to := range targets {
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		f.Targets = append(f.Targets, Target{URL: u})
	}
	return f
}

func TestForward(t *testing.T) {
	t.Parallel()
	good, bad := newApp(t, 201, "made"), newApp(t, 418, "teapot")
	gone := newApp(t, 200, "")
	gone.Close()
	for _, tt := range []struct {
		name    string
		targets []string
		status  int
		body    string
		tries   string
	}{
		{"one", []string{good.URL}, 201, "made", "201"},
		{"first-that-is-not-2xx", []string{good.URL, bad.URL}, 418, "teapot", "201 418"},
		{"else-the-first", []string{good.URL, good.URL + "/other"}, 201, "made", "201 201"},
		{"nobody-there", []string{gone.URL}, 502, "the app gave no answer\n", "-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, end := newRig(t, func(s *Server) { s.Forward = forwarder(t, tt.targets...) })
			resp := send(t, http.MethodPut, r.url+"/p%2Fq//?a=1&b", "the body",
				"X-Two: 1", "X-Two: 2", "Connection: close, X-Hop", "X-Hop: 1", "X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6",
				"X-Forwarded-User: admin", "X_Forwarded_For: 6.6.6.6")
			if resp.StatusCode != tt.status || resp.Status != tt.body {
				t.Errorf("answer = %d %q, want %d %q", resp.StatusCode, resp.Status, tt.status, tt.body)
			}
			if tt.tries != "-" && (resp.Header.Get("X-App") == "" || resp.Header.Get("Keep-Alive") != "") {
				t.Errorf("headers of the answer = %v, want the app's end-to-end ones", resp.Header)
			}
			end()
			d := r.deliveries()[0]
			var tries []string
			for _, a := range r.memory.tries[d.ID] {
				if a.Response == nil {
					tries = append(tries, "-")
					continue
				}
				tries = append(tries, fmt.Sprint(a.Response.Status))
			}
			if got := strings.Join(tries, " "); got != tt.tries || r.memory.said[d.ID] != tt.status {
				t.Errorf("attempts kept = %s, answer %d, want %s and %d", got, r.memory.said[d.ID], tt.tries, tt.status)
			}
			if told := r.told(); len(told) != 1+len(tt.targets) || told[0].Kind != Stored || told[1].Kind != Attempted {
				t.Errorf("told = %+v", told)
			}
		})
	}
	r := good.got[0]
	body, _ := io.ReadAll(r.Body)
	if r.Method != "PUT" || r.RequestURI != "/p%2Fq//?a=1&b" || string(body) != "the body" || fmt.Sprint(r.Header["X-Two"]) != "[1 2]" {
		t.Errorf("the app got %s %s %q %v", r.Method, r.RequestURI, body, r.Header)
	}
	for name, want := range map[string]string{
		"X-Hop": "[]", "Forwarded": "[]", "X-Forwarded-For": "[127.0.0.1]", "X-Forwarded-Proto": "[http]", "Connection": "[]",
		"X-Forwarded-User": "[]", "X_forwarded_for": "[]",
	} {
		if got := fmt.Sprint(r.Header[name]); got != want {
			t.Errorf("the app got %s %s, want %s", name, got, want)
		}
	}
	if r.Host != strings.TrimPrefix(good.URL, "http://") || !strings.HasPrefix(r.Header.Get("X-Forwarded-Host"), "127.0.0.1:") {
		t.Errorf("the app got Host %s and X-Forwarded-Host %s", r.Host, r.Header.Get("X-Forwarded-Host"))
	}
}

func TestForwardChoices(t *testing.T) {
	t.Parallel()
	a := newApp(t, 200, "ok")
	verdict := func(headers ...string) int {
		a.mu.Lock()
		before := len(a.got)
		a.mu.Unlock()
		r, end := newRig(t, func(s *Server) {
			s.Forward = forwarder(t, a.URL+"/hook?token=1")
			s.Forward.PreserveHost = true
			s.Forward.Targets[0].Matches = func(d *webhook.Delivery) bool { return d.Provider != "skip" }
			s.Policy.Select = func(d *webhook.Delivery) (bool, string) { return d.EventID != "hide", "" }
			s.Policy.AcceptInvalid = d(headers) == "T-Accept: 1"
		})
		post(t, r.url+"/path?q=2", "x", headers...)
		end()
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.got) - before
	}
	for _, tt := range []struct {
		headers []string
		want    int
	}{
		{nil, 1},
		{[]string{"T-Verdict: unverified"}, 1},
		{[]string{"T-Verdict: invalid"}, 0},
		{[]string{"T-Verdict: invalid", "T-Accept: 1"}, 1},
		{[]string{"T-Provider: skip"}, 0},
		{[]string{"T-Event: hide"}, 0},
	} {
		if got := verdict(tt.headers...); got != tt.want {
			t.Errorf("%v: forwarded %d times, want %d", tt.headers, got, tt.want)
		}
	}
	if got := a.got[0]; got.RequestURI != "/hook?token=1&q=2" || got.Host == strings.TrimPrefix(a.URL, "http://") {
		t.Errorf("the app got %s at host %s, want the target's path, both queries, the sender's host", got.RequestURI, got.Host)
	}
}

// d is the last header, "" if there is none.
func d(headers []string) string {
	if len(headers) == 0 {
		return ""
	}
	return headers[len(headers)-1]
}

// A request that goes in a circle is answered after one turn, and what reaches
// an app through another listener carries both marks.
func TestLoop(t *testing.T) {
	t.Parallel()
	var r *rig
	var end func()
	r, end = newRig(t, func(s *Server) { s.Forward = forwarder(t, "http://placeholder") })
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		resp := send(t, http.MethodPost, r.url, "", LoopHeader+": "+strings.Join(req.Header[LoopHeader], ", "))
		if marks := req.Header[LoopHeader]; len(marks) == 2 && marks[0] == "another" {
			w.Header().Set("X-Marked", "yes")
		}
		w.WriteHeader(resp.StatusCode)
	}))
	defer back.Close()
	r.Forward.Targets[0].URL, _ = url.Parse(back.URL)
	resp := send(t, http.MethodPost, r.url, "x", LoopHeader+": another")
	if resp.Header.Get("X-Marked") != "yes" || resp.StatusCode != 508 {
		t.Errorf("answer = %d, marks kept: %q; want 508 after one turn", resp.StatusCode, resp.Header.Get("X-Marked"))
	}
	if again := send(t, http.MethodPost, r.url, "x", LoopHeader+": "+r.Forward.Mark); again.StatusCode != 508 {
		t.Errorf("our own mark = %d, want 508", again.StatusCode)
	}
	end()
	var refused int
	for _, e := range r.told() {
		if e.Kind == Refused && e.Refusal.Reason == "loop" {
			refused++
		}
	}
	if refused != 2 || len(r.deliveries()) != 1 {
		t.Errorf("%d refusals told and %d captured, want 2 and 1", refused, len(r.deliveries()))
	}
}

// A rehearsed failure goes to the sender, and the app gets the delivery all
// the same.
func TestForwardBehindScript(t *testing.T) {
	t.Parallel()
	a := newApp(t, 200, "ok")
	script, err := ParseScript("503")
	if err != nil {
		t.Fatal(err)
	}
	r, end := newRig(t, func(s *Server) { s.Forward, s.Policy.Script = forwarder(t, a.URL), script })
	if status, _ := post(t, r.url, "x"); status != 503 {
		t.Errorf("answer = %d, want 503", status)
	}
	end()
	if len(a.got) != 1 || r.Counts().Forwarded.Load() != 1 {
		t.Errorf("the app got %d, %d counted, want 1", len(a.got), r.Counts().Forwarded.Load())
	}
}

// What arrives, is kept and reaches an app is the same, whatever it is.
func TestFidelity(t *testing.T) {
	t.Parallel()
	a := newApp(t, 204, "")
	r, end := newRig(t, func(s *Server) { s.Forward = forwarder(t, a.URL) })
	sent := generated(500)
	for i, raw := range sent {
		if status := exchange(t, strings.TrimPrefix(r.url, "http://"), raw.wire()); status != 204 {
			t.Fatalf("request %d: %d\n%.500q", i, status, raw.wire())
		}
	}
	end()
	kept := r.deliveries()
	if len(kept) != len(sent) || len(a.got) != len(sent) {
		t.Fatalf("%d sent, %d kept, %d at the app", len(sent), len(kept), len(a.got))
	}
	for i, want := range sent {
		want.compare(t, i, kept[i], a.got[i])
	}
}
