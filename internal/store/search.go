package store

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
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
		facets := s.wanted(ctx, &q)
		for seq, err := range s.candidates(ctx, needle, q.Before) {
			if err == nil && !facets.has(ctx, s, seq) {
				continue
			}
			var m Match
			if err == nil {
				m, err = s.match(ctx, seq, needle, &q)
			}
			if errors.Is(err, errNoMatch) || isGone(err) {
				continue
			}
			if !yield(m, err) || err != nil && !isDamagedDelivery(err) {
				return
			}
		}
	}
}

// errNoMatch says that a candidate is none.
var errNoMatch = errors.New("no match")

// match looks for needle in one delivery.
func (s *Store) match(ctx context.Context, seq int64, needle string, q *Query) (Match, error) {
	d, err := s.loadBare(ctx, place{seq: seq})
	if err != nil {
		return Match{}, err
	}
	if q.Before != "" && d.ID >= q.Before || !strings.Contains(searchable(d), needle) {
		return Match{}, errNoMatch
	}
	if err := s.complete(ctx, d, seq); err != nil {
		return Match{}, err
	}
	if !q.matches(d) {
		return Match{}, errNoMatch
	}
	return Match{Delivery: d, Path: where(d, needle)}, nil
}

// A facetSet are the facets that a query means, nil if it means all.
type facetSet map[int64]bool

// wanted returns the facets of a query, so that deliveries of others need not
// be read. Where they cannot be read, the deliveries themselves will tell.
func (s *Store) wanted(ctx context.Context, q *Query) facetSet {
	if !q.usesFacets() {
		return nil
	}
	list, err := s.facetsOf(ctx, q)
	if err != nil {
		return nil
	}
	set := facetSet{}
	for _, f := range list {
		set[f] = true
	}
	return set
}

func (f facetSet) has(ctx context.Context, s *Store, seq int64) bool {
	if f == nil {
		return true
	}
	var facet int64
	found, err := s.one(ctx, "SELECT facet FROM delivery WHERE seq = ?", []any{seq}, &facet)
	return err != nil || found && f[facet]
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
	c.match, err = c.s.expression(c.ctx, needle, st.texted)
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

// Looking up a trigram costs as much as there are deliveries with it; so does,
// a thousand times over, every delivery that is read only to find that it does
// not match. How common each trigram is shows in a sample of the store.
const (
	sampleSize = 100
	readCost   = 1_000 // of a delivery, in lookups; where trigrams go together more are read than seems
)

// expression returns what to ask of texts, "" if the needle is too short.
func (s *Store) expression(ctx context.Context, needle string, newest int64) (string, error) {
	grams := trigrams(needle)
	if len(grams) > 1 {
		shares, err := s.shares(ctx, grams, newest)
		if err != nil {
			return "", err
		}
		grams = worthwhile(grams, shares)
	}
	for i, g := range grams {
		grams[i] = `"` + strings.ReplaceAll(g, `"`, `""`) + `"`
	}
	return strings.Join(grams, " AND "), nil
}

// shares estimates which part of all deliveries has each of some trigrams.
func (s *Store) shares(ctx context.Context, grams []string, newest int64) (map[string]float64, error) {
	counts, sample := make(map[string]float64, len(grams)), 0.0
	// At random, but the same again: numbers in the deliveries may go in step
	// with ours.
	random := rand.New(rand.NewPCG(uint64(newest), sampleSize)) //nolint:gosec // a sample of rows, the same for the same store
	for seq := range sampled(newest, random) {
		text, err := s.textOf(ctx, seq)
		if err != nil {
			return nil, err
		}
		if text == "" {
			continue // deleted, damaged or large
		}
		sample++
		for _, g := range grams {
			if strings.Contains(text, g) {
				counts[g]++
			}
		}
	}
	for _, g := range grams {
		counts[g] = (counts[g] + 0.5) / (sample + 1) // none was seen: it may still be there
	}
	return counts, nil
}

// sampled yields numbers up to newest, one of each of sampleSize parts.
func sampled(newest int64, random *rand.Rand) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		part := max(newest/sampleSize, 1)
		for from := int64(1); from <= newest; from += part {
			if !yield(min(from+random.Int64N(part), newest)) {
				return
			}
		}
	}
}

// worthwhile returns the rarest trigrams, as many as save more reading than
// looking them up costs.
func worthwhile(grams []string, share map[string]float64) []string {
	slices.SortStableFunc(grams, func(a, b string) int { return cmp.Compare(share[a], share[b]) })
	left := share[grams[0]] // of all deliveries, to be read
	n := 1
	for n < len(grams) {
		p := share[grams[n]]
		if left*(1-p)*readCost < p {
			break
		}
		left *= p
		n++
	}
	return grams[:n]
}
