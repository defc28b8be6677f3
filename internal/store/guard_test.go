//go:build unix

package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
)

// nobody is a user that these tests do not run as.
const nobody = 65534

// TestHostilePlaces opens stores where somebody else could have a hand in
// them. None is opened, and nothing is changed.
func TestHostilePlaces(t *testing.T) {
	t.Parallel()
	real, _ := filled(t, 3)
	image, err := os.ReadFile(real)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		root bool // it takes root to set up
		// plant puts something at path, which lies alone in a directory of
		// its own, and returns the file that must not change.
		plant func(t *testing.T, path string) string
		says  string
	}{
		{"link-to-store", false, func(t *testing.T, path string) string {
			return linked(t, path, image)
		}, "is a symbolic link"},
		{"link-to-text", false, func(t *testing.T, path string) string {
			return linked(t, path, []byte("precious"))
		}, "is a symbolic link"},
		{"dangling-link", false, func(t *testing.T, path string) string {
			must(t, os.Symlink(filepath.Join(t.TempDir(), "absent"), path))
			return ""
		}, "is a symbolic link"},
		{"link-as-journal", false, func(t *testing.T, path string) string {
			must(t, os.WriteFile(path, image, 0o600))
			return linked(t, path+"-wal", []byte("precious"))
		}, "events.db-wal is a symbolic link"},
		{"link-as-index", false, func(t *testing.T, path string) string {
			must(t, os.WriteFile(path, image, 0o600))
			return linked(t, path+"-shm", []byte("precious"))
		}, "events.db-shm is a symbolic link"},
		{"pipe", false, func(t *testing.T, path string) string {
			must(t, syscall.Mkfifo(path, 0o600))
			return ""
		}, "is not a regular file"},
		{"directory", false, func(t *testing.T, path string) string {
			must(t, os.Mkdir(path, 0o700))
			return ""
		}, "is a directory"},
		{"hard-link", false, func(t *testing.T, path string) string {
			other := filepath.Join(t.TempDir(), "other")
			must(t, os.WriteFile(other, image, 0o600))
			if err := os.Link(other, path); err != nil {
				t.Skip("no hard links between temporary directories: ", err)
			}
			return other
		}, "has a second name"},
		{"writable-file", false, func(t *testing.T, path string) string {
			must(t, os.WriteFile(path, image, 0o600))
			must(t, os.Chmod(path, 0o620))
			return path
		}, "is writable by others"},
		{"writable-directory", false, func(t *testing.T, path string) string {
			must(t, os.Chmod(filepath.Dir(path), 0o777))
			return ""
		}, "is in a directory that is writable by others"},
		{"file-of-another", true, func(t *testing.T, path string) string {
			must(t, os.WriteFile(path, image, 0o600))
			must(t, os.Chown(path, nobody, nobody))
			return path
		}, "is owned by nobody"},
		{"directory-of-another", true, func(t *testing.T, path string) string {
			must(t, os.Chown(filepath.Dir(path), nobody, nobody))
			return ""
		}, "is in a directory that is owned by nobody"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.root && os.Geteuid() != 0 {
				t.Skip("needs root to give a file away")
			}
			path := filepath.Join(t.TempDir(), "events.db")
			watched := c.plant(t, path)
			before := content(watched)
			s, err := store.Open(t.Context(), path, store.Options{Now: time.Now})
			if err == nil {
				defer s.Close()
			}
			var f *store.FileError
			if !errors.As(err, &f) || f.Problem != store.Unsafe || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "use --store") {
				t.Errorf("Open = %v, want %q", err, c.says)
			}
			if !bytes.Equal(content(watched), before) {
				t.Errorf("%s was changed", watched)
			}
			if _, err := os.Lstat(path + "-wal"); err == nil && c.name != "link-as-journal" {
				t.Error("a journal was made")
			}
		})
	}
}

func linked(t *testing.T, path string, content []byte) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "target")
	must(t, os.WriteFile(target, content, 0o600))
	must(t, os.Symlink(target, path))
	return target
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func content(path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return b
}

// TestModes: whatever the umask, the directory is 0700 and every file in it
// 0600. It is not parallel, for the umask is the whole process's.
func TestModes(t *testing.T) {
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	top := t.TempDir()
	path := filepath.Join(top, "a", "b", "events.db")
	s := openAt(t, path, store.Options{})
	mustAppend(t, s, sample("evt_1"))
	files := 0
	err := filepath.WalkDir(filepath.Join(top, "a"), func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s is %v, want %v", name, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil || files != 3 {
		t.Errorf("%d files, %v, want the store, its journal and its index", files, err)
	}
}

// TestTightened: a store that others could read is taken from their eyes.
func TestTightened(t *testing.T) {
	t.Parallel()
	path, _ := filled(t, 1)
	must(t, os.Chmod(path, 0o644))
	openAt(t, path, store.Options{})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode().Perm(), err)
	}
}

// TestUnfinished: what a crash left behind while a store was being made is in
// nobody's way and goes away.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	must(t, os.WriteFile(path+".new-123", []byte("half"), 0o600))
	must(t, os.WriteFile(path+".bak", []byte("mine"), 0o600))
	s := openAt(t, path, store.Options{})
	mustAppend(t, s, sample("evt_1"))
	left, err := filepath.Glob(path + ".*")
	if err != nil || len(left) != 1 || left[0] != path+".bak" {
		t.Errorf("left: %v, %v, want only the file that is not ours", left, err)
	}
}

// TestCreatedAtOnce: many open the same new store.
func TestCreatedAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x", "events.db")
	errs := make(chan error)
	for range 8 {
		go func() {
			s, err := store.Open(t.Context(), path, store.Options{Now: time.Now})
			if err == nil {
				err = errors.Join(s.Append(t.Context(), sample("")), s.Close())
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	count(t, openAt(t, path, store.Options{}), 8)
}
