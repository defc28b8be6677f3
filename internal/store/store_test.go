package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// open opens a new store that is closed when the test ends.
func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "hooks", "events.db"), o)
}

func openAt(t testing.TB, path string, o store.Options) *store.Store {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	s, err := store.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// generator gives all tests their ids.
var generator ids.Generator

// sample returns a received delivery of canvelete.
func sample(event string) *webhook.Delivery {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return &webhook.Delivery{
		ID: generator.New(now), Direction: webhook.Received, EventID: event, EventType: "render.completed",
		Provider: "canvelete", ReceivedAt: now, Method: "POST", URL: "http://127.0.0.1:3000/webhooks/canvelete?a=1",
		Path: "/webhooks/canvelete", Query: "a=1", Proto: "HTTP/1.1", RemoteAddr: "127.0.0.1:5000",
		Header: http.Header{
			"Content-Type": {"application/json"}, "X-Canvelete-Signature": {"sha256=" + strings.Repeat("ab", 32)},
			"X-Odd": {"one", "two", ""}, "Host": {"127.0.0.1:3000"},
		},
		Body:         fmt.Appendf(nil, `{"eventId":%q,"eventType":"render.completed","data":{"designId":"dsg_1","width":1920}}`, event),
		Verification: webhook.Verification{Status: webhook.Verified, Scheme: "hmac-sha256", SecretName: "canvelete"},
	}
}

func mustAppend(t testing.TB, s *store.Store, list ...*webhook.Delivery) {
	t.Helper()
	for _, d := range list {
		if err := s.Append(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}

// appendAll stores deliveries with shared commits, in no particular order.
func appendAll(t testing.TB, s *store.Store, list []*webhook.Delivery) {
	t.Helper()
	var wg sync.WaitGroup
	for _, d := range list {
		wg.Go(func() {
			if err := s.Append(context.Background(), d); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func mustGet(t testing.TB, s *store.Store, id string) *webhook.Delivery {
	t.Helper()
	d, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func idsOf(list []*webhook.Delivery) []string {
	out := []string{}
	for _, d := range list {
		out = append(out, d.ID)
	}
	return out
}

// TestRoundTrip: what is read is what was stored, in every field, also after
// the store was closed.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	binary := make([]byte, 100_000)
	_, _ = rand.Read(binary)
	odd := sample("")
	odd.Method, odd.URL, odd.Path, odd.Query = "PROPFIND", "", "/%2e%2e/\x00", ""
	odd.Header, odd.Body, odd.Redacted = http.Header{}, binary, []string{"Authorization", "data.card"}
	odd.Provider, odd.EventType, odd.Direction = "", strings.Repeat("t", 300), webhook.Sent
	odd.Verification = webhook.Verification{Status: webhook.Unverified, Reason: webhook.ProviderUnknown}
	full := sample("evt_1")
	full.Response = &webhook.Response{Status: 401}
	full.Attempts = []webhook.Attempt{
		{Number: 1, URL: "http://127.0.0.1:4000/x", At: full.ReceivedAt, Duration: 3100 * time.Microsecond, Err: "connection refused"},
		{
			Number: 2, URL: "http://127.0.0.1:4000/x", At: full.ReceivedAt, Duration: time.Second,
			Response: &webhook.Response{Status: 200, Header: http.Header{"X-A": {"b", "c"}}, Body: []byte("fine")},
		},
	}
	old := sample("evt_2")
	old.ReceivedAt, old.Body = time.Date(9999, 1, 2, 3, 4, 5, 6000, time.UTC), nil
	path := filepath.Join(t.TempDir(), "events.db")
	s := openAt(t, path, store.Options{})
	want := map[string]*webhook.Delivery{}
	for _, d := range []*webhook.Delivery{sample("evt_3"), odd, full, old} {
		want[d.ID] = d.Clone()
		mustAppend(t, s, d)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, store.Options{NoCreate: true})
	for id, d := range want {
		got := mustGet(t, s, id)
		if len(d.Body) == 0 {
			d.Body = got.Body
		}
		if len(got.Body) != len(d.Body) || !reflect.DeepEqual(got, d) {
			t.Errorf("read back\n%+v\nwant\n%+v", got, d)
		}
	}
}

func TestAppendTwice(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	d := sample("evt_1")
	mustAppend(t, s, d)
	if err := s.Append(t.Context(), d); !errors.Is(err, store.ErrExists) {
		t.Errorf("Append of the same id = %v, want %v", err, store.ErrExists)
	}
	d.ID = "evt_1"
	if err := s.Append(t.Context(), d); !errors.Is(err, ids.ErrMalformed) {
		t.Errorf("Append of %q = %v, want %v", d.ID, err, ids.ErrMalformed)
	}
	if _, err := s.Get(t.Context(), generator.New(time.Now())); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of an unknown id = %v, want %v", err, store.ErrNotFound)
	}
}

// Many are stored in their order, and what cannot be is refused by itself.
func TestAppendAll(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	first, malformed, again, last := sample("evt_1"), sample("evt_2"), sample("evt_1"), sample("evt_3")
	malformed.ID = "evt_2"
	out := s.AppendAll(t.Context(), []*webhook.Delivery{first, malformed, first, again, last})
	for i, want := range []error{nil, ids.ErrMalformed, store.ErrExists, nil, nil} {
		if !errors.Is(out[i], want) {
			t.Errorf("outcome %d is %v, want %v", i, out[i], want)
		}
	}
	if again.DuplicateOf != first.ID || first.DuplicateOf != "" {
		t.Errorf("duplicates of %q and %q, want of none and of %q", first.DuplicateOf, again.DuplicateOf, first.ID)
	}
	page, err := s.List(t.Context(), store.Query{})
	if err != nil || len(page.Deliveries) != 3 {
		t.Errorf("List = %d deliveries, %v, want 3", len(page.Deliveries), err)
	}
	if out := s.AppendAll(t.Context(), nil); len(out) != 0 {
		t.Errorf("outcomes of nothing: %v", out)
	}
}

func TestConcurrentAppends(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 8 {
				if err := s.Append(context.Background(), sample(fmt.Sprintf("evt_%d_%d", i, j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	page, err := s.List(t.Context(), store.Query{})
	if err != nil || len(page.Deliveries) != 256 {
		t.Errorf("List = %d deliveries, %v, want 256", len(page.Deliveries), err)
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	first := sample("evt_1")
	mustAppend(t, s, first)
	for _, c := range []struct {
		name   string
		change func(*webhook.Delivery)
		dup    bool
	}{
		{"same-event", func(*webhook.Delivery) {}, true},
		{"same-event-other-body", func(d *webhook.Delivery) { d.Body = []byte("{}") }, true},
		{"other-event", func(d *webhook.Delivery) { d.EventID = "evt_2" }, false},
		{"other-provider", func(d *webhook.Delivery) { d.Provider = "loopcanvas" }, false},
		{"unknown-provider", func(d *webhook.Delivery) { d.Provider = "" }, false},
		{"sent", func(d *webhook.Delivery) { d.Direction = webhook.Sent }, false},
		{"no-id-first-body", func(d *webhook.Delivery) { d.EventID = ""; d.Body = []byte("x") }, false},
	} {
		d := sample("evt_1")
		c.change(d)
		mustAppend(t, s, d)
		if got := d.DuplicateOf == first.ID; got != c.dup || mustGet(t, s, d.ID).DuplicateOf != d.DuplicateOf {
			t.Errorf("%s: DuplicateOf = %q, want duplicate %v", c.name, d.DuplicateOf, c.dup)
		}
	}
	again := sample("")
	again.Body = []byte("x")
	mustAppend(t, s, again)
	if again.DuplicateOf == "" || again.DuplicateOf == first.ID {
		t.Errorf("same body without an event id: DuplicateOf = %q", again.DuplicateOf)
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	d := sample("evt_1")
	mustAppend(t, s, d)
	failing := func() int {
		page, err := s.List(t.Context(), store.Query{Failed: true})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Deliveries)
	}
	step := func(what string, err error, failed int) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := failing(); got != failed {
			t.Errorf("%s: %d failed, want %d", what, got, failed)
		}
	}
	step("answered 500", s.SetResponse(t.Context(), d.ID, 500), 1)
	step("answered 200", s.SetResponse(t.Context(), d.ID, 200), 0)
	at := d.ReceivedAt
	bad := webhook.Attempt{Number: 1, URL: "http://a/", At: at, Err: "refused"}
	good := webhook.Attempt{Number: 1, URL: "http://b/", At: at, Response: &webhook.Response{Status: 204, Header: http.Header{"A": {"b"}}}}
	step("attempt failed", s.AddAttempt(t.Context(), d.ID, bad), 1)
	step("attempt worked", s.AddAttempt(t.Context(), d.ID, good), 0)
	step("answered 502", s.SetResponse(t.Context(), d.ID, 502), 0)
	got := mustGet(t, s, d.ID)
	if len(got.Attempts) != 2 || got.Attempts[1].Number != 2 || got.Attempts[1].Response.Status != 204 || got.Response.Status != 502 {
		t.Errorf("read back %+v and %+v", got.Attempts, got.Response)
	}
	if err := s.AddAttempt(t.Context(), generator.New(at), bad); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("AddAttempt of an unknown id = %v, want %v", err, store.ErrNotFound)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), sample("evt_1")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Append = %v, want %v", err, store.ErrClosed)
	}
	if _, err := s.List(t.Context(), store.Query{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("List = %v, want %v", err, store.ErrClosed)
	}
}

// TestRemoved: somebody removes the file of a store that is open. What is
// acknowledged afterwards is in a new one.
func TestRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	s := openAt(t, path, store.Options{})
	mustAppend(t, s, sample("evt_1"))
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if err := os.Remove(name); err != nil {
			t.Skip("an open file cannot be removed here: ", err)
		}
	}
	d := sample("evt_2")
	mustAppend(t, s, d)
	mustGet(t, openAt(t, path, store.Options{NoCreate: true}), d.ID)
	mustGet(t, s, d.ID)
	count(t, s, 1)
}
