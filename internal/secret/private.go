package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// An UnsafeError says that a file or folder with secrets is not its owner's
// alone, so that nothing is read from it or written to it.
type UnsafeError struct {
	Path   string
	Detail string // "can be read by other users"
	Fix    string // what a person can type to mend it, "" if that is not certain
}

// Error says which and why.
func (e *UnsafeError) Error() string { return e.Path + " " + e.Detail }

// makePrivateDir makes a folder that only its owner can enter, or checks that
// it is one.
func makePrivateDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return guardDir(dir)
}

// guardDir refuses a folder that others can read, or whose own folder lets
// others put another one in its place.
func guardDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &UnsafeError{Path: dir, Detail: "is not a folder, or a symbolic link to one"}
	}
	if detail := readableByOthers(info); detail != "" {
		return &UnsafeError{Path: dir, Detail: detail, Fix: "chmod 700 " + dir}
	}
	above, err := os.Stat(filepath.Dir(dir))
	if err != nil {
		return err
	}
	if detail := writableByOthers(above); detail != "" {
		return &UnsafeError{Path: filepath.Dir(dir), Detail: detail, Fix: "chmod go-w " + filepath.Dir(dir)}
	}
	return nil
}

// readPrivate returns the bytes of a file that only its owner can read, nil if
// there is none. It follows no link.
func readPrivate(path string) ([]byte, error) {
	if err := guardDir(filepath.Dir(path)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	info, err := os.Lstat(path) // before opening, so that a pipe is not waited for
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &UnsafeError{Path: path, Detail: "is a symbolic link, or no file at all"}
	}
	f, err := openNoFollow(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if detail := readableByOthers(info); detail != "" {
		return nil, &UnsafeError{Path: path, Detail: detail, Fix: "chmod 600 " + path}
	}
	const limit = 16 << 20
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && len(text) > limit {
		err = fmt.Errorf("%s is too large", path)
	}
	return text, err
}

// writePrivate writes a whole file, or nothing, that only its owner can read.
func writePrivate(path string, text []byte) error {
	tmp, err := writeTemp(path, text)
	if err != nil {
		return err
	}
	defer os.Remove(tmp) // gone already if all went well
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// createPrivate is writePrivate for a file that does not exist yet: of several
// processes that do this at the same moment, the content of one stays. It says
// fs.ErrExist to the others.
func createPrivate(path string, text []byte) error {
	tmp, err := writeTemp(path, text)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	err = os.Link(tmp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// A file system without links: the last one stays, and all read it again.
		if _, serr := os.Lstat(path); serr == nil {
			return fs.ErrExist
		}
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func writeTemp(path string, text []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // exclusively, 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
