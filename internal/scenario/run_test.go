package scenario_test

import (
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

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scenario"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// place is an app, a listener that the app can call, and all that a scenario
// touches besides.
type place struct {
	t     *testing.T
	world scenario.World
	app   *httptest.Server

	mu       sync.Mutex // guards the following
	requests []*http.Request
	bodies   []string
	kept     int
}

// captures are what the app has sent.
type captures chan *webhook.Delivery

func (c captures) Next(ctx context.Context) (*webhook.Delivery, error) {
	select {
	case d := <-c:
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c captures) Poll(context.Context) (*webhook.Delivery, error) {
	select {
	case d := <-c:
		return d, nil
	default:
		return nil, nil
	}
}

func newPlace(t *testing.T, answer http.HandlerFunc) *place {
	t.Helper()
	catalogue, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t}
	p.app = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		p.requests, p.bodies = append(p.requests, r), append(p.bodies, string(b))
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.app.Close)
	var gen ids.Generator
	p.world = scenario.World{
		Now: time.Now, Client: deliver.New(time.Now, deliver.Options{}), NewID: gen.New, IsProvider: catalogue.Has,
		Variable: func(name string) (string, error) {
			if name == "MINE" {
				return "my own", nil
			}
			return "", errors.New("no variable " + name)
		},
		File: func(of, name string) ([]byte, error) { return []byte("file " + of + " " + name), nil },
		Provider: func(_ context.Context, name string, types []string, data []byte) (*provider.Provider, error) {
			if name != "" {
				return catalogue.Get(name)
			}
			found, err := outgoing.Choose(catalogue, types, data, func(string) bool { return false })
			if err != nil {
				return nil, err
			}
			return catalogue.Get(found[0])
		},
		Target: func(typed string, _ *provider.Provider) (*url.URL, error) {
			if typed == "" {
				typed = p.app.URL
			}
			return address.ParseURL(typed)
		},
		Signer: func(_ context.Context, q *provider.Provider, _ *url.URL, secret string, unsigned bool) (*outgoing.Signer, error) {
			if unsigned {
				return outgoing.NewSigner(q)
			}
			return outgoing.NewSigner(q, provider.NamedSecret{Name: "x", Secret: safetext.NewSecret(secret + "s3cret")})
		},
		Keep:     func(context.Context, *webhook.Delivery) { p.kept++ },
		Captures: make(captures, 64), Listen: "http://listener.test",
		Vars: map[string]string{},
	}
	t.Cleanup(p.world.Client.Close)
	return p
}

// run runs the first scenario of a file.
func (p *place) run(file string) (*scenario.Result, error) {
	p.t.Helper()
	list, problems := scenario.Parse("f.yaml", []byte(file))
	if len(problems) > 0 {
		p.t.Fatal(problems)
	}
	return scenario.Run(p.t.Context(), p.world, list[0], func(*scenario.StepResult) {})
}

// story writes a result on one line.
func story(r *scenario.Result) string {
	var parts []string
	for _, st := range r.Steps {
		text := string(st.Status)
		for _, f := range st.Failures {
			text += fmt.Sprintf(" [%d:%d %s]", f.At.Line, f.At.Column, f.Text)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func TestLinks(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Order", "o_7")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"order":{"id":42,"items":["a","b"]}}`)
	})
	r, err := p.run(`
vars: {size: "1920", who: '${env.MINE}'}
provider: canvelete
steps:
- send: render.completed
  as: first
  set: {data.metadata.width: '${size}'}
  headers: {X-Who: '${who}', User-Agent: }
- send: design.created
  id: evt_second
  set: {data.designId: '${first.body.data.designId}', data.width: '${first.body.data.metadata.width}'}
- send: render.failed
  set-new: {data.order: '${first.answer.body.order.id}', data.all: {x: '${first.answer.body.order}', y: [1.50, true]}}
- data: ${first.body}
  send:
  headers: {X-Order: '${first.answer.headers.X-Order} ${first.answer.status} $${x} ${first.event_type}'}
- request: PUT ${first.url}/sub
  data: {n: '${first.answer.body.order.id}', s: 'n=${first.answer.body.order.id}', w: '${size}', l: '${listen}'}
- request: POST ${first.url}
  data: '@some/file'
`)
	if err != nil || !r.Passed {
		t.Fatalf("%v: %s", err, story(r))
	}
	first := p.bodies[0]
	if !strings.Contains(first, `"width":1920`) || p.requests[0].Header.Get("X-Who") != "my own" || p.requests[0].Header.Get("User-Agent") != "" {
		t.Errorf("first: %s %v", first, p.requests[0].Header)
	}
	_, design, _ := strings.Cut(first, `"designId":"`)
	design, _, _ = strings.Cut(design, `"`)
	if b := p.bodies[1]; !strings.Contains(b, `"eventId":"evt_second"`) || !strings.Contains(b, `"designId":"`+design+`"`) || !strings.Contains(b, `"width":1920`) {
		t.Errorf("second: %s", b)
	}
	if b := p.bodies[2]; !strings.Contains(b, `"order":42`) && !strings.Contains(b, `"order": 42`) ||
		!strings.Contains(b, `{"x":{"id":42,"items":["a","b"]},"y":[1.50,true]}`) {
		t.Errorf("third: %s", b)
	}
	if p.bodies[3] != first || p.requests[3].Header.Get("X-Order") != "o_7 201 ${x} render.completed" {
		t.Errorf("fourth: %s %v", p.bodies[3], p.requests[3].Header)
	}
	if p.bodies[4] != `{"n":42,"s":"n=42","w":"1920","l":"http://listener.test"}` || p.requests[4].URL.Path != "/sub" || p.requests[4].Method != "PUT" ||
		p.requests[4].Header.Get("Content-Type") != "application/json" {
		t.Errorf("fifth: %s %v", p.bodies[4], p.requests[4])
	}
	if p.bodies[5] != "file f.yaml some/file" {
		t.Errorf("sixth: %s", p.bodies[5])
	}
	if p.kept != 4 {
		t.Errorf("%d kept, want what was sent as an event", p.kept)
	}
}

func TestExpectations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ step, want string }{
		"nothing-said":  {"request: GET ${listen}/200", "passed"},
		"not-2xx":       {"request: GET ${listen}/503", "failed [0:0 status: wanted 2xx, got 503]"},
		"status":        {"request: GET ${listen}/404\n  expect: {status: [2xx, 404]}", "passed"},
		"wrong-status":  {"request: GET ${listen}/200\n  expect: {status: 4xx}", "failed [3:20 status: wanted 4xx, got 200]"},
		"header":        {"request: GET ${listen}/200\n  expect: {headers: {content-type: application/json*}}", "passed"},
		"wrong-header":  {"request: GET ${listen}/200\n  expect: {headers: {X-None: '*'}}", "failed [3:30 header X-None: wanted *, got nothing]"},
		"contains":      {"request: GET ${listen}/200\n  expect: {body: paid}", "passed"},
		"contains-not":  {"request: GET ${listen}/200\n  expect: {body: {contains: open}}", `failed [3:29 body: wanted one that contains "open", got {"state":"paid","n":[1,2]}\n]`},
		"equals":        {"request: GET ${listen}/200\n  expect: {body: {equals: '{\"state\":\"paid\",\"n\":[1,2]}', matches: '\"n\":\\[\\d'}}", "passed"},
		"where":         {"request: GET ${listen}/200\n  expect: {where: {state: paid, 'n[1]': 2}}", "passed"},
		"where-list":    {"request: GET ${listen}/200\n  expect: {where: [state!=open, 'n[*]=2'], filter: '.n | length == 2'}", "passed"},
		"where-not":     {"request: GET ${listen}/200\n  expect: {where: {state: open, none: 1}}", "failed [3:27 state: wanted open, got \"paid\"] [3:39 none: wanted 1, got nothing there]"},
		"where-not-not": {"request: GET ${listen}/200\n  expect: {where: [state!=paid]}", "failed [3:20 state: wanted anything but paid, got \"paid\"]"},
		"no-json":       {"request: GET ${listen}/text\n  expect: {where: {a: 1}}", "failed [3:23 a: wanted 1, got no JSON: \\x1b[2Jhello]"},
		"filter":        {"request: GET ${listen}/200\n  expect: {filter: '.n | length > 5'}", "failed [3:20 filter .n | length > 5 does not hold]"},
		"slow":          {"request: GET ${listen}/slow\n  expect: {within: 1ms}", "failed [3:12 time: wanted at most 1ms, took"},
		"until":         {"request: GET ${listen}/later\n  until: 20s", "passed"},
		"nobody":        {"request: GET http://127.0.0.1:1/", "failed [0:0 no answer: connection refused"},
		"no-such-field": {"request: GET ${listen}/200\n  as: a\n- request: GET ${listen}/${a.answer.body.m}", "passed; failed [4:12 ${a.answer.body.m}: the body has no m: "},
		"variable":      {"request: GET ${listen}/${env.NONE}", "failed [2:12 ${env.NONE}: no variable NONE]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, answers())
			p.world.Listen = p.app.URL
			r, err := p.run("steps:\n- " + c.step + "\n")
			if err != nil || !strings.HasPrefix(story(r), c.want) || r.Passed == strings.Contains(c.want, "failed") {
				t.Errorf("%v: %s, want %s", err, story(r), c.want)
			}
		})
	}
}

// answers is an app that does as its paths say.
func answers() http.HandlerFunc {
	var mu sync.Mutex
	asked := 0
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		status := http.StatusOK
		switch r.URL.Path {
		case "/text":
			_, _ = io.WriteString(w, "\x1b[2Jhello")
			return
		case "/slow":
			<-time.After(20 * time.Millisecond)
		case "/later":
			mu.Lock()
			if asked++; asked < 3 {
				status = http.StatusNotFound
			}
			mu.Unlock()
		default:
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "{\"state\":\"paid\",\"n\":[1,2]}\n")
	}
}

func TestSignaturesAndFaults(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("X-Sketchpen-Signature"))
	})
	r, err := p.run(`
provider: sketchpen
secret: a-
steps:
- {send: video.completed, seed: 1}
- {send: video.completed, seed: 1, secret: b-}
- {send: video.completed, seed: 1, unsigned: true}
- {send: video.completed, seed: 1, tamper: body}
- {send: video.completed, seed: 1, age: 1h}
- {send: [video.completed, video.failed], seed: 1, duplicate: 2, shuffle: true}
- {send: [video.completed, video.failed], duplicate: 4, together: true, chunked: true}
`)
	if err != nil || !r.Passed {
		t.Fatalf("%v: %s", err, story(r))
	}
	signature := func(i int) string { return p.requests[i].Header.Get("X-Sketchpen-Signature") }
	if signature(0) == "" || signature(0) == signature(1) || signature(2) != "" || p.bodies[3] == p.bodies[0] || p.bodies[1] != p.bodies[0] {
		t.Errorf("signatures %q %q %q", signature(0), signature(1), signature(2))
	}
	age := func(i int) int64 {
		var n int64
		_, _ = fmt.Sscan(p.requests[i].Header.Get("X-Sketchpen-Timestamp"), &n)
		return n
	}
	if d := age(0) - age(4); d < 3590 || d > 3610 {
		t.Errorf("an hour old: %d seconds", d)
	}
	if n := len(r.Steps[5].Sent); n != 6 {
		t.Errorf("%d sent, want 6", n)
	}
	if n := len(r.Steps[6].Sent); n != 10 {
		t.Errorf("%d sent together, want 10", n)
	}
	for _, st := range r.Steps {
		for _, d := range st.Sent {
			if len(d.Attempts) != 1 || !d.Delivered() {
				t.Errorf("%s: %+v", d.ID, d.Attempts)
			}
		}
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	n := 0
	p := newPlace(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	r, err := p.run("steps: [{send: user.created, provider: generic, retry: true, time-scale: 10000}]")
	if err != nil || !r.Passed || len(r.Steps[0].Sent[0].Attempts) != 3 {
		t.Errorf("%v: %s", err, story(r))
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ come, steps, want string }{
		"one":          {"a", "{receive: a}", "passed"},
		"claimed-once": {"a", "{receive: a}, {receive: a, within: 10ms}", "passed; failed [1:33 expected 1 of a within 10ms: none came]"},
		"any-order":    {"b a", "{receive: a}, {receive: b}", "passed; passed"},
		"in-order":     {"a b", "{receive: a, as: x}, {receive: b, after: x}", "passed; passed"},
		"out-of-order": {"b a", "{receive: a, as: x}, {receive: b, after: x, within: 10ms}", "passed; failed"},
		"count":        {"a b a", "{receive: a, count: 2}, {receive: b}", "passed; passed"},
		"too-few":      {"a b", "{receive: a, count: 2, within: 10ms}", "failed [1:19 expected 2 of a within 10ms: 1 came]"},
		"absent":       {"a", "{receive: b, absent: true, within: 10ms}", "passed"},
		"not-absent":   {"a b", "{receive: b, absent: true}", "failed [1:19 expected none of b: 1 came]"},
		"exactly":      {"a a", "{receive: a, exactly: 2, within: 10ms}", "passed"},
		"too-many":     {"a a a", "{receive: a, exactly: 2}", "failed [1:19 expected exactly 2 of a within 10s: 3 came]"},
		"verified":     {"a", "{receive: a, verified: true, within: 10ms}", "failed"},
		"provider":     {"a", "{receive: a, provider: stripe, within: 10ms}", "failed"},
		"where":        {"a", "{receive: a, where: {n: 1}, filter: .n == 1}", "passed"},
		"where-not":    {"a", "{receive: a, where: {n: 2}, within: 10ms}", "failed"},
		"link":         {"a b", "{receive: a, as: x}, {receive: b, where: {n: '${x.body.n}'}}", "passed; passed"},
		"link-nothing": {"", "{receive: a, absent: true, as: x, within: 10ms}, {wait: 1ms}, {receive: '${x.event_type}'}", "passed; passed; failed [1:81 ${x.event_type}: nothing came in the step x]"},
		"skipped":      {"", "{receive: a, within: 10ms}, {wait: 1h}", "failed [1:19 expected 1 of a within 10ms: none came]; skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(http.ResponseWriter, *http.Request) {})
			src := make(captures, 16)
			p.world.Captures = src
			src <- &webhook.Delivery{ID: "dlv_0", EventType: "a"} // before the scenario began
			list, problems := scenario.Parse("f.yaml", []byte("steps: ["+c.steps+"]"))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			p.world.Captures = &later{captures: src, come: strings.Fields(c.come)}
			r, err := scenario.Run(t.Context(), p.world, list[0], func(*scenario.StepResult) {})
			if err != nil || !strings.HasPrefix(story(r), c.want) {
				t.Errorf("%v: %s, want %s", err, story(r), c.want)
			}
		})
	}
}

// later lets captures come once those from before the scenario are discarded.
type later struct {
	captures
	come []string
}

func (l *later) Next(ctx context.Context) (*webhook.Delivery, error) {
	for _, kind := range l.come {
		l.captures <- &webhook.Delivery{ID: "dlv_1", EventType: kind, Body: []byte(`{"n":1}`)}
	}
	l.come = nil
	return l.captures.Next(ctx)
}

// Mistakes that show beside the providers are found before anything is sent.
func TestCheck(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	for name, c := range map[string]struct{ file, want string }{
		"fine":        {"vars: {v: x}\nsteps: [{send: '${v}'}, {send: render.completed, set: {data.status: x}, set-new: {y: 1}}, {receive: a, provider: stripe}]", ""},
		"event":       {"steps: [{send: render.complted}]", "1:16: "},
		"of-provider": {"provider: stripe\nsteps: [{send: render.completed}]", "2:16: "},
		"provider":    {"provider: stripee\nsteps: [{send: render.completed}]", "1:11: "},
		"own":         {"steps: [{send: render.completed, provider: stripee}]", "1:44: "},
		"receive":     {"steps: [{receive: a, provider: stripee}]", "1:19: "},
		"field":       {"steps: [{send: render.completed, set: {data.designID: x}}]", "1:40: the body has no field $.data.designID; did you mean $.data.designId?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, problems := scenario.Parse("f.yaml", []byte(c.file))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			problems = scenario.Check(t.Context(), p.world, list[0])
			if c.want == "" && len(problems) == 0 {
				return
			}
			if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), "f.yaml:"+c.want) {
				t.Errorf("Check = %v, want %s", problems, c.want)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(http.ResponseWriter, *http.Request) {})
	for _, step := range []string{"{wait: 1h}", "{receive: a, within: 1h}", "{request: GET http://127.0.0.1:1, until: 1h}"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		list, problems := scenario.Parse("f.yaml", []byte("steps: ["+step+"]"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if _, err := scenario.Run(ctx, p.world, list[0], func(*scenario.StepResult) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: err = %v", step, err)
		}
		cancel()
	}
}
