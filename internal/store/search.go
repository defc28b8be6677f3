package store

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Match is a delivery that contains a text.
type Match struct {
	Delivery *webhook.Delivery
	Path     string // of the field that matched: "data.order_id", "headers.User-Agent", "url", "body"
}

// Found is an answer to Search.
type Found struct {
	Matches []Match
	Damaged []*DamagedError
	More    bool
}

// How far a search lets the index catch up before it looks through the rest
// one by one: that is faster than indexing, but helps no later search.
const (
	catchUpAbove = 1_000
	catchUpFor   = 500 * time.Millisecond
)

// Search returns the deliveries that q means and that contain text anywhere:
// in the body, headers, address, ids or types. Case does not count. The
// newest stored comes first.
func (s *Store) Search(ctx context.Context, text string, q Query) (Found, error) {
	var found Found
	s.catchUp(ctx)
	for m, err := range s.matches(ctx, text, q) {
		var damaged *DamagedError
		switch {
		case errors.As(err, &damaged):
			found.Damaged = append(found.Damaged, damaged)
		case err != nil:
			return found, err
		case q.Limit > 0 && len(found.Matches) == q.Limit:
			found.More = true
			return found.sorted(), nil
		default:
			found.Matches = append(found.Matches, m)
		}
	}
	return found.sorted(), nil
}

// sorted puts a page into the order of ids: what was imported was stored late.
func (f Found) sorted() Found {
	slices.SortFunc(f.Matches, func(a, b Match) int { return cmp.Compare(b.Delivery.ID, a.Delivery.ID) })
	return f
}

// catchUp lets the index grow before a search, for a moment. Where it cannot,
// the search takes longer and that is all.
func (s *Store) catchUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, catchUpFor)
	defer cancel()
	for {
		st, err := s.state(ctx)
		if err != nil || st.seq-st.texted <= catchUpAbove {
			return
		}
		if more, err := s.indexTexts(ctx, textSlice); err != nil || !more {
			return
		}
		if s.mergeAll(ctx, func() bool { return ctx.Err() != nil }) != nil {
			return
		}
	}
}

// matches yields what contains text, newest stored first.
func (s *Store) matches(ctx context.Context, text string, q Query) iter.Seq2[Match, error] {
	return func(yield func(Match, error) bool) {
		needle := fold(text)
		for seq, err := range s.candidates(ctx, needle, q.Before) {
			if err != nil {
				yield(Match{}, err)
				return
			}
			d, err := s.load(ctx, place{seq: seq})
			if isGone(err) {
				continue
			}
			if err == nil && (q.Before != "" && d.ID >= q.Before || !q.matches(d) || !strings.Contains(searchable(d), needle)) {
				continue
			}
			m := Match{Delivery: d}
			if err == nil {
				m.Path = where(d, needle)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// candidates yields the seqs of deliveries that may contain needle, largest
// first: all that are not indexed, then those that the index names. Where the
// file is damaged, all that can be found.
func (s *Store) candidates(ctx context.Context, needle, before string) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		c := &candidates{s: s, ctx: ctx, below: math.MaxInt64}
		err := c.start(needle, before)
		for err == nil {
			var page []int64
			if page, err = c.next(); err == nil && len(page) == 0 {
				return
			}
			for _, seq := range page {
				if !yield(seq, nil) {
					return
				}
				c.below = seq
			}
		}
		if !isDamage(err) {
			yield(0, err)
			return
		}
		for _, p := range newSalvor(ctx, s).places(false) {
			if p.seq < c.below && !yield(p.seq, nil) {
				return
			}
		}
	}
}

type candidates struct {
	s      *Store
	ctx    context.Context
	below  int64  // what has not been yielded yet
	match  string // of texts; "" if the index does not help
	texted int64
}

const (
	scanAll   = "SELECT seq FROM delivery WHERE seq < ? AND seq > ? ORDER BY seq DESC LIMIT ?"
	scanLarge = "SELECT seq FROM untexted WHERE seq < ? AND seq > ? ORDER BY seq DESC LIMIT ?"
	scanTexts = "SELECT rowid FROM texts WHERE texts MATCH ? AND rowid < ? AND rowid <= ? ORDER BY rowid DESC LIMIT ?"
)

func (c *candidates) start(needle, before string) error {
	st, err := c.s.state(c.ctx)
	if err != nil {
		return err
	}
	c.texted = st.texted
	if raw, err := ids.Parse(before); err == nil {
		if _, err := c.s.one(c.ctx, "SELECT seq FROM delivery WHERE id = ?", []any{raw[:]}, &c.below); err != nil {
			return err
		}
	}
	c.match, err = c.s.expression(c.ctx, needle)
	return err
}

func (c *candidates) next() ([]int64, error) {
	if c.match == "" {
		return c.s.seqs(c.ctx, scanAll, c.below, int64(0), pageOf)
	}
	if c.below > c.texted+1 {
		page, err := c.s.seqs(c.ctx, scanAll, c.below, c.texted, pageOf)
		if err != nil || len(page) > 0 {
			return page, err
		}
	}
	page, err := c.s.seqs(c.ctx, scanTexts, c.match, c.below, c.texted, pageOf)
	if err != nil {
		return nil, err
	}
	large, err := c.s.seqs(c.ctx, scanLarge, c.below, int64(0), pageOf)
	if err != nil {
		return nil, err
	}
	page = append(page, large...)
	slices.SortFunc(page, func(a, b int64) int { return cmp.Compare(b, a) })
	return page[:min(pageOf, len(page))], nil
}

// Looking up a trigram costs as much as there are deliveries with it, so the
// rarest few of a text are asked for. How rare each is shows in a sample.
const (
	sampleSize  = 100
	maxTrigrams = 4
)

// expression returns what to ask of texts, "" if the needle is too short.
func (s *Store) expression(ctx context.Context, needle string) (string, error) {
	grams := trigrams(needle)
	if len(grams) == 0 {
		return "", nil
	}
	if len(grams) > maxTrigrams {
		if err := s.rarestFirst(ctx, grams); err != nil {
			return "", err
		}
		grams = grams[:maxTrigrams]
	}
	for i, g := range grams {
		grams[i] = `"` + strings.ReplaceAll(g, `"`, `""`) + `"`
	}
	return strings.Join(grams, " AND "), nil
}

func (s *Store) rarestFirst(ctx context.Context, grams []string) error {
	counts := make(map[string]int, len(grams))
	for d, err := range s.All(ctx, Query{Limit: sampleSize}) {
		if isDamagedDelivery(err) {
			continue
		}
		if err != nil {
			return err
		}
		if len(d.Body) > maxText {
			continue
		}
		text := searchable(d)
		for _, g := range grams {
			if strings.Contains(text, g) {
				counts[g]++
			}
		}
	}
	slices.SortStableFunc(grams, func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
	return nil
}
