package store_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
)

func TestPending(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	s, other := openAt(t, path, store.Options{}), openAt(t, path, store.Options{})
	d := sample("evt_1")
	mustAppend(t, s, d)
	now := time.Now().UTC().Truncate(time.Microsecond)
	late := store.Redelivery{ID: d.ID, URL: "http://b/", Number: 1, NextAt: now.Add(time.Hour)}
	soon := store.Redelivery{ID: d.ID, URL: "http://a/", Number: 2, NextAt: now.Add(-time.Second), Note: `{"slot":2}`}
	for _, r := range []store.Redelivery{late, soon, soon} {
		if err := s.Enqueue(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	due, err := other.Due(t.Context(), now, 10)
	if err != nil || len(due) != 1 || due[0] != soon {
		t.Fatalf("Due = %+v, %v, want %+v", due, err, soon)
	}
	if err := other.Reschedule(t.Context(), soon, 3, now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := s.Reschedule(t.Context(), soon, 3, now.Add(time.Minute)); !errors.Is(err, store.ErrTaken) {
		t.Errorf("second Reschedule = %v, want %v", err, store.ErrTaken)
	}
	if err := s.Done(t.Context(), soon); !errors.Is(err, store.ErrTaken) {
		t.Errorf("Done of what was rescheduled = %v, want %v", err, store.ErrTaken)
	}
	soon.Number, soon.NextAt = 3, now.Add(time.Minute)
	all, err := s.Pending(t.Context(), 10)
	if err != nil || len(all) != 2 || all[0] != soon || all[1] != late {
		t.Errorf("Pending = %+v, %v", all, err)
	}
	if err := s.Done(t.Context(), soon); err != nil {
		t.Error(err)
	}
	if n, err := s.Delete(t.Context(), d.ID); n != 1 || err != nil {
		t.Errorf("Delete = %d, %v", n, err)
	}
	if all, err := s.Pending(t.Context(), 10); err != nil || len(all) != 0 {
		t.Errorf("Pending after Delete = %+v, %v", all, err)
	}
}
