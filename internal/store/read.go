package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A pool is the connections that read, with the statements that they have
// prepared.
type pool struct {
	*sql.DB
	path  string
	mu    sync.Mutex // guards the following
	stmts map[string]*sql.Stmt
}

func (p *pool) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stmt := p.stmts[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := p.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	p.stmts[text] = stmt
	return stmt, nil
}

// each reads all rows of a query; f scans the one it is given. It must not ask
// for more meanwhile: there are only so many connections.
func (s *Store) each(ctx context.Context, text string, args []any, f func(scan func(...any) error) error) error {
	for {
		if s.closed.Load() {
			return ErrClosed
		}
		readers, rows := s.readers.Load(), 0
		err := readers.each(ctx, text, args, func(scan func(...any) error) error {
			rows++
			return f(scan)
		})
		if err != nil && rows == 0 && readers != s.readers.Load() {
			continue // they were replaced meanwhile
		}
		return s.failed(err)
	}
}

func (p *pool) each(ctx context.Context, text string, args []any, f func(scan func(...any) error) error) error {
	stmt, err := p.prepared(ctx, text)
	if err != nil {
		return misshapen(p.path, err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return misshapen(p.path, err)
	}
	defer rows.Close()
	scan := func(dest ...any) error {
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("%w: %w", errValue, err)
		}
		return nil
	}
	for rows.Next() {
		if err := f(scan); err != nil {
			return err
		}
	}
	return misshapen(p.path, rows.Err())
}

// one reads the only row of a query and says whether there is one. Such a query
// is over before it could be interrupted, and watching for that costs as much.
func (s *Store) one(ctx context.Context, text string, args []any, dest ...any) (found bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	err = s.each(context.WithoutCancel(ctx), text, args, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	})
	return found, err
}

// seqs reads a column of numbers.
func (s *Store) seqs(ctx context.Context, text string, args ...any) ([]int64, error) {
	var list []int64
	err := s.each(ctx, text, args, func(scan func(...any) error) error {
		var seq int64
		err := scan(&seq)
		list = append(list, seq)
		return err
	})
	return list, err
}

func (s *Store) state(ctx context.Context) (st state, err error) {
	err = s.each(ctx, selectState, nil, st.scan)
	return st, err
}

// Get returns a delivery with its attempts. It gives ErrNotFound if there is
// none with this id, and a *DamagedError if it does not read back as it was
// stored.
func (s *Store) Get(ctx context.Context, id string) (*webhook.Delivery, error) {
	raw, err := ids.Parse(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	var seq int64
	found, err := s.one(ctx, "SELECT seq FROM delivery WHERE id = ?", []any{raw[:]}, &seq)
	if err != nil {
		return nil, s.damaged(raw[:], err)
	}
	if !found {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return s.load(ctx, place{raw[:], seq})
}

// A place is where a delivery is kept.
type place struct {
	id  []byte
	seq int64
}

// load reads a delivery. One that has been deleted meanwhile is ErrNotFound.
func (s *Store) load(ctx context.Context, p place) (*webhook.Delivery, error) {
	d, err := s.loadBare(ctx, p)
	if err == nil {
		err = s.complete(ctx, d, p.seq)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// complete reads what happened to a delivery since it was stored.
func (s *Store) complete(ctx context.Context, d *webhook.Delivery, seq int64) error {
	if err := s.loadAttempts(ctx, d, seq); err != nil {
		id, _ := ids.Parse(d.ID) // it was written as one
		return s.damaged(id[:], err)
	}
	return nil
}

// loadBare reads a delivery as it was stored.
func (s *Store) loadBare(ctx context.Context, p place) (*webhook.Delivery, error) {
	var (
		id, dup, record, sum, body []byte
		answer                     *int64
	)
	found, err := s.one(ctx, "SELECT id, answer, dup, record, sum, body FROM delivery WHERE seq = ?", []any{p.seq},
		&id, &answer, &dup, &record, &sum, &body)
	if err != nil {
		return nil, s.damaged(p.id, err)
	}
	if !found {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, idText(p.id))
	}
	if p.id != nil && !bytes.Equal(id, p.id) {
		return nil, &DamagedError{ID: idText(p.id), Detail: "its place holds another"}
	}
	d, err := decodeDelivery(s.dict, record, id)
	if err != nil {
		return nil, &DamagedError{ID: idText(id), Detail: err.Error()}
	}
	if err := checkSum(sum, body, answer, dup); err != nil {
		return nil, &DamagedError{ID: idText(id), Detail: err.Error()}
	}
	d.ID, d.Body = idText(id), body
	if dup != nil {
		d.DuplicateOf = idText(dup)
	}
	if answer != nil {
		d.Response = &webhook.Response{Status: int(*answer)}
	}
	return d, nil
}

// The index says which rows are a delivery's, and each row says it too: in a
// damaged file the one may lead to an attempt of another delivery.
const selectAttempts = `SELECT listed.number, attempt.seq = listed.seq AND attempt.number = listed.number, attempt.record, attempt.body
	FROM attempt AS listed INDEXED BY attempt_of CROSS JOIN attempt ON attempt.n = listed.n WHERE listed.seq = ? ORDER BY listed.number`

func (s *Store) loadAttempts(ctx context.Context, d *webhook.Delivery, seq int64) error {
	return s.each(context.WithoutCancel(ctx), selectAttempts, []any{seq},
		func(scan func(...any) error) error {
			var (
				number       int
				own          bool
				record, body []byte
			)
			if err := scan(&number, &own, &record, &body); err != nil {
				return err
			}
			if !own {
				return &DamagedError{ID: d.ID, Detail: fmt.Sprintf("attempt %d: its place holds another", number)}
			}
			if number == 0 {
				status, err := decodeAnswer(record)
				if err != nil {
					return &DamagedError{ID: d.ID, Detail: fmt.Sprintf("its answer: %v", err)}
				}
				d.Response = &webhook.Response{Status: status}
				return nil
			}
			a, err := decodeAttempt(s.dict, number, record, body)
			if err != nil {
				return &DamagedError{ID: d.ID, Detail: fmt.Sprintf("attempt %d: %v", number, err)}
			}
			d.Attempts = append(d.Attempts, a)
			return nil
		})
}

// damaged turns damage of the file, met while one delivery was read, into
// damage of that delivery: others may still be readable.
func (s *Store) damaged(id []byte, err error) error {
	if isDamage(err) {
		return &DamagedError{ID: idText(id), Detail: "the file cannot be read there"}
	}
	return err
}

func idText(id []byte) string {
	var raw ids.Raw
	if copy(raw[:], id) != len(raw) || len(id) != len(raw) {
		return ""
	}
	return raw.String()
}

func isDamagedDelivery(err error) bool {
	var d *DamagedError
	return errors.As(err, &d)
}

// isGone says that a delivery was deleted between being found and being read.
func isGone(err error) bool { return errors.Is(err, ErrNotFound) }
