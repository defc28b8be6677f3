package store

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Query says which deliveries are meant. The zero value means all of them.
type Query struct {
	Provider  string                                // exactly this one
	Pattern   func(provider, eventType string) bool // nil: any
	Statuses  []webhook.Status                      // one of these verdicts; empty: any
	Direction webhook.Direction                     // "": any
	Failed    bool                                  // the newest attempt, or without one the answer, is not 2xx
	Since     time.Time                             // received then or later
	Until     time.Time                             // received before
	Before    string                                // the last id of a page: go on behind it
	Filter    func(*webhook.Delivery) bool          // nil: any; sees what the rest lets through
	Limit     int                                   // at most so many; 0: no limit
	Oldest    bool                                  // oldest first, instead of newest first
}

// A Page is an answer to List.
type Page struct {
	Deliveries []*webhook.Delivery
	Damaged    []*DamagedError // met on the way
	More       bool            // there may be further ones: ask again with Before set to the last id
}

// Count returns how many deliveries there are. It takes no longer for a large
// store.
func (s *Store) Count(ctx context.Context) (int64, error) {
	st, err := s.state(ctx)
	return st.count, err
}

// List returns the deliveries that q means. Damaged ones are listed beside.
func (s *Store) List(ctx context.Context, q Query) (Page, error) {
	var page Page
	limit := q.Limit
	if limit > 0 {
		q.Limit++ // one more tells whether there is more
	}
	for d, err := range s.All(ctx, q) {
		var damaged *DamagedError
		switch {
		case errors.As(err, &damaged):
			page.Damaged = append(page.Damaged, damaged)
		case err != nil:
			return page, err
		case limit > 0 && len(page.Deliveries) == limit:
			page.More = true
			return page, nil
		default:
			page.Deliveries = append(page.Deliveries, d)
		}
	}
	return page, nil
}

// All yields the deliveries that q means, one by one, so that an export need
// not fit into memory. A damaged one is yielded as a *DamagedError, after
// which it goes on; any other error is the last thing it yields. What is
// stored meanwhile may be missing.
func (s *Store) All(ctx context.Context, q Query) iter.Seq2[*webhook.Delivery, error] {
	return func(yield func(*webhook.Delivery, error) bool) {
		left, seen := q.Limit, &tally{}
		for p, err := range s.places(ctx, &q, seen) {
			var d *webhook.Delivery
			if err == nil {
				d, err = s.load(ctx, p)
			}
			if !isGone(err) {
				seen.mark(p.seq)
			}
			if isGone(err) || err == nil && !q.matches(d) {
				continue
			}
			if !yield(d, err) {
				return
			}
			if err == nil {
				if left--; left == 0 {
					return
				}
			}
		}
	}
}

// matches judges a delivery by everything but its place in the order.
func (q *Query) matches(d *webhook.Delivery) bool {
	switch {
	case !q.matchesFacet(facet{provider: d.Provider, eventType: d.EventType, direction: string(d.Direction), status: string(d.Verification.Status)}),
		!q.Since.IsZero() && d.ReceivedAt.Before(q.Since),
		!q.Until.IsZero() && !d.ReceivedAt.Before(q.Until),
		q.Failed && !failedNow(d.Attempts, d.Response):
		return false
	}
	return q.Filter == nil || q.Filter(d)
}

func (q *Query) matchesFacet(f facet) bool {
	return (q.Provider == "" || q.Provider == f.provider) &&
		(q.Direction == "" || string(q.Direction) == f.direction) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, webhook.Status(f.status))) &&
		(q.Pattern == nil || f.other || q.Pattern(f.provider, f.eventType))
}

func (q *Query) usesFacets() bool {
	return q.Provider != "" || q.Pattern != nil || len(q.Statuses) > 0 || q.Direction != "" || q.Failed
}

// bounds returns the ids that a query's times and paging allow: from low up to
// and without high.
func (q *Query) bounds(skew int64) (low, high []byte) {
	low, high = make([]byte, 16), bytes.Repeat([]byte{0xff}, 17)
	if !q.Since.IsZero() {
		raw := ids.Floor(q.Since)
		low = raw[:]
	}
	if !q.Until.IsZero() {
		raw := ids.Floor(q.Until.Add(time.Duration(skew+1) * time.Millisecond))
		high = raw[:]
	}
	if raw, err := ids.Parse(q.Before); err == nil {
		if q.Oldest && bytes.Compare(raw[:], low) >= 0 {
			low = append(raw[:], 0) // what follows that id
		} else if !q.Oldest && bytes.Compare(raw[:], high) < 0 {
			high = raw[:]
		}
	}
	return low, high
}

// pageOf is how many places are looked up at a time.
const pageOf = 64

// places yields where the deliveries are that a query may mean, in its order.
// Where the file is damaged on the way, it goes on with what can be found. The
// caller marks in seen what was really there.
func (s *Store) places(ctx context.Context, q *Query, seen *tally) iter.Seq2[place, error] {
	return func(yield func(place, error) bool) {
		w, err := s.source(ctx, q)
		last := ""
		for err == nil {
			var found []place
			if found, err = w.next(); err == nil && len(found) == 0 {
				if w.whole {
					s.missing(ctx, w.began, seen, yield)
				}
				return
			}
			for _, p := range found {
				if !yield(p, nil) {
					return
				}
				last = idText(p.id)
			}
		}
		if isDamage(err) {
			s.salvage(ctx, q, last, err, yield)
			return
		}
		yield(place{}, err)
	}
}

// maxMerged is how many facets are merged. A query that means more of them
// means so much of the store that it is read in its own order.
const maxMerged = 128

// source returns the walk that leads past what a query means.
func (s *Store) source(ctx context.Context, q *Query) (*walk, error) {
	st, err := s.state(ctx)
	if err != nil {
		return nil, err
	}
	low, high := q.bounds(st.skew)
	w := &walk{s: s, ctx: ctx, low: low, high: high, oldest: q.Oldest, began: st.counters}
	w.next = w.all
	if !q.usesFacets() {
		w.whole = q.Since.IsZero() && q.Until.IsZero() && q.Before == ""
		return w, nil
	}
	facets, err := s.facetsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.Failed {
		w.table = "failed"
	} else {
		w.table = "by_facet"
		if w.tail, err = s.tailOf(ctx, st.indexed, facets, w); err != nil {
			return nil, err
		}
	}
	if len(facets) <= maxMerged || q.Failed {
		w.facets, w.next = facets, w.merged
	}
	return w, nil
}

// facetsOf returns the facets that a query means.
func (s *Store) facetsOf(ctx context.Context, q *Query) ([]int64, error) {
	var list []int64
	err := s.each(ctx, selectFacets, nil, func(scan func(...any) error) error {
		n, f, err := scanFacet(scan)
		if err == nil && q.matchesFacet(f) {
			list = append(list, n)
		}
		return err
	})
	return list, err
}

// tailOf returns the places of deliveries that are not in by_facet yet.
func (s *Store) tailOf(ctx context.Context, indexed int64, facets []int64, w *walk) ([]place, error) {
	wanted := make(map[int64]bool, len(facets))
	for _, f := range facets {
		wanted[f] = true
	}
	var tail []place
	err := s.each(ctx, "SELECT seq, id, facet FROM delivery WHERE seq > ?", []any{indexed}, func(scan func(...any) error) error {
		var (
			p     place
			facet int64
		)
		if err := scan(&p.seq, &p.id, &facet); err != nil {
			return err
		}
		if wanted[facet] && bytes.Compare(p.id, w.low) >= 0 && bytes.Compare(p.id, w.high) < 0 {
			tail = append(tail, p)
		}
		return nil
	})
	slices.SortFunc(tail, w.compare)
	return tail, err
}

// A walk goes through a range of ids.
type walk struct {
	next  func() ([]place, error) // a page of places, none when it is through
	began counters
	whole bool // it leads past every delivery

	s         *Store
	ctx       context.Context
	low, high []byte // what is left of the range
	oldest    bool
	table     string
	facets    []int64
	tail      []place // in order
}

func (w *walk) compare(a, b place) int {
	if w.oldest {
		return bytes.Compare(a.id, b.id)
	}
	return bytes.Compare(b.id, a.id)
}

// passed shortens the range to what follows id.
func (w *walk) passed(id []byte) {
	if w.oldest {
		w.low = append(bytes.Clone(id), 0)
	} else {
		w.high = id
	}
}

func (w *walk) order() string {
	if w.oldest {
		return "ORDER BY id LIMIT ?"
	}
	return "ORDER BY id DESC LIMIT ?"
}

// all is the source of every delivery in the range.
func (w *walk) all() ([]place, error) {
	found, err := w.query("SELECT id, seq FROM delivery WHERE id >= ? AND id < ? "+w.order(), w.low, w.high, pageOf)
	if len(found) > 0 {
		w.passed(found[len(found)-1].id)
	}
	return found, err
}

// merged is the source of the deliveries of some facets.
func (w *walk) merged() ([]place, error) {
	var found []place
	for _, f := range w.facets {
		some, err := w.query("SELECT id, seq FROM "+w.table+" WHERE facet = ? AND id >= ? AND id < ? "+w.order(), f, w.low, w.high, pageOf)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	found = append(found, w.tail[:min(pageOf, len(w.tail))]...)
	slices.SortFunc(found, w.compare)
	found = slices.CompactFunc(found, func(a, b place) bool { return bytes.Equal(a.id, b.id) })
	found = found[:min(pageOf, len(found))]
	if len(found) == 0 {
		return nil, nil
	}
	last := found[len(found)-1]
	w.passed(last.id)
	for len(w.tail) > 0 && w.compare(w.tail[0], last) <= 0 {
		w.tail = w.tail[1:]
	}
	return found, nil
}

func (w *walk) query(text string, args ...any) ([]place, error) {
	var found []place
	err := w.s.each(w.ctx, text, args, func(scan func(...any) error) error {
		var p place
		err := scan(&p.id, &p.seq)
		found = append(found, p)
		return err
	})
	return found, err
}
