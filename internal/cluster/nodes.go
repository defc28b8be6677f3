package cluster

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A node says every nodeBeat that it is alive, and counts as gone when nothing
// was heard of it for nodeDead. One lease for all its names.
const (
	nodeBeat = 3 * time.Second
	nodeDead = 10 * time.Second
)

// A Peer is a node as the others see it.
type Peer struct {
	Node        string `json:"node"`
	Address     string `json:"address"`
	Incarnation string `json:"incarnation"`
	Version     string `json:"version"`
	Links       int64  `json:"links"`
	Names       int    `json:"names"`
}

type peer struct {
	Peer
	heard time.Time // by this node's own clock
}

// attend makes the node known and follows the others.
func (c *Cluster) attend(ctx, background context.Context) error {
	if err := c.Beat(ctx, 0); err != nil {
		return err
	}
	peers, err := c.nodes.WatchAll(background)
	if err != nil {
		return err
	}
	tokens, err := c.tokens.WatchAll(background)
	if err != nil {
		return err
	}
	if _, err := c.nc.Subscribe("hk.note."+c.cfg.Node, c.received); err != nil {
		return err
	}
	if _, err := c.nc.Subscribe("hk.left."+c.cfg.Node, c.received); err != nil {
		return err
	}
	if _, err := c.nc.Subscribe("hk.moved", c.received); err != nil {
		return err
	}
	if err := c.nc.FlushTimeout(5 * time.Second); err != nil {
		return err
	}
	known := make(chan struct{}, 2)
	c.work.Go(func() { follow(background, peers, c.peerChanged, known) })
	c.work.Go(func() { follow(background, tokens, c.tokenChanged, known) })
	c.work.Go(func() { c.keep(background) })
	c.work.Go(func() { c.listen(background) })
	for _, s := range c.shards {
		c.work.Go(func() { c.hear(background, s) })
	}
	for range 2 {
		select {
		case <-known:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// follow hears of a bucket's changes. known is told when all that is there now
// has been heard of.
func follow(ctx context.Context, watch jetstream.KeyWatcher, changed func(jetstream.KeyValueEntry), known chan<- struct{}) {
	defer func() { _ = watch.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return
			case e == nil:
				known <- struct{}{}
			default:
				changed(e)
			}
		}
	}
}

func (c *Cluster) peerChanged(e jetstream.KeyValueEntry) {
	if e.Operation() != jetstream.KeyValuePut {
		c.Met(e.Key(), nil)
		return
	}
	c.Met(e.Key(), e.Value())
}

// Met takes what a node said of itself with Beat; nil if it has left.
func (c *Cluster) Met(node string, said []byte) {
	p := peer{heard: time.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hushLocked(p.heard)
	if said == nil || json.Unmarshal(said, &p.Peer) != nil {
		delete(c.peers, node)
		return
	}
	c.peers[node] = &p
}

// hushLocked makes good for a time in which no node was heard of, this one
// neither: the bucket had no leader, and that says nothing of any node.
func (c *Cluster) hushLocked(now time.Time) {
	if hush := now.Sub(c.anyone) - nodeBeat; hush > 0 && !c.anyone.IsZero() {
		for _, p := range c.peers {
			p.heard = p.heard.Add(hush)
		}
	}
	c.anyone = now
}

// goneLocked says that a node was not heard of for too long, though others were.
func (c *Cluster) goneLocked(p *peer) bool {
	return c.anyone.Sub(p.heard) >= nodeDead && c.ground.Connected()
}

// keep writes what may wait a second, and forgets owners that are not asked
// for.
func (c *Cluster) keep(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.Tend(ctx)
		if n%int(cacheFor/time.Second) == 0 {
			c.age()
		}
	}
}

// listen has events looked for that others stored.
func (c *Cluster) listen(ctx context.Context) {
	tick := time.NewTicker(newsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.Spread()
		}
	}
}

// Tend writes what has changed.
func (c *Cluster) Tend(ctx context.Context) {
	c.purges.Store(dropsASecond)
	_ = c.Flush(ctx) // what could not be written is tried again
}

// Beat says that the node is alive. Whoever runs it calls it every few
// seconds: a node that hangs is not alive.
func (c *Cluster) Beat(ctx context.Context, links int64) error {
	c.mu.Lock()
	names := len(c.queues)
	c.mu.Unlock()
	p := Peer{Node: c.cfg.Node, Address: c.cfg.Address, Incarnation: c.incarnation, Version: c.cfg.Version, Links: links, Names: names}
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, nodeBeat)
	defer cancel()
	return c.ground.Nodes().Put(ctx, c.cfg.Node, b)
}

// BeatEvery is how often Beat should be called.
func BeatEvery() time.Duration { return nodeBeat }

// Peers lists the nodes that are alive, by name.
func (c *Cluster) Peers() []Peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []Peer
	for _, p := range c.peers {
		if !c.goneLocked(p) {
			list = append(list, p.Peer)
		}
	}
	slices.SortFunc(list, func(a, b Peer) int { return cmp.Compare(a.Node, b.Node) })
	return list
}

// Alive says whether the process that owns a name is heard of. While nobody is,
// this node neither, what was known last is believed.
func (c *Cluster) Alive(o *Owner) bool {
	_, ok := c.AddressOf(o)
	return ok
}

// AddressOf is where a name's owner is reached; false if it is gone.
func (c *Cluster) AddressOf(o *Owner) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.peers[o.Node]
	if p == nil || p.Incarnation != o.Incarnation || c.goneLocked(p) {
		return "", false
	}
	return p.Address, true
}

// OnNote has f called when an event was stored for a name that this node owns:
// f calls known, if it is not nil, when nothing overtakes the event any more.
// OnMove has f called when a name has another owner: f calls left when this node
// serves it no more. They are set once, before the node claims anything, and
// must not block.
func (c *Cluster) OnNote(f func(label string, known func())) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onNote = f
}

// OnMove is described with OnNote.
func (c *Cluster) OnMove(f func(label string, generation uint64, left func())) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onMove = f
}

// An owner has noteWithin to say that it has heard of an event. It is told again
// after lateWithin, which is all that one has that counts as gone.
const (
	noteWithin = 5 * time.Second
	lateWithin = 500 * time.Millisecond
)

// tell notes to a name's owner that an event was stored for it, and waits until
// it knows. The name may move meanwhile, and who owned it says nothing then.
// Should all notes be lost, the owner finds the event by itself.
func (c *Cluster) tell(ctx context.Context, o *Owner, label string) {
	ctx, cancel := context.WithTimeout(ctx, noteWithin)
	defer cancel()
	insist(ctx, noteWithin, func() error {
		// An owner that counts as gone may be back, and this node not know.
		gone := !c.Alive(o)
		err := c.request(ctx, "hk.note."+o.Node, []byte(label))
		if err == nil || gone {
			return nil
		}
		if now, _, err := c.ask(ctx, label); err == nil && now != nil {
			o = now
		}
		return err
	})
}

// insist asks another node until it answers, at longer and longer intervals: it
// may be about thousands of names. One that is away from NATS for longer than
// absent is given up.
func insist(ctx context.Context, absent time.Duration, ask func() error) {
	began := time.Now()
	for wait := 20 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 500*time.Millisecond) {
		err := ask()
		if err == nil || errors.Is(err, nats.ErrNoResponders) && time.Since(began) > absent {
			return
		}
		pause(ctx, wait)
	}
}

// request waits lateWithin for an answer. That nobody is there is known at once.
func (c *Cluster) request(ctx context.Context, subject string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, lateWithin)
	defer cancel()
	return c.ground.Request(ctx, subject, data)
}

func (c *Cluster) received(m *nats.Msg) {
	c.Hear(m.Subject, m.Data, func() { _ = m.Respond(nil) }) // a note that nobody waits for any more
}

// Hear takes a message that another node published. answer is called when what
// it says is known here.
func (c *Cluster) Hear(subject string, data []byte, answer func()) {
	if !strings.HasPrefix(subject, "hk.note.") {
		c.moved(data, answer)
		return
	}
	c.mu.Lock()
	f := c.onNote
	c.mu.Unlock()
	if f != nil {
		f(string(data), answer)
	}
}

// leaveWithin is how long the owner before has to give a name up. One that
// stood still for longer looks whose its names are before it serves them.
const leaveWithin = 4 * time.Second

// absentWithin is how long a node that owned a name may be away from NATS, to
// connect to another server, and not count as gone: its client has left it.
const absentWithin = time.Second

// TakeOver waits until the node that owned the name before has given it up:
// until then that serves the name, and knows nothing of what is stored here. It
// says whether what that one stored is still to be discovered.
func (q *Queue) TakeOver(ctx context.Context) bool {
	q.taking <- struct{}{}
	defer func() { <-q.taking }()
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	asked := false
	insist(ctx, absentWithin, func() error {
		if q.before == nil || q.c.Mine(q.before) || !q.c.Alive(q.before) {
			return nil
		}
		asked = true
		return q.c.request(ctx, "hk.left."+q.before.Node, movement(q.label, q.Generation()))
	})
	q.before = nil // it hears of it some day
	q.mu.Lock()
	defer q.mu.Unlock()
	q.succeeds = q.succeeds || asked
	return q.succeeds
}

// movement says that a name has another owner.
func movement(label string, generation uint64) []byte {
	return append(binary.BigEndian.AppendUint64(nil, generation), label...)
}

func (c *Cluster) tellMoved(label string, generation uint64) {
	_ = c.ground.Publish("hk.moved", movement(label, generation))
}

// moved drops what is known of a name that has another owner.
func (c *Cluster) moved(data []byte, left func()) {
	if len(data) <= 8 {
		return
	}
	label, generation := string(data[8:]), binary.BigEndian.Uint64(data)
	c.mu.Lock()
	if known, ok := c.recallLocked(label); ok && (known.owner == nil || known.owner.Generation < generation) {
		c.forgetLocked(label)
	}
	f := c.onMove
	c.mu.Unlock()
	if f != nil {
		f(label, generation, left)
	}
}
