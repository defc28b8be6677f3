package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"
)

// An op is one change, written in a transaction together with those of other
// callers.
type op struct {
	size  int
	quiet bool // nothing that a reader could see
	// run makes the change. An error of its own, returned through refuse,
	// must leave the transaction as it was; any other error undoes the batch.
	run func(tx *transaction) error
	err error // what refuse was given
}

// A refusal is an error that concerns one op and not its transaction.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// refuse makes err the outcome of one op alone. Nothing may have been changed
// by that op.
func refuse(err error) error { return refusal{err} }

// do has a change made and returns when it is on disk.
func (s *Store) do(ctx context.Context, size int, run func(tx *transaction) error) error {
	return s.submit(ctx, &op{size: size, run: run})
}

// doQuietly is do for changes that nobody waits for.
func (s *Store) doQuietly(ctx context.Context, size int, run func(tx *transaction) error) error {
	return s.submit(ctx, &op{size: size, run: run, quiet: true})
}

func (s *Store) submit(ctx context.Context, o *op) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if f := s.mustNotWrite(); f != nil {
		return f
	}
	if err := s.unstick(ctx); err != nil {
		return err
	}
	if err := s.group.Do(ctx, o); err != nil {
		return s.failed(err)
	}
	return o.err
}

// A writer owns the one connection of this process that writes. It is used by
// one goroutine at a time.
type writer struct {
	store   *Store
	queue   *queue
	session *session // nil until something is written, and after a failure

	known  state           // as of our last commit
	facets map[facet]int64 // those that are committed
	recent recentKeys      // of deliveries that are not in by_key yet

	restart atomic.Bool // most of the journal is in the file: copy the rest
	flushAt int64       // size of the journal at which the next copy is due
}

// write is the group's Write.
func (w *writer) write(batch []*op) error {
	if f := w.store.mustNotWrite(); f != nil {
		return f
	}
	err := w.transact(batch)
	if err == nil {
		w.wrote(batch)
		return nil
	}
	err = w.store.failed(err)
	switch {
	case isDisk(err), isDamage(err):
		// What SQLite believes about the file may be wrong now. The next
		// batch starts from what is really on disk.
		w.store.reopen(w)
	case !errors.Is(err, ErrBusy):
		w.discard()
	}
	return err
}

func (w *writer) transact(batch []*op) error {
	if err := w.ensure(); err != nil {
		return err
	}
	if w.restart.Swap(false) {
		_, _ = w.session.exec("PRAGMA wal_checkpoint(PASSIVE)") // it is tried again
	}
	tx, err := w.begin()
	if err != nil {
		return err
	}
	for _, o := range batch {
		o.err = nil
		err := o.run(tx)
		if r, ok := errors.AsType[refusal](err); ok {
			o.err, err = r.error, nil
		}
		if err != nil {
			return w.rollback(err)
		}
	}
	if err := tx.commit(); err != nil {
		return w.rollback(err)
	}
	w.committed(tx)
	return nil
}

// wrote tells those who wait that there is something new.
func (w *writer) wrote(batch []*op) {
	for _, o := range batch {
		if !o.quiet {
			w.store.own.beat()
			w.store.pulse.beat()
			break
		}
	}
	w.watchJournal()
}

// watchJournal asks for the journal to be copied into the file once it has
// grown. SQLite cuts it back to journalLimit when it starts again at its
// beginning, so its size tells what is in it.
func (w *writer) watchJournal() {
	size := journalSize(w.store.path)
	if size <= journalLimit {
		w.flushAt = 0
		return
	}
	if size < w.flushAt {
		return
	}
	w.flushAt = size + journalStep
	select {
	case w.store.flush <- struct{}{}:
	default: // one is under way
	}
}

// rollback ends a transaction that failed and returns why it did. SQLite may
// have ended it already.
func (w *writer) rollback(why error) error {
	_, _ = w.session.exec("ROLLBACK")
	w.recent.forget()
	w.facets = nil
	return why
}

// ensure opens the connection if there is none.
func (w *writer) ensure() error {
	if !w.store.isThere() {
		// Somebody removed the file or put another in its place. What is
		// written to the one that is open would be lost.
		w.discard()
		if err := w.store.renew(); err != nil {
			return err
		}
	}
	if w.session != nil {
		return nil
	}
	sync := syncFull
	if w.store.opts.Relaxed {
		sync = syncNormal
	}
	session, err := newSession(w.store.path, fmt.Sprintf(forWriting, journalLimit, sync))
	if err != nil {
		return err
	}
	w.session, w.facets = session, nil
	w.recent.forget()
	return nil
}

// discard closes the connection; the next batch opens a new one.
func (w *writer) discard() { _ = w.close() }

func (w *writer) close() error {
	if w.session == nil {
		return nil
	}
	err := w.session.close()
	w.session = nil
	return err
}

// reopen drops every connection to the file after the disk failed.
func (s *Store) reopen(w *writer) {
	w.discard()
	if s.frozen.Load() != nil {
		return
	}
	_ = s.openReaders(context.Background(), forReading) // the old ones stay until it works
}

// A transaction is a write transaction under way.
type transaction struct {
	*session
	w     *writer
	now   time.Time
	state state
	was   counters        // what it began with
	added map[facet]int64 // facets that it made
	room  room
	empty map[string]bool // tables, see isEmpty
}

// state is the store's row of that name.
type state struct {
	version int64
	counters
	salt []byte
}

type counters struct {
	seq, attempt, count, holes, bytes, skew, indexed, texted int64
}

const selectState = "SELECT version, seq, attempt, count, holes, bytes, skew, indexed, texted, salt FROM state"

func (st *state) scan(scan func(...any) error) error {
	return scan(&st.version, &st.seq, &st.attempt, &st.count, &st.holes, &st.bytes, &st.skew, &st.indexed, &st.texted, &st.salt)
}

// begin starts a transaction.
func (w *writer) begin() (*transaction, error) {
	if err := w.lock(); err != nil {
		return nil, err
	}
	tx := &transaction{session: w.session, w: w, now: w.store.opts.Now()}
	if err := tx.prepare(); err != nil {
		return nil, w.rollback(err)
	}
	return tx, nil
}

// How writers of several processes take turns. SQLite's own waiting grows slow
// while others go on, so that who has waited long waits longer.
const (
	busyFor = 5 * time.Second      // at most for the others
	lookIn  = time.Millisecond     // how often who waits tries again
	standBy = 2 * time.Millisecond // how long who has just written lets those go first
)

// lock takes the store's write lock, which one process has at a time.
func (w *writer) lock() error {
	if w.queue.crowded() {
		<-time.After(standBy)
	}
	_, err := w.session.exec("BEGIN IMMEDIATE")
	if !isBusy(err) {
		return err
	}
	w.queue.enter()
	defer w.queue.leave()
	wait, cancel := context.WithTimeout(context.Background(), busyFor)
	defer cancel()
	ticker := time.NewTicker(lookIn)
	defer ticker.Stop()
	for isBusy(err) {
		select {
		case <-wait.Done():
			return err
		case <-ticker.C:
			_, err = w.session.exec("BEGIN IMMEDIATE")
		}
	}
	return err
}

func isBusy(err error) bool { return err != nil && errors.Is(translate("", err), ErrBusy) }

// prepare learns what other processes have done since the last transaction.
func (tx *transaction) prepare() error {
	err := tx.each(selectState, nil, tx.state.scan)
	if err != nil {
		return err
	}
	// Brought forward by a newer hooks while this one had it open.
	if err := judgeVersion(tx.w.store.path, int(tx.state.version)); err != nil {
		return err
	}
	tx.was = tx.state.counters
	return tx.w.catchUp(tx)
}

func (tx *transaction) commit() error {
	if st := &tx.state.counters; *st != tx.was {
		if _, err := tx.exec("UPDATE state SET seq=?, attempt=?, count=?, holes=?, bytes=?, skew=?, indexed=?, texted=?",
			st.seq, st.attempt, st.count, st.holes, st.bytes, st.skew, st.indexed, st.texted); err != nil {
			return err
		}
	}
	_, err := tx.exec("COMMIT")
	return err
}

// committed remembers what a transaction made known.
func (w *writer) committed(tx *transaction) {
	w.known = tx.state
	maps.Copy(w.facets, tx.added)
}

// scan reads one row into dest and says whether there was one.
func (tx *transaction) scan(text string, args []any, dest ...any) (found bool, err error) {
	err = tx.each(text, args, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	})
	return found, err
}
