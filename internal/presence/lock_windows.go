//go:build windows

package presence

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// place is the byte that is locked. Nothing is ever written there: a locked
// byte cannot be read.
func place() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }

// lock waits until nobody else has f locked, and locks it until it is closed.
func lock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, place())
}

// locked says whether another process, or another opening of the file, holds
// the lock. Those who ask do not see each other.
func locked(f *os.File) bool {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, place())
	return errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}
