package spool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

type opKind uint8

const (
	opAppend opKind = iota
	opAck
	opAckTo
	opExpire
	opLose
	opName
	opDrop
	opTidy
)

// An op is one change. Many share a transaction.
type op struct {
	kind    opKind
	name    *Name
	record  *Record
	info    Info
	offsets []uint64
	upTo    uint64             // of opAck
	moved   map[string]*Cursor // as above
	size    int

	offset  uint64   // result of opAppend
	id      int64    // result of opName for a new name
	expired []uint64 // result of opExpire
	count   int      // result of opAckTo
	err     error    // of opAppend alone, where the rest of its batch went through
}

// A writer owns the connection that writes. The group calls it from one
// goroutine.
type writer struct {
	s      *Spool
	db     *sql.DB
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	broken bool // the last transaction failed: nothing that is known may be trusted

	spent   bool      // there is no reserve
	triedAt time.Time // when it was tried last to have one again
}

const (
	patience = "busy_timeout=2000"
	durable  = "&_pragma=" + patience + "&_pragma=synchronous(full)&_pragma=cache_size(-16384)"
)

func (w *writer) open(ctx context.Context) error {
	var err error
	if w.db, err = connect(w.s.path, durable, 1); err != nil {
		return err
	}
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	var version int
	if err = w.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	var tables int
	if err = w.conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if version > schemaVersion || version == 0 && tables > 0 {
		return ErrForeign
	}
	// Only now is it known that the file is ours to change.
	if version == 0 {
		if _, err = w.conn.ExecContext(ctx, "PRAGMA auto_vacuum=2;BEGIN;"+schema+"COMMIT"); err != nil {
			return err
		}
	}
	if version == 1 {
		if _, err = w.conn.ExecContext(ctx, fromFirst); err != nil {
			return err
		}
	}
	if _, err = w.conn.ExecContext(ctx, "PRAGMA journal_mode=wal"); err != nil {
		return err
	}
	w.stmts = make(map[string]*sql.Stmt)
	w.overwrite()
	return nil
}

func (w *writer) close() error {
	var err error
	for _, st := range w.stmts {
		err = errors.Join(err, st.Close())
	}
	w.stmts = nil
	if w.conn != nil {
		err = errors.Join(err, w.conn.Close())
	}
	if w.db != nil {
		err = errors.Join(err, w.db.Close())
	}
	w.conn, w.db = nil, nil
	return err
}

func (w *writer) epoch(ctx context.Context) (string, error) {
	if _, err := w.conn.ExecContext(ctx, "INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", randomHex()); err != nil {
		return "", err
	}
	var epoch string
	err := w.conn.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'epoch'").Scan(&epoch)
	return epoch, err
}

// write makes a batch durable. On a full disk only what makes room is written.
func (w *writer) write(batch []*op) error {
	if !w.refill() {
		batch = refuseAppends(batch)
	}
	err := w.commit(batch)
	if !isFull(err) {
		return err
	}
	w.spend()
	return w.commit(refuseAppends(batch))
}

// commit makes a batch durable. After a failure the file is opened again and
// what is known is read anew: what SQLite believes about it may be wrong.
func (w *writer) commit(batch []*op) error {
	if len(batch) == 0 {
		return nil
	}
	ctx := context.Background()
	if w.broken {
		if err := w.recover(ctx); err != nil {
			return err
		}
	}
	t := &transaction{w: w, ctx: ctx, counts: make(map[*Name]*Counts)}
	if err := t.run(batch); err != nil {
		w.broken = true
		return err
	}
	t.publish(batch)
	switch {
	case w.spent:
		w.shrink(ctx)
	case batch[0].kind == opTidy && len(batch) == 1: // nobody waits
		w.tidy(ctx)
	case slices.ContainsFunc(batch, func(o *op) bool { return o.kind != opAppend && o.kind != opName }):
		w.s.untidy()
	}
	return nil
}

func (w *writer) recover(ctx context.Context) error {
	_ = w.close() // it is given up
	if err := w.open(ctx); err != nil {
		return err
	}
	for _, n := range w.s.Names() {
		var c Counts
		var tail int64
		err := w.conn.QueryRowContext(ctx, "SELECT tail, stored, acked, expired, waiting, bytes FROM name WHERE id = ?", n.id).
			Scan(&tail, &c.Stored, &c.Acked, &c.Expired, &c.Waiting, &c.Bytes)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		c.Tail = uint64(tail)
		n.mu.Lock()
		n.counts = c
		n.mu.Unlock()
	}
	w.broken = false
	return nil
}

// A transaction is one batch on its way. counts are what the names' counts
// will be.
type transaction struct {
	w      *writer
	ctx    context.Context
	counts map[*Name]*Counts
}

func (t *transaction) exec(query string, args ...any) (sql.Result, error) {
	st, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(t.ctx, args...)
}

func (t *transaction) stmt(query string) (*sql.Stmt, error) {
	if st := t.w.stmts[query]; st != nil {
		return st, nil
	}
	st, err := t.w.conn.PrepareContext(t.ctx, query)
	if err == nil {
		t.w.stmts[query] = st
	}
	return st, err
}

func (t *transaction) run(batch []*op) (err error) {
	if _, err = t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = t.w.conn.ExecContext(t.ctx, "ROLLBACK") // the file is opened again anyway
		}
	}()
	for _, o := range batch {
		if err = t.apply(o); err != nil {
			return err
		}
	}
	for n, c := range t.counts {
		_, err = t.exec("UPDATE name SET tail = ?, stored = ?, acked = ?, expired = ?, waiting = ?, bytes = ? WHERE id = ?",
			int64(c.Tail), c.Stored, c.Acked, c.Expired, c.Waiting, c.Bytes, n.id)
		if err != nil {
			return err
		}
	}
	_, err = t.exec("COMMIT")
	return err
}

// publish makes the new counts known, after the commit. What was reserved for
// an event is given back in the same moment in which it counts as waiting.
func (t *transaction) publish(batch []*op) {
	for n, c := range t.counts {
		n.mu.Lock()
		n.counts = *c
		for _, o := range batch {
			if o.kind == opAppend && o.name == n {
				n.reserved--
				n.bytes -= o.record.size()
			}
		}
		n.mu.Unlock()
	}
	for _, o := range batch {
		switch {
		case o.kind == opAppend:
			o.record.Offset = o.offset
		case o.kind == opName:
			o.name.mu.Lock()
			o.name.info = o.info
			o.name.mu.Unlock()
			if o.id != 0 {
				o.name.id = o.id
			}
		}
	}
}

func (t *transaction) of(n *Name) *Counts {
	c := t.counts[n]
	if c == nil {
		now := n.Counts()
		c = &now
		t.counts[n] = c
	}
	return c
}

func (t *transaction) apply(o *op) error {
	switch o.kind {
	case opAppend:
		return t.append(o)
	case opAck:
		return t.ack(o)
	case opAckTo:
		count, bytes, err := t.remove(o.name, 0, o.offsets[0], t.doneAt())
		t.settle(o.name, count, bytes, true)
		o.count = int(count)
		return err
	case opExpire:
		return t.expire(o)
	case opLose:
		count, bytes, err := t.remove(o.name, o.offsets[0], o.offsets[0], 0)
		t.settle(o.name, count, bytes, false)
		return err
	case opName:
		return t.saveName(o)
	case opTidy:
		return nil
	}
	delete(t.counts, o.name)
	if _, err := t.exec("DELETE FROM event WHERE key >= ? AND key < ?", keyOf(o.name, 0), (o.name.id+1)<<offsetBits); err != nil {
		return err
	}
	if _, err := t.exec("DELETE FROM cursor WHERE name = ?", o.name.id); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM name WHERE id = ?", o.name.id)
	return err
}

func (t *transaction) append(o *op) error {
	c, r := t.of(o.name), o.record
	o.offset = c.Tail + 1
	_, err := t.exec("INSERT INTO event(key, received, done, size, attempt, id, sha256, head, body) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?)",
		keyOf(o.name, o.offset), r.ReceivedAt.UnixNano(), r.size(), r.Attempt, r.ID[:], r.Digest[:], r.Head, notNil(r.Body))
	if err != nil {
		return err
	}
	c.Tail++
	c.Stored++
	c.Waiting++
	c.Bytes += r.size()
	return nil
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// ack removes events in runs: acknowledgements mostly follow each other.
func (t *transaction) ack(o *op) error {
	slices.Sort(o.offsets)
	at := t.doneAt()
	for list := slices.Compact(o.offsets); len(list) > 0; {
		n := 1
		for n < len(list) && list[n] == list[n-1]+1 {
			n++
		}
		count, bytes, err := t.remove(o.name, list[0], list[n-1], at)
		if err != nil {
			return err
		}
		t.settle(o.name, count, bytes, true)
		list = list[n:]
	}
	if o.upTo > 0 {
		count, bytes, err := t.remove(o.name, 0, o.upTo, at)
		if err != nil {
			return err
		}
		t.settle(o.name, count, bytes, true)
	}
	return t.moveCursors(o)
}

// doneAt is the mark of an event that is acknowledged now; 0 removes it.
func (t *transaction) doneAt() int64 {
	if t.w.s.limits.Keep == 0 {
		return 0
	}
	return t.w.s.now().UnixNano()
}

// remove takes waiting events out; with at they stay readable, marked as done
// then.
func (t *transaction) remove(n *Name, from, to uint64, at int64) (count, bytes int64, err error) {
	st, err := t.stmt("SELECT count(*), coalesce(sum(size), 0) FROM event WHERE key BETWEEN ? AND ? AND done = 0")
	if err != nil {
		return 0, 0, err
	}
	if err = st.QueryRowContext(t.ctx, keyOf(n, from), keyOf(n, to)).Scan(&count, &bytes); err != nil || count == 0 {
		return 0, 0, err
	}
	if at != 0 {
		_, err = t.exec("UPDATE event SET done = ? WHERE key BETWEEN ? AND ? AND done = 0", at, keyOf(n, from), keyOf(n, to))
	} else {
		_, err = t.exec("DELETE FROM event WHERE key BETWEEN ? AND ? AND done = 0", keyOf(n, from), keyOf(n, to))
	}
	return count, bytes, err
}

func (t *transaction) settle(n *Name, count, bytes int64, acked bool) {
	if count == 0 {
		return
	}
	c := t.of(n)
	c.Waiting -= count
	c.Bytes -= bytes
	if acked {
		c.Acked += count
	} else {
		c.Expired += count
	}
}

func (t *transaction) expire(o *op) error {
	n, now := o.name, t.w.s.now()
	first, last := keyOf(n, 0), (n.id+1)<<offsetBits-1
	if keep := t.w.s.limits.Keep; keep > 0 {
		if _, err := t.exec("DELETE FROM event WHERE key BETWEEN ? AND ? AND done > 0 AND done < ?",
			first, last, now.Add(-keep).UnixNano()); err != nil {
			return err
		}
	}
	before := now.Add(-t.w.s.limits.Age).UnixNano()
	old, bytes, err := t.older(o, first, last, before)
	if err != nil {
		return err
	}
	for _, offset := range old {
		if _, err := t.exec("DELETE FROM event WHERE key = ?", keyOf(n, offset)); err != nil {
			return err
		}
	}
	t.settle(n, int64(len(old)), bytes, false)
	o.expired = old
	return nil
}

// older lists the waiting events that came before a time, but for those that
// the op leaves out.
func (t *transaction) older(o *op, first, last, before int64) (old []uint64, bytes int64, err error) {
	st, err := t.stmt("SELECT key, size FROM event WHERE key BETWEEN ? AND ? AND done = 0 AND received < ?")
	if err != nil {
		return nil, 0, err
	}
	rows, err := st.QueryContext(t.ctx, first, last, before)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var key, size int64
		if err := rows.Scan(&key, &size); err != nil {
			return nil, 0, err
		}
		if offset := offsetOf(key); !slices.Contains(o.offsets, offset) {
			old = append(old, offset)
			bytes += size
		}
	}
	return old, bytes, rows.Err()
}

func (t *transaction) saveName(o *op) error {
	n, i := o.name, &o.info
	used := int64(0)
	if !i.UsedAt.IsZero() {
		used = i.UsedAt.UnixNano()
	}
	if n.id != 0 {
		_, err := t.exec("UPDATE name SET owner = ?, mode = ?, share = ?, accept = ?, used = ?, told = ?, seal = ? WHERE id = ?",
			i.Owner[:], i.Mode, i.Share, i.Accept, used, i.Told, i.Seal, n.id)
		return err
	}
	res, err := t.exec("INSERT INTO name(label, owner, mode, share, accept, used, seal) VALUES (?, ?, ?, ?, ?, ?, ?)",
		n.Label, i.Owner[:], i.Mode, i.Share, i.Accept, used, i.Seal)
	if err != nil {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	if id >= 1<<(63-offsetBits) {
		return errors.New("too many names")
	}
	o.id = id
	return nil
}
