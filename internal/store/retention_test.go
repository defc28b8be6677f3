package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
)

// A clock is set by its test.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Now().UnixNano())
	return c
}

func (c *clock) Now() time.Time { return time.Unix(0, c.now.Load()) }

func (c *clock) pass(d time.Duration) { c.now.Add(int64(d)) }

func TestPrune(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]store.Retention{
		"age":   {Age: 30 * 24 * time.Hour},
		"count": {Count: 70},
		"bytes": {Bytes: 600_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			s := open(t, store.Options{Now: c.Now})
			for i := range 100 {
				d := sample(fmt.Sprint("evt_", i))
				d.Body = []byte(strings.Repeat("0123456789", 500))
				mustAppend(t, s, d)
			}
			if n, err := s.Prune(t.Context(), r); n != 0 || err != nil {
				t.Errorf("Prune within a minute = %d, %v, want 0", n, err)
			}
			c.pass(31 * 24 * time.Hour)
			last := sample("evt_last")
			mustAppend(t, s, last)
			if n, err := s.Prune(t.Context(), store.Retention{}); n != 0 || err != nil {
				t.Errorf("Prune without limits = %d, %v, want 0", n, err)
			}
			n, err := s.Prune(t.Context(), r)
			if err != nil || n < 31 || n > 100 || name == "age" && n != 100 || name == "count" && n != 31 {
				t.Errorf("Prune = %d, %v", n, err)
			}
			count(t, s, int64(101-n))
			mustGet(t, s, last.ID)
			if err := s.Consistent(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPrunesWithoutAMinute: a process that stores something and ends soon keeps
// to the retention as well.
func TestPrunesWithoutAMinute(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "hooks", "events.db")
	s := openAt(t, path, store.Options{Now: c.Now})
	for i := range 5 {
		mustAppend(t, s, sample(fmt.Sprint("evt_", i)))
	}
	c.pass(time.Hour)
	s = openAt(t, path, store.Options{Now: c.Now, Retention: store.Retention{Count: 2}})
	mustAppend(t, s, sample("evt_last"))
	tick, end := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		n, err := s.Count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 2 {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%d deliveries are kept, want 2", n)
		}
	}
}

// TestSize pours far more into a store than it may hold.
func TestSize(t *testing.T) {
	t.Parallel()
	const limit = 4 << 20
	c := newClock()
	s := open(t, store.Options{Now: c.Now, Retention: store.Retention{Bytes: limit}})
	var largest int64
	for i := range 150 {
		c.pass(10 * time.Second)
		d := sample(fmt.Sprint("evt_", i))
		d.Body = []byte(strings.Repeat("0123456789", 5_000))
		mustAppend(t, s, d)
		st, err := s.Figures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, st.StoreBytes)
		mustGet(t, s, d.ID)
	}
	if largest > limit+limit/10 {
		t.Errorf("grew to %d bytes, limit %d", largest, limit)
	}
	if err := s.Consistent(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestStoreFull: what is younger than a minute is not deleted to make room.
func TestStoreFull(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, store.Options{Now: c.Now, Retention: store.Retention{Bytes: 1 << 20}})
	var kept int64
	var err error
	for err == nil {
		d := sample(fmt.Sprint("evt_", kept))
		d.Body = []byte(strings.Repeat("0123456789", 5_000))
		if err = s.Append(t.Context(), d); err == nil {
			kept++
		}
	}
	if !errors.Is(err, store.ErrStoreFull) || kept < 5 {
		t.Fatalf("after %d: %v, want %v", kept, err, store.ErrStoreFull)
	}
	count(t, s, kept)
	c.pass(2 * time.Minute)
	mustAppend(t, s, sample("evt_later"))
	if err := s.Consistent(t.Context()); err != nil {
		t.Error(err)
	}
}
