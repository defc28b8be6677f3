package store_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// settle waits until everything is indexed.
func settle(t testing.TB, s *store.Store) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := s.Figures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Unindexed == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("still %d deliveries to index", st.Unindexed)
		}
	}
}

// TestSearch finds the same before and after the index was made.
func TestSearch(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	at := map[string]*webhook.Delivery{}
	add := func(name string, change func(*webhook.Delivery)) {
		d := sample("evt_" + name)
		change(d)
		mustAppend(t, s, d)
		at[name] = d
	}
	for i := range 20 {
		add(fmt.Sprint("plain", i), func(*webhook.Delivery) {})
	}
	add("order", func(d *webhook.Delivery) {
		d.Body = []byte(`{"data":{"order_id":"ORD_1234","items":[{"sku":"a"},{"sku":"Blue-Mug","strange key":1}],"note":"caf\u00e9 \"q\""}}`)
	})
	add("header", func(d *webhook.Delivery) { d.Header = http.Header{"X-Special": {"needle-in-header"}} })
	add("url", func(d *webhook.Delivery) { d.URL, d.Path = "http://127.0.0.1/odd-path", "/odd-path" })
	add("form", func(d *webhook.Delivery) { d.Body = []byte("token=abc&text=hello+form") })
	add("binary", func(d *webhook.Delivery) { d.Body = []byte("\xff\xfe\x00tail-of-binary\x00") })
	add("large", func(d *webhook.Delivery) {
		d.Body = []byte(`{"big":"` + strings.Repeat("x", 100_000) + `","end":"large-needle"}`)
	})
	cases := []struct{ text, in, path string }{
		{"ord_12", "order", "data.order_id"},
		{"blue-mug", "order", "data.items[1].sku"},
		{"strange key", "order", `data.items[1]["strange key"]`},
		{"CAFÉ", "order", "data.note"},
		{`é "q`, "order", "data.note"},
		{`"ORD_1234","items"`, "order", "body"},
		{"needle-in", "header", "headers.X-Special"},
		{"x-special: needle", "header", "headers.X-Special"},
		{"odd-path", "url", "url"},
		{"hello+form", "form", "body"},
		{"tail-of-binary", "binary", "body"},
		{"large-needle", "large", "end"},
		{"evt_url", "url", "eventId"},
		{"evt_form", "form", "event_id"},
		{"+f", "form", "body"},
		{"no such text", "", ""},
		{"xyzzy", "", ""},
		{`" AND "`, "", ""},
	}
	for _, when := range []string{"before", "after"} {
		for _, c := range cases {
			found, err := s.Search(t.Context(), c.text, store.Query{})
			if err != nil {
				t.Fatalf("%s: %q: %v", when, c.text, err)
			}
			var got []string
			for _, m := range found.Matches {
				got = append(got, m.Delivery.ID+" "+m.Path)
			}
			var want []string
			if c.in != "" {
				want = []string{at[c.in].ID + " " + c.path}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q: %q, want %q", when, c.text, got, want)
			}
		}
		settle(t, s)
	}
	found, err := s.Search(t.Context(), "render.completed", store.Query{Limit: 5})
	if err != nil || len(found.Matches) != 5 || !found.More {
		t.Fatalf("a page = %d, more %v, %v", len(found.Matches), found.More, err)
	}
	rest, err := s.Search(t.Context(), "render.completed", store.Query{Before: found.Matches[4].Delivery.ID})
	if err != nil || len(rest.Matches) != 21 || rest.More {
		t.Errorf("the rest = %d, more %v, %v", len(rest.Matches), rest.More, err)
	}
	if found, err = s.Search(t.Context(), "render", store.Query{Provider: "nobody"}); err != nil || len(found.Matches) != 0 {
		t.Errorf("of nobody = %d, %v", len(found.Matches), err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	if _, _, err := s.Resolve(t.Context(), "last"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("last of nothing = %v", err)
	}
	sent := sample("evt_one")
	sent.Direction = webhook.Sent
	first, second := sample("evt_one"), sample("evt_one")
	other, onlySent := sample("evt_other"), sample("msg_1")
	onlySent.Direction = webhook.Sent
	late := sample("evt_late")
	late.Direction = webhook.Sent
	mustAppend(t, s, first, second, sent, other, onlySent, late)
	for _, when := range []string{"before", "after"} {
		for _, c := range []struct {
			ref, id string
			others  []string
		}{
			{"last", other.ID, nil},
			{first.ID, first.ID, nil},
			{strings.ToUpper(first.ID[4:]), "", nil},
			{"DLV_" + strings.ToUpper(first.ID[4:]), first.ID, nil},
			{first.ID[:29], first.ID, nil},
			{"evt_one", second.ID, []string{first.ID, sent.ID}},
			{"evt_on", second.ID, []string{first.ID, sent.ID}},
			{"evt_ot", other.ID, nil},
			{"msg_1", onlySent.ID, nil},
			{"m", onlySent.ID, nil},
			{"dlv_zzz", "", nil},
			{"dlv_!", "", nil},
			{first.ID + "0", "", nil},
			{"nothing", "", nil},
			{"", "", nil},
		} {
			id, others, err := s.Resolve(t.Context(), c.ref)
			if id != c.id || !slices.Equal(others, c.others) || (err == nil) != (c.id != "") {
				t.Errorf("%s: Resolve(%q) = %q, %q, %v, want %q, %q", when, c.ref, id, others, err, c.id, c.others)
			}
			if c.id == "" && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: Resolve(%q): %v, want %v", when, c.ref, err, store.ErrNotFound)
			}
		}
		for ref, n := range map[string]int{"dlv_": 6, "dlv_0": 6, "evt_o": 2, "evt_": 3, "e": 3} {
			var ambiguous *store.AmbiguousError
			if _, _, err := s.Resolve(t.Context(), ref); !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != n {
				t.Errorf("%s: Resolve(%q): %v, want %d candidates", when, ref, err, n)
			}
		}
		settle(t, s)
	}
}
