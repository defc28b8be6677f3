package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
)

// A fakeStream is a stream in memory. Some of its reads are short, as those of
// a replica that lags behind.
type fakeStream struct {
	rng     *rand.Rand
	seq     uint64
	list    []*spool.Record
	dropped []*spool.Record
}

func (f *fakeStream) Store(_ context.Context, _ string, r *spool.Record) error {
	f.seq += 1 + f.rng.Uint64N(3) // other names' events lie between
	r.Offset = f.seq
	kept := *r
	f.list = append(f.list, &kept)
	return nil
}

func (f *fakeStream) Read(_ context.Context, _ string, offset uint64, count int, _ int64) ([]*spool.Record, error) {
	var got []*spool.Record
	for _, r := range f.list {
		if r.Offset >= offset && len(got) < count {
			fresh := *r
			got = append(got, &fresh)
		}
	}
	if len(got) > 1 {
		got = got[:1+f.rng.IntN(len(got))]
	}
	return got, nil
}

func (f *fakeStream) Last(context.Context, string) (uint64, error) {
	if len(f.list) == 0 {
		return 0, nil
	}
	return f.list[len(f.list)-1].Offset, nil
}

func (f *fakeStream) Drop(_ context.Context, _ string, offset uint64) error {
	i, _ := slices.BinarySearchFunc(f.list, offset+1, func(r *spool.Record, o uint64) int { return cmp.Compare(r.Offset, o) })
	f.dropped = append(f.dropped, f.list[:i]...)
	f.list = slices.Clone(f.list[i:])
	return nil
}

// fakePlaces keep cursors in memory. Some writes are lost on their way.
type fakePlaces struct {
	rng      *rand.Rand
	value    []byte
	revision uint64
}

func (p *fakePlaces) Get(context.Context, string) ([]byte, uint64, error) {
	return p.value, p.revision, nil
}

func (p *fakePlaces) Near(ctx context.Context, key string) ([]byte, uint64, error) {
	return p.Get(ctx, key)
}

func (p *fakePlaces) Below(context.Context, string) ([]string, error) { return nil, nil }

func (p *fakePlaces) Update(_ context.Context, _ string, value []byte, revision uint64) (uint64, error) {
	switch {
	case revision != p.revision:
		return 0, ErrRevision
	case p.rng.IntN(10) == 0:
		return 0, fmt.Errorf("%w: lost", ErrAway)
	}
	p.value = value
	p.revision++
	return p.revision, nil
}

func (p *fakePlaces) Put(context.Context, string, []byte) error { return nil }

// A world is one name in a cluster: its events, its owner, nodes that believe
// to be the owner, and what its client is done with.
type world struct {
	t      *testing.T
	rng    *rand.Rand
	stream *fakeStream
	places *fakePlaces
	now    time.Time

	generation uint64
	owners     []*believer // the last one is right
	stored     map[uint64]int
	done       map[int]bool
	next       int
}

// A believer is a node that holds, or once held, the name, and its link.
type believer struct {
	q       *Queue
	from    uint64 // what it hands out next
	flights []*spool.Record
}

func (w *world) claim() {
	w.generation++
	c := On(nil, "epoch", Config{Now: func() time.Time { return w.now }})
	c.purges.Store(1 << 30)
	q := &Queue{c: c, s: w.stream, places: w.places, label: "name", generation: w.generation, done: map[uint64]struct{}{}, flushing: make(chan struct{}, 1), taking: make(chan struct{}, 1)}
	if err := q.load(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.owners = append(w.owners, &believer{q: q, from: 1})
}

func (w *world) any() *believer { return w.owners[w.rng.IntN(len(w.owners))] }

// step does one thing that may happen.
func (w *world) step() {
	ctx := w.t.Context()
	switch w.rng.IntN(13) {
	case 0, 1: // the owner, or one that was, takes a request
		r := w.record()
		q := w.any().q
		if err := q.Append(ctx, r); err == nil {
			q.Learn(r)
			w.stored[r.Offset] = w.next
		}
	case 2, 3: // another node does
		r := w.record()
		if err := w.stream.Store(ctx, "name", r); err != nil {
			w.t.Fatal(err)
		}
		w.stored[r.Offset] = w.next
	case 4, 5, 6:
		w.handOut(w.any())
	case 7, 8:
		w.ack(w.any())
	case 9:
		if err := w.any().q.write(ctx); err != nil && !errors.Is(err, ErrAway) && !errors.Is(err, ErrMoved) {
			w.t.Fatal(err)
		}
	case 10: // a note, or the look at what others stored
		if _, err := w.any().q.Discover(ctx); err != nil {
			w.t.Fatal(err)
		}
	case 12: // one event is read again, wherever it lies
		if _, err := w.any().q.Read(ctx, 1+w.rng.Uint64N(w.stream.seq+3), 1, 1<<20, false); err != nil {
			w.t.Fatal(err)
		}
	case 11: // the name moves; the owner before may not know, or be gone
		if w.rng.IntN(3) == 0 {
			w.owners = nil
		}
		w.claim()
		if len(w.owners) > 3 {
			w.owners = w.owners[1:]
		}
	}
}

func (w *world) record() *spool.Record {
	w.next++
	w.now = w.now.Add(time.Millisecond)
	return &spool.Record{ReceivedAt: w.now, Body: []byte(strconv.Itoa(w.next))}
}

// handOut gives a client the events that come next.
func (w *world) handOut(b *believer) {
	list, err := b.q.Read(w.t.Context(), b.from, 4, 1<<20, false)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range list {
		if r.Offset < b.from {
			w.t.Fatalf("offset %d comes after %d", r.Offset, b.from)
		}
		b.from = r.Offset + 1
		b.flights = append(b.flights, r)
	}
}

// ack has the client acknowledge one of the events that it has.
func (w *world) ack(b *believer) {
	if len(b.flights) == 0 {
		return
	}
	i := w.rng.IntN(len(b.flights))
	r := b.flights[i]
	b.flights = slices.Delete(b.flights, i, i+1)
	w.done[w.stored[r.Offset]] = true
	b.q.Ack(r.Offset)
}

// check looks for what must never be.
func (w *world) check() {
	for _, r := range w.stream.dropped {
		if n := w.stored[r.Offset]; !w.done[n] {
			w.t.Fatalf("event %d at %d was removed and never acknowledged", n, r.Offset)
		}
	}
}

// settle lets the last owner deliver everything.
func (w *world) settle() {
	w.claim()
	b := w.owners[len(w.owners)-1]
	for range 10 * (w.next + 1) {
		w.handOut(b)
		for len(b.flights) > 0 {
			w.ack(b)
		}
	}
	for offset, n := range w.stored {
		if !w.done[n] {
			w.t.Fatalf("event %d at %d was stored and never delivered", n, offset)
		}
	}
	if c := b.q.Counts(); c.Waiting != 0 || c.Bytes != 0 || c.Stored != c.Acked {
		w.t.Fatalf("everything is delivered, and counts are %+v", c)
	}
	for err := b.q.write(w.t.Context()); err != nil; err = b.q.write(w.t.Context()) {
		if !errors.Is(err, ErrAway) {
			w.t.Fatalf("the last owner's cursor: %v", err)
		}
	}
	w.check()
}

// TestModel runs schedules in which several nodes take requests, the name moves
// between them, owners do not know that they are none any more, replicas lag
// and cursors get lost. No event that was stored is removed or passed over
// before a client has acknowledged it.
func TestModel(t *testing.T) {
	t.Parallel()
	schedules := 500
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_SCHEDULES")); err == nil {
		schedules = n
	}
	for seed := range schedules {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		w := &world{
			t: t, rng: rng, stream: &fakeStream{rng: rng}, places: &fakePlaces{rng: rng}, now: time.Unix(1_700_000_000, 0),
			stored: map[uint64]int{}, done: map[int]bool{},
		}
		w.claim()
		for range 60 {
			w.step()
			w.check()
		}
		w.settle()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
