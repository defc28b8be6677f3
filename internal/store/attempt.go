package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// MaxAnswer is how much of an answer's body is kept.
const MaxAnswer = 10 << 20

// AddAttempt records an attempt to hand a stored delivery on, and returns when
// it is on disk. Where its number is 0 or already taken, it gets the next free
// one. ErrNotFound says that there is no such delivery.
func (s *Store) AddAttempt(ctx context.Context, deliveryID string, a webhook.Attempt) error {
	if a.Response != nil && len(a.Response.Body) > MaxAnswer {
		r := *a.Response
		r.Body = r.Body[:MaxAnswer]
		a.Response = &r
	}
	record := encodeAttempt(s.dict, &a)
	size := len(record.b) + rowOverhead
	if a.Response != nil {
		size += len(a.Response.Body)
	}
	return s.change(ctx, "record attempt", deliveryID, size, func(tx *transaction, r ref) error {
		if err := tx.insertAttempt(r.seq, &a, record); err != nil {
			return err
		}
		return tx.setFailed(r.facet, r.id, r.seq, !a.Delivered())
	})
}

// SetResponse records the status that a delivery was answered with, and
// returns when it is on disk. ErrNotFound says that there is no such delivery.
func (s *Store) SetResponse(ctx context.Context, deliveryID string, status int) error {
	return s.change(ctx, "record answer", deliveryID, rowOverhead, func(tx *transaction, r ref) error {
		if _, err := tx.exec("DELETE FROM attempt WHERE seq = ? AND number = 0", r.seq); err != nil {
			return err
		}
		tx.filled("attempt")
		tx.state.attempt++
		if _, err := tx.exec("INSERT INTO attempt (n, seq, number, record) VALUES (?, ?, 0, ?)",
			tx.state.attempt, r.seq, encodeAnswer(status)); err != nil {
			return err
		}
		var attempts int
		if _, err := tx.scan("SELECT count(*) FROM attempt WHERE seq = ? AND number > 0", []any{r.seq}, &attempts); err != nil {
			return err
		}
		if attempts > 0 {
			return nil // they say whether it failed
		}
		return tx.setFailed(r.facet, r.id, r.seq, failedNow(nil, &webhook.Response{Status: status}))
	})
}

// A ref is where a delivery is kept.
type ref struct {
	seq, facet int64
	id         []byte
}

func (s *Store) change(ctx context.Context, what, id string, size int, f func(*transaction, ref) error) error {
	raw, err := ids.Parse(id)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", what, ErrNotFound, err)
	}
	err = s.do(ctx, size, func(tx *transaction) error {
		if err := tx.makeRoom(int64(size)); err != nil {
			return err
		}
		r := ref{id: raw[:]}
		found, err := tx.scan("SELECT seq, facet FROM delivery WHERE id = ?", []any{r.id}, &r.seq, &r.facet)
		if err != nil {
			return err
		}
		if !found {
			return refuse(ErrNotFound)
		}
		return f(tx, r)
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, id, err)
	}
	return nil
}

func (tx *transaction) insertAttempt(seq int64, a *webhook.Attempt, record *recordWriter) error {
	var newest sql.NullInt64
	if _, err := tx.scan("SELECT max(number) FROM attempt WHERE seq = ?", []any{seq}, &newest); err != nil {
		return err
	}
	number := int64(a.Number)
	if number <= newest.Int64 {
		number = newest.Int64 + 1
	}
	var body []byte
	if a.Response != nil {
		body = a.Response.Body
	}
	tx.filled("attempt")
	tx.state.attempt++
	_, err := tx.exec("INSERT INTO attempt (n, seq, number, record, body) VALUES (?, ?, ?, ?, ?)",
		tx.state.attempt, seq, number, record.sealed(body, numberBytes(int(number))), body)
	return err
}

// setFailed puts a delivery among those that failed, or takes it out.
func (tx *transaction) setFailed(facet int64, id []byte, seq int64, failed bool) error {
	if failed {
		tx.filled("failed")
		_, err := tx.exec("INSERT OR IGNORE INTO failed (facet, id, seq) VALUES (?, ?, ?)", facet, id, seq)
		return err
	}
	_, err := tx.exec("DELETE FROM failed WHERE facet = ? AND id = ?", facet, id)
	return err
}
