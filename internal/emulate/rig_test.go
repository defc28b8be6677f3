package emulate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/provider"
)

// catalogue is loaded once for all tests.
var catalogue = sync.OnceValues(func() (*provider.Catalogue, error) { return provider.Load() })

// A stopped clock shows the same real time until it is put forward.
type stopped struct {
	mu sync.Mutex // guards the following
	at time.Time
}

func (c *stopped) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *stopped) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// start is when the tests take place.
func start() time.Time { return time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC) }

// A rig is an emulator that runs, with the server in front of it.
type rig struct {
	t     testing.TB
	s     *Server
	front *httptest.Server
	real  *stopped
	dir   string
	end   func() // ends the run and closes the directory

	mu     sync.Mutex // guards the following
	events []Event
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	return openRig(t, t.TempDir(), &stopped{at: start()}, change)
}

func openRig(t testing.TB, dir string, real *stopped, change func(*Config)) *rig {
	t.Helper()
	c, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, real: real, dir: dir}
	cfg := Config{
		Catalogue: c, Now: real.now, Dir: dir, Relaxed: true, Reach: DefaultReach(true),
		ReadBody: func(r *http.Request) ([]byte, func(), error) {
			body, err := io.ReadAll(r.Body)
			return body, func() {}, err
		},
		Observe: func(e Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
	}
	if change != nil {
		change(&cfg)
	}
	if cfg.Client == nil {
		cfg.Client = deliver.New(cfg.Now, deliver.Options{Allow: cfg.Reach.Check})
	}
	if r.s, err = Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	r.front = httptest.NewServer(r.s)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { r.s.Run(ctx) })
	r.end = sync.OnceFunc(func() {
		r.front.Close()
		cancel()
		r.s.Abort()
		work.Wait()
		if err := r.s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		cfg.Client.Close()
	})
	t.Cleanup(r.end)
	return r
}

// answer is what an API said.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) decode(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// call calls an API; header lines follow the body.
func (r *rig) call(method, path, body string, header ...string) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.front.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if req.Header.Set(name, value); name == "Host" {
			req.Host = value
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// want is call for a status that has to come.
func (r *rig) want(status int, method, path, body string, header ...string) answer {
	r.t.Helper()
	a := r.call(method, path, body, header...)
	if a.status != status {
		r.t.Fatalf("%s %s = %d, want %d\n%s", method, path, a.status, status, a.body)
	}
	return a
}

// register registers an endpoint through the control API and returns its id.
func (r *rig) register(providerID, url string) string {
	r.t.Helper()
	var e struct{ ID string }
	r.want(201, "POST", "/_hooks/endpoints", fmt.Sprintf(`{"provider":%q,"url":%q}`, providerID, url)).decode(r.t, &e)
	return e.ID
}

// advance puts the clock forward and waits for what came due.
func (r *rig) advance(d time.Duration) {
	r.t.Helper()
	if err := r.s.Advance(r.t.Context(), d); err != nil {
		r.t.Fatal(err)
	}
}

// settle waits until nothing is due.
func (r *rig) settle() { r.advance(0) }

// deliveries lists what was delivered, oldest first.
func (r *rig) deliveries(query string) []deliveryView {
	r.t.Helper()
	var out struct{ Deliveries []deliveryView }
	r.want(200, "GET", "/_hooks/deliveries?limit=1000&"+query, "").decode(r.t, &out)
	for i, k := 0, len(out.Deliveries)-1; i < k; i, k = i+1, k-1 {
		out.Deliveries[i], out.Deliveries[k] = out.Deliveries[k], out.Deliveries[i]
	}
	return out.Deliveries
}

// An app takes deliveries and answers with its statuses in turn, the last one
// for the rest.
type app struct {
	*httptest.Server

	mu       sync.Mutex // guards the following
	statuses []int
	header   http.Header // of the answers
	got      []arrival
	hang     chan struct{} // answers wait for it, if it is not nil
	clock    func() time.Time
}

type arrival struct {
	at     time.Time // by the clock of retries
	method string
	path   string
	target string
	header http.Header
	body   []byte
}

func newApp(t testing.TB, statuses ...int) *app {
	t.Helper()
	a := &app{statuses: append(statuses, 200)[:max(1, len(statuses))], clock: time.Now}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.got = append(a.got, arrival{a.clock(), r.Method, r.URL.Path, r.RequestURI, r.Header.Clone(), body})
	status, hang := a.statuses[0], a.hang
	if len(a.statuses) > 1 {
		a.statuses = a.statuses[1:]
	}
	maps.Copy(w.Header(), a.header)
	a.mu.Unlock()
	if hang != nil {
		<-hang
	}
	w.WriteHeader(status)
}

func (a *app) arrivals() []arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]arrival(nil), a.got...)
}

// await waits until n deliveries have arrived.
func (a *app) await(t testing.TB, n int) []arrival {
	t.Helper()
	limit := time.After(30 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if got := a.arrivals(); len(got) >= n {
			return got
		}
		select {
		case <-limit:
			t.Fatalf("%d deliveries arrived, want %d", len(a.arrivals()), n)
		case <-tick.C:
		}
	}
}

// field reads a text at a path of names in a JSON body.
func field(t testing.TB, body []byte, path ...string) any {
	t.Helper()
	var v any
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}
