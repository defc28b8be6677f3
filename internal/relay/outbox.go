package relay

import (
	"maps"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/wire"
)

// An outbox decides which stored event of a name goes to which client next. It
// does no I/O and reads no clock, so that a test can drive it through every
// order of things. H is a client's link.
//
// Events are handed out in the order of their offsets. One that comes back
// goes before those that were never handed out; with ordered it also holds
// them up until it has gone again. One that was refused very often goes behind
// all others, if its client wants that.
type outbox[H comparable] struct {
	ordered bool
	next    uint64 // lowest offset that was never handed out
	tail    uint64 // highest offset that is stored
	waiting int64  // stored, not acknowledged, not expired
	flights map[uint64]flight[H]
	back    []comeback[H]       // by offset
	dead    map[uint64]struct{} // left the store before they were handed out
}

// A flight is an event that a client has and did not acknowledge.
type flight[H comparable] struct {
	to      H
	size    int64
	tries   uint32
	damaged uint32 // how often its body came wrong
	refused uint32 // how often it was given back, the app being there
	poison  bool   // so often that it goes behind the rest
}

// A comeback is an event that has to go again.
type comeback[H comparable] struct {
	flight[H]
	offset uint64
	due    time.Time
}

// stored notes that the store has taken an event.
func (o *outbox[H]) stored(offset uint64) {
	o.tail = max(o.tail, offset)
	o.waiting++
}

// pick says which event goes next: a known one, or with fresh the first that
// the store has at or above offset. ok is false if there is none now; wait is
// then how long until there is, 0 if that is not a matter of time.
func (o *outbox[H]) pick(now time.Time) (offset uint64, fresh, ok bool, wait time.Duration) {
	if offset, ok, wait = o.comesBack(now, false); ok || wait > 0 && o.ordered {
		return offset, false, ok, wait
	}
	if o.next <= o.tail {
		return o.next, true, true, 0
	}
	offset, ok, last := o.comesBack(now, true)
	if wait == 0 || last > 0 && last < wait {
		wait = last
	}
	return offset, false, ok, wait
}

// comesBack says which of those that came back is due first.
func (o *outbox[H]) comesBack(now time.Time, poison bool) (offset uint64, ok bool, wait time.Duration) {
	for _, b := range o.back {
		if b.poison != poison {
			continue
		}
		left := b.due.Sub(now)
		if left <= 0 {
			return b.offset, true, 0
		}
		if wait == 0 || left < wait {
			wait = left
		}
		if o.ordered {
			break
		}
	}
	return 0, false, wait
}

// poisoned is how many events were refused so often that they hold up nothing.
func (o *outbox[H]) poisoned() (n int64) {
	for _, b := range o.back {
		if b.poison {
			n++
		}
	}
	for _, f := range o.flights {
		if f.poison {
			n++
		}
	}
	return n
}

// can says whether an event that pick named, and that was then read from the
// store, may still be handed out: it may have left the store meanwhile.
func (o *outbox[H]) can(offset uint64) bool {
	_, dead := o.dead[offset]
	return offset >= o.next && !dead || o.find(offset) >= 0
}

// launch notes that h gets the event now and returns how often it went before.
func (o *outbox[H]) launch(h H, offset uint64, size int64) uint32 {
	var f flight[H]
	if i := o.find(offset); i >= 0 {
		f = o.back[i].flight
		o.back = slices.Delete(o.back, i, i+1)
	}
	o.skip(offset + 1)
	if o.flights == nil {
		o.flights = make(map[uint64]flight[H])
	}
	f.to, f.size = h, size
	f.tries++
	o.flights[offset] = f
	return f.tries - 1
}

func (o *outbox[H]) find(offset uint64) int {
	return slices.IndexFunc(o.back, func(b comeback[H]) bool { return b.offset == offset })
}

// skip notes that the store has nothing below offset that was not handed out.
func (o *outbox[H]) skip(offset uint64) {
	o.next = max(o.next, offset)
	maps.DeleteFunc(o.dead, func(d uint64, _ struct{}) bool { return d < o.next })
}

// inFlight lists the events that clients have.
func (o *outbox[H]) inFlight() []uint64 { return slices.Collect(maps.Keys(o.flights)) }

// gone notes that an event has left the store undelivered. It must not be in
// flight: whoever has it may still deliver it, and nothing may overtake it.
func (o *outbox[H]) gone(offset uint64) {
	if offset >= o.next {
		if o.dead == nil {
			o.dead = make(map[uint64]struct{})
		}
		o.dead[offset] = struct{}{}
	}
	if i := o.find(offset); i >= 0 {
		o.back = slices.Delete(o.back, i, i+1)
	}
	o.waiting--
}

// acked notes what h is done with and returns the offsets, for the store. What
// h does not have is not its to acknowledge.
func (o *outbox[H]) acked(h H, a wire.Ack) []uint64 {
	var done []uint64
	for offset, f := range o.flights {
		if f.to == h && (offset <= a.Cumulative || slices.Contains(a.Singles, offset)) {
			done = append(done, offset)
			delete(o.flights, offset)
			o.waiting--
		}
	}
	slices.Sort(done)
	return done
}

// ackedTo notes that count events up to offset were acknowledged at once: a
// client that returns says what it has, whoever has them in flight.
func (o *outbox[H]) ackedTo(offset uint64, count int) {
	o.skip(offset + 1)
	maps.DeleteFunc(o.flights, func(f uint64, _ flight[H]) bool { return f <= offset })
	o.back = slices.DeleteFunc(o.back, func(b comeback[H]) bool { return b.offset <= offset })
	o.waiting -= int64(count)
}

// damagedTries is how often a body that came wrong is sent again at once.
const damagedTries = 3

// poisonTries is how often an event is refused until it is taken for one that
// its app will never take.
const poisonTries = 10

// nacked notes that h gives an event back. With skip one that it refuses again
// and again goes behind the others: an app that is not there refuses nothing.
func (o *outbox[H]) nacked(h H, n wire.Nack, skip bool, now time.Time) {
	f, ok := o.flights[n.Offset]
	if !ok || f.to != h {
		return
	}
	delay := n.Delay
	if n.Why == wire.NackWait {
		f.refused++
		f.poison = skip && f.refused >= poisonTries
	}
	if n.Why == wire.NackDigest {
		f.damaged++
		if delay = 0; f.damaged > damagedTries {
			delay = 30 * time.Second
		}
	}
	o.comeBack(n.Offset, f, now.Add(delay))
}

// left notes that h is gone: what it had goes again, at once, and so does what
// it wanted later. Whoever comes next may take it.
func (o *outbox[H]) left(h H, now time.Time) {
	for i := range o.back {
		if b := &o.back[i]; b.to == h && b.due.After(now) {
			b.due = now
		}
	}
	for offset, f := range o.flights {
		if f.to == h {
			o.comeBack(offset, f, now)
		}
	}
}

// unsent notes that an event could not be handed to h after all.
func (o *outbox[H]) unsent(h H, offset uint64, now time.Time) {
	if f, ok := o.flights[offset]; ok && f.to == h {
		f.tries--
		o.comeBack(offset, f, now)
	}
}

func (o *outbox[H]) comeBack(offset uint64, f flight[H], due time.Time) {
	delete(o.flights, offset)
	i, _ := slices.BinarySearchFunc(o.back, offset, func(b comeback[H], at uint64) int {
		switch {
		case b.offset < at:
			return -1
		case b.offset > at:
			return 1
		}
		return 0
	})
	o.back = slices.Insert(o.back, i, comeback[H]{f, offset, due})
}

// load is how many events h has, and their bytes.
func (o *outbox[H]) load(h H) (events int, bytes int64) {
	for _, f := range o.flights {
		if f.to == h {
			events++
			bytes += f.size
		}
	}
	return events, bytes
}
