package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// companions are the files that SQLite keeps beside a store.
func companions() []string { return []string{"-wal", "-shm", "-journal"} }

// guard refuses a path where somebody else could read or change what is
// stored, or put something in its place. A file that does not exist is fine.
func guard(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &FileError{Path: path, Problem: Unsafe, Detail: "is not in a directory"}
	}
	if detail := foreignHands(info); detail != "" {
		return &FileError{Path: path, Problem: Unsafe, Detail: "is in a directory that " + detail}
	}
	if err := guardFile(path); err != nil {
		return err
	}
	for _, suffix := range companions() {
		if err := guardFile(path + suffix); err != nil {
			return err
		}
	}
	return nil
}

func guardFile(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	detail := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		detail = "is a symbolic link"
	case info.IsDir():
		detail = "is a directory"
	case !info.Mode().IsRegular():
		detail = "is not a regular file"
	default:
		if detail = foreignHands(info); detail == "" && names(info) > 1 {
			detail = "has a second name (hard link)"
		}
	}
	if detail != "" {
		return &FileError{Path: path, Problem: Unsafe, Detail: detail}
	}
	return nil
}

// The parts of the first page that tell what a file is.
const (
	headerSize    = 100
	headerMagic   = "SQLite format 3\x00"
	atPageSize    = 16
	atPageCount   = 28
	atUserVersion = 60
	atAppID       = 68
)

// inspect reads the beginning of an existing file, without opening it as a
// database, and says why it is none of ours. A file that was cut short is
// reported as Damaged; it may still be readable in part.
func inspect(path string) error {
	f, err := openNoFollow(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, headerSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return judge(path, head[:n], info.Size())
}

func judge(path string, head []byte, size int64) error {
	problem := func(p Problem, format string, args ...any) error {
		return &FileError{Path: path, Problem: p, Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case size == 0:
		return problem(Foreign, "is empty")
	case len(head) < headerSize || !bytes.HasPrefix(head, []byte(headerMagic)):
		return problem(Foreign, "is not a store of hooks")
	case binary.BigEndian.Uint32(head[atAppID:]) != applicationID:
		return problem(Foreign, "is a database of another program")
	}
	if err := judgeVersion(path, int(binary.BigEndian.Uint32(head[atUserVersion:]))); err != nil {
		return err
	}
	page := int64(binary.BigEndian.Uint16(head[atPageSize:]))
	want := page * int64(binary.BigEndian.Uint32(head[atPageCount:]))
	// Pages that the first page already counts may still wait in the journal.
	if size < want && journalSize(path) == 0 {
		return problem(Damaged, "is cut short: %d of %d bytes", size, want)
	}
	return nil
}

// judgeVersion refuses a schema that this program does not know.
func judgeVersion(path string, version int) error {
	switch {
	case version > schemaVersion:
		return &FileError{Path: path, Problem: Newer, Detail: fmt.Sprintf(
			"was made by a newer hooks (version %d of the store, this one knows %d)", version, schemaVersion)}
	case version < 1:
		return &FileError{Path: path, Problem: Damaged, Detail: "has no version"}
	}
	return nil
}

// create makes a new store at path unless there is one by the time it is
// ready. The file appears complete or not at all: it is built under another
// name, synced and renamed.
func create(path string) error {
	unlock, err := lockDirectory(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	removeUnfinished(path)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+unfinished+"*") // exclusively, 0600
	if err != nil {
		return err
	}
	defer f.Close()
	defer os.Remove(f.Name())
	if err := build(f.Name()); err != nil {
		return translate(path, err)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// unfinished is what follows a store's name while it is being made.
const unfinished = ".new-"

// removeUnfinished removes what a process left behind that ended while it made
// a store. The caller holds the lock of the directory.
func removeUnfinished(path string) {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+unfinished) {
			_ = os.Remove(filepath.Join(dir, e.Name())) // in the way of nobody if it stays
		}
	}
}
