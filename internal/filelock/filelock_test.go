package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hooks-cli/hooks/internal/filelock"
)

func TestOneHoldsAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	const holders = 20
	var held, sum atomic.Int32
	var wg sync.WaitGroup
	for range holders {
		wg.Go(func() {
			release, err := filelock.Hold(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			if n := held.Add(1); n != 1 {
				t.Errorf("%d hold the lock", n)
			}
			sum.Add(1)
			held.Add(-1)
		})
	}
	wg.Wait()
	if n := sum.Load(); n != holders {
		t.Errorf("%d held the lock, want %d", n, holders)
	}
}

func TestTryHold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	release, err := filelock.TryHold(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := filelock.TryHold(path); !errors.Is(err, filelock.ErrLocked) || !filelock.Locked(f) {
		t.Errorf("TryHold of what is held = %v, want ErrLocked; Locked = %v", err, filelock.Locked(f))
	}
	release()
	if filelock.Locked(f) {
		t.Error("still locked")
	}
}

func TestHoldFollowsNoLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "lock")); err != nil {
		t.Skip("no symbolic links here")
	}
	if release, err := filelock.Hold(filepath.Join(dir, "lock")); err == nil {
		release()
		t.Error("the link was followed")
	}
}
