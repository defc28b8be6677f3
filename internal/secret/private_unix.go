//go:build unix

package secret

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// readableByOthers says why a file or folder is not its owner's alone, "" if it
// is.
func readableByOthers(info fs.FileInfo) string {
	if detail := foreign(info); detail != "" {
		return detail
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Sprintf("can be read by other users (mode %04o)", info.Mode().Perm())
	}
	return ""
}

// writableByOthers says why others can change what is in a folder, "" if they
// cannot. In a folder with the sticky bit they cannot replace what is ours.
func writableByOthers(info fs.FileInfo) string {
	if detail := foreign(info); detail != "" {
		return detail
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Sprintf("can be written by other users (mode %04o)", info.Mode().Perm())
	}
	return ""
}

func foreign(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(st.Uid) != os.Geteuid() && st.Uid != 0 {
		return fmt.Sprintf("belongs to another user (%d)", st.Uid)
	}
	return ""
}

func openNoFollow(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
}

// syncDir makes a new name last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
