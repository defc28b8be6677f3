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
	forReading  = "mode=rw&_pragma=busy_timeout(5000)&_pragma=cache_size(-4096)&_pragma=query_only(1)"
	forWriting  = "mode=rw&_pragma=busy_timeout(0)&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(0)&_pragma=journal_size_limit(%d)&_pragma=synchronous(%d)"
	forUpgrade  = "mode=rw&_pragma=busy_timeout(5000)&_pragma=synchronous(2)"
	forFlushing = "mode=rw&_pragma=busy_timeout(0)&_pragma=wal_autocheckpoint(0)"
	forMaking   = "mode=rw&_pragma=synchronous(0)" // it is synced as a whole
	always      = "&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=temp_store(2)"

	// withoutTouch takes no lock, makes no file, ignores the journal and is
	// content with a file that is shorter than it says.
	withoutTouch = "mode=ro&immutable=1&_pragma=query_only(1)&_pragma=writable_schema(1)"
)

// Values of PRAGMA synchronous: a commit waits for the disk, or does not.
const (
	syncNormal = 1
	syncFull   = 2
)

// maxReaders bounds the connections that read at the same time.
const maxReaders = 4

// connect returns a pool of connections to the file. It opens none yet.
func connect(path, how string, limit int) (*sql.DB, error) {
	useLasting()
	db, err := sql.Open("sqlite", uri(path)+"?"+how+always)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(limit)
	db.SetMaxIdleConns(limit)
	return db, nil
}

// useLasting asks for locks that survive when some other part of the process
// opens and closes the same file. Too late or not available: SQLite's own way
// remains.
func useLasting() { _, _ = sqlite.OFDLocking(true) }

func uri(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// build makes the empty store in an empty file.
func build(path string) (err error) {
	db, err := connect(path, forMaking, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx := context.Background()
	statements := fmt.Sprintf(`PRAGMA page_size=%d; PRAGMA auto_vacuum=incremental; PRAGMA journal_mode=memory;
		BEGIN; %s PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT; PRAGMA journal_mode=WAL`,
		pageSize, schema, applicationID, schemaVersion)
	_, err = db.ExecContext(ctx, statements)
	return err
}

// A migration brings the schema one version forward.
type migration string

// migrations returns how each version, counted from 1, becomes the next one.
// What has been released is never changed.
func migrations() []migration { return nil }

// upgrade brings a store forward to the newest version, all at once: after a
// crash it has the old version or the new one. Whatever another process has
// done first is not done again.
func upgrade(ctx context.Context, path string, list []migration) (err error) {
	db, err := connect(path, forUpgrade, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return translate(path, err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return translate(path, err)
	}
	if err := migrate(ctx, conn, list); err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // closing undoes it as well
		return fmt.Errorf("bring the store forward: %w", translate(path, err))
	}
	// Older programs look for the version in the file, not in the journal.
	_, err = conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return translate(path, err)
}

func migrate(ctx context.Context, conn *sql.Conn, list []migration) error {
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	for ; version >= 1 && version <= len(list); version++ {
		if _, err := conn.ExecContext(ctx, string(list[version-1])); err != nil {
			return fmt.Errorf("to version %d: %w", version+1, err)
		}
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("UPDATE state SET version=%d; PRAGMA user_version=%d; COMMIT", version, version))
	return err
}
