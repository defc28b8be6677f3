package store

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// A pulse wakes those in this process who wait for a commit.
type pulse struct {
	mu   sync.Mutex // guards the following
	next chan struct{}
}

func newPulse() *pulse { return &pulse{next: make(chan struct{})} }

// beat says that something was committed.
func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.next)
	p.next = make(chan struct{})
}

// wait returns a channel that is closed at the next beat.
func (p *pulse) wait() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// pollEvery is how often a watch looks whether another process has written. A
// look costs a few microseconds.
const pollEvery = 40 * time.Millisecond

// A watch makes the commits of other processes beats of a pulse, as long as
// somebody has joined.
type watch struct {
	path  string
	pulse *pulse

	mu     sync.Mutex // guards the following
	joined int
	stop   context.CancelFunc
	done   chan struct{}
}

// join starts the watch if nobody has yet; the last to leave ends it.
func (w *watch) join() (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.joined++; w.joined == 1 {
		ctx, stop := context.WithCancel(context.Background())
		w.stop, w.done = stop, make(chan struct{})
		go w.run(ctx, w.done)
	}
	return sync.OnceFunc(w.part)
}

// close ends the watch, whoever has joined.
func (w *watch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.joined > 0 {
		w.stop()
		<-w.done
	}
}

func (w *watch) part() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.joined--; w.joined == 0 {
		w.stop()
		<-w.done
	}
}

// run polls. When it cannot, it beats all the same: who waits then looks for
// itself, and meets the error.
func (w *watch) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	db, err := connect(w.path, forReading, 1)
	if err == nil {
		defer db.Close()
	}
	for last := int64(-1); ; {
		if version := dataVersion(ctx, db); version != last || version < 0 {
			last = version
			w.pulse.beat()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// dataVersion returns a number that changes with every commit of another
// connection, -1 if it cannot be read.
func dataVersion(ctx context.Context, db *sql.DB) int64 {
	version := int64(-1)
	if db != nil && db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version) != nil {
		return -1
	}
	return version
}
