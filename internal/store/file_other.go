//go:build !unix

package store

import (
	"io/fs"
	"os"
)

// Who may touch a file is the business of access control lists here: what is
// made in a user's own profile belongs to that user.
func foreignHands(fs.FileInfo) string { return "" }

func names(fs.FileInfo) uint64 { return 1 }

func openNoFollow(path string) (*os.File, error) { return os.Open(path) }

func lockDirectory(string) (unlock func(), err error) { return func() {}, nil }

func syncDirectory(string) error { return nil }

func isFull(string) bool { return false }

func isReadOnly(string) bool { return false }

// A queue would show who waits; nothing here does.
type queue struct{}

func openQueue(string) *queue { return &queue{} }

func (*queue) enter() {}

func (*queue) leave() {}

func (*queue) crowded() bool { return false }

func (*queue) close() {}
