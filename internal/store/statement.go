package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"modernc.org/sqlite"
)

// A session is one connection to SQLite with the statements that it has
// prepared, used by one goroutine. It speaks to the driver itself: what
// database/sql does for many goroutines and types costs as much as an insert.
type session struct {
	conn  driver.Conn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue // used again for each statement
}

// newSession opens a connection.
func newSession(path, how string) (*session, error) {
	useLasting()
	conn, err := (&sqlite.Driver{}).Open(uri(path) + "?" + how + always)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: map[string]driver.Stmt{}}, nil
}

func (s *session) close() error {
	for _, stmt := range s.stmts {
		_ = stmt.Close() // goes with its connection
	}
	return s.conn.Close()
}

func (s *session) prepared(text string) (driver.Stmt, error) {
	if stmt := s.stmts[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.conn.Prepare(text)
	if err != nil {
		return nil, err
	}
	s.stmts[text] = stmt
	return stmt, nil
}

// exec runs a statement that returns no rows.
func (s *session) exec(text string, args ...any) (driver.Result, error) {
	stmt, err := s.prepared(text)
	if err != nil {
		return nil, err
	}
	if err := s.bind(args); err != nil {
		return nil, err
	}
	// No context: one that can end would cost a goroutine a statement.
	return stmt.(driver.StmtExecContext).ExecContext(context.Background(), s.args)
}

// each reads all rows of a query; f scans the one it is given. It may run
// other statements meanwhile, but not the same.
func (s *session) each(text string, args []any, f func(scan func(...any) error) error) error {
	stmt, err := s.prepared(text)
	if err != nil {
		return err
	}
	if err := s.bind(args); err != nil {
		return err
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(context.Background(), s.args)
	if err != nil {
		return err
	}
	values := make([]driver.Value, len(rows.Columns()))
	scan := func(dest ...any) error { return assign(dest, values) }
	for err == nil {
		if err = rows.Next(values); err == nil {
			err = f(scan)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// bind brings arguments into the few types that SQLite has.
func (s *session) bind(args []any) error {
	s.args = s.args[:0]
	for i, a := range args {
		value := a
		switch v := a.(type) {
		case int:
			value = int64(v)
		case *int64:
			if v == nil {
				value = nil
			} else {
				value = *v
			}
		case nil, int64, string, []byte:
		default:
			return fmt.Errorf("argument %d: %T is not bound", i+1, a)
		}
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	return nil
}

// assign stores a row in the variables that dest points to.
func assign(dest []any, values []driver.Value) error {
	if len(dest) != len(values) {
		return fmt.Errorf("%d columns for %d variables", len(values), len(dest))
	}
	for i, d := range dest {
		ok := false
		switch d := d.(type) {
		case *int64:
			*d, ok = values[i].(int64)
		case *int:
			var n int64
			n, ok = values[i].(int64)
			*d = int(n)
		case *string:
			*d, ok = values[i].(string)
		case *[]byte:
			*d, ok = values[i].([]byte)
			ok = ok || values[i] == nil
		case sql.Scanner:
			if err := d.Scan(values[i]); err != nil {
				return err
			}
			ok = true
		}
		if !ok {
			return fmt.Errorf("%w: column %d: %T does not fit into %T", errValue, i+1, values[i], d)
		}
	}
	return nil
}
