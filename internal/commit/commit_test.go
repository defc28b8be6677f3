package commit_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hooks-cli/hooks/internal/commit"
)

// A log keeps the batches that it was given. It takes a second for each.
type log struct {
	batches [][]int
	err     error
	panics  bool
}

func (l *log) write(batch []int) error {
	<-time.After(time.Second) // of a synctest bubble
	if l.panics {
		panic("boom")
	}
	l.batches = append(l.batches, slices.Clone(batch))
	return l.err
}

func (l *log) group(maxItems, maxBytes int) *commit.Group[int] {
	return commit.New(commit.Config[int]{
		Write: l.write, Size: func(n int) int { return n }, MaxItems: maxItems, MaxBytes: maxBytes,
	})
}

// doAll calls Do for each item, in order, without waiting for answers.
func doAll(g *commit.Group[int], items ...int) (wait func() []error) {
	errs := make([]error, len(items))
	var wg sync.WaitGroup
	for i, item := range items {
		wg.Go(func() { errs[i] = g.Do(context.Background(), item) })
		synctest.Wait()
	}
	return func() []error { wg.Wait(); return errs }
}

// TestSharing: the first caller waits for nobody, those who come while it is
// being written share the next batch.
func TestSharing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		g := l.group(0, 0)
		start := time.Now()
		wait := doAll(g, 1, 2, 3, 4)
		for i, err := range wait() {
			if err != nil {
				t.Errorf("item %d: %v", i, err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v, want two writes", took)
		}
		g.Close()
		want(t, l.batches, [][]int{{1}, {2, 3, 4}})
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		g := l.group(3, 100)
		doAll(g, 1, 2, 2, 2, 2, 60, 60, 500, 1)()
		g.Close()
		want(t, l.batches, [][]int{{1}, {2, 2, 2}, {2, 60}, {60}, {500}, {1}})
	})
}

// TestFailure: everyone in the batch hears of it, and the next batch is tried
// afresh.
func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		l := log{err: full}
		g := l.group(0, 0)
		for i, err := range doAll(g, 1, 2, 3)() {
			if !errors.Is(err, full) {
				t.Errorf("item %d: %v, want %v", i, err, full)
			}
		}
		l.err = nil
		if err := g.Do(t.Context(), 4); err != nil {
			t.Errorf("after the failure: %v", err)
		}
		l.panics = true
		if err := g.Do(t.Context(), 5); err == nil {
			t.Error("a write that panicked was answered with nil")
		}
		l.panics = false
		if err := g.Do(t.Context(), 6); err != nil {
			t.Errorf("after the panic: %v", err)
		}
		g.Close()
	})
}

// TestCancel: what has not been taken is not written; what has been taken is
// answered with its outcome.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		g := l.group(0, 0)
		ctx, cancel := context.WithCancel(t.Context())
		taken, queued := make(chan error, 1), make(chan error, 1)
		go func() { taken <- g.Do(ctx, 1) }()
		synctest.Wait()
		go func() { queued <- g.Do(ctx, 2) }()
		synctest.Wait()
		cancel()
		if err := <-taken; err != nil {
			t.Errorf("taken before the cancel: %v, want nil", err)
		}
		if err := <-queued; !errors.Is(err, context.Canceled) {
			t.Errorf("queued at the cancel: %v, want %v", err, context.Canceled)
		}
		g.Close()
		want(t, l.batches, [][]int{{1}})
	})
}

// TestFullQueue: the queue is bounded, and who does not get in before its
// context ends is told so.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		g := l.group(1, 0)
		wait := doAll(g, 1, 2, 3, 4)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := g.Do(ctx, 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do on a full queue = %v, want %v", err, context.DeadlineExceeded)
		}
		wait()
		g.Close()
		want(t, l.batches, [][]int{{1}, {2}, {3}, {4}})
	})
}

// TestClose writes what is queued and refuses the rest.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		g := l.group(0, 0)
		wait := doAll(g, 1, 2)
		g.Close()
		g.Close()
		for i, err := range wait() {
			if err != nil {
				t.Errorf("item %d: %v", i, err)
			}
		}
		if err := g.Do(t.Context(), 3); !errors.Is(err, commit.ErrClosed) {
			t.Errorf("Do after Close = %v, want %v", err, commit.ErrClosed)
		}
		want(t, l.batches, [][]int{{1}, {2}})
	})
}

func want(t *testing.T, got, want [][]int) {
	t.Helper()
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("batches %v, want %v", got, want)
	}
}

func BenchmarkDo(b *testing.B) {
	g := commit.New(commit.Config[int]{Write: func([]int) error { return nil }, Size: func(int) int { return 1 }})
	defer g.Close()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := g.Do(b.Context(), 1); err != nil {
				b.Error(err)
			}
		}
	})
}
