package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
)

// The indexer brings by_key, by_facet and texts up to what has been stored. It
// works in slices, each a transaction of its own, so that deliveries that
// arrive meanwhile wait for a moment at most; what a slice did is found undone
// or done after a crash, never half.
const (
	foldRows  = 16_384      // deliveries that are taken at a time: writing many in order touches few pages
	foldSlice = 512         // of them in a transaction
	textSlice = 64          // deliveries that are made searchable in a transaction
	maxText   = 64 << 10    // bytes of body; larger ones are looked through when somebody searches
	maxTexts  = 2 * maxText // bytes made searchable in a transaction
	mergeStep = 16          // pages of texts merged in a transaction
)

// errStale says that another process has moved the index on meanwhile.
var errStale = errors.New("index moved on")

// entry is what by_key and by_facet hold of a delivery.
type entry struct {
	place
	facet, key int64
}

// foldTail moves the oldest deliveries that are not in by_key and by_facet into
// them. It says whether it did anything.
func (s *Store) foldTail(ctx context.Context) (bool, error) {
	st, err := s.state(ctx)
	if err != nil || st.seq == st.indexed {
		return false, err
	}
	upTo := min(st.seq, st.indexed+foldRows)
	var list []entry
	err = s.each(ctx, "SELECT seq, id, facet, key FROM delivery WHERE seq > ? AND seq <= ?", []any{st.indexed, upTo},
		func(scan func(...any) error) error {
			var e entry
			err := scan(&e.seq, &e.id, &e.facet, &e.key)
			list = append(list, e)
			return err
		})
	if err != nil {
		return false, err
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	if err := s.foldInto(ctx, st, list, foldKey); err != nil {
		return false, unlessStale(err)
	}
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.facet, b.facet), bytes.Compare(a.id, b.id))
	})
	if err := s.foldInto(ctx, st, list, foldFacet); err != nil {
		return false, unlessStale(err)
	}
	return true, unlessStale(s.doQuietly(ctx, 0, func(tx *transaction) error {
		if tx.state.indexed != st.indexed {
			return refuse(errStale)
		}
		tx.state.indexed = upTo
		return nil
	}))
}

// unlessStale drops the error that says that another process was faster.
func unlessStale(err error) error {
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}

func foldKey(tx *transaction, e entry) error {
	if e.key == 0 {
		return nil
	}
	_, err := tx.exec("INSERT OR IGNORE INTO by_key (key, seq) VALUES (?, ?)", e.key, e.seq)
	return err
}

func foldFacet(tx *transaction, e entry) error {
	_, err := tx.exec("INSERT OR IGNORE INTO by_facet (facet, id, seq) VALUES (?, ?, ?)", e.facet, e.id, e.seq)
	return err
}

// foldInto inserts what was read when the store was in state st.
func (s *Store) foldInto(ctx context.Context, st state, list []entry, insert func(*transaction, entry) error) error {
	for slice := range slices.Chunk(list, foldSlice) {
		err := s.doQuietly(ctx, len(slice)*32, func(tx *transaction) error {
			if tx.state.indexed != st.indexed {
				return refuse(errStale)
			}
			there, err := tx.stillThere(st)
			if err != nil {
				return err
			}
			for _, e := range slice {
				ok, err := there(e.seq)
				if err == nil && ok {
					err = insert(tx, e)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stillThere returns how to tell whether a delivery that was read when the
// store was in state st has been deleted meanwhile. As long as only the oldest
// were, nothing needs to be looked up for that.
func (tx *transaction) stillThere(st state) (func(seq int64) (bool, error), error) {
	if tx.state.holes != st.holes {
		return func(seq int64) (bool, error) {
			return tx.scan("SELECT seq FROM delivery WHERE seq = ?", []any{seq}, &seq)
		}, nil
	}
	oldest := sql.NullInt64{}
	_, err := tx.scan("SELECT min(seq) FROM delivery", nil, &oldest)
	return func(seq int64) (bool, error) { return oldest.Valid && seq >= oldest.Int64, nil }, err
}

// indexTexts makes up to n further deliveries searchable. It says whether
// there was anything to do.
func (s *Store) indexTexts(ctx context.Context, n int) (bool, error) {
	st, err := s.state(ctx)
	if err != nil || st.seq == st.texted {
		return false, err
	}
	seqs, err := s.seqs(ctx, "SELECT seq FROM delivery WHERE seq > ? ORDER BY seq LIMIT ?", st.texted, n)
	if err != nil {
		return false, err
	}
	texts, size, err := s.textsOf(ctx, seqs)
	if err != nil {
		return false, err
	}
	upTo := st.seq
	if len(texts) < len(seqs) || len(seqs) == n {
		seqs = seqs[:len(texts)]
		upTo = seqs[len(seqs)-1]
	}
	return true, unlessStale(s.doQuietly(ctx, size, func(tx *transaction) error {
		if tx.state.texted != st.texted {
			return refuse(errStale)
		}
		tx.state.texted = upTo
		return tx.insertTexts(seqs, texts)
	}))
}

// textOf returns what a delivery is searched by, "" for one that is not indexed.
// A large body is not even read: it would take the memory that intake needs.
func (s *Store) textOf(ctx context.Context, seq int64) (string, error) {
	var length int64
	if found, err := s.one(ctx, "SELECT length(body) FROM delivery WHERE seq = ?", []any{seq}, &length); err != nil || !found || length > maxText {
		return "", err
	}
	d, err := s.loadBare(ctx, place{seq: seq})
	if err != nil {
		if isGone(err) || isDamagedDelivery(err) {
			return "", nil
		}
		return "", err
	}
	return searchable(d), nil
}

// textsOf returns what is searchable in deliveries, "" for one that is not
// indexed. It stops early where that gets too much for a transaction.
func (s *Store) textsOf(ctx context.Context, seqs []int64) (texts []string, size int, err error) {
	for _, seq := range seqs {
		text, err := s.textOf(ctx, seq)
		if err != nil {
			return nil, 0, err
		}
		texts, size = append(texts, text), size+len(text)
		if size > maxTexts {
			break
		}
	}
	return texts, size, nil
}

func (tx *transaction) insertTexts(seqs []int64, texts []string) error {
	for i, seq := range seqs {
		statement, args := "INSERT INTO texts (rowid, text) SELECT seq, ? FROM delivery WHERE seq = ?", []any{texts[i], seq}
		if texts[i] == "" {
			tx.filled("untexted")
			statement, args = "INSERT OR IGNORE INTO untexted SELECT seq FROM delivery WHERE seq = ?", []any{seq}
		}
		if _, err := tx.exec(statement, args...); err != nil {
			return err
		}
	}
	return nil
}

// mergeAll merges what there is to merge, unless it is told to stop.
func (s *Store) mergeAll(ctx context.Context, stop func() bool) error {
	for !stop() {
		if worked, err := s.mergeTexts(ctx); err != nil || !worked {
			return err
		}
	}
	return nil
}

// mergeTexts takes a step towards fewer segments of texts. It says whether
// there was anything to do.
func (s *Store) mergeTexts(ctx context.Context) (worked bool, err error) {
	err = s.doQuietly(ctx, 0, func(tx *transaction) error {
		var before, after int64
		if _, err := tx.scan("SELECT total_changes()", nil, &before); err != nil {
			return err
		}
		if _, err := tx.exec("INSERT INTO texts (texts, rank) VALUES ('merge', ?)", mergeStep); err != nil {
			return err
		}
		_, err := tx.scan("SELECT total_changes()", nil, &after)
		worked = after-before > 1 // one is the command itself
		return err
	})
	return worked, err
}
