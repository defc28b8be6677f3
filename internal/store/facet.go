package store

import (
	"database/sql"
	"iter"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// A facet is what a delivery can be filtered by without being read. Few
// combinations occur, so each has a number.
type facet struct {
	provider, eventType, direction, status string
	other                                  bool // eventType is not told apart any more
}

// Event types come from the network: past maxFacets combinations, or with a
// name longer than maxType, a delivery shares the facet of "any other type".
const (
	maxFacets = 4096
	maxType   = 128
)

func facetOf(d *webhook.Delivery) facet {
	f := facet{
		provider: d.Provider, eventType: d.EventType,
		direction: string(d.Direction), status: string(d.Verification.Status),
	}
	if len(f.eventType) > maxType {
		f.eventType, f.other = "", true
	}
	return f
}

const selectFacets = "SELECT facet, provider, type, direction, status FROM facet"

func scanFacet(scan func(...any) error) (number int64, f facet, err error) {
	var eventType sql.NullString
	err = scan(&number, &f.provider, &eventType, &f.direction, &f.status)
	f.eventType, f.other = eventType.String, !eventType.Valid
	return number, f, err
}

// facet returns the number of f, which it makes if there is none.
func (tx *transaction) facet(f facet) (int64, error) {
	if err := tx.loadFacets(); err != nil {
		return 0, err
	}
	if n, ok := tx.knownFacet(f); ok {
		return n, nil
	}
	if len(tx.w.facets)+len(tx.added) >= maxFacets && !f.other {
		f.eventType, f.other = "", true
		if n, ok := tx.knownFacet(f); ok {
			return n, nil
		}
	}
	var n int64
	found, err := tx.scan(`SELECT facet FROM facet WHERE provider = ? AND type IS ? AND direction = ? AND status = ?`,
		[]any{f.provider, f.typeValue(), f.direction, f.status}, &n)
	if err != nil {
		return 0, err
	}
	if !found {
		res, err := tx.exec("INSERT INTO facet (provider, type, direction, status) VALUES (?, ?, ?, ?)",
			f.provider, f.typeValue(), f.direction, f.status)
		if err != nil {
			return 0, err
		}
		if n, err = res.LastInsertId(); err != nil {
			return 0, err
		}
	}
	if tx.added == nil {
		tx.added = map[facet]int64{}
	}
	tx.added[f] = n
	return n, nil
}

func (f facet) typeValue() any {
	if f.other {
		return nil
	}
	return f.eventType
}

func (tx *transaction) knownFacet(f facet) (int64, bool) {
	if n, ok := tx.w.facets[f]; ok {
		return n, true
	}
	n, ok := tx.added[f]
	return n, ok
}

func (tx *transaction) loadFacets() error {
	if tx.w.facets != nil {
		return nil
	}
	facets := map[facet]int64{}
	err := tx.each(selectFacets, nil, func(scan func(...any) error) error {
		n, f, err := scanFacet(scan)
		facets[f] = n
		return err
	})
	if err != nil {
		return err
	}
	tx.w.facets = facets
	return nil
}

// recentKeys are the keys of the deliveries that are not in by_key yet. They
// are held in memory because a table in the order of a hash costs a page a
// row: the indexer writes many at once.
type recentKeys struct {
	loaded bool
	past   int64 // seq up to which by_key is complete
	seqs   map[uint32][]int64
}

func (r *recentKeys) forget() { *r = recentKeys{} }

func (r *recentKeys) add(key uint32, seq int64) {
	if key != 0 {
		r.seqs[key] = append(r.seqs[key], seq)
	}
}

// catchUp learns what other processes have committed.
func (w *writer) catchUp(tx *transaction) error {
	r, st := &w.recent, &tx.state
	if r.loaded && st.seq < w.known.seq {
		r.forget() // not the file that it was
	}
	from := w.known.seq
	if !r.loaded {
		*r = recentKeys{loaded: true, past: st.indexed, seqs: map[uint32][]int64{}}
		from = st.indexed
	}
	if r.past != st.indexed {
		r.drop(st.indexed)
	}
	if from >= st.seq {
		return nil
	}
	return tx.each("SELECT seq, key FROM delivery WHERE seq > ?", []any{from}, func(scan func(...any) error) error {
		var seq, key int64
		err := scan(&seq, &key)
		r.add(uint32(key), seq)
		return err
	})
}

// drop forgets what by_key has now.
func (r *recentKeys) drop(indexed int64) {
	r.past = indexed
	for key, seqs := range r.seqs {
		kept := seqs[:0]
		for _, seq := range seqs {
			if seq > indexed {
				kept = append(kept, seq)
			}
		}
		if len(kept) == 0 {
			delete(r.seqs, key)
		} else {
			r.seqs[key] = kept
		}
	}
}

// withKey yields the seqs of deliveries with a key, oldest first.
func (tx *transaction) withKey(key uint32) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for seq := int64(0); ; {
			found, err := tx.scan("SELECT seq FROM by_key WHERE key = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT 1",
				[]any{int64(key), seq, tx.w.recent.past}, &seq)
			if err != nil {
				yield(0, err)
				return
			}
			if !found {
				break
			}
			if !yield(seq, nil) {
				return
			}
		}
		for _, seq := range tx.w.recent.seqs[key] {
			if !yield(seq, nil) {
				return
			}
		}
	}
}
