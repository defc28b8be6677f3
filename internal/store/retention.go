package store

import (
	"context"
	"fmt"
	"time"
)

// A Retention bounds what is kept, whichever of its limits is reached first.
// A zero limit is none. What was stored first goes first, and nothing goes
// within a minute of being stored.
type Retention struct {
	Age   time.Duration // since it was stored
	Count int64         // deliveries; those of the last minute may be more
	Bytes int64         // of the file: an Append that cannot keep to it is refused with ErrStoreFull
}

// DefaultRetention is 30 days or 1 GiB.
func DefaultRetention() Retention {
	return Retention{Age: 30 * 24 * time.Hour, Bytes: 1 << 30}
}

// spared is how long everything is kept, whatever the limits are.
const spared = time.Minute

// pruneEvery is how often a store with a Retention looks for what is too old.
const pruneEvery = time.Minute

// Prune deletes what r does not keep, in steps between which others can write,
// and returns how many deliveries that were.
func (s *Store) Prune(ctx context.Context, r Retention) (int, error) {
	total := 0
	for {
		n := 0
		err := s.doQuietly(ctx, deleteSlice*rowOverhead, func(tx *transaction) (err error) {
			n, err = tx.prune(r)
			return err
		})
		total += n
		if err != nil {
			return total, fmt.Errorf("delete old deliveries: %w", err)
		}
		if n == 0 {
			return total, nil
		}
	}
}

// An oldest is a delivery that may have to go.
type oldest struct {
	seq, stored, size int64
}

// oldestFew returns what was stored first, at most a slice of it and only what
// is not spared.
func (tx *transaction) oldestFew() ([]oldest, error) {
	var list []oldest
	err := tx.each("SELECT seq, stored, length(body) + length(record) FROM delivery ORDER BY seq LIMIT ?", []any{deleteSlice},
		func(scan func(...any) error) error {
			var o oldest
			err := scan(&o.seq, &o.stored, &o.size)
			if o.stored <= tx.now.Add(-spared).UnixMilli() {
				list = append(list, o)
			}
			return err
		})
	return list, err
}

// prune deletes a slice of what r does not keep.
func (tx *transaction) prune(r Retention) (int, error) {
	list, err := tx.oldestFew()
	if err != nil || len(list) == 0 {
		return 0, err
	}
	used, err := tx.used()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, o := range list {
		tooOld := r.Age > 0 && o.stored < tx.now.Add(-r.Age).UnixMilli()
		tooMany := r.Count > 0 && tx.state.count > r.Count
		tooMuch := r.Bytes > 0 && used > r.Bytes
		if !tooOld && !tooMany && !tooMuch {
			break
		}
		if err := tx.delete(o.seq); err != nil {
			return n, err
		}
		used -= o.size
		n++
	}
	return n, nil
}

// used returns how many bytes of the file hold something.
func (tx *transaction) used() (int64, error) {
	var pages, free int64
	err := tx.pages(&pages, &free)
	return (pages - free) * pageSize, err
}

// A room is how a transaction keeps to the store's size.
type room struct {
	measured bool
	used     int64    // bytes, estimated between measurements
	oldest   []oldest // that can go and are still there
}

// The size limit may be passed by a twentieth while what is over is being
// deleted: making room for one large delivery all at once would hold up the
// others.
const overshoot = 20

// makeRoom deletes what is oldest so that need bytes can be added. It deletes
// about twice as much as is added, so that every commit does a little.
func (tx *transaction) makeRoom(need int64) error {
	limit := tx.w.store.opts.Retention.Bytes
	if limit <= 0 {
		return nil
	}
	r := &tx.room
	if !r.measured {
		used, err := tx.used()
		if err != nil {
			return err
		}
		r.measured, r.used = true, used
	}
	freed := int64(0)
	for r.used+need > limit && (freed <= 2*need || r.used+need > limit+limit/overshoot) {
		size, err := tx.deleteOldest()
		if err != nil {
			return err
		}
		freed += size
		r.used -= size
	}
	r.used += need
	return nil
}

// deleteOldest deletes the oldest delivery and returns how much room that made.
// If there is none that can go it refuses the op with ErrStoreFull.
func (tx *transaction) deleteOldest() (int64, error) {
	r := &tx.room
	if len(r.oldest) == 0 {
		list, err := tx.oldestFew()
		if err != nil {
			return 0, err
		}
		if len(list) == 0 {
			return 0, refuse(ErrStoreFull)
		}
		r.oldest = list
	}
	o := r.oldest[0]
	r.oldest = r.oldest[1:]
	return o.size + rowOverhead, tx.delete(o.seq)
}
