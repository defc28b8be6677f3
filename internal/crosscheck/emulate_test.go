package crosscheck

import (
	"encoding/json"
	"fmt"
	"image"
	_ "image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// emulator starts hooks emulate and returns it with its URL. Its output is read
// by whoever wants to.
func (h home) emulator(tb testing.TB, args ...string) (p *process, url string) {
	tb.Helper()
	p = start(tb, h.env, h.path, append([]string{"emulate", "--listen", ":0", "--json"}, args...)...)
	var ready struct{ URL string }
	if err := json.Unmarshal([]byte(p.line(tb)), &ready); err != nil || ready.URL == "" {
		tb.Fatalf("hooks emulate is not ready: %v", err)
	}
	return p, ready.URL
}

// drain reads what a program goes on to print, so that it is never held up.
func (p *process) drain() {
	for p.lines.Scan() {
	}
}

// control calls an API with JSON.
func control(tb testing.TB, method, url, body string, into any) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, url, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	var doc json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil || resp.StatusCode >= 300 {
		tb.Fatalf("%s %s = %s %s %v", method, url, resp.Status, doc, err)
	}
	if into != nil {
		if err := json.Unmarshal(doc, into); err != nil {
			tb.Fatalf("%v in %s", err, doc)
		}
	}
}

// A handled is one delivery as the apps of integration.js and integration.py
// tell it.
type handled struct {
	Provider, ID, Type, Download string
	At                           float64
	Status                       int
	Acted                        bool
}

// integration starts the app of a language towards an emulator and returns it
// with its address.
func (i interpreter) integration(tb testing.TB, emulator string) (p *process, address string) {
	tb.Helper()
	env := append(os.Environ(), "WEBHOOK_SECRET="+secret, "EMULATOR_URL="+emulator, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1", "NO_PROXY=*")
	p = start(tb, env, i.web(tb), filepath.Join(testdata, i.program("integration")))
	var ready struct{ Address string }
	if err := json.Unmarshal([]byte(p.line(tb)), &ready); err != nil || ready.Address == "" {
		tb.Fatalf("the app is not ready: %v\n%s", err, p.said)
	}
	return p, ready.Address
}

// handled returns the next n deliveries of an app.
func (p *process) handled(tb testing.TB, n int) []handled {
	tb.Helper()
	out := make([]handled, n)
	for i := range out {
		if err := json.Unmarshal([]byte(p.line(tb)), &out[i]); err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

// An attempted is one attempt as hooks emulate tells it.
type attempted struct {
	Kind          string
	EventID       string    `json:"event_id"`
	NextAttemptAt time.Time `json:"next_attempt_at"`
	At            time.Time
}

// attempts returns the next n attempts to deliver an event.
func (p *process) attempts(tb testing.TB, event string, n int) []attempted {
	tb.Helper()
	var out []attempted
	for len(out) < n {
		var a attempted
		if err := json.Unmarshal([]byte(p.line(tb)), &a); err != nil {
			tb.Fatal(err)
		}
		if a.Kind == "attempt" && a.EventID == event {
			out = append(out, a)
		}
	}
	return out
}

// TestEmulateIntegrations has real apps register, cause events, fail twice, get
// their retries at the times of the schedule, and act upon each event once.
func TestEmulateIntegrations(t *testing.T) {
	t.Parallel()
	for _, i := range interpreters() {
		t.Run(i.name, func(t *testing.T) {
			t.Parallel()
			i.web(t)
			h := newHome(t)
			// 1 m is 120 ms, 5 m are 600 ms; the generic 30 s are 60 ms.
			emulator, url := h.emulator(t, "--time-scale", "500")
			app, address := i.integration(t, url)

			for _, one := range []struct {
				provider, event string
				waits           []time.Duration
			}{
				{"canvelete", "render.completed", []time.Duration{time.Minute, 5 * time.Minute}},
				{"generic", "user.created", []time.Duration{30 * time.Second, 5 * time.Minute}},
			} {
				id := "evt_fail_" + one.provider
				promised := time.Now() // the first attempt
				control(t, "POST", url+"/_hooks/events", fmt.Sprintf(`{"provider":%q,"type":%q,"id":%q}`, one.provider, one.event, id), nil)
				got, made := app.handled(t, 3), emulator.attempts(t, id, 3)
				for n, want := range []handled{{Status: 500}, {Status: 500}, {Status: 200, Acted: true}} {
					g := got[n]
					if g.ID != id || g.Type != one.event || g.Status != want.Status || g.Acted != want.Acted {
						t.Errorf("attempt %d of %s = %+v", n+1, id, g)
					}
					const clocks = 2 * time.Millisecond // they differ by how they round
					if came := time.UnixMicro(int64(g.At * 1000)); came.Before(promised.Add(-clocks)) {
						t.Errorf("attempt %d of %s came at %v, want it at %v or later", n+1, id, came, promised)
					}
					if n == len(one.waits) {
						break
					}
					due, next := one.waits[n]/500, made[n].NextAttemptAt
					if next.Before(promised.Add(due-clocks)) || next.After(made[n].At.Add(due+clocks)) {
						t.Errorf("attempt %d of %s, promised for %v and made at %v, is to be followed at %v; want that %v later", n+1, id, promised, made[n].At, next, due)
					}
					promised = next
				}
			}
			go emulator.drain()

			control(t, "POST", url+"/_hooks/events", `{"provider":"generic","type":"project.created","id":"evt_twice","faults":{"duplicate":1}}`, nil)
			if got := app.handled(t, 2); got[0].ID != "evt_twice" || got[1].ID != "evt_twice" || got[0].Acted == got[1].Acted || got[0].Status != 200 || got[1].Status != 200 {
				t.Errorf("duplicates = %+v, want one of them acted upon", got)
			}
			control(t, "POST", url+"/_hooks/events", `{"provider":"sketchpen","type":"video.completed"}`, nil)
			if got := app.handled(t, 1)[0]; got.Provider != "sketchpen" || got.Status != 200 || !got.Acted {
				t.Errorf("sketchpen = %+v", got)
			}
			h.shopify(t, app, url, address)
		})
	}
}

// shopify has a signed product make the app call the emulated API, use what it
// gives, and hear of it.
func (h home) shopify(t *testing.T, app *process, emulator, address string) {
	t.Helper()
	args := []string{"send", "--provider", "shopify", "--event", "products/create", "--secret", secret, "--json", address + "/shopify/product-created"}
	sent := h.run(t, "", args...)
	sent.want(t, 0, args...)
	var used struct {
		Card    string `json:"card_image"`
		Social  string `json:"og_image"`
		Failure string `json:"failure"`
	}
	if err := json.Unmarshal([]byte(decode(t, sent.stdout).Attempts[0].Response.Body), &used); err != nil {
		t.Fatal(err)
	}
	if used.Failure != "NOT_FOUND" {
		t.Errorf("a design that is missing fails with %q", used.Failure)
	}
	rendered := map[string]bool{}
	for _, one := range app.handled(t, 2) {
		if one.Type != "render.completed" || !one.Acted {
			t.Errorf("handled %+v", one)
		}
		rendered[one.Download] = true
	}
	for url, want := range map[string]image.Point{used.Card: {1080, 1080}, used.Social: {1200, 630}} {
		if !rendered[url] || !strings.HasPrefix(url, emulator+"/renders/") {
			t.Errorf("no event is about %s: %v", url, rendered)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := image.DecodeConfig(resp.Body)
		_ = resp.Body.Close()
		if err != nil || (image.Point{c.Width, c.Height}) != want {
			t.Errorf("%s is an image of %d×%d, %v, want %v", url, c.Width, c.Height, err, want)
		}
	}
	args = []string{"send", "--provider", "shopify", "--event", "products/create", "--secret", "another", "--expect-status", "401", address + "/shopify/product-created"}
	forged := h.run(t, "", args...)
	forged.want(t, 0, args...)
}
