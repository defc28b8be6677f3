package store_test

import (
	"context"
	"errors"
	"path/filepath"
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

func next(t *testing.T, tail *store.Tail) store.Change {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
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
	updates := follow(t, reader, store.TailOptions{Updates: true})
	failed := follow(t, reader, store.TailOptions{Query: store.Query{Failed: true}})
	after := follow(t, reader, store.TailOptions{After: before.ID})
	since := follow(t, reader, store.TailOptions{Query: store.Query{Since: before.ReceivedAt}})
	if c := next(t, since); c.Delivery.ID != before.ID {
		t.Errorf("since = %s, want %s first", c.Delivery.ID, before.ID)
	}
	for range 3 {
		d := sample("evt_1")
		start := time.Now()
		mustAppend(t, writer, d)
		for name, tail := range map[string]*store.Tail{"plain": plain, "updates": updates, "after": after, "since": since} {
			if c := next(t, tail); c.Delivery.ID != d.ID || c.Updated {
				t.Errorf("%s = %s, updated %v, want %s", name, c.Delivery.ID, c.Updated, d.ID)
			}
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("seen after %v", took)
		}
		bad := webhook.Attempt{URL: "http://a/", At: d.ReceivedAt, Err: "refused"}
		if err := writer.AddAttempt(t.Context(), d.ID, bad); err != nil {
			t.Fatal(err)
		}
		for name, tail := range map[string]*store.Tail{"updates": updates, "failed": failed} {
			if c := next(t, tail); c.Delivery.ID != d.ID || len(c.Delivery.Attempts) != 1 || c.Updated != (tail == updates) {
				t.Errorf("%s = %+v, want %s with its attempt", name, c, d.ID)
			}
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
	if c := next(t, tail); c.Delivery.ID != d.ID {
		t.Errorf("after DeleteAll: %s, want %s", c.Delivery.ID, d.ID)
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
