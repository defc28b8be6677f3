package spool

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrNoSpace says that the disk is full. What was stored before is there.
var ErrNoSpace = errors.New("no space left")

// SQLite needs room even to delete. A full disk would keep acknowledgements
// from being written, and events from ever going away; so a file of this size
// holds some room, and is removed when the last of it is needed. Until there
// is room for it again, nothing new is stored.
const (
	reserveSize  = 4 << 20
	reserveEvery = time.Second // how often it is tried to have it again
)

func (w *writer) reservePath() string { return filepath.Join(filepath.Dir(w.s.path), "reserve") }

// refill makes the reserve, if it is not there, and says whether it is.
func (w *writer) refill() bool {
	if !w.spent {
		return true
	}
	if time.Since(w.triedAt) < reserveEvery {
		return false
	}
	w.triedAt = time.Now()
	if info, err := os.Stat(w.reservePath()); err == nil && info.Size() == reserveSize {
		w.spent = false
		w.overwrite()
		return true
	}
	p := make([]byte, reserveSize) // of bytes that no file system makes smaller
	var seed [32]byte
	_, _ = rand.NewChaCha8(seed).Read(p) // never fails
	err := os.WriteFile(w.reservePath(), p, 0o600)
	w.spent = err != nil
	if w.spent {
		_ = os.Remove(w.reservePath()) // half of it is none
	}
	w.overwrite()
	return !w.spent
}

// overwrite has what is deleted written over, for bodies are other people's
// business. That needs as much room as what is deleted, so it is not done on a
// full disk, where deleted pages are given back to the disk instead.
func (w *writer) overwrite() {
	if w.conn == nil {
		return // it will be, when the file is open again
	}
	how := "PRAGMA secure_delete=1"
	if w.spent {
		how = "PRAGMA secure_delete=0"
	}
	_, _ = w.conn.ExecContext(context.Background(), how) // a connection that is broken is opened again, and comes back here
}

// spend gives the reserve up.
func (w *writer) spend() {
	w.spent, w.triedAt = true, time.Now()
	_ = os.Remove(w.reservePath()) // it is not there
}

// refuseAppends answers those ops that need new room with ErrNoSpace and
// returns the others.
func refuseAppends(batch []*op) (rest []*op) {
	for _, o := range batch {
		if o.kind == opAppend {
			o.err = ErrNoSpace
		} else {
			rest = append(rest, o)
		}
	}
	return rest
}

// shrink gives the room of what was deleted back to the disk, as far as that
// is possible now.
func (w *writer) shrink(ctx context.Context) {
	for _, step := range []string{"PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		rows, err := w.conn.QueryContext(ctx, step)
		if err != nil {
			return // the next acknowledgement tries again
		}
		for rows.Next() { // each row frees a page
		}
		_ = errors.Join(rows.Err(), rows.Close()) // as above
	}
}

func isFull(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL || errors.Is(err, syscall.ENOSPC)
}
