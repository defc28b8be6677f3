package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What a caller of a Store may want to tell apart with errors.Is.
var (
	// ErrNotFound says that no delivery has the id or reference.
	ErrNotFound = errors.New("no such delivery")
	// ErrExists says that a delivery with this id is already stored.
	ErrExists = errors.New("a delivery with this id is already stored")
	// ErrNoSpace says that the disk is full. Nothing was kept; it may work
	// again as soon as there is room.
	ErrNoSpace = errors.New("no space left")
	// ErrStoreFull says that the store has reached its size limit and all it
	// could delete is younger than a minute. Nothing was kept.
	ErrStoreFull = errors.New("store is full")
	// ErrIO says that the disk failed. Nothing was kept.
	ErrIO = errors.New("input/output error")
	// ErrBusy says that another process held the store for too long.
	ErrBusy = errors.New("store is busy")
	// ErrReadOnly says that the store can be read and not written.
	ErrReadOnly = errors.New("store is read-only")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store is closed")
)

// A Problem is what is wrong with a store file.
type Problem string

// The problems. None of these files is ever written to.
const (
	Damaged Problem = "damaged" // it was a store, and its contents do not fit together
	Foreign Problem = "foreign" // it is something else
	Newer   Problem = "newer"   // a newer hooks made it
	Unsafe  Problem = "unsafe"  // others can change it or put something else in its place
)

// A FileError says why a file cannot serve as store.
type FileError struct {
	Path    string
	Problem Problem
	Detail  string // follows the path: "is a symbolic link"
}

// Error says which file, what is wrong and what to do.
func (e *FileError) Error() string {
	if e.Problem == Unsafe {
		return fmt.Sprintf("store %s %s; use --store", e.Path, e.Detail)
	}
	return fmt.Sprintf("store %s %s; it was left as it is, use --store to start a new one beside it", e.Path, e.Detail)
}

// A DamagedError says that one delivery does not read back as it was stored.
// The others are not affected.
type DamagedError struct {
	ID     string // "" if the damage hides even that
	Detail string
}

// Error names the delivery.
func (e *DamagedError) Error() string {
	if e.ID == "" {
		return "a delivery is damaged: " + e.Detail
	}
	return fmt.Sprintf("delivery %s is damaged: %s", e.ID, e.Detail)
}

// An AmbiguousError says that a reference fits several deliveries or events.
type AmbiguousError struct {
	Ref        string
	Candidates []string // some of those that it fits, newest first
}

// Error lists the candidates.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q is ambiguous: %s", e.Ref, strings.Join(e.Candidates, ", "))
}

// translate gives an error of SQLite the meaning that callers ask for. Other
// errors are returned as they are.
func translate(path string, err error) error {
	if errors.Is(err, errValue) {
		return &FileError{Path: path, Problem: Damaged, Detail: "is damaged"}
	}
	var e *sqlite.Error
	if !errors.As(err, &e) || isDisk(err) || errors.Is(err, ErrBusy) {
		return err
	}
	kind := error(nil)
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		kind = ErrNoSpace
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM:
		kind = ioError(path)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		kind = ErrBusy
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		kind = ErrReadOnly
	case sqlite3.SQLITE_CORRUPT:
		return &FileError{Path: path, Problem: Damaged, Detail: "is damaged"}
	case sqlite3.SQLITE_NOTADB:
		return &FileError{Path: path, Problem: Foreign, Detail: "is not a store"}
	case sqlite3.SQLITE_INTERRUPT:
		kind = context.Canceled
	default:
		return err
	}
	return fmt.Errorf("%w (%w)", kind, err)
}

// errValue says that a column holds a value of a kind that was never put there.
var errValue = errors.New("a value of another kind")

// misshapen is what it means that a query does not fit the schema: the queries
// are always the same, so it is the schema that is not.
func misshapen(path string, err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqlite3.SQLITE_ERROR {
		return &FileError{Path: path, Problem: Damaged, Detail: "does not have the tables of a store"}
	}
	return err
}

// ioError says more about a failure of the disk than SQLite does.
func ioError(path string) error {
	switch {
	case isFull(path):
		return ErrNoSpace
	case isReadOnly(path):
		return ErrReadOnly
	}
	return ErrIO
}

// isDisk says whether err comes from the disk and not from the file.
func isDisk(err error) bool {
	return errors.Is(err, ErrIO) || errors.Is(err, ErrNoSpace) || errors.Is(err, ErrReadOnly)
}

// isDamage says whether err means that the file's structure is broken.
func isDamage(err error) bool {
	var f *FileError
	return errors.As(err, &f) && (f.Problem == Damaged || f.Problem == Foreign)
}
