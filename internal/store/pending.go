package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
)

// A Redelivery is a delivery that is to be handed to an endpoint later. There
// is at most one for each delivery and URL.
type Redelivery struct {
	ID     string // of the delivery
	URL    string
	Number int // of the attempt that comes next
	NextAt time.Time
	Note   string // whatever its owner wants to find again
}

// ErrTaken says that somebody else has changed or finished a redelivery since
// it was read.
var ErrTaken = errors.New("redelivery was taken by another process")

// Enqueue puts r into the queue, in the place of one for the same delivery and
// URL, and returns when that is on disk.
func (s *Store) Enqueue(ctx context.Context, r Redelivery) error {
	raw, err := ids.Parse(r.ID)
	if err != nil {
		return fmt.Errorf("queue redelivery: %w", err)
	}
	err = s.do(ctx, len(r.URL)+len(r.Note), func(tx *transaction) error {
		tx.filled("pending")
		_, err := tx.exec("INSERT OR REPLACE INTO pending (id, url, number, next_at, note) VALUES (?, ?, ?, ?, ?)",
			raw[:], r.URL, r.Number, r.NextAt.UnixMicro(), r.Note)
		return err
	})
	if err != nil {
		return fmt.Errorf("queue redelivery of %s: %w", r.ID, err)
	}
	return nil
}

// Due returns up to limit redeliveries whose time has come by now, the oldest
// first.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]Redelivery, error) {
	return s.pending(ctx, "SELECT id, url, number, next_at, note FROM pending WHERE next_at <= ? ORDER BY next_at, id LIMIT ?",
		now.UnixMicro(), limit)
}

// Pending returns up to limit redeliveries, the next one first.
func (s *Store) Pending(ctx context.Context, limit int) ([]Redelivery, error) {
	return s.pending(ctx, "SELECT id, url, number, next_at, note FROM pending ORDER BY next_at, id LIMIT ?", limit)
}

func (s *Store) pending(ctx context.Context, query string, args ...any) ([]Redelivery, error) {
	var list []Redelivery
	err := s.each(ctx, query, args, func(scan func(...any) error) error {
		var (
			r  Redelivery
			id []byte
			at int64
		)
		if err := scan(&id, &r.URL, &r.Number, &at, &r.Note); err != nil {
			return err
		}
		r.ID, r.NextAt = idText(id), time.UnixMicro(at).UTC()
		list = append(list, r)
		return nil
	})
	return list, err
}

// Reschedule gives r a new number and time and returns when that is on disk.
// It is how one of several processes takes a redelivery for itself before it
// makes the attempt: whoever comes second gets ErrTaken.
func (s *Store) Reschedule(ctx context.Context, r Redelivery, number int, next time.Time) error {
	return s.settle(ctx, r, "UPDATE pending SET number = ?, next_at = ? WHERE id = ? AND url = ? AND number = ? AND next_at = ?",
		number, next.UnixMicro())
}

// Done takes r out of the queue and returns when that is on disk. Where r was
// rescheduled meanwhile it stays and ErrTaken is returned.
func (s *Store) Done(ctx context.Context, r Redelivery) error {
	return s.settle(ctx, r, "DELETE FROM pending WHERE id = ? AND url = ? AND number = ? AND next_at = ?")
}

func (s *Store) settle(ctx context.Context, r Redelivery, statement string, args ...any) error {
	raw, err := ids.Parse(r.ID)
	if err != nil {
		return fmt.Errorf("redelivery: %w", err)
	}
	args = append(args, raw[:], r.URL, r.Number, r.NextAt.UnixMicro())
	err = s.do(ctx, len(r.URL), func(tx *transaction) error {
		res, err := tx.exec(statement, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, refuse(ErrTaken))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("redelivery of %s: %w", r.ID, err)
	}
	return nil
}
