package spool

import (
	"context"
	"errors"
	"time"
)

// What is deleted is written over in the database (see overwrite), but SQLite's
// log beside it has what was written there before, for as long as nothing else
// takes its place: on a quiet relay, for days. So a moment after something was
// removed the log is emptied. A file system may still have the bytes in blocks
// that are free: who must not see them there seals what is stored.
const tidyAfter = 2 * time.Second

// untidy notes that the log may hold what was removed.
func (s *Spool) untidy() {
	select {
	case s.removed <- struct{}{}:
	default:
	}
}

// tidyUp has the log emptied, again and again.
func (s *Spool) tidyUp() {
	timer := time.NewTimer(tidyAfter)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			return // closing empties it
		case <-s.removed:
		}
		timer.Reset(tidyAfter)
		select {
		case <-s.stop:
			return
		case <-timer.C:
		}
		if s.group.Do(context.Background(), &op{kind: opTidy}) != nil {
			s.untidy()
		}
	}
}

// tidy empties the log, unless somebody reads it: it waits for nobody, since
// others would wait for it.
func (w *writer) tidy(ctx context.Context) {
	busy := 1
	_, err := w.conn.ExecContext(ctx, "PRAGMA busy_timeout=0")
	if err == nil {
		var pages, moved int
		err = w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	}
	_, again := w.conn.ExecContext(ctx, "PRAGMA "+patience)
	if errors.Join(err, again) != nil || busy != 0 {
		w.s.untidy()
	}
}
