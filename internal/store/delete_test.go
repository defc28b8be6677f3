package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func count(t testing.TB, s *store.Store, want int64) {
	t.Helper()
	count, err := s.Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.List(t.Context(), store.Query{})
	if err != nil || count != want || int64(len(page.Deliveries)) != want {
		t.Errorf("%d counted, %d listed, %v, want %d", count, len(page.Deliveries), err, want)
	}
}

// TestDelete: what was deleted is found in no way any more.
func TestDelete(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	start := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	var all []*webhook.Delivery
	for i := range 200 {
		d := sample(fmt.Sprintf("evt_%03d", i))
		d.ReceivedAt = start.Add(time.Duration(i) * time.Second)
		d.ID = generator.At(d.ReceivedAt)
		d.Response = &webhook.Response{Status: 500}
		all = append(all, d)
	}
	appendAll(t, s, all)
	settle(t, s)
	gone := all[150]
	if n, err := s.Delete(t.Context(), gone.ID, gone.ID, generator.New(start)); n != 1 || err != nil {
		t.Errorf("Delete = %d, %v, want 1", n, err)
	}
	for _, text := range []string{"evt_150", "evt_15"} {
		found, err := s.Search(t.Context(), text, store.Query{})
		for _, m := range found.Matches {
			if m.Delivery.ID == gone.ID {
				t.Errorf("Search(%q) finds it", text)
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	if id, _, err := s.Resolve(t.Context(), "evt_150"); err == nil {
		t.Errorf("Resolve finds %s", id)
	}
	again := sample("evt_150")
	mustAppend(t, s, again)
	if again.DuplicateOf != "" {
		t.Errorf("DuplicateOf = %s, which is deleted", again.DuplicateOf)
	}
	if n, err := s.DeleteBefore(t.Context(), start.Add(100*time.Second)); n != 100 || err != nil {
		t.Errorf("DeleteBefore = %d, %v, want 100", n, err)
	}
	count(t, s, 100)
	for name, q := range map[string]store.Query{"failed": {Failed: true}, "provider": {Provider: "canvelete"}} {
		page, err := s.List(t.Context(), q)
		want := 100
		if q.Failed {
			want = 99
		}
		if err != nil || len(page.Deliveries) != want {
			t.Errorf("%s = %d, %v, want %d", name, len(page.Deliveries), err, want)
		}
	}
	if n, err := s.DeleteAll(t.Context()); n != 100 || err != nil {
		t.Errorf("DeleteAll = %d, %v, want 100", n, err)
	}
	count(t, s, 0)
}

// TestDeleteGivesBack: the file gets smaller.
func TestDeleteGivesBack(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	for range 20 {
		d := sample("")
		d.Body = []byte(strings.Repeat("0123456789", 20_000))
		mustAppend(t, s, d)
	}
	if _, err := s.DeleteAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The journal is cut at a moment when nobody reads, the indexer for one.
	tick, end := time.NewTicker(50*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		mustAppend(t, s, sample("evt_1"))
		st, err := s.Figures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.FileBytes < 1<<20 {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%d bytes on disk, want less than 1 MiB", st.FileBytes)
		}
	}
}
