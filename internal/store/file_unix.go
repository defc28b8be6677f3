//go:build unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// foreignHands says how somebody else could change the file or directory, ""
// if nobody can.
func foreignHands(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "has no owner that could be found out"
	}
	if int(stat.Uid) != os.Geteuid() {
		return "is owned by " + userName(stat.Uid)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return "is writable by others"
	}
	return ""
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}

// names returns how many names the file has.
func names(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink)
	}
	return 1
}

func openNoFollow(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// lockDirectory keeps other processes from making a store in dir meanwhile.
// Where the file system has no such locks it goes without.
func lockDirectory(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	return func() { _ = f.Close() }, nil // closing unlocks
}

func syncDirectory(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// isFull says whether the file system has no room for another page.
func isFull(path string) bool {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return false
	}
	return uint64(stat.Bavail)*uint64(stat.Bsize) < 2*pageSize
}

// isReadOnly says whether this user or this file system cannot write to the
// file.
func isReadOnly(path string) bool {
	const forWriting = 2
	err := syscall.Access(path, forWriting)
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES)
}

// A queue lets writers of several processes see that others wait: it is a lock
// on the directory that waiting writers share. It keeps nobody from writing.
// Where the file system has no such locks, nobody seems to wait.
type queue struct{ dir *os.File }

func openQueue(path string) *queue {
	f, err := os.Open(filepath.Dir(path))
	if err != nil {
		return &queue{}
	}
	return &queue{f}
}

// enter makes others see that this process waits; leave ends that. Where a
// lock cannot be had, the turns are only less fair.
func (q *queue) enter() { _ = q.flock(syscall.LOCK_SH) }

func (q *queue) leave() { _ = q.flock(syscall.LOCK_UN) }

// crowded says whether another process waits.
func (q *queue) crowded() bool {
	if err := q.flock(syscall.LOCK_EX); err != nil {
		return errors.Is(err, syscall.EWOULDBLOCK)
	}
	q.leave()
	return false
}

func (q *queue) flock(how int) error {
	if q.dir == nil {
		return nil
	}
	return syscall.Flock(int(q.dir.Fd()), how|syscall.LOCK_NB)
}

func (q *queue) close() {
	if q.dir != nil {
		_ = q.dir.Close()
	}
}
