package relay

import (
	"context"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A queue is a name's part of the store: *spool.Name, or *cluster.Queue where
// relays share one. What its methods mean is said at spool.Name.
type queue interface {
	Counts() spool.Counts
	Info() spool.Info
	Save(ctx context.Context, info spool.Info) error
	DropName(ctx context.Context) error

	// Append, with cluster.Queue.Learn, and Read set Record.New: the first time
	// that the queue comes across an event, whoever stored it.
	Append(ctx context.Context, r *spool.Record) error
	Read(ctx context.Context, offset uint64, count int, bytes int64, done bool) ([]*spool.Record, error)
	First(ctx context.Context) (uint64, error)
	Oldest(ctx context.Context) (time.Time, error)
	OffsetAt(ctx context.Context, t time.Time) (uint64, error)
	Count(ctx context.Context, first, last uint64) (int64, error)

	Ack(offset uint64)
	AckUpTo(offset uint64)
	AckTo(ctx context.Context, offset uint64) (int, error)
	Lose(ctx context.Context, offset uint64) error
	Expire(ctx context.Context, except []uint64) ([]uint64, error)
	Settle(ctx context.Context) error

	Cursors() []spool.Cursor
	SetCursor(c spool.Cursor)
	DropCursor(instance string)
}

// stores says whether the relay keeps what it cannot deliver.
func (s *Server) stores() bool { return s.cfg.Spool != nil || s.cfg.Cluster != nil }

// epoch names the incarnation of the store.
func (s *Server) epoch() string {
	if s.cfg.Cluster != nil {
		return s.cfg.Cluster.Epoch()
	}
	return s.cfg.Spool.Epoch()
}

// durability is what is promised of a stored event.
func (s *Server) durability() wire.Durability {
	switch {
	case s.cfg.Cluster != nil:
		return s.cfg.Cluster.Durability()
	case s.cfg.Spool != nil:
		return wire.Fsynced
	}
	return wire.InMemory
}

// totals adds the counts of all names.
func (s *Server) totals() spool.Counts {
	if s.cfg.Cluster != nil {
		return s.cfg.Cluster.Totals()
	}
	return s.cfg.Spool.Totals()
}

// learn counts the events in list that nobody here was told of.
func (n *name) learn(list []*spool.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range list {
		if r.New {
			n.storedLocked(r.Offset)
		}
	}
}
