package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/spool"
)

// A sea is what the nodes of a model share: one stream and its places. What it
// has taken it keeps; which answers and messages arrive is chance.
type sea struct {
	w *clusterModel

	mu       sync.Mutex // guards the following
	seq      uint64
	list     []*spool.Record
	revision uint64
	places   map[string]place
	owners   map[uint64]string // generation → node
}

type place struct {
	value    []byte
	revision uint64
	before   *place
	at       time.Time
}

// saidBy is what a node said last that it lives, unless it was long ago.
func (s *sea) saidBy(node string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.places["node."+node]; time.Since(p.at) < 10*time.Second {
		return p.value
	}
	return nil
}

// A shore is the sea as one node has it.
type shore struct {
	sea  *sea
	node *modelNode
}

func (s *shore) StreamOf(string) cluster.Stream { return s }
func (s *shore) Owners() cluster.Places         { return bay{s, "own."} }
func (s *shore) Cursors() cluster.Places        { return bay{s, "cur."} }
func (s *shore) Nodes() cluster.Places          { return bay{s, "node."} }
func (s *shore) Connected() bool                { return !s.node.away() }

// Publish gives a message to all nodes, or some, or more than once.
func (s *shore) Publish(subject string, data []byte) error {
	s.node.lag()
	if s.node.away() {
		return cluster.ErrAway
	}
	s.send(subject, data, func() {})
	return nil
}

// Request waits for an answer, which may be lost as the question may.
func (s *shore) Request(ctx context.Context, subject string, data []byte) error {
	s.node.lag()
	if s.node.away() {
		return cluster.ErrAway
	}
	to := s.sea.w.nodeOf(subject[strings.LastIndexByte(subject, '.')+1:])
	if to == nil || to.away() {
		return nats.ErrNoResponders
	}
	answered := make(chan struct{}, 16)
	s.send(subject, data, func() {
		if !s.sea.w.loses() {
			answered <- struct{}{}
		}
	})
	select {
	case <-answered:
		s.node.lag()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *shore) send(subject string, data []byte, answer func()) {
	w := s.sea.w
	to := subject[strings.LastIndexByte(subject, '.')+1:]
	for _, n := range w.everyone() {
		if subject != "hk.moved" && n.name != to {
			continue
		}
		times := 1
		switch {
		case w.loses():
			times = 0
		case w.chance(w.faults.again):
			times = 2
		}
		for range times {
			w.begin(func() {
				w.sleep(0, 30*time.Millisecond)
				if n.stand(); n.away() {
					return // nobody keeps it
				}
				n.cluster.Hear(subject, data, answer)
			})
		}
	}
}

// trip is the way of a question to the sea: lost says that the answer will not
// arrive.
func (s *shore) trip() (lost bool, err error) {
	s.node.lag()
	if s.node.away() {
		return false, cluster.ErrAway
	}
	w := s.sea.w
	if w.chance(w.faults.fails) {
		return false, fmt.Errorf("%w: no answer", cluster.ErrAway)
	}
	return w.chance(w.faults.fails), nil
}

func (s *shore) back(lost bool) error {
	s.node.lag()
	if lost || s.node.away() {
		return fmt.Errorf("%w: the answer was lost", cluster.ErrAway)
	}
	return nil
}

func (s *shore) Store(_ context.Context, label string, r *spool.Record) error {
	lost, err := s.trip()
	if err != nil {
		return err
	}
	s.sea.mu.Lock()
	s.sea.seq += 1 + uint64(s.sea.w.draw(3)) // other names' events lie between
	r.Offset = s.sea.seq
	kept := *r
	kept.Body, kept.Head = slices.Clone(r.Body), slices.Clone(r.Head)
	s.sea.list = append(s.sea.list, &kept)
	s.sea.mu.Unlock()
	s.sea.w.say("%s stores %s at %d", s.node.name, r.Body, r.Offset)
	for _, n := range s.sea.w.everyone() {
		s.sea.w.begin(func() {
			for n.lag(); n.away(); n.lag() { // after a break it goes on where it was
				if n.gone.Load() {
					return
				}
				s.sea.w.sleep(50*time.Millisecond, 50*time.Millisecond)
			}
			n.cluster.Heard(label, kept.Offset)
		})
	}
	return s.back(lost)
}

func (s *shore) Read(_ context.Context, _ string, offset uint64, count int, _ int64) ([]*spool.Record, error) {
	if _, err := s.trip(); err != nil {
		return nil, err
	}
	s.sea.mu.Lock()
	var got []*spool.Record
	for _, r := range s.sea.list {
		if r.Offset >= offset && len(got) < count {
			fresh := *r
			got = append(got, &fresh)
		}
	}
	s.sea.mu.Unlock()
	if len(got) > 1 { // a replica that lags behind
		got = got[:1+s.sea.w.draw(len(got))]
	}
	return got, s.back(false)
}

func (s *shore) Last(context.Context, string) (uint64, error) {
	if _, err := s.trip(); err != nil {
		return 0, err
	}
	s.sea.mu.Lock()
	defer s.sea.mu.Unlock()
	if len(s.sea.list) == 0 {
		return 0, nil
	}
	return s.sea.list[len(s.sea.list)-1].Offset, nil
}

// Drop removes events: each must have been answered by the app.
func (s *shore) Drop(_ context.Context, _ string, offset uint64) error {
	lost, err := s.trip()
	if err != nil {
		return err
	}
	s.sea.mu.Lock()
	s.sea.list = slices.DeleteFunc(s.sea.list, func(r *spool.Record) bool {
		if r.Offset <= offset {
			s.sea.w.mustBeDone(r, "was removed")
		}
		return r.Offset <= offset
	})
	s.sea.mu.Unlock()
	return s.back(lost)
}

// A bay is places of one kind.
type bay struct {
	*shore
	kind string
}

func (b bay) Get(_ context.Context, key string) ([]byte, uint64, error) {
	if _, err := b.trip(); err != nil {
		return nil, 0, err
	}
	b.sea.mu.Lock()
	p := b.sea.places[b.kind+key]
	b.sea.mu.Unlock()
	return p.value, p.revision, b.back(false)
}

// Near is what a replica knows that may lag behind.
func (b bay) Near(ctx context.Context, key string) ([]byte, uint64, error) {
	value, revision, err := b.Get(ctx, key)
	b.sea.mu.Lock()
	before := b.sea.places[b.kind+key].before
	b.sea.mu.Unlock()
	switch {
	case err == nil && before != nil && b.sea.w.draw(2) == 0:
		return before.value, before.revision, nil
	case err == nil && value == nil:
		return nil, 0, errModelDown
	}
	return value, revision, err
}

func (b bay) Below(_ context.Context, key string) ([]string, error) {
	if _, err := b.trip(); err != nil {
		return nil, err
	}
	b.sea.mu.Lock()
	defer b.sea.mu.Unlock()
	var keys []string
	for k, p := range b.sea.places {
		if rest, ok := strings.CutPrefix(k, b.kind); ok && strings.HasPrefix(rest, key+".") && p.value != nil {
			keys = append(keys, rest)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func (b bay) Update(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	lost, err := b.trip()
	if err != nil {
		return 0, err
	}
	b.sea.mu.Lock()
	if b.sea.places[b.kind+key].revision != revision {
		b.sea.mu.Unlock()
		return 0, cluster.ErrRevision
	}
	b.sea.revision++
	at := b.sea.revision
	before := b.sea.places[b.kind+key]
	before.before = nil
	b.sea.places[b.kind+key] = place{value, at, &before, time.Now()}
	switch b.kind {
	case "own.":
		b.sea.owners[at] = b.node.name
		b.sea.w.say("%s owns the name in generation %d", b.node.name, at)
	case "cur.":
		b.sea.w.judgeCursor(value, b.sea.list)
	}
	b.sea.mu.Unlock()
	return at, b.back(lost)
}

func (b bay) Put(_ context.Context, key string, value []byte) error {
	lost, err := b.trip()
	if err != nil {
		return err
	}
	b.sea.mu.Lock()
	b.sea.revision++
	b.sea.places[b.kind+key] = place{value, b.sea.revision, nil, time.Now()}
	b.sea.mu.Unlock()
	if b.kind == "node." {
		for _, n := range b.sea.w.everyone() {
			b.sea.w.begin(func() {
				if n.lag(); !n.away() {
					n.cluster.Met(key, value)
				}
			})
		}
	}
	return b.back(lost)
}
