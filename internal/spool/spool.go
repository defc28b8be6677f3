package spool

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/hooks-cli/hooks/internal/commit"
	"github.com/hooks-cli/hooks/internal/wire"
)

// Errors that callers tell apart.
var (
	// ErrFull says that a name's share of the store is used up.
	ErrFull = errors.New("the tunnel's store is full")
	// ErrInUse says that another process has the data directory.
	ErrInUse = errors.New("another relay uses this data directory")
	// ErrUnsafe says that others could read or change the store.
	ErrUnsafe = errors.New("others can write to it")
	// ErrForeign says that the file is not a spool, or one of a newer hooks.
	ErrForeign = errors.New("not a spool that this version reads")
)

// Limits bound what one name may keep. Zero fields have the defaults.
type Limits struct {
	Events int           // 1,000
	Bytes  int64         // 100 MiB
	Age    time.Duration // 24 h: older events expire
	Keep   time.Duration // how long acknowledged events stay readable; 0: not at all
}

// Filled returns l with the defaults for what is zero.
func (l Limits) Filled() Limits {
	if l.Events == 0 {
		l.Events = 1000
	}
	if l.Bytes == 0 {
		l.Bytes = 100 << 20
	}
	if l.Age == 0 {
		l.Age = 24 * time.Hour
	}
	return l
}

// A Record is one stored request.
type Record struct {
	Offset     uint64 // set by Append
	ID         wire.EventID
	ReceivedAt time.Time
	Attempt    uint32 // how often the app may have seen it before it was stored
	Head       []byte // as wire.AppendRequestHead wrote it
	Body       []byte
	Digest     [32]byte
	Done       bool // acknowledged, and kept for reading again
	Old        bool // stored before the process started
	Damaged    bool // the body is not what Digest says
	New        bool // nobody was told of the event before
}

func (r *Record) size() int64 { return int64(len(r.Head) + len(r.Body)) }

// Counts is what happened to the events of a name, or of all.
type Counts struct {
	Stored, Acked, Expired, Waiting int64
	Bytes                           int64 // of those that wait
	Tail                            uint64
}

// An Info is what is kept about a name itself.
type Info struct {
	Owner  [32]byte
	Mode   string
	Share  string
	Accept int
	Seal   string // the key that bodies are sealed with before they are stored; "" for none
	UsedAt time.Time
	Told   int64 // how many of Counts.Expired the client has been told of
}

// A Name is one tunnel's part of the spool.
type Name struct {
	Label string

	spool   *Spool
	id      int64
	loaded  uint64   // tail when the process started
	cursors []Cursor // then as well

	flushing sync.Mutex // held from taking acks until they are written

	mu       sync.Mutex // guards the following
	info     Info       // as committed
	counts   Counts     // as committed
	reserved int        // events that are being stored
	bytes    int64      // of them
	acks     []uint64   // not written yet, as are the following
	upTo     uint64
	moved    map[string]*Cursor // nil for one that is dropped
}

// Counts returns what is committed.
func (n *Name) Counts() Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts
}

// Info returns what is committed.
func (n *Name) Info() Info {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.info
}

// A Spool is the store of one relay. Its methods are safe for concurrent use.
type Spool struct {
	path   string
	limits Limits
	now    func() time.Time
	epoch  string
	lock   *sql.DB
	read   *sql.DB
	writer *writer
	group  *commit.Group[*op]

	mu    sync.Mutex // guards the following
	names map[string]*Name
	dirty map[*Name]bool // have acks to write
	wake  chan struct{}

	removed chan struct{} // told when the log may hold what was removed
	stop    chan struct{}
	flusher sync.WaitGroup
}

const schemaVersion = 2

const schema = `
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS name(
	id INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, owner BLOB NOT NULL, mode TEXT NOT NULL, share TEXT NOT NULL,
	accept INTEGER NOT NULL, used INTEGER NOT NULL, tail INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0,
	acked INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0, waiting INTEGER NOT NULL DEFAULT 0,
	bytes INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0, seal TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS event(
	key INTEGER PRIMARY KEY, received INTEGER NOT NULL, done INTEGER NOT NULL, size INTEGER NOT NULL,
	attempt INTEGER NOT NULL, id BLOB NOT NULL, sha256 BLOB NOT NULL, head BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cursor(
	name INTEGER NOT NULL, instance TEXT NOT NULL, offset INTEGER NOT NULL, seen INTEGER NOT NULL,
	PRIMARY KEY(name, instance)) WITHOUT ROWID;
PRAGMA user_version=2;
`

// fromFirst makes a spool of version 1 one of this version.
const fromFirst = "BEGIN;ALTER TABLE name ADD COLUMN seal TEXT NOT NULL DEFAULT '';PRAGMA user_version=2;COMMIT"

// offsetBits is how many bits of an event's key are its offset; the rest is
// the id of its name. So the events of a name lie together, in order, and need
// no index.
const offsetBits = 38

func keyOf(n *Name, offset uint64) int64 { return n.id<<offsetBits | int64(offset) }

func offsetOf(key int64) uint64 { return uint64(key & (1<<offsetBits - 1)) }

// Open opens the spool in dir, which is made if it is not there.
func Open(ctx context.Context, dir string, limits Limits, now func() time.Time) (*Spool, error) {
	if err := prepareDir(dir); err != nil {
		return nil, fmt.Errorf("open the relay's store: %w", err)
	}
	s := &Spool{
		path: filepath.Join(dir, "spool.db"), limits: limits.Filled(), now: now,
		names: make(map[string]*Name), dirty: make(map[*Name]bool), wake: make(chan struct{}, 1),
		removed: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	if err := s.open(ctx, dir); err != nil {
		_ = s.closeFiles() // what failed before says more
		return nil, fmt.Errorf("open the relay's store %s: %w", s.path, err)
	}
	s.group = commit.New(commit.Config[*op]{Write: s.writer.write, Size: func(o *op) int { return o.size }})
	s.flusher.Go(s.flushAcks)
	s.flusher.Go(s.tidyUp)
	return s, nil
}

// prepareDir makes dir for its owner alone, or refuses one that others can
// write to.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{dir, filepath.Join(dir, "spool.db"), filepath.Join(dir, "lock.db")} {
		info, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
			continue
		}
		switch {
		case err != nil:
			return err
		case name != dir && !info.Mode().IsRegular():
			return fmt.Errorf("%s: not a regular file: %w", name, ErrUnsafe)
		case runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0:
			return fmt.Errorf("%s: %w", name, ErrUnsafe)
		}
	}
	return nil
}

func (s *Spool) open(ctx context.Context, dir string) error {
	var err error
	if s.lock, err = connect(filepath.Join(dir, "lock.db"), "&_pragma=busy_timeout(50)&_pragma=locking_mode(exclusive)", 1); err != nil {
		return err
	}
	// The lock is held as long as the process lives, however it ends.
	if _, err = s.lock.ExecContext(ctx, "BEGIN EXCLUSIVE; COMMIT"); err != nil {
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	s.writer = &writer{s: s, spent: true}
	if err := s.writer.open(ctx); err != nil {
		return err
	}
	if s.read, err = connect(s.path, "&_pragma=busy_timeout(2000)&_pragma=query_only(1)", 4); err != nil {
		return err
	}
	if s.epoch, err = s.writer.epoch(ctx); err != nil {
		return err
	}
	s.writer.refill() // without one nothing is stored until there is room
	if err := s.loadNames(ctx); err != nil {
		return err
	}
	return s.loadCursors(ctx)
}

func connect(path, more string, conns int) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	db, err := sql.Open("sqlite", u.String()+"?mode=rw&_pragma=trusted_schema(0)"+more)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func (s *Spool) loadNames(ctx context.Context) error {
	rows, err := s.read.QueryContext(ctx, "SELECT id, label, owner, mode, share, accept, used, tail, stored, acked, expired, waiting, bytes, told, seal FROM name")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n Name
		var owner []byte
		var used, tail int64
		c, i := &n.counts, &n.info
		if err := rows.Scan(&n.id, &n.Label, &owner, &i.Mode, &i.Share, &i.Accept, &used, &tail,
			&c.Stored, &c.Acked, &c.Expired, &c.Waiting, &c.Bytes, &i.Told, &i.Seal); err != nil {
			return err
		}
		if len(owner) != len(i.Owner) {
			return ErrForeign
		}
		copy(i.Owner[:], owner)
		c.Tail, n.loaded, i.UsedAt = uint64(tail), uint64(tail), time.Unix(0, used).UTC()
		n.spool = s
		s.names[n.Label] = &n
	}
	return rows.Err()
}

// Epoch names this incarnation of the store: another one has other offsets.
func (s *Spool) Epoch() string { return s.epoch }

// Names returns all names.
func (s *Spool) Names() []*Name {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*Name, 0, len(s.names))
	for _, n := range s.names {
		list = append(list, n)
	}
	return list
}

// Totals adds the counts of all names.
func (s *Spool) Totals() Counts {
	var t Counts
	for _, n := range s.Names() {
		c := n.Counts()
		t.Stored += c.Stored
		t.Acked += c.Acked
		t.Expired += c.Expired
		t.Waiting += c.Waiting
		t.Bytes += c.Bytes
	}
	return t
}

// Append stores r. When it returns nil, r is on the disk and has its offset.
// After any error r counts as not stored.
func (n *Name) Append(ctx context.Context, r *Record) error {
	size := r.size()
	n.mu.Lock()
	c := &n.counts
	if c.Waiting+int64(n.reserved) >= int64(n.spool.limits.Events) || c.Bytes+n.bytes+size > n.spool.limits.Bytes {
		n.mu.Unlock()
		return ErrFull
	}
	n.reserved++
	n.bytes += size
	n.mu.Unlock()
	o := &op{kind: opAppend, name: n, record: r, size: int(size) + 200}
	err := n.spool.group.Do(ctx, o)
	if err == nil {
		err = o.err
	}
	if err != nil {
		n.mu.Lock()
		n.reserved--
		n.bytes -= size
		n.mu.Unlock()
		return fmt.Errorf("store an event: %w", err)
	}
	r.New = true
	return nil
}

// Expire removes what is older than the limit, and what was kept long enough
// after its acknowledgement. The events in except stay: somebody has them. It
// returns the offsets of the events that expired undelivered.
func (n *Name) Expire(ctx context.Context, except []uint64) ([]uint64, error) {
	o := &op{kind: opExpire, name: n, offsets: except, size: 100}
	err := n.spool.group.Do(ctx, o)
	return o.expired, err
}

// AckTo acknowledges all events up to offset and returns how many there were
// that had not been acknowledged with Ack before.
func (n *Name) AckTo(ctx context.Context, offset uint64) (int, error) {
	if err := n.flush(ctx); err != nil {
		return 0, err
	}
	o := &op{kind: opAckTo, name: n, offsets: []uint64{offset}, size: 100}
	err := n.spool.group.Do(ctx, o)
	return o.count, err
}

// Lose removes one event that cannot be delivered. It counts as expired.
func (n *Name) Lose(ctx context.Context, offset uint64) error {
	return n.spool.group.Do(ctx, &op{kind: opLose, name: n, offsets: []uint64{offset}, size: 100})
}

// Claim makes a name known that was not.
func (s *Spool) Claim(ctx context.Context, label string, info Info) (*Name, error) {
	n := &Name{Label: label, spool: s}
	if err := n.Save(ctx, info); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[label] = n
	return n, nil
}

// Save makes new information about n durable.
func (n *Name) Save(ctx context.Context, info Info) error {
	if err := n.spool.group.Do(ctx, &op{kind: opName, name: n, info: info, size: 200}); err != nil {
		return fmt.Errorf("store a name: %w", err)
	}
	return nil
}

// DropName removes a name with all its events.
func (n *Name) DropName(ctx context.Context) error {
	if err := n.spool.group.Do(ctx, &op{kind: opDrop, name: n, size: 100}); err != nil {
		return fmt.Errorf("release a name: %w", err)
	}
	n.spool.mu.Lock()
	defer n.spool.mu.Unlock()
	if n.spool.names[n.Label] == n {
		delete(n.spool.names, n.Label)
	}
	return nil
}

// Read returns events of n from offset on, in order: at most count, and no
// more than about bytes of them but at least one. Acknowledged ones are left
// out unless done.
func (n *Name) Read(ctx context.Context, offset uint64, count int, bytes int64, done bool) ([]*Record, error) {
	query := "SELECT key, received, done, attempt, id, sha256, head, body, size FROM event WHERE key >= ? AND key < ? AND done = 0 ORDER BY key LIMIT ?"
	if done {
		query = strings.Replace(query, "AND done = 0 ", "", 1)
	}
	rows, err := n.spool.read.QueryContext(ctx, query, keyOf(n, offset), (n.id+1)<<offsetBits, count)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var list []*Record
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		r.Old = r.Offset <= n.loaded
		list = append(list, r)
		if bytes -= r.size(); bytes <= 0 {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return list, nil
}

func scan(rows *sql.Rows) (*Record, error) {
	var r Record
	var key, received, done, size int64
	var id, sum []byte
	if err := rows.Scan(&key, &received, &done, &r.Attempt, &id, &sum, &r.Head, &r.Body, &size); err != nil {
		return nil, err
	}
	r.Offset, r.ReceivedAt, r.Done = offsetOf(key), time.Unix(0, received).UTC(), done != 0
	if len(id) != len(r.ID) || len(sum) != len(r.Digest) {
		r.Damaged = true
		return &r, nil
	}
	copy(r.ID[:], id)
	copy(r.Digest[:], sum)
	r.Damaged = sha256.Sum256(r.Body) != r.Digest || size != r.size()
	return &r, nil
}

// First is the offset of the oldest event that is not acknowledged; 0 if there
// is none.
func (n *Name) First(ctx context.Context) (uint64, error) {
	var key int64
	err := n.spool.read.QueryRowContext(ctx, "SELECT key FROM event WHERE key >= ? AND key < ? AND done = 0 ORDER BY key LIMIT 1",
		keyOf(n, 0), (n.id+1)<<offsetBits).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read events: %w", err)
	}
	return offsetOf(key), nil
}

// Oldest returns when the oldest waiting event of n came; the zero time if
// none waits.
func (n *Name) Oldest(ctx context.Context) (time.Time, error) {
	var ns int64
	err := n.spool.read.QueryRowContext(ctx, "SELECT received FROM event WHERE key >= ? AND key < ? AND done = 0 ORDER BY key LIMIT 1",
		keyOf(n, 0), (n.id+1)<<offsetBits).Scan(&ns)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read events: %w", err)
	}
	return time.Unix(0, ns).UTC(), nil
}

// OffsetAt returns the offset of the first event that came at or after t.
func (n *Name) OffsetAt(ctx context.Context, t time.Time) (uint64, error) {
	var key int64
	err := n.spool.read.QueryRowContext(ctx, "SELECT key FROM event WHERE key >= ? AND key < ? AND received >= ? ORDER BY key LIMIT 1",
		keyOf(n, 0), (n.id+1)<<offsetBits, t.UnixNano()).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return n.Counts().Tail + 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read events: %w", err)
	}
	return offsetOf(key), nil
}

// Close writes what is noted and closes the file.
func (s *Spool) Close() error {
	close(s.stop)
	s.flusher.Wait()
	s.group.Close()
	return s.closeFiles()
}

func (s *Spool) closeFiles() error {
	var err error
	if s.read != nil {
		err = s.read.Close()
	}
	if s.writer != nil {
		err = errors.Join(err, s.writer.close())
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
