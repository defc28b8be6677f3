package store

import (
	"context"
	"time"
)

// How the indexer shares the store with what comes in.
const (
	rest       = 100 * time.Millisecond // between two looks; without a commit for so long, intake is idle
	busySlice  = 16                     // deliveries made searchable at a look while intake is busy
	busyMerges = 4                      // steps of merging after that
)

// maintain indexes what this process has stored: in one go while intake is
// idle, a little at a time while it is busy. What is too old goes every minute,
// and once after the first commit: most who store something are gone sooner.
// It ends with ctx.
func (s *Store) maintain(ctx context.Context) {
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	look := time.NewTimer(rest)
	defer look.Stop()
	beat, busy := s.own.wait(), false
	stored, pruned := false, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-prune.C:
			s.pruneOld(ctx)
		case <-beat:
			stored = true
			if beat = s.own.wait(); !busy {
				busy = true
				look.Reset(rest)
			}
		case <-look.C:
			if s.index(ctx, busy, beat) {
				look.Reset(rest)
			} else if stored && !pruned {
				pruned = true
				s.pruneOld(ctx)
			}
			busy = false
		}
	}
}

// pruneOld applies the store's retention. What it cannot delete now is deleted
// later.
func (s *Store) pruneOld(ctx context.Context) {
	if s.opts.Retention != (Retention{}) {
		_, _ = s.Prune(ctx, s.opts.Retention)
	}
}

// index does a share of the work and says whether there is more. A failure is
// no news to anybody: whoever stores something is told about the disk.
func (s *Store) index(ctx context.Context, busy bool, beat <-chan struct{}) (more bool) {
	if busy {
		return s.indexBusy(ctx)
	}
	stop := func() bool {
		select {
		case <-beat:
			return true
		case <-ctx.Done():
			return true
		default:
			return false
		}
	}
	for !stop() {
		if more, err := s.indexSlice(ctx, stop); err != nil || !more {
			return err != nil
		}
	}
	return true
}

// indexSlice does one slice of everything and says whether there was any.
func (s *Store) indexSlice(ctx context.Context, stop func() bool) (bool, error) {
	folded, err := s.foldTail(ctx)
	if err != nil {
		return false, err
	}
	texted, err := s.indexTexts(ctx, textSlice)
	if err != nil {
		return false, err
	}
	return folded || texted, s.mergeAll(ctx, stop)
}

func (s *Store) indexBusy(ctx context.Context) (more bool) {
	st, err := s.state(ctx)
	if err != nil {
		return true
	}
	if st.seq-st.indexed >= foldRows {
		_, _ = s.foldTail(ctx)
	}
	if worked, err := s.indexTexts(ctx, busySlice); worked && err == nil {
		steps := 0
		_ = s.mergeAll(ctx, func() bool { steps++; return steps > busyMerges })
	}
	return true
}

// journalLimit is how large the journal grows before it is copied into the
// file. Where somebody reads for long it cannot start again at its beginning,
// and the copy is repeated every journalStep.
const (
	journalLimit = 16 << 20
	journalStep  = 8 << 20
)

// flushJournal copies the journal into the file while commits go on. It ends
// with ctx.
func (s *Store) flushJournal(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.flush:
			s.checkpoint(ctx)
		}
	}
}

// checkpoint copies in two passes: most of the journal beside the commits,
// then the rest between two of them, after which it starts again at its
// beginning. Where it fails, it is tried again after the next journalLimit.
func (s *Store) checkpoint(ctx context.Context) {
	db, err := connect(s.path, forFlushing, 1)
	if err != nil {
		return
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return
	}
	s.writer.restart.Store(true)
}

// emptyJournal makes the journal as small as it can be at the moment.
func (s *Store) emptyJournal(ctx context.Context) {
	db, err := connect(s.path, forFlushing, 1)
	if err != nil {
		return
	}
	defer db.Close()
	_, _ = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)") // others may be reading: then it stays
}
