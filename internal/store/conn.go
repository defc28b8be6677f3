package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

// How a connection is opened. None of them ever creates a file.
const (
	forReading   = "mode=rw&_pragma=busy_timeout(5000)&_pragma=cache_size(-4096)&_pragma=query_only(1)"
	forWriting   = "mode=rw&_pragma=busy_timeout(50)&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(0)"
	forFlushing  = "mode=rw&_pragma=busy_timeout(0)&_pragma=wal_autocheckpoint(0)"
	forMaking    = "mode=rw&_pragma=page_size(%d)&_pragma=auto_vacuum(2)&_pragma=journal_mode(memory)&_pragma=synchronous(0)"
	withoutTouch = "mode=ro&immutable=1&_pragma=query_only(1)" // takes no lock, makes no file, ignores the journal
	always       = "&_defensive=1&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=temp_store(2)"
)

// maxReaders bounds the connections that read at the same time.
const maxReaders = 4

// connect returns a pool of connections to the file. It opens none yet.
func connect(path, how string, limit int) (*sql.DB, error) {
	// Locks that survive when some other part of the process opens and closes
	// the same file. Too late or not available: SQLite's own way remains.
	_, _ = sqlite.OFDLocking(true)
	db, err := sql.Open("sqlite", uri(path)+"?"+how+always)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(limit)
	db.SetMaxIdleConns(limit)
	return db, nil
}

func uri(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// build makes the empty store in an empty file.
func build(path string) (err error) {
	db, err := connect(path, fmt.Sprintf(forMaking, pageSize), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx := context.Background()
	statements := fmt.Sprintf("BEGIN; %s PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT; PRAGMA journal_mode=WAL",
		schema, applicationID, schemaVersion)
	_, err = db.ExecContext(ctx, statements)
	return err
}
