package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func follow(t *testing.T, s *store.Store, o store.TailOptions) *store.Tail {
	t.Helper()
	tail, err := s.Tail(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tail.Close)
	return tail
}

func next(t *testing.T, tail *store.Tail) *webhook.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := tail.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTail follows a store that somebody else writes to: the two share nothing
// but the file.
func TestTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	writer, reader := openAt(t, path, store.Options{}), openAt(t, path, store.Options{})
	before := sample("evt_0")
	mustAppend(t, writer, before)

	plain := follow(t, reader, store.TailOptions{})
	failed := follow(t, reader, store.TailOptions{Query: store.Query{Failed: true}})
	after := follow(t, reader, store.TailOptions{After: before.ID})
	since := follow(t, reader, store.TailOptions{Query: store.Query{Since: before.ReceivedAt}})
	if c := next(t, since); c.ID != before.ID {
		t.Errorf("since = %s, want %s first", c.ID, before.ID)
	}
	for range 3 {
		d := sample("evt_1")
		start := time.Now()
		mustAppend(t, writer, d)
		for name, tail := range map[string]*store.Tail{"plain": plain, "after": after, "since": since} {
			if c := next(t, tail); c.ID != d.ID {
				t.Errorf("%s = %s, want %s", name, c.ID, d.ID)
			}
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("seen after %v", took)
		}
		bad := webhook.Attempt{URL: "http://a/", At: d.ReceivedAt, Err: "refused"}
		if err := writer.AddAttempt(t.Context(), d.ID, bad); err != nil {
			t.Fatal(err)
		}
		if c := next(t, failed); c.ID != d.ID || len(c.Attempts) != 1 {
			t.Errorf("failed = %+v, want %s with its attempt", c, d.ID)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if c, err := plain.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Next = %v, %v, want nothing more", c, err)
	}
	if _, err := reader.Tail(t.Context(), store.TailOptions{After: generator.New(time.Now())}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Tail after an unknown id = %v, want %v", err, store.ErrNotFound)
	}
}

// TestTailAfterDeleteAll: numbers are not given out twice.
func TestTailAfterDeleteAll(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	mustAppend(t, s, sample("evt_1"), sample("evt_2"))
	tail := follow(t, s, store.TailOptions{})
	if n, err := s.DeleteAll(t.Context()); n != 2 || err != nil {
		t.Fatalf("DeleteAll = %d, %v", n, err)
	}
	d := sample("evt_3")
	mustAppend(t, s, d)
	if c := next(t, tail); c.ID != d.ID {
		t.Errorf("after DeleteAll: %s, want %s", c.ID, d.ID)
	}
}

func TestTailOfClosedStore(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	tail := follow(t, s, store.TailOptions{})
	done := make(chan error)
	go func() {
		_, err := tail.Next(context.Background())
		done <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, store.ErrClosed) {
		t.Errorf("Next = %v, want %v", err, store.ErrClosed)
	}
}

// A tail from a position shows what was stored after it, also when what stood
// there has been deleted or the store was begun anew.
func TestTailFromPosition(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "events.db"), store.Options{})
	first := sample("evt_0")
	mustAppend(t, s, first)
	at, err := s.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := sample("evt_1")
	mustAppend(t, s, second)
	if _, err := s.Delete(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	tail := follow(t, s, store.TailOptions{From: &at})
	if c, err := tail.Poll(t.Context()); c == nil || err != nil || c.ID != second.ID {
		t.Errorf("Poll = %+v, %v, want %s", c, err, second.ID)
	}
	if c, err := tail.Poll(t.Context()); c != nil || err != nil {
		t.Errorf("Poll = %+v, %v, want nothing", c, err)
	}
	beyond := at + 1000
	ahead := follow(t, s, store.TailOptions{From: &beyond})
	third := sample("evt_2")
	mustAppend(t, s, third)
	if c := next(t, ahead); c.ID != third.ID {
		t.Errorf("from beyond the end = %s, want %s", c.ID, third.ID)
	}
}

// Whenever Next is broken off, what it had not returned comes later.
func TestTailBrokenOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	s := openAt(t, path, store.Options{})
	from := store.Position(0)
	var want, got []string
	for range 60 {
		d := sample("evt_1")
		mustAppend(t, s, d)
		want = append(want, d.ID)
	}
	tail := follow(t, s, store.TailOptions{From: &from})
	broken := 0
	for patience := time.Nanosecond; len(got) < len(want) && patience < time.Minute; patience += 5*time.Microsecond + patience/1000 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		c, err := tail.Next(ctx)
		cancel()
		if err != nil {
			broken++
			continue
		}
		got = append(got, c.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("after %d breaks: %d deliveries, want %d in their order", broken, len(got), len(want))
	}
	if broken == 0 {
		t.Error("nothing was broken off")
	}
}
