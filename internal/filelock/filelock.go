// Package filelock locks files between processes. A lock binds only those who
// ask for it, and ends when its file is closed or its process ends, however it
// does.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// ErrLocked says that somebody else has the lock.
var ErrLocked = errors.New("locked by another process")

// Hold waits until nobody else has the file at path locked, and locks it until
// release is called. The file is made, for its owner alone, if it is not
// there, and stays.
func Hold(path string) (release func(), err error) { return hold(path, Lock) }

// TryHold is Hold without waiting: its error wraps ErrLocked where somebody
// else has the lock.
func TryHold(path string) (release func(), err error) { return hold(path, tryLock) }

func hold(path string, lock func(*os.File) error) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}
