package spool

import (
	"context"
	"sync"
	"time"
)

// Ack notes that an event is done with. It is written within moments.
func (n *Name) Ack(offset uint64) {
	n.note(func() { n.acks = append(n.acks, offset) })
}

// note has what f notes in n, under its lock, written within moments.
func (n *Name) note(f func()) {
	n.mu.Lock()
	f()
	n.mu.Unlock()
	n.spool.mu.Lock()
	n.spool.dirty[n] = true
	n.spool.mu.Unlock()
	select {
	case n.spool.wake <- struct{}{}:
	default:
	}
}

// flushEvery is how long acknowledgements may wait for company.
const flushEvery = 100 * time.Millisecond

func (s *Spool) flushAcks() {
	timer := time.NewTimer(flushEvery)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			s.Flush()
			return
		case <-s.wake:
		}
		timer.Reset(flushEvery)
		select {
		case <-s.stop:
		case <-timer.C:
		}
		s.Flush()
	}
}

// Flush writes the acknowledgements that are noted. What cannot be written is
// tried again in a moment.
func (s *Spool) Flush() {
	s.mu.Lock()
	dirty := s.dirty
	s.dirty = make(map[*Name]bool)
	s.mu.Unlock()
	var wg sync.WaitGroup
	for n := range dirty {
		wg.Go(func() { _ = n.flush(context.Background()) })
	}
	wg.Wait()
}

func (n *Name) flush(ctx context.Context) error {
	n.flushing.Lock()
	defer n.flushing.Unlock()
	n.mu.Lock()
	o := &op{kind: opAck, name: n, offsets: n.acks, upTo: n.upTo, moved: n.moved, size: 8*len(n.acks) + 100*len(n.moved)}
	n.acks, n.upTo, n.moved = nil, 0, nil
	n.mu.Unlock()
	if len(o.offsets) == 0 && o.upTo == 0 && len(o.moved) == 0 {
		return nil
	}
	err := n.spool.group.Do(ctx, o)
	if err != nil {
		n.note(func() { n.takeBack(o) })
	}
	return err
}

// takeBack notes again what could not be written.
func (n *Name) takeBack(o *op) {
	n.acks = append(n.acks, o.offsets...)
	n.upTo = max(n.upTo, o.upTo)
	for instance, c := range o.moved {
		if n.moved == nil {
			n.moved = make(map[string]*Cursor)
		}
		if _, newer := n.moved[instance]; !newer {
			n.moved[instance] = c
		}
	}
}
