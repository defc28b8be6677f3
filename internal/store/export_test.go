package store

import (
	"context"
	"fmt"
	"os"
)

// Figures are what tests want to know of a store.
type Figures struct {
	StoreBytes int64 // of the file that hold something: what Retention.Bytes limits
	FileBytes  int64 // on disk, with the journal and what can be used again
	Unindexed  int64 // deliveries that a search looks through one by one
}

// Figures returns the store's figures.
func (s *Store) Figures(ctx context.Context) (Figures, error) {
	st, err := s.state(ctx)
	if err != nil {
		return Figures{}, err
	}
	out := Figures{Unindexed: st.seq - st.texted}
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Lstat(s.path + suffix); err == nil {
			out.FileBytes += info.Size()
		}
	}
	var pages, free int64
	if _, err := s.one(ctx, "PRAGMA page_count", nil, &pages); err != nil {
		return Figures{}, err
	}
	_, err = s.one(ctx, "PRAGMA freelist_count", nil, &free)
	out.StoreBytes = (pages - free) * pageSize
	return out, err
}

// Consistent checks the file from within: SQLite's own check, then that the
// tables agree with each other.
func (s *Store) Consistent(ctx context.Context) error {
	var list []string
	for _, q := range []string{
		"SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
		"SELECT 'counted ' || count || ', there are ' || (SELECT count(*) FROM delivery) FROM state WHERE count <> (SELECT count(*) FROM delivery)",
		"SELECT 'body bytes ' || bytes FROM state WHERE bytes <> (SELECT coalesce(sum(length(body)), 0) FROM delivery)",
		"SELECT 'seq ' || seq FROM delivery WHERE seq > (SELECT seq FROM state)",
		"SELECT 'by_facet lacks ' || seq FROM delivery WHERE seq <= (SELECT indexed FROM state) AND (facet, id) NOT IN (SELECT facet, id FROM by_facet)",
		"SELECT 'by_facet still has ' || seq FROM by_facet WHERE seq NOT IN (SELECT seq FROM delivery)",
		"SELECT 'by_key lacks ' || seq FROM delivery WHERE key <> 0 AND seq <= (SELECT indexed FROM state) AND (key, seq) NOT IN (SELECT key, seq FROM by_key)",
		"SELECT 'by_key still has ' || seq FROM by_key WHERE seq NOT IN (SELECT seq FROM delivery)",
		"SELECT 'texts lack ' || seq FROM delivery WHERE seq <= (SELECT texted FROM state) AND seq NOT IN (SELECT rowid FROM texts) AND seq NOT IN (SELECT seq FROM untexted)",
		"SELECT 'texts still have ' || rowid FROM texts WHERE rowid NOT IN (SELECT seq FROM delivery)",
		"SELECT 'attempt of nothing ' || n FROM attempt WHERE seq NOT IN (SELECT seq FROM delivery)",
		"SELECT 'failed still has ' || seq FROM failed WHERE seq NOT IN (SELECT seq FROM delivery)",
	} {
		err := s.each(ctx, q, nil, func(scan func(...any) error) error {
			var line string
			err := scan(&line)
			list = append(list, line)
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(list) > 0 {
		return fmt.Errorf("%d faults: %q", len(list), list[:min(len(list), 5)])
	}
	return nil
}

// IndexAll does a slice of everything that the indexer does, and says whether
// there is more.
func (s *Store) IndexAll(ctx context.Context) (bool, error) {
	return s.indexSlice(ctx, func() bool { return ctx.Err() != nil })
}

// StopIndexer ends the background work, so that nothing but a test's own calls
// happens.
func (s *Store) StopIndexer() {
	s.stop()
	s.work.Wait()
}
