//go:build windows

package secret

import (
	"io/fs"
	"os"
)

// A user's folders are closed to other users by their access lists; the mode
// bits say nothing here.
func readableByOthers(fs.FileInfo) string { return "" }

func writableByOthers(fs.FileInfo) string { return "" }

func openNoFollow(path string) (*os.File, error) { return os.Open(path) }

func syncDir(string) error { return nil }
