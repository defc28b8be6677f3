package relay

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// The model is one name at its relay, its store, its clients and the links
// between them, driven by a seeded scheduler that chooses each next step:
// which message moves, who crashes, which link breaks. The outbox and the
// ledger are the real ones; store, links, clock and processes are not.
type model struct {
	t    *testing.T
	rng  *rand.Rand
	seed uint64
	now  time.Time
	log  []string

	ordered   bool
	broadcast bool
	skip      bool // events that are refused again and again go behind the others
	storing   int

	// Durable at the relay.
	rows            map[uint64]int // waiting: offset → event
	tail            uint64
	stored          int
	acked, expired  int
	everStored      map[int]uint64 // event → offset
	lostByExpiry    map[int]bool
	promised        map[int]bool // the sender was told 202
	pendingAcks     []uint64     // not written yet: lost by a crash
	committing      []int        // being stored: lost by a crash, not promised
	pendingUpTo     uint64       // with broadcast, as above
	shared          *lane[int]   // volatile; nil with broadcast
	links           map[int]*modelLink
	nextLink, event int

	clients []*modelClient
}

// A modelLink is two queues. What is in them is lost when it breaks.
type modelLink struct {
	id     int
	client *modelClient
	down   []modelEvent
	up     []any // wire.Ack or wire.Nack
}

type modelEvent struct {
	offset uint64
	event  int
}

// A modelClient has a store of its own that outlives its crashes.
type modelClient struct {
	ledger *tunnel.Ledger
	link   *modelLink
	lane   *lane[int]

	// With broadcast, at the relay: durable, and on its way there.
	known           bool
	cursor, pending uint64
	since           uint64       // where its lane began first
	work            []modelEvent // received, in some stage of being delivered

	answered map[int]bool // durable: the app's answer is recorded
	app      []int        // what the app saw, with duplicates
	excused  map[int]int  // how often the app may see an event again
	order    []uint64     // offsets in the order of their first answers
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 2)), now: time.Unix(1_700_000_000, 0),
		rows: map[uint64]int{}, everStored: map[int]uint64{}, lostByExpiry: map[int]bool{}, promised: map[int]bool{},
		links: map[int]*modelLink{},
	}
	n := 1 + m.rng.IntN(3)
	m.broadcast = m.rng.IntN(3) == 0
	m.ordered = n == 1 || m.broadcast
	m.skip = m.rng.IntN(4) == 0
	for range n {
		m.clients = append(m.clients, &modelClient{answered: map[int]bool{}, excused: map[int]int{}})
	}
	m.restart()
	return m
}

func (m *model) say(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	from := max(0, len(m.log)-60)
	m.t.Fatalf("seed %d: %s\nlast steps:\n%v", m.seed, fmt.Sprintf(format, args...), m.log[from:])
}

// restart is a relay that begins with what is durable.
func (m *model) restart() {
	m.pendingAcks, m.pendingUpTo, m.committing, m.storing = nil, 0, nil, 0
	m.shared = nil
	if !m.broadcast {
		m.shared = newLane[int]("", m.ordered, 0, m.tail, int64(len(m.rows)))
	}
	for _, c := range m.clients {
		c.lane, c.pending = m.shared, c.cursor
		if m.broadcast && c.known {
			c.lane = newLane[int]("instance", true, c.cursor, m.tail, m.after(c.cursor))
		}
	}
	for _, l := range m.links {
		l.client.link = nil
	}
	m.links = map[int]*modelLink{}
}

// after counts the rows behind an offset.
func (m *model) after(offset uint64) (n int64) {
	for o := range m.rows {
		if o > offset {
			n++
		}
	}
	return n
}

// lanes are the lanes that there are.
func (m *model) lanes() (list []*lane[int]) {
	if !m.broadcast {
		return []*lane[int]{m.shared}
	}
	for _, c := range m.clients {
		if c.lane != nil {
			list = append(list, c.lane)
		}
	}
	return list
}

// step does one thing. With faults, things break.
func (m *model) step(faults bool) {
	m.now = m.now.Add(time.Duration(m.rng.IntN(50)) * time.Millisecond)
	steps := []func(){m.commit, m.pump, m.pump, m.moveDown, m.moveDown, m.work, m.work, m.work, m.moveUp, m.moveUp, m.flush, m.connect}
	if faults {
		steps = append(steps, m.send, m.send, m.send, m.breakLink, m.maybe(8, m.crashRelay), m.maybe(4, m.crashClient), m.maybe(10, m.expire))
	}
	steps[m.rng.IntN(len(steps))]()
	m.check()
}

func (m *model) maybe(in int, f func()) func() {
	return func() {
		if m.rng.IntN(in) == 0 {
			f()
		}
	}
}

func (m *model) send() {
	m.event++
	m.storing++
	m.committing = append(m.committing, m.event)
}

// commit makes what is being stored durable, then promises it. A crash may
// come between the two.
func (m *model) commit() {
	batch := m.committing
	m.committing = nil
	for _, e := range batch {
		m.tail++
		m.stored++
		m.rows[m.tail] = e
		m.everStored[e] = m.tail
	}
	if m.rng.IntN(20) == 0 {
		m.say("crash between commit and promise")
		m.restart()
		return
	}
	m.rng.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	for _, e := range batch {
		for _, l := range m.lanes() {
			l.stored(m.everStored[e])
		}
		m.storing--
		m.promised[e] = true
	}
}

// pump hands out one event, as Server.pump does.
func (m *model) pump() {
	lanes := m.lanes()
	if len(lanes) == 0 {
		return
	}
	lane := lanes[m.rng.IntN(len(lanes))]
	box, l := &lane.box, m.freeLink(lane)
	offset, fresh, ok, _ := box.pick(m.now)
	if l == nil || !ok {
		return
	}
	if fresh {
		found := uint64(0)
		for o := range m.rows {
			if o >= offset && (found == 0 || o < found) && !slices.Contains(m.pendingAcks, o) {
				found = o
			}
		}
		if found == 0 {
			box.skip(m.tail + 1)
			return
		}
		offset = found
	} else if _, ok := m.rows[offset]; !ok {
		lane.gone(offset)
		return
	}
	box.launch(l.id, offset, 1)
	l.down = append(l.down, modelEvent{offset, m.rows[offset]})
	m.say("send %d on link %d", offset, l.id)
}

func (m *model) freeLink(lane *lane[int]) *modelLink {
	var ids []int
	for id, l := range m.links {
		if l.client.lane != lane {
			continue
		}
		events, _ := lane.box.load(id)
		if m.ordered {
			events = len(lane.box.flights)
		}
		if events < m.parallel() && l.client.link == l {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return m.links[ids[m.rng.IntN(len(ids))]]
}

func (m *model) parallel() int {
	if m.ordered {
		return 1
	}
	return 3
}

func (m *model) anyLink() *modelLink {
	ids := make([]int, 0, len(m.links))
	for id := range m.links {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return m.links[ids[m.rng.IntN(len(ids))]]
}

func (m *model) moveDown() {
	l := m.anyLink()
	if l == nil || len(l.down) == 0 {
		return
	}
	e := l.down[0]
	l.down = l.down[1:]
	l.client.ledger.Got(e.offset)
	l.client.work = append(l.client.work, e)
}

// work takes one received event through a client: known already, or to the
// app, whose answer may fail or be lost with the client before it is recorded.
func (m *model) work() {
	c := m.clients[m.rng.IntN(len(m.clients))]
	if len(c.work) == 0 {
		return
	}
	i := m.rng.IntN(len(c.work))
	if m.ordered {
		i = 0
	}
	e := c.work[i]
	c.work = slices.Delete(c.work, i, i+1)
	if !c.answered[e.event] {
		if m.rng.IntN(6) == 0 || m.skip && e.event%5 == 0 && m.rng.IntN(20) != 0 {
			m.nack(c, e)
			return
		}
		c.app = append(c.app, e.event)
		if m.rng.IntN(25) == 0 {
			c.excused[e.event]++
			m.say("client crashes between app and record of %d", e.offset)
			m.crash(c)
			return
		}
		c.answered[e.event] = true
		c.order = append(c.order, e.offset)
	}
	ack := c.ledger.Done(e.offset)
	if c.link != nil {
		c.link.up = append(c.link.up, ack)
	}
}

func (m *model) nack(c *modelClient, e modelEvent) {
	if c.link == nil {
		return
	}
	n := wire.Nack{Offset: e.offset, Delay: time.Duration(m.rng.IntN(200)) * time.Millisecond, Why: wire.NackWhy(1 + m.rng.IntN(3))}
	m.say("nack %d", e.offset)
	c.link.up = append(c.link.up, n)
}

func (m *model) moveUp() {
	l := m.anyLink()
	if l == nil || len(l.up) == 0 {
		return
	}
	msg := l.up[0]
	l.up = l.up[1:]
	switch msg := msg.(type) {
	case wire.Ack:
		m.acknowledge(l, msg)
	case wire.Nack:
		l.client.lane.box.nacked(l.id, msg, m.skip, m.now)
	}
}

func (m *model) acknowledge(l *modelLink, a wire.Ack) {
	done := l.client.lane.box.acked(l.id, a)
	m.say("ack %v from link %d: %v", a, l.id, done)
	if !m.broadcast {
		m.pendingAcks = append(m.pendingAcks, done...)
		return
	}
	l.client.pending = max(l.client.pending, l.client.lane.cursor())
	low := l.client.lane.cursor()
	for _, lane := range m.lanes() {
		low = min(low, lane.cursor())
	}
	m.pendingUpTo = max(m.pendingUpTo, low)
}

// flush makes acknowledgements durable.
func (m *model) flush() {
	for _, o := range m.pendingAcks {
		if _, ok := m.rows[o]; ok {
			delete(m.rows, o)
			m.acked++
		}
	}
	m.pendingAcks = nil
	for o := range m.rows {
		if o <= m.pendingUpTo {
			delete(m.rows, o)
			m.acked++
		}
	}
	for _, c := range m.clients {
		c.cursor = c.pending
	}
}

// enrol gives a broadcast client its lane.
func (m *model) enrol(c *modelClient) {
	if !m.broadcast || c.lane != nil {
		return
	}
	var from uint64
	for _, l := range m.lanes() {
		from = max(from, l.cursor())
	}
	c.lane = newLane[int]("instance", true, from, m.tail, m.after(from))
	c.known, c.pending, c.since = true, from, from
	m.flush()
	m.say("enrol at %d", from)
}

// connect gives a client without a link a new one. An ordered client says how
// far it is, unless it has events skipped; nobody else can speak for the whole
// name.
func (m *model) connect() {
	c := m.clients[m.rng.IntN(len(m.clients))]
	if c.link != nil && m.rng.IntN(8) != 0 {
		return // now and then it moves to a new link before the old one ends
	}
	m.enrol(c)
	if m.ordered && !m.broadcast && !m.skip && c.ledger != nil {
		upTo, count := c.ledger.Resume(), 0
		m.flush()
		for o := range m.rows {
			if o <= upTo {
				count++
			}
		}
		for o := range m.rows {
			if o <= upTo {
				delete(m.rows, o)
				m.acked++
			}
		}
		m.shared.box.ackedTo(upTo, count)
	}
	m.nextLink++
	l := &modelLink{id: m.nextLink, client: c}
	m.links[l.id], c.link = l, l
	c.ledger = &tunnel.Ledger{Shared: !m.ordered}
	m.say("link %d", l.id)
}

// breakLink loses what is on a link: each direction from a point of its own.
func (m *model) breakLink() {
	l := m.anyLink()
	if l == nil || m.rng.IntN(4) != 0 {
		return
	}
	for range m.rng.IntN(len(l.up) + 1) {
		m.moveUpOf(l)
	}
	m.say("link %d breaks", l.id)
	m.drop(l)
}

func (m *model) moveUpOf(l *modelLink) {
	if a, ok := l.up[0].(wire.Ack); ok {
		m.acknowledge(l, a)
	}
	l.up = l.up[1:]
}

func (m *model) drop(l *modelLink) {
	l.client.lane.box.left(l.id, m.now)
	delete(m.links, l.id)
	if l.client.link == l {
		l.client.link = nil
	}
}

func (m *model) crashRelay() {
	m.say("relay crashes")
	m.restart()
}

func (m *model) crashClient() { m.crash(m.clients[m.rng.IntN(len(m.clients))]) }

// crash loses all that a client did not make durable.
func (m *model) crash(c *modelClient) {
	for _, l := range m.links {
		if l.client == c {
			m.drop(l)
		}
	}
	c.work, c.ledger = nil, nil
}

// expire removes one waiting event, as age does.
func (m *model) expire() {
	var held []uint64
	for _, l := range m.lanes() {
		held = append(held, l.box.inFlight()...)
	}
	for o, e := range m.rows {
		if o <= m.pendingUpTo || slices.Contains(m.pendingAcks, o) || slices.Contains(held, o) {
			continue
		}
		delete(m.rows, o)
		m.expired++
		m.lostByExpiry[e] = true
		for _, l := range m.lanes() {
			l.gone(o)
		}
		m.say("expire %d", o)
		return
	}
}

// check holds after every step.
func (m *model) check() {
	if m.stored != m.acked+m.expired+len(m.rows) {
		m.fail("stored %d ≠ acked %d + expired %d + waiting %d", m.stored, m.acked, m.expired, len(m.rows))
	}
	for _, l := range m.lanes() {
		want := int64(0)
		for o := range m.rows {
			if _, flies := l.box.flights[o]; flies || o >= l.box.next || l.box.find(o) >= 0 {
				want++
			}
		}
		if l.box.waiting != want {
			m.fail("a lane counts %d waiting, the store has %d for it", l.box.waiting, want)
		}
	}
	for _, c := range m.clients {
		if m.ordered && !m.skip && !slices.IsSorted(c.order) {
			m.fail("answered out of order: %v", c.order)
		}
	}
}

// settle runs without faults until nothing moves, and says what became of
// every event that was promised.
func (m *model) settle() {
	for range 200_000 {
		if m.storing == 0 && len(m.rows) == 0 && len(m.committing) == 0 && len(m.pendingAcks) == 0 {
			break
		}
		m.step(false)
	}
	if len(m.rows) != 0 {
		m.fail("%d events are stuck: %+v", len(m.rows), m.lanes())
	}
	for e := range m.promised {
		answered := slices.ContainsFunc(m.clients, func(c *modelClient) bool { return c.answered[e] })
		if m.broadcast {
			answered = !slices.ContainsFunc(m.clients, func(c *modelClient) bool {
				return c.known && m.everStored[e] > c.since && !c.answered[e]
			})
		}
		if !answered && !m.lostByExpiry[e] {
			m.fail("event %d was promised and lost", e)
		}
	}
	for _, c := range m.clients {
		seen := map[int]int{}
		for _, e := range c.app {
			if seen[e]++; seen[e] > 1+c.excused[e] {
				m.fail("the app saw event %d %d times, excused %d", e, seen[e], c.excused[e])
			}
		}
	}
}

// Whatever the order of things: no promised event is lost, order is kept, an
// app sees an event twice only if its client crashed between the two, and the
// counts add up after every step. HOOKS_TEST_SCHEDULES runs more of them.
func TestModel(t *testing.T) {
	t.Parallel()
	schedules := 150
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_SCHEDULES")); err == nil {
		schedules = n
	}
	for seed := range uint64(schedules) {
		m := newModel(t, seed)
		for range 300 {
			m.step(true)
		}
		m.settle()
	}
}
