package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// salvage yields what can still be found in a damaged file behind the id last,
// and damage for what cannot be read. It goes by the numbers of the
// deliveries, each of which is reached on a way of its own. If there is
// nothing at all it yields why.
func (s *Store) salvage(ctx context.Context, q *Query, last string, why error, yield func(place, error) bool) {
	rest := *q
	if last != "" {
		rest.Before = last
	}
	rest.Until = time.Time{} // how far ids may be ahead of it is unknown: the delivery itself will tell
	low, high := rest.bounds(0)
	found := last != ""
	for _, p := range newSalvor(ctx, s).places(q.Oldest) {
		if p.id != nil && (bytes.Compare(p.id, low) < 0 || bytes.Compare(p.id, high) >= 0) {
			continue
		}
		found = true
		if !yield(p, nil) || ctx.Err() != nil {
			return
		}
	}
	if !found {
		yield(place{}, why)
	}
}

// A tally remembers which deliveries have been seen, a bit each. In a damaged
// file a number may be negative.
type tally struct {
	bits map[int64]uint64 // of 64 numbers each
	n    int64
}

func (t *tally) mark(seq int64) {
	if t.has(seq) {
		return
	}
	if t.bits == nil {
		t.bits = map[int64]uint64{}
	}
	t.bits[seq>>6] |= 1 << (seq & 63)
	t.n++
}

func (t *tally) has(seq int64) bool { return t.bits[seq>>6]&(1<<(seq&63)) != 0 }

// missing is called when a walk past everything is through. If there should be
// more than was seen, the index has lost them: they are yielded as far as they
// are to be found, and damage for the rest.
func (s *Store) missing(ctx context.Context, began counters, seen *tally, yield func(place, error) bool) {
	now, err := s.state(ctx)
	if deleted := began.count + now.seq - began.seq - now.count; err != nil || deleted != 0 || seen.n >= began.count {
		return
	}
	for _, p := range newSalvor(ctx, s).places(false) {
		if p.seq <= began.seq && !seen.has(p.seq) && !yield(place{seq: p.seq}, nil) {
			return
		}
	}
	if n := began.count - seen.n; n > 0 {
		yield(place{}, &DamagedError{Detail: fmt.Sprintf("%d of %d deliveries cannot be found", n, began.count)})
	}
}

// A salvor collects numbers and ids of deliveries from a damaged file.
type salvor struct {
	s    *Store
	ctx  context.Context
	ids  map[int64][]byte // of numbers
	seqs []int64
}

func newSalvor(ctx context.Context, s *Store) *salvor {
	v := &salvor{s: s, ctx: ctx, ids: map[int64][]byte{}}
	v.readIDs()
	return v
}

// readIDs reads the index of ids as far as it goes, from both ends.
func (v *salvor) readIDs() {
	for _, order := range []string{"ASC", "DESC"} {
		// What stops it is known already.
		_ = v.s.each(v.ctx, "SELECT id, seq FROM delivery INDEXED BY delivery_id ORDER BY id "+order, nil, func(scan func(...any) error) error {
			var p place
			err := scan(&p.id, &p.seq)
			if err == nil {
				v.ids[p.seq] = p.id
			}
			return err
		})
	}
}

// places returns every delivery that there is a trace of: in the index of ids,
// or in the table itself.
func (v *salvor) places(oldest bool) []place {
	for seq := range v.ids {
		v.seqs = append(v.seqs, seq)
	}
	for _, order := range []string{"ASC", "DESC"} {
		// As above.
		_ = v.s.each(v.ctx, "SELECT seq FROM delivery NOT INDEXED ORDER BY seq "+order, nil, func(scan func(...any) error) error {
			var seq int64
			err := scan(&seq)
			v.seqs = append(v.seqs, seq)
			return err
		})
	}
	slices.Sort(v.seqs)
	v.seqs = slices.Compact(v.seqs)
	list := make([]place, 0, len(v.seqs))
	for _, seq := range v.seqs {
		list = append(list, place{v.ids[seq], seq})
	}
	slices.SortStableFunc(list, func(a, b place) int {
		if oldest {
			return cmp.Compare(a.seq, b.seq)
		}
		return cmp.Compare(b.seq, a.seq)
	})
	return list
}
