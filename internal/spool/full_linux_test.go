package spool_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
)

// A disk that is full is told; what was stored is there, can be acknowledged,
// and makes room for more.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=12m,mode=0700"); err != nil {
		t.Skip("needs the right to mount a small tmpfs: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	s := open(t, dir, spool.Limits{}, now)
	defer func() { _ = s.Close() }()
	n := named(t, s, "full")
	one := func(i int) error {
		r := record(i)
		r.Body = bytes.Repeat([]byte{byte(i)}, 64<<10)
		r.Digest = sha256.Sum256(r.Body)
		return n.Append(context.Background(), r)
	}
	fill := func() (kept int, err error) {
		for err = one(0); err != nil; err = one(0) { // it is tried once a second
			select {
			case <-t.Context().Done():
				t.Fatal(err)
			case <-time.After(100 * time.Millisecond):
			}
		}
		for kept = 1; kept < 1000; kept++ {
			if err = one(kept); err != nil {
				break
			}
		}
		return kept, err
	}
	var last uint64
	for round := range 3 {
		kept, err := fill()
		if !errors.Is(err, spool.ErrNoSpace) || kept < 5 {
			t.Fatalf("round %d: %d events were kept, then %v", round, kept, err)
		}
		if got := offsets(t, s, n, false); len(got) != kept || got[0] != last+1 {
			t.Fatalf("round %d: %d events are there of %d", round, len(got), kept)
		}
		last += uint64(kept)
		if _, err := n.AckTo(context.Background(), last); err != nil {
			t.Fatalf("round %d: acknowledge: %v", round, err)
		}
	}
}
