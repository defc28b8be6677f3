package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hooks-cli/hooks/internal/store"
)

// smallDisk mounts a file system of its own for the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Skip("needs the right to mount a small tmpfs: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestDiskFull fills the disk, and empties it again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "3m")
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 1<<20), 0o600))
	s := openAt(t, filepath.Join(dir, "events.db"), store.Options{})
	told := newAccount()
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		d := sample(fmt.Sprint("evt_", i))
		d.Body = []byte(strings.Repeat("0123456789", 1_000))
		if err = s.Append(t.Context(), d); err == nil {
			told.acknowledged(d)
		}
	}
	if !errors.Is(err, store.ErrNoSpace) || len(told.sums) == 0 {
		t.Fatalf("after %d: %v, want %v", len(told.sums), err, store.ErrNoSpace)
	}
	t.Logf("%d acknowledged until %v", len(told.sums), err)
	for range 3 {
		if err := s.Append(t.Context(), sample("evt_more")); err == nil {
			break // a small one may still fit
		} else if !errors.Is(err, store.ErrNoSpace) {
			t.Errorf("full: %v, want %v", err, store.ErrNoSpace)
		}
	}
	told.listed(t, s)
	must(t, os.Remove(ballast))
	after := sample("evt_after")
	if err := s.Append(t.Context(), after); err != nil {
		t.Errorf("with space again: %v", err)
	}
	told.acknowledged(after)
	told.listed(t, s)
	if err := s.Consistent(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOpenedFull: a store on a full disk can be read, and is written to as
// soon as there is room.
func TestOpenedFull(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "1m")
	path := filepath.Join(dir, "events.db")
	s := openAt(t, path, store.Options{})
	d := sample("evt_1")
	mustAppend(t, s, d)
	must(t, s.Close())
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	s = openAt(t, path, store.Options{})
	mustGet(t, s, d.ID)
	if err := s.Append(t.Context(), sample("evt_2")); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("Append = %v, want %v", err, store.ErrNoSpace)
	}
	must(t, os.Remove(ballast))
	mustAppend(t, s, sample("evt_2"))
	count(t, s, 2)
}

// TestReadOnly: a store on a file system that cannot be written to.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "4m")
	path := filepath.Join(dir, "events.db")
	s := openAt(t, path, store.Options{})
	d := sample("evt_1")
	mustAppend(t, s, d)
	must(t, s.Close())
	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	s = openAt(t, path, store.Options{})
	mustGet(t, s, d.ID)
	count(t, s, 1)
	if err := s.Append(t.Context(), sample("evt_2")); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Append = %v, want %v", err, store.ErrReadOnly)
	}
}

// TestFailingDisk makes writes and syncs fail now and then. Nothing that was
// acknowledged is lost, and the store works again as soon as the disk does.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace to make the disk fail: ", err)
	}
	for name, inject := range map[string]string{
		"sync":  "fsync,fdatasync:error=EIO:when=3+5",
		"write": "pwrite64:error=EIO:when=20+50",
		"full":  "pwrite64:error=ENOSPC:when=20+50",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "events.db")
			openAt(t, path, store.Options{})
			var out bytes.Buffer
			cmd := start(t, path, "stubborn", 400, &out, strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=fsync,fdatasync,pwrite64", "-e", "inject="+inject)
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
			told := newAccount()
			told.add(out.String())
			refused := strings.Count(out.String(), "! ")
			t.Logf("%d acknowledged, %d refused", len(told.sums), refused)
			if len(told.sums) == 0 || refused == 0 {
				t.Errorf("the test has tested nothing")
			}
			told.check(t, openAt(t, path, store.Options{}))
		})
	}
}
