// Package store keeps deliveries on disk: one SQLite file that any number of
// processes read and write at once.
//
// Append, AddAttempt, SetResponse and the redelivery queue return when what
// they were given is on disk (write-ahead log, synchronous=FULL), so that an
// answer to a sender can be true. Concurrent calls share commits. What is read
// back is checked against the checksums it was stored with.
//
// A file that is damaged, made by a newer version or by another program, or
// within reach of other users is never written to. The package prints nothing
// and decides nothing about providers or signatures.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/commit"
)

// Options say how a store is opened.
type Options struct {
	// Now tells the time. It is required.
	Now func() time.Time
	// NoCreate makes Open fail with fs.ErrNotExist where there is no file,
	// instead of making one.
	NoCreate bool
	// Retention bounds what is kept. Append makes room by it; the zero value
	// keeps everything.
	Retention Retention
	// Relaxed lets a power failure take the newest commits. It is for load
	// tests only.
	Relaxed bool
}

// A Store is an open store. It is safe for concurrent use.
type Store struct {
	path    string
	opts    Options
	dict    *dictionary
	warning string
	frozen  atomic.Pointer[FileError] // set once the file must not be written any more

	stuck   atomic.Bool // opened where nothing could be written; it is tried again
	readers atomic.Pointer[pool]

	identity atomic.Pointer[identity]
	pulse    *pulse // beats when anything was committed that can be seen
	own      *pulse // beats when this process did
	watch    *watch
	group    *commit.Group[*op]
	writer   *writer       // used by the group's goroutine alone
	flush    chan struct{} // asks for the journal to be copied into the file

	stop   context.CancelFunc // ends the background work
	work   sync.WaitGroup
	closed atomic.Bool
}

// identity is a file that was opened.
type identity struct{ fs.FileInfo }

// Open opens the store at path, making the file and its directory if there is
// none. A file that cannot serve is a *FileError. The context covers the
// opening alone.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if o.Now == nil {
		return nil, errors.New("open store: no clock")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := prepare(path, o.NoCreate); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{path: path, opts: o, dict: newDictionary(), pulse: newPulse(), own: newPulse()}
	s.watch = &watch{path: path, pulse: s.pulse}
	if err := s.start(ctx); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// prepare sees to it that there is a file which may be used.
func prepare(path string, noCreate bool) error {
	if !noCreate {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
	}
	if err := guard(path); err != nil {
		return err
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) && !noCreate {
		return create(path)
	}
	return nil
}

func (s *Store) start(ctx context.Context) error {
	how := forReading
	if err := inspect(s.path); err != nil {
		var f *FileError
		if !errors.As(err, &f) || f.Problem != Damaged {
			return err
		}
		s.frozen.Store(f)
		how = withoutTouch
	} else if err := tighten(s.path); err != nil {
		return err
	}
	err := s.openReaders(ctx, how)
	var f *FileError
	switch {
	case errors.As(err, &f) && f.Problem == Damaged && how == forReading:
		s.frozen.Store(f)
		err = s.openReaders(ctx, withoutTouch)
	case isDisk(err) && journalSize(s.path) == 0:
		// Nothing can be written, not even what reading takes. What is there
		// can be read all the same.
		s.stuck.Store(true)
		err = s.openReaders(ctx, withoutTouch)
	}
	if err != nil {
		return err
	}
	if name := networkFS(s.path); name != "" {
		s.warning = fmt.Sprintf("store %s is on a network file system (%s): it is safe only while one machine uses it", s.path, name)
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.writer, s.flush = &writer{store: s, queue: openQueue(s.path)}, make(chan struct{}, 1)
	s.group = commit.New(commit.Config[*op]{Write: s.writer.write, Size: func(o *op) int { return o.size }})
	s.work.Go(func() { s.maintain(background) })
	s.work.Go(func() { s.flushJournal(background) })
	return nil
}

// openReaders opens the pool that reads and makes sure that it can.
func (s *Store) openReaders(ctx context.Context, how string) error {
	info, err := os.Lstat(s.path)
	if err != nil {
		return err
	}
	db, err := connect(s.path, how, maxReaders)
	if err != nil {
		return err
	}
	var version int
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	if err = translate(s.path, err); err == nil {
		err = judgeVersion(s.path, version) // once more: the first page may be in the journal
	}
	if err == nil && version < schemaVersion {
		err = upgrade(ctx, s.path, migrations())
	}
	if err == nil && how != withoutTouch {
		err = s.probe(ctx, db)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.identity.Store(&identity{info})
	if old := s.readers.Swap(&pool{DB: db, path: s.path, stmts: map[string]*sql.Stmt{}}); old != nil {
		_ = old.Close() // its file may be failing: that is why it is replaced
	}
	return nil
}

// probe reads the row that every store has.
func (s *Store) probe(ctx context.Context, db *sql.DB) error {
	var st state
	err := st.scan(db.QueryRowContext(ctx, selectState).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return &FileError{Path: s.path, Problem: Damaged, Detail: "does not say what is in it"}
	}
	err = misshapen(s.path, err)
	return translate(s.path, err)
}

// isThere says whether the file that is open still has its name.
func (s *Store) isThere() bool {
	info, err := os.Lstat(s.path)
	return err == nil && os.SameFile(info, s.identity.Load().FileInfo)
}

// mustNotWrite says why the file is not written to, nil if it may be.
func (s *Store) mustNotWrite() error {
	if f := s.frozen.Load(); f != nil && s.isThere() {
		return f
	}
	return nil
}

// renew opens what is at the path now, or a new store.
func (s *Store) renew() error {
	if err := prepare(s.path, false); err != nil {
		return err
	}
	if err := inspect(s.path); err != nil {
		return err
	}
	if err := s.openReaders(context.Background(), forReading); err != nil {
		return err
	}
	s.frozen.Store(nil)
	return nil
}

// unstick is called before a write: perhaps there is room again.
func (s *Store) unstick(ctx context.Context) error {
	if !s.stuck.Load() {
		return nil
	}
	if err := s.openReaders(ctx, forReading); err != nil {
		return err
	}
	s.stuck.Store(false)
	return nil
}

func journalSize(path string) int64 {
	info, err := os.Lstat(path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

// tighten takes the file from other users' eyes. SQLite gives its companions
// the same permissions.
func tighten(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return os.Chmod(path, 0o600)
}

// Path returns the absolute path of the store's file.
func (s *Store) Path() string { return s.path }

// Warning returns one line that a person should see once, or "".
func (s *Store) Warning() string { return s.warning }

// Problem returns why the file is only read and not written to any more, nil
// while there is nothing wrong with it.
func (s *Store) Problem() *FileError { return s.frozen.Load() }

// Close finishes what is being written and closes the file. Calls that come
// later fail with ErrClosed.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.stop()
	s.pulse.beat() // whoever waits in a Tail finds it closed
	s.group.Close()
	s.work.Wait()
	s.watch.close()
	err := s.writer.close()
	s.writer.queue.close()
	return errors.Join(err, s.readers.Load().Close())
}

// failed gives an error its meaning and remembers damage.
func (s *Store) failed(err error) error {
	if err == nil {
		return nil
	}
	if s.closed.Load() {
		return ErrClosed
	}
	err = translate(s.path, err)
	if f, ok := errors.AsType[*FileError](err); ok && f.Problem != Unsafe {
		s.frozen.CompareAndSwap(nil, f)
	}
	return err
}
