package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
)

// A Queue is the events of one name at the node that owns it.
type Queue struct {
	c      *Cluster
	s      Stream
	places Places
	label  string
	loaded uint64 // newest offset when the queue was opened

	flushing chan struct{} // holds one while the cursor or the owner is written
	taking   chan struct{} // holds one while before is asked to leave
	before   *Owner        // who owned the name until this node did, nil if it has left; taking guards it

	mu         sync.Mutex // guards the following
	generation uint64     // of the node's ownership
	succeeds   bool       // another node has given the name up, and what it stored until then is to be discovered
	info       spool.Info
	events     []event // known and not acknowledged, by offset
	seen       uint64  // up to here every event of the stream is known
	counts     spool.Counts
	reserved   int                 // events that are being stored
	bytes      int64               // of them
	done       map[uint64]struct{} // acknowledged, above the first of events
	cursor     cursor              // as written
	revision   uint64              // of the cursor's key
	dropped    uint64              // up to here nothing is in the stream
	droppedAt  int64               // counts.Acked at that time
	readers    []spool.Cursor      // as they were when the queue was opened
	moved      map[string]*spool.Cursor
}

// An event is what is remembered of one that waits.
type event struct {
	offset   uint64
	size     int64
	received int64
}

// A cursor says how far a name's events were acknowledged: all up to Offset,
// and those in Done.
type cursor struct {
	Epoch      string   `json:"epoch"`
	Offset     uint64   `json:"offset"`
	Done       []uint64 `json:"done,omitempty"`
	Generation uint64   `json:"generation"`
}

// dropEvery is how many acknowledged events may lie in a stream before they are
// removed. Where nothing else waits they go at once, for dropsASecond names.
const (
	dropEvery    = 250
	dropsASecond = 100
)

// Open makes the queue of a name that this node has claimed.
func (c *Cluster) Open(ctx context.Context, label string, o *Owner) (*Queue, error) {
	q := &Queue{
		c: c, s: c.ground.StreamOf(label), places: c.ground.Cursors(), label: label, generation: o.Generation, done: make(map[uint64]struct{}),
		flushing: make(chan struct{}, 1), taking: make(chan struct{}, 1), before: o.before,
		info: spool.Info{Owner: o.Key, Mode: o.Mode, Share: o.Share, Accept: o.Accept, Seal: o.Seal, UsedAt: o.UsedAt},
	}
	// What is stored while it loads is news for it.
	c.mu.Lock()
	c.queues[label] = q
	c.mu.Unlock()
	if err := q.load(ctx); err != nil {
		q.forget()
		return nil, err
	}
	return q, nil
}

// load reads the cursor and what waits behind it.
func (q *Queue) load(ctx context.Context) error {
	value, revision, err := q.places.Get(ctx, q.label)
	if err != nil {
		return err
	}
	var at cursor
	if value != nil && (json.Unmarshal(value, &at) != nil || at.Epoch != q.c.meta.ID) {
		at = cursor{}
	}
	q.mu.Lock() // news of the name comes already
	q.revision, q.cursor, q.seen = revision, at, at.Offset
	for _, offset := range at.Done {
		q.done[offset] = struct{}{}
	}
	q.mu.Unlock()
	// To find out whether there are readers costs the servers a consumer.
	if q.info.Share == shareBroadcast {
		if err := q.loadReaders(ctx); err != nil {
			return err
		}
	}
	if q.loaded, err = q.s.Last(ctx, q.label); err != nil {
		return err
	}
	if q.loaded == 0 { // nothing is in the stream that could be removed
		q.mu.Lock()
		q.dropped = at.Offset
		q.mu.Unlock()
	}
	_, err = q.readTo(ctx, q.loaded)
	return err
}

// shareBroadcast is how a name is shared whose clients read each for itself.
const shareBroadcast = "broadcast"

// Discover reads the events that other nodes have stored and returns their
// offsets.
func (q *Queue) Discover(ctx context.Context) ([]uint64, error) {
	q.mu.Lock()
	succeeds := q.succeeds
	q.mu.Unlock()
	last, err := q.s.Last(ctx, q.label)
	if err != nil {
		return nil, err
	}
	found, err := q.readTo(ctx, last)
	if err == nil && succeeds {
		q.mu.Lock()
		q.succeeds = false
		q.mu.Unlock()
	}
	return found, err
}

// Complete says that the queue knows every event up to the newest that it
// knows: none between them is still to be discovered.
func (q *Queue) Complete() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.counts.Tail <= q.seen
}

// readTo makes known what is stored up to an offset, and returns the offsets of
// the events that were not known.
func (q *Queue) readTo(ctx context.Context, last uint64) ([]uint64, error) {
	var found []uint64
	for {
		q.mu.Lock()
		from := q.seen + 1
		q.mu.Unlock()
		if from > last {
			return found, nil
		}
		list, err := q.s.Read(ctx, q.label, from, 256, 8<<20)
		if err != nil || len(list) == 0 {
			return found, err
		}
		q.mu.Lock()
		for _, r := range list {
			if q.learnLocked(r) {
				found = append(found, r.Offset)
			}
		}
		q.seen = max(q.seen, list[len(list)-1].Offset)
		q.mu.Unlock()
	}
}

// learnLocked notes an event and says whether it was not known and waits.
func (q *Queue) learnLocked(r *spool.Record) bool {
	if r.Offset <= q.cursor.Offset {
		return false
	}
	if _, done := q.done[r.Offset]; done {
		return false
	}
	i, known := slices.BinarySearchFunc(q.events, r.Offset, func(e event, o uint64) int { return cmp.Compare(e.offset, o) })
	if known {
		return false
	}
	size := int64(len(r.Head) + len(r.Body))
	q.events = slices.Insert(q.events, i, event{r.Offset, size, r.ReceivedAt.UnixNano()})
	q.counts.Stored++
	q.counts.Waiting++
	q.counts.Bytes += size
	q.counts.Tail = max(q.counts.Tail, r.Offset)
	return true
}

// knowsLocked says whether the queue has come across an event.
func (q *Queue) knowsLocked(offset uint64) bool {
	if offset <= q.seen || offset <= q.cursor.Offset {
		return true
	}
	if _, done := q.done[offset]; done {
		return true
	}
	_, known := slices.BinarySearchFunc(q.events, offset, func(e event, o uint64) int { return cmp.Compare(e.offset, o) })
	return known
}

// forgetLocked notes that an event is done with, and says whether it waited.
func (q *Queue) forgetLocked(offset uint64) bool {
	i, known := slices.BinarySearchFunc(q.events, offset, func(e event, o uint64) int { return cmp.Compare(e.offset, o) })
	if known {
		q.counts.Waiting--
		q.counts.Bytes -= q.events[i].size
		q.events = slices.Delete(q.events, i, i+1)
	}
	if offset > q.cursor.Offset {
		q.done[offset] = struct{}{}
	}
	return known
}

// nowLocked is the cursor as it should be.
func (q *Queue) nowLocked() cursor {
	c := cursor{Epoch: q.c.meta.ID, Offset: max(q.seen, q.cursor.Offset), Generation: q.generation}
	if len(q.events) > 0 {
		c.Offset = min(c.Offset, q.events[0].offset-1)
	}
	for offset := range q.done {
		if offset > c.Offset {
			c.Done = append(c.Done, offset)
		}
	}
	slices.Sort(c.Done)
	return c
}

// Label is the name.
func (q *Queue) Label() string { return q.label }

// Generation is that of the node's ownership.
func (q *Queue) Generation() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.generation
}

// Counts is what this node knows of the name's events.
func (q *Queue) Counts() spool.Counts {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.counts
}

// Info is what is kept about the name.
func (q *Queue) Info() spool.Info {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.info
}

// Save makes new information about the name known to all nodes. If another
// node owns the name now, the error is ErrMoved.
func (q *Queue) Save(ctx context.Context, info spool.Info) error {
	q.flushing <- struct{}{}
	defer func() { <-q.flushing }()
	q.mu.Lock()
	was, generation := q.info, q.generation
	q.info.Told = info.Told
	q.mu.Unlock()
	was.Told = info.Told
	if info.UsedAt.Sub(was.UsedAt) < time.Hour {
		was.UsedAt = info.UsedAt
	}
	if was == info {
		return q.c.still(ctx, q.label, generation)
	}
	o, err := q.c.change(ctx, q.label, ownerOf(info), generation)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.info, q.generation = info, o.Generation
	return nil
}

// ownerOf is what is kept of a name in the bucket.
func ownerOf(i spool.Info) Owner {
	return Owner{Key: i.Owner, Mode: i.Mode, Share: i.Share, Accept: i.Accept, Seal: i.Seal, UsedAt: i.UsedAt}
}

// Append stores r, as spool.Name.Append does, but for Record.New: that is for
// Learn to say.
func (q *Queue) Append(ctx context.Context, r *spool.Record) error {
	size, limits := int64(len(r.Head)+len(r.Body)), q.c.limits()
	q.mu.Lock()
	if q.counts.Waiting+int64(q.reserved) >= int64(limits.Events) || q.counts.Bytes+q.bytes+size > limits.Bytes {
		q.mu.Unlock()
		return spool.ErrFull
	}
	q.reserved++
	q.bytes += size
	q.mu.Unlock()
	err := q.s.Store(ctx, q.label, r)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reserved--
	q.bytes -= size
	if err != nil {
		return fmt.Errorf("store an event: %w", err)
	}
	return nil
}

// Learn makes an event known that Append has stored, and says whether the queue
// had not come across it yet. Until then Counts may leave it out.
func (q *Queue) Learn(r *spool.Record) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.learnLocked(r)
}

// Store stores an event for a name that this node does not own, and tells its
// owner.
func (c *Cluster) Store(ctx context.Context, label string, o *Owner, r *spool.Record) error {
	if err := c.ground.StreamOf(label).Store(ctx, label, r); err != nil {
		return fmt.Errorf("store an event: %w", err)
	}
	if now, _, err := c.ask(ctx, label); err == nil && now != nil {
		o = now
	}
	c.tell(ctx, o, label)
	return nil
}

// Confirm sees to it that the name's owner knows of the events that the queue
// has stored, should that be another node by now. Whoever owns a name has to know
// of an event before its sender is told: what that sends next must not overtake
// it, on any node.
func (q *Queue) Confirm(ctx context.Context) {
	q.TakeOver(ctx)
	now, _, err := q.c.ask(ctx, q.label)
	if err == nil && now != nil && now.Generation > q.Generation() && !q.c.Mine(now) {
		q.c.tell(ctx, now, q.label)
	}
}

// Read returns events of the name, as spool.Name.Read does. Those that the
// queue did not know, because other nodes stored them, are new.
func (q *Queue) Read(ctx context.Context, offset uint64, count int, bytes int64, done bool) ([]*spool.Record, error) {
	for {
		got, err := q.s.Read(ctx, q.label, offset, count, bytes)
		if err != nil || len(got) == 0 {
			return nil, err
		}
		var list []*spool.Record
		q.mu.Lock()
		for _, r := range got {
			r.New = q.learnLocked(r)
			_, acked := q.done[r.Offset]
			r.Done, r.Old = acked || r.Offset <= q.cursor.Offset, r.Offset <= q.loaded
			if done || !r.Done {
				list = append(list, r)
			}
		}
		last := got[len(got)-1].Offset
		if offset <= q.seen+1 {
			q.seen = max(q.seen, last)
		}
		q.mu.Unlock()
		if len(list) > 0 {
			return list, nil
		}
		offset = last + 1
	}
}

// Ack notes that an event is done with. It is written within a second.
func (q *Queue) Ack(offset uint64) {
	q.mu.Lock()
	if q.forgetLocked(offset) {
		q.counts.Acked++
	}
	q.mu.Unlock()
	q.c.mark(q)
}

// AckTo acknowledges all events up to offset and returns how many waited.
func (q *Queue) AckTo(ctx context.Context, offset uint64) (int, error) {
	q.mu.Lock()
	n := q.ackLocked(offset)
	q.mu.Unlock()
	if n == 0 {
		return 0, nil
	}
	return n, q.write(ctx)
}

// Lose gives up an event that cannot be delivered. It counts as expired.
func (q *Queue) Lose(_ context.Context, offset uint64) error {
	q.mu.Lock()
	if q.forgetLocked(offset) {
		q.counts.Expired++
	}
	q.mu.Unlock()
	q.c.mark(q)
	return nil
}

// Expire gives up what is older than the limit, but for the events in except,
// and returns its offsets. It removes what was kept long enough after its
// acknowledgement.
func (q *Queue) Expire(ctx context.Context, except []uint64) ([]uint64, error) {
	limits := q.c.limits()
	before := q.c.cfg.Now().Add(-limits.Age).UnixNano()
	var gone []uint64
	q.mu.Lock()
	for _, e := range q.events {
		if e.received < before && !slices.Contains(except, e.offset) {
			gone = append(gone, e.offset)
		}
	}
	for _, offset := range gone {
		q.forgetLocked(offset)
	}
	q.counts.Expired += int64(len(gone))
	q.mu.Unlock()
	if len(gone) > 0 {
		q.c.mark(q)
	}
	return gone, q.drop(ctx)
}

// drop removes what is acknowledged from the stream, but for what is kept to
// be read again.
func (q *Queue) drop(ctx context.Context) error {
	q.mu.Lock()
	to, dropped := q.cursor.Offset, q.dropped
	q.mu.Unlock()
	if keep := q.c.limits().Keep; keep > 0 {
		kept, err := q.OffsetAt(ctx, q.c.cfg.Now().Add(-keep))
		if err != nil {
			return err
		}
		if kept > 0 {
			to = min(to, kept-1)
		}
	}
	if to <= dropped {
		return nil
	}
	if err := q.s.Drop(ctx, q.label, to); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped, q.droppedAt = max(q.dropped, to), q.counts.Acked
	return nil
}

// First is the offset of the oldest event that waits; 0 if none does.
func (q *Queue) First(context.Context) (uint64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) == 0 {
		return 0, nil
	}
	return q.events[0].offset, nil
}

// Oldest is when the oldest event that waits came; the zero time if none does.
func (q *Queue) Oldest(context.Context) (time.Time, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) == 0 {
		return time.Time{}, nil
	}
	return time.Unix(0, q.events[0].received).UTC(), nil
}

// OffsetAt returns the offset of the first event that came at or after t; 0 if
// none did.
func (q *Queue) OffsetAt(ctx context.Context, t time.Time) (uint64, error) {
	for from := uint64(1); ; {
		list, err := q.s.Read(ctx, q.label, from, 256, 8<<20)
		if err != nil || len(list) == 0 {
			return 0, err
		}
		for _, r := range list {
			if !r.ReceivedAt.Before(t) {
				return r.Offset, nil
			}
			from = r.Offset + 1
		}
	}
}

// Totals adds the counts of the names that this node owns, and of those that
// it has owned, without what waits there.
func (c *Cluster) Totals() spool.Counts {
	c.mu.Lock()
	t := c.past
	list := slices.Collect(maps.Values(c.queues))
	c.mu.Unlock()
	for _, q := range list {
		n := q.Counts()
		t.Stored += n.Stored
		t.Acked += n.Acked
		t.Expired += n.Expired
		t.Waiting += n.Waiting
		t.Bytes += n.Bytes
	}
	return t
}

// DropName gives the name up, with all its events.
func (q *Queue) DropName(ctx context.Context) error {
	q.forget()
	return q.c.Release(ctx, q.label, q.Generation())
}

// forget takes the queue out of what the node owns.
func (q *Queue) forget() {
	n := q.Counts()
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	if q.c.queues[q.label] == q {
		delete(q.c.queues, q.label)
		q.c.past.Stored += n.Stored - n.Waiting // who owns it next counts what waits
		q.c.past.Acked += n.Acked
		q.c.past.Expired += n.Expired
	}
	delete(q.c.dirty, q)
	delete(q.c.news, q)
}

// Close writes the cursor and leaves the name to whoever claims it next.
func (q *Queue) Close(ctx context.Context) error {
	q.forget()
	return q.write(ctx)
}
