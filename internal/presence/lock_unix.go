//go:build unix

package presence

import (
	"errors"
	"os"
	"syscall"
)

// lock waits until nobody else has f locked, and locks it until it is closed.
func lock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// locked says whether another process, or another opening of the file, holds
// the lock. Those who ask do not see each other.
func locked(f *os.File) bool {
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
