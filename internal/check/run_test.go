package check_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/payload"
)

func asUnreachable(err error, target **check.UnreachableError) bool { return errors.As(err, target) }

func find(t testing.TB, r check.Report, id string) check.Result {
	t.Helper()
	i := slices.IndexFunc(r.Cases, func(c check.Result) bool { return c.ID == id })
	if i < 0 {
		t.Fatalf("no result for %s", id)
	}
	return r.Cases[i]
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	p := get(t, "slack")
	o := options(t, p, slackSecret(), &handler{})
	srv := httptest.NewServer(&handler{})
	srv.Close()
	o.URL = srv.URL
	_, err := check.Run(t.Context(), o)
	var away *check.UnreachableError
	if !asUnreachable(err, &away) || away.Kind != deliver.Refused {
		t.Errorf("err = %v, want that the connection was refused", err)
	}
}

// TestRefusesAll: an app that refuses everything does not pass, and none of its
// refusals counts.
func TestRefusesAll(t *testing.T) {
	t.Parallel()
	p := get(t, "slack")
	r := run(t, options(t, p, slackSecret(), &handler{fault: "refuses-all"}))
	if r.Passed || !strings.Contains(r.Opening, "the first valid sample was not accepted: 401") {
		t.Errorf("passed %v, %q", r.Passed, r.Opening)
	}
	for _, c := range r.Cases {
		proves := strings.HasPrefix(c.ID, "rejects-") || strings.HasPrefix(c.ID, "survives-")
		if proves && c.Status == check.Passed {
			t.Errorf("%s counts as passed", c.ID)
		}
	}
	only := options(t, p, slackSecret(), &handler{fault: "refuses-all"})
	only.Select = func(id string) bool { return id == "rejects-unsigned" }
	if r = run(t, only); r.Passed || find(t, r, "accepts-valid").Status != check.Failed {
		t.Errorf("asked for one rejection alone it passes: %+v", r)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	r := run(t, options(t, get(t, "slack"), slackSecret(), &handler{fault: "redirects"}))
	c := find(t, r, "answers-without-redirect")
	if r.Passed || c.Status != check.Failed || !strings.Contains(c.Actual, "301 Moved Permanently, to /elsewhere/") || !strings.Contains(r.Opening, "Providers do not follow redirects") {
		t.Errorf("%s %q, %q", c.Status, c.Actual, r.Opening)
	}
}

// TestRewritten: an app that verifies what it has written anew is told so, even
// where it refuses everything for that.
func TestRewritten(t *testing.T) {
	t.Parallel()
	inner := &handler{}
	spaces := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := read(r)
		// It signs over one space behind each colon and comma.
		canonical := bytes.ReplaceAll(bytes.ReplaceAll(payload.Compact(m.Body), []byte(`":`), []byte(`": `)), []byte(`,"`), []byte(`, "`))
		r.Body = http.NoBody
		if len(canonical) > 0 {
			r.Body = readCloser(canonical)
		}
		inner.ServeHTTP(w, r)
	})
	r := run(t, options(t, get(t, "slack"), slackSecret(), spaces))
	if !strings.Contains(r.Opening, "as Python's json.dumps does") || !strings.Contains(find(t, r, "accepts-valid").Fix, "raw bytes") {
		t.Errorf("opening %q, fix %q", r.Opening, find(t, r, "accepts-valid").Fix)
	}
}

type body struct{ *bytes.Reader }

func (body) Close() error { return nil }

func readCloser(b []byte) body { return body{bytes.NewReader(b)} }

// TestRestart: an app that was brought down is started again, so that what
// comes after is judged too.
func TestRestart(t *testing.T) {
	t.Parallel()
	h := &handler{fault: "dies-of-garbage"}
	var starts atomic.Int32
	o := options(t, get(t, "slack"), slackSecret(), h)
	o.Restart = func(context.Context) error {
		starts.Add(1)
		h.dead.Store(false)
		return nil
	}
	r := run(t, o)
	if got := failures(r); !slices.Equal(got, []string{"rejects-malformed-signature"}) || starts.Load() == 0 {
		t.Errorf("failed %v after %d starts", got, starts.Load())
	}
	if c := find(t, r, "rejects-malformed-signature"); !strings.Contains(c.Actual, "(it was started again)") || !strings.Contains(c.Fix, "catch what the handler throws") {
		t.Errorf("actual %q, fix %q", c.Actual, c.Fix)
	}
}

// TestDown: what comes after the case that brought the app down is not held
// against it.
func TestDown(t *testing.T) {
	t.Parallel()
	r := run(t, options(t, get(t, "slack"), slackSecret(), &handler{fault: "dies-of-garbage"}))
	c := find(t, r, "rejects-swapped-event")
	if c.Status != check.Skipped || c.Actual != "the app has not answered since rejects-malformed-signature" {
		t.Errorf("%s: %s", c.Status, c.Actual)
	}
}

// TestSlow: the requests of each hostile case go to a slow app together, with a
// valid sample after each. A case that brings it down is still named.
func TestSlow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   string
		restart bool
		want    []string
	}{
		"sound":            {want: nil},
		"sound-restart":    {restart: true, want: nil},
		"dies-and-restart": {fault: "dies-of-garbage", restart: true, want: []string{"rejects-malformed-signature"}},
		"dies":             {fault: "dies-of-garbage", want: []string{"alive-at-end", "rejects-malformed-signature"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inner := &handler{fault: test.fault}
			var first sync.Once
			o := options(t, get(t, "slack"), slackSecret(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				first.Do(func() { <-time.After(600 * time.Millisecond) })
				inner.ServeHTTP(w, r)
			}))
			if test.restart {
				o.Restart = func(context.Context) error { inner.dead.Store(false); return nil }
			}
			r := run(t, o)
			if got := failures(r); !slices.Equal(got, test.want) {
				t.Errorf("failed %v, want %v", got, test.want)
			}
			if test.fault != "" && !strings.Contains(find(t, r, "rejects-malformed-signature").Actual, "after it the app no longer accepts a valid sample") {
				t.Errorf("actual %q", find(t, r, "rejects-malformed-signature").Actual)
			}
		})
	}
}

func TestEffects(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]check.Status{"": check.Passed, "works-later": check.Passed, "not-idempotent": check.Failed} {
		h := &handler{fault: fault}
		o := options(t, get(t, "slack"), slackSecret(), h)
		o.Select = func(id string) bool { return id == "replays-once" }
		o.Effects = func(context.Context) (int, error) { return int(h.effects.Load()), nil }
		if c := find(t, run(t, o), "replays-once"); c.Status != want {
			t.Errorf("fault %q: %s: %s", fault, c.Status, c.Actual)
		}
	}
	o := options(t, get(t, "slack"), slackSecret(), &handler{})
	o.Select = func(id string) bool { return id == "replays-once" }
	o.Effects = func(context.Context) (int, error) { return 0, errors.New("no database") }
	if c := find(t, run(t, o), "replays-once"); c.Status != check.Failed || c.Actual != "the probe failed: no database" {
		t.Errorf("%s: %s", c.Status, c.Actual)
	}
}

// TestHangs: an app that leaves rejected requests without an answer fails those
// cases, and the run ends all the same.
func TestHangs(t *testing.T) {
	t.Parallel()
	inner := &handler{}
	done := make(chan struct{})
	hangs := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Slack-Signature") == "" {
			<-done
			return
		}
		inner.ServeHTTP(w, r)
	})
	o := options(t, get(t, "slack"), slackSecret(), hangs)
	t.Cleanup(func() { close(done) }) // before the server is closed, which waits for it
	o.Timeout = time.Second
	o.Select = func(id string) bool { return strings.HasPrefix(id, "rejects-") }
	r := run(t, o)
	if got := failures(r); !slices.Equal(got, []string{"rejects-empty-signature", "rejects-unsigned"}) {
		t.Errorf("failed %v", got)
	}
	if c := find(t, r, "rejects-unsigned"); !strings.Contains(c.Actual, "time-out: no answer within 1s") {
		t.Errorf("actual %q", c.Actual)
	}
}

// TestSerial: with Serial no two requests are open at once.
func TestSerial(t *testing.T) {
	t.Parallel()
	inner := &handler{}
	var open, most atomic.Int32
	counts := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := open.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer open.Add(-1)
		inner.ServeHTTP(w, r)
	})
	o := options(t, get(t, "slack"), slackSecret(), counts)
	o.Serial = true
	o.Select = func(id string) bool { return id != "survives-slow-client" && id != "answers-burst" }
	var told []string
	o.Observe = func(r check.Result) { told = append(told, r.ID) }
	r := run(t, o)
	if most.Load() != 1 || !r.Passed {
		t.Errorf("%d requests were open at once, passed %v", most.Load(), r.Passed)
	}
	if len(told) != len(r.Cases) || told[0] != "accepts-valid" || told[len(told)-1] != "alive-at-end" {
		t.Errorf("told %v", told)
	}
}

// TestFrameworks: the app's framework is recognised, and the fix is worded for
// it.
func TestFrameworks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header [2]string
		body   string
		want   string
	}{
		"express-by-header": {header: [2]string{"X-Powered-By", "Express"}, want: "Express"},
		"express-by-page":   {body: "<pre>Cannot GET /x</pre>", want: "Express"},
		"fastify":           {body: `{"message":"Route GET:/x not found","error":"Not Found","statusCode":404}`, want: "Fastify"},
		"next":              {header: [2]string{"X-Powered-By", "Next.js"}, want: "Next.js"},
		"flask":             {header: [2]string{"Server", "Werkzeug/3.0.1 Python/3.12.1"}, want: "Flask"},
		"fastapi":           {header: [2]string{"Server", "uvicorn"}, want: "FastAPI"},
		"django":            {body: "<code>DJANGO_SETTINGS_MODULE</code>", want: "Django"},
		"rails":             {header: [2]string{"X-Runtime", "0.01"}, want: "Rails"},
		"spring":            {body: `{"timestamp":"2026-01-01","status":404,"error":"Not Found","path":"/x"}`, want: "Spring"},
		"php":               {header: [2]string{"X-Powered-By", "PHP/8.2.1"}, want: "PHP"},
		"gunicorn":          {header: [2]string{"Server", "gunicorn"}, want: "Python"},
		"go":                {body: "404 page not found\n", want: "Go net/http"},
		"nothing":           {want: ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inner := &handler{fault: "reserialises"}
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.header[0] != "" {
					w.Header().Set(tt.header[0], tt.header[1])
				}
				if r.Method != http.MethodPost {
					w.WriteHeader(http.StatusNotFound)
					_, _ = w.Write([]byte(tt.body))
					return
				}
				inner.ServeHTTP(w, r)
			})
			o := options(t, get(t, "slack"), slackSecret(), h)
			o.Select = func(id string) bool { return id == "accepts-raw-body" || id == "survives-wrong-method" }
			r := run(t, o)
			if r.Framework != tt.want {
				t.Errorf("framework %q, want %q", r.Framework, tt.want)
			}
			if fix := find(t, r, "accepts-raw-body").Fix; tt.want == "Express" && !strings.Contains(fix, "express.raw") {
				t.Errorf("fix %q", fix)
			}
		})
	}
}

// TestGivesNothingAway: what an app says that it should not have said is told,
// but not repeated.
func TestGivesNothingAway(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"tells-signature", "tells-secret"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var said []string
			inner := &handler{fault: fault}
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rec := httptest.NewRecorder()
				inner.ServeHTTP(rec, r)
				mu.Lock()
				said = append(said, strings.Fields(rec.Body.String())...)
				mu.Unlock()
				maps.Copy(w.Header(), rec.Header())
				w.WriteHeader(rec.Code)
				_, _ = w.Write(rec.Body.Bytes())
			})
			o := options(t, get(t, "slack"), slackSecret(), h)
			var told []string
			o.Observe = func(r check.Result) { told = append(told, fmt.Sprintf("%+v", r)) }
			r := run(t, o)
			c := find(t, r, "hides-secret")
			text := fmt.Sprintf("%+v", r) + strings.Join(told, "\n")
			if c.Status != check.Failed || strings.Contains(text, secretText) {
				t.Errorf("%s: %s; the report holds the secret: %v", c.Status, c.Actual, strings.Contains(text, secretText))
			}
			for _, word := range said {
				if len(word) == 64 && strings.Contains(text, word) {
					t.Errorf("the report holds the signature %s", word)
				}
			}
		})
	}
}

// TestRoot: where the address is signed, one without a path is signed as the
// app sees it.
func TestRoot(t *testing.T) {
	t.Parallel()
	p := get(t, "twilio")
	secrets := secretOf(t, p)
	o := options(t, p, secrets, newApp(p, secrets))
	o.URL = strings.TrimSuffix(o.URL, p.Delivery.Path)
	o.Select = func(id string) bool { return strings.HasPrefix(id, "accepts-") }
	if r := run(t, o); !r.Passed || r.URL != o.URL {
		t.Errorf("%s: %s, failed %v", r.URL, r.Opening, failures(r))
	}
}
