package store

import (
	"context"
	"fmt"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
)

// deleteSlice is how many deliveries are deleted in a transaction.
const deleteSlice = 64

// Delete removes deliveries with all that belongs to them and returns how many
// there were. Ids that are not stored are passed over. Where it fails half-way,
// what it counts is gone and the rest is there.
func (s *Store) Delete(ctx context.Context, list ...string) (int, error) {
	total := 0
	for _, id := range list {
		raw, err := ids.Parse(id)
		if err != nil {
			return total, fmt.Errorf("delete: %w", err)
		}
		n, err := s.deleteSome(ctx, "SELECT seq FROM delivery WHERE id = ? LIMIT ?", raw[:])
		total += n
		if err != nil {
			return total, fmt.Errorf("delete %s: %w", id, err)
		}
	}
	return total, s.giveBack(ctx)
}

// DeleteBefore removes what was received before t, in steps between which
// others can write.
func (s *Store) DeleteBefore(ctx context.Context, t time.Time) (int, error) {
	st, err := s.state(ctx)
	if err != nil {
		return 0, err
	}
	high := ids.Floor(t.Add(time.Duration(st.skew+1) * time.Millisecond))
	return s.deleteAll(ctx, "SELECT seq FROM delivery WHERE id < ? AND at < ? ORDER BY id LIMIT ?", high[:], t.UnixMicro())
}

// DeleteAll removes every delivery, in steps between which others can write.
func (s *Store) DeleteAll(ctx context.Context) (int, error) {
	return s.deleteAll(ctx, "SELECT seq FROM delivery ORDER BY seq LIMIT ?")
}

func (s *Store) deleteAll(ctx context.Context, query string, args ...any) (int, error) {
	total := 0
	for {
		n, err := s.deleteSome(ctx, query, args...)
		total += n
		if err != nil {
			return total, fmt.Errorf("delete: %w", err)
		}
		if n == 0 {
			return total, s.giveBack(ctx)
		}
	}
}

// deleteSome deletes a slice of what a query names.
func (s *Store) deleteSome(ctx context.Context, query string, args ...any) (n int, err error) {
	args = append(args, deleteSlice)
	err = s.do(ctx, deleteSlice*rowOverhead, func(tx *transaction) error {
		n, err = tx.deleteSome(query, args)
		return err
	})
	return n, err
}

func (tx *transaction) deleteSome(query string, args []any) (int, error) {
	var seqs []int64
	err := tx.each(query, args, func(scan func(...any) error) error {
		var seq int64
		err := scan(&seq)
		seqs = append(seqs, seq)
		return err
	})
	for _, seq := range seqs {
		if err == nil {
			tx.state.holes++
			err = tx.delete(seq)
		}
	}
	return len(seqs), err
}

// delete removes one delivery from every table.
func (tx *transaction) delete(seq int64) error {
	var (
		id               []byte
		facet, key, size int64
	)
	found, err := tx.scan("SELECT id, facet, key, length(body) FROM delivery WHERE seq = ?", []any{seq}, &id, &facet, &key, &size)
	if err != nil || !found {
		return err
	}
	texted := seq <= tx.state.texted
	for _, part := range []struct {
		skip bool
		text string
		args []any
	}{
		{false, "DELETE FROM by_facet WHERE facet = ? AND id = ?", []any{facet, id}},
		{key == 0, "DELETE FROM by_key WHERE key = ? AND seq = ?", []any{key, seq}},
		{tx.isEmpty("failed"), "DELETE FROM failed WHERE facet = ? AND id = ?", []any{facet, id}},
		{tx.isEmpty("attempt"), "DELETE FROM attempt WHERE seq = ?", []any{seq}},
		{tx.isEmpty("pending"), "DELETE FROM pending WHERE id = ?", []any{id}},
		{!texted || tx.isEmpty("untexted"), "DELETE FROM untexted WHERE seq = ?", []any{seq}},
		{!texted, "DELETE FROM texts WHERE rowid = ?", []any{seq}},
		{false, "DELETE FROM delivery WHERE seq = ?", []any{seq}},
	} {
		if part.skip {
			continue
		}
		if _, err := tx.exec(part.text, part.args...); err != nil {
			return err
		}
	}
	tx.state.count--
	tx.state.bytes -= size
	return nil
}

// isEmpty says whether there is nothing in a table, as it was when the
// transaction first asked; filled says that it has put something there.
func (tx *transaction) isEmpty(table string) bool {
	known, ok := tx.empty[table]
	if !ok {
		var exists int64
		_, err := tx.scan("SELECT EXISTS (SELECT 1 FROM "+table+")", nil, &exists)
		known = err == nil && exists == 0
		tx.setEmpty(table, known)
	}
	return known
}

func (tx *transaction) filled(table string) { tx.setEmpty(table, false) }

func (tx *transaction) setEmpty(table string, empty bool) {
	if tx.empty == nil {
		tx.empty = map[string]bool{}
	}
	tx.empty[table] = empty
}

// giveBackStep is how many pages are given back in a transaction.
const giveBackStep = 512

// giveBack returns the room of deleted deliveries to the file system where it
// is a large part of the file.
func (s *Store) giveBack(ctx context.Context) error {
	for gave := false; ; gave = true {
		var free, pages int64
		err := s.doQuietly(ctx, 0, func(tx *transaction) error {
			if err := tx.pages(&pages, &free); err != nil || free < pages/4 {
				return err
			}
			return tx.each(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", giveBackStep), nil, func(func(...any) error) error { return nil })
		})
		if err != nil {
			return err
		}
		if free < pages/4 {
			if gave {
				s.emptyJournal(ctx)
			}
			return nil
		}
	}
}

// pages returns how many pages the file has and how many of them are free.
func (tx *transaction) pages(total, free *int64) error {
	if _, err := tx.scan("PRAGMA page_count", nil, total); err != nil {
		return err
	}
	_, err := tx.scan("PRAGMA freelist_count", nil, free)
	return err
}
