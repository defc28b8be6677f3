package spool

import (
	"context"
	"fmt"
	"time"
)

// A Cursor is how far one of several readers of a name has come: a name whose
// clients all get each event has one for each of them.
type Cursor struct {
	Instance string
	Offset   uint64 // everything up to it is done with
	SeenAt   time.Time
}

// Cursors returns the cursors of n as they were when the spool was opened.
func (n *Name) Cursors() []Cursor { return n.cursors }

// SetCursor notes how far a reader has come. Like an acknowledgement it is
// written within moments, and one that is lost is delivered again.
func (n *Name) SetCursor(c Cursor) {
	n.note(func() {
		if n.moved == nil {
			n.moved = make(map[string]*Cursor)
		}
		n.moved[c.Instance] = &c
	})
}

// DropCursor forgets a reader.
func (n *Name) DropCursor(instance string) {
	n.note(func() {
		if n.moved == nil {
			n.moved = make(map[string]*Cursor)
		}
		n.moved[instance] = nil
	})
}

// AckUpTo notes, like Ack, that all events up to offset are done with.
func (n *Name) AckUpTo(offset uint64) {
	n.note(func() { n.upTo = max(n.upTo, offset) })
}

// Settle writes what is noted of n.
func (n *Name) Settle(ctx context.Context) error { return n.flush(ctx) }

// Count returns how many events wait with offsets from first to last.
func (n *Name) Count(ctx context.Context, first, last uint64) (int64, error) {
	var count int64
	err := n.spool.read.QueryRowContext(ctx, "SELECT count(*) FROM event WHERE key BETWEEN ? AND ? AND done = 0",
		keyOf(n, first), keyOf(n, last)).Scan(&count)
	if err != nil {
		return 0, fmt.Errorf("read events: %w", err)
	}
	return count, nil
}

// loadCursors reads the cursors of all names.
func (s *Spool) loadCursors(ctx context.Context) error {
	byID := make(map[int64]*Name, len(s.names))
	for _, n := range s.names {
		byID[n.id] = n
	}
	rows, err := s.read.QueryContext(ctx, "SELECT name, instance, offset, seen FROM cursor")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c Cursor
		var id, offset, seen int64
		if err := rows.Scan(&id, &c.Instance, &offset, &seen); err != nil {
			return err
		}
		c.Offset, c.SeenAt = uint64(offset), time.Unix(0, seen).UTC()
		if n := byID[id]; n != nil {
			n.cursors = append(n.cursors, c)
		}
	}
	return rows.Err()
}

// moveCursors writes the cursors of an op.
func (t *transaction) moveCursors(o *op) error {
	for instance, c := range o.moved {
		var err error
		if c == nil {
			_, err = t.exec("DELETE FROM cursor WHERE name = ? AND instance = ?", o.name.id, instance)
		} else {
			_, err = t.exec("INSERT OR REPLACE INTO cursor(name, instance, offset, seen) VALUES (?, ?, ?, ?)",
				o.name.id, instance, int64(c.Offset), c.SeenAt.UnixNano())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
