package store

import (
	"context"
	"os"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
)

// Stats are the figures of a store.
type Stats struct {
	Path       string
	Count      int64     // deliveries
	BodyBytes  int64     // of their bodies
	StoreBytes int64     // of the file that hold something: what Retention.Bytes limits
	FileBytes  int64     // on disk, with the journal and what can be used again
	Oldest     time.Time // zero if there is none
	Newest     time.Time
	Pending    int64 // redeliveries
	Unindexed  int64 // deliveries that a search looks through one by one
}

// Stats returns the store's figures. It takes no longer for a large store.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	st, err := s.state(ctx)
	if err != nil {
		return Stats{}, err
	}
	out := Stats{Path: s.path, Count: st.count, BodyBytes: st.bytes, Unindexed: st.seq - st.texted, FileBytes: s.fileBytes()}
	if _, err := s.one(ctx, "SELECT count(*) FROM pending", nil, &out.Pending); err != nil {
		return Stats{}, err
	}
	var pages, free int64
	if _, err := s.one(ctx, "PRAGMA page_count", nil, &pages); err != nil {
		return Stats{}, err
	}
	if _, err := s.one(ctx, "PRAGMA freelist_count", nil, &free); err != nil {
		return Stats{}, err
	}
	out.StoreBytes = (pages - free) * pageSize
	for order, at := range map[string]*time.Time{"ASC": &out.Oldest, "DESC": &out.Newest} {
		var id []byte
		found, err := s.one(ctx, "SELECT id FROM delivery ORDER BY id "+order+" LIMIT 1", nil, &id)
		if err != nil {
			return Stats{}, err
		}
		if found && len(id) == 16 {
			*at = ids.Raw(id).Time()
		}
	}
	return out, nil
}

func (s *Store) fileBytes() int64 {
	var sum int64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Lstat(s.path + suffix); err == nil {
			sum += info.Size()
		}
	}
	return sum
}
