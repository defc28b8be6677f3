//go:build windows

package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

const noFollow = 0

// place is the byte that is locked. Nothing is ever written there: a locked
// byte cannot be read.
func place() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }

// Lock waits until nobody else has f locked, and locks it until it is closed.
func Lock(f *os.File) error { return lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

func tryLock(f *os.File) error {
	err := lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

// Locked says whether another process, or another opening of the file, holds
// the lock. Those who ask do not see each other.
func Locked(f *os.File) bool {
	return errors.Is(lock(f, windows.LOCKFILE_FAIL_IMMEDIATELY), windows.ERROR_LOCK_VIOLATION)
}

func lock(f *os.File, how uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, place())
}
