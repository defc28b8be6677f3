//go:build windows

package secret

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// A user's folders are closed to other users by their access lists; the mode
// bits say nothing here.
func readableByOthers(fs.FileInfo) string { return "" }

func writableByOthers(fs.FileInfo) string { return "" }

func openNoFollow(path string) (*os.File, error) { return os.Open(path) }

func syncDir(string) error { return nil }

// lock waits until no other process has the file locked, and locks it. The lock
// ends with unlock, or with the process.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, new(windows.Overlapped)); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
