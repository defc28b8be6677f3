package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// modelName is the one tunnel of the model.
const modelName = "model"

// faults are what may go wrong in a schedule, by chance out of 100.
type faults struct {
	lost, again int // messages between nodes
	fails       int // answers of the store
	cuts        int // connections, each quarter of a second
	moves       int // the client goes to another node, or begins anew
	stops       int // a node stands still for a while
	aways       int // the store is out of a node's reach for a while
	kills       int // a node ends and another takes its place
}

// A clusterModel is several relays with one name, its client, an app and
// senders. Relays, cluster, links and client are the real ones; the store below
// the cluster and all connections are in memory, the clock is the bubble's, and
// a seed chooses delays and faults.
type clusterModel struct {
	t      *testing.T
	seed   uint64
	faults faults
	mode   wire.Mode
	sea    *sea
	work   sync.WaitGroup
	reborn sync.WaitGroup // nodes that are to start again

	mu       sync.Mutex // guards the following
	rng      *rand.Rand
	nodes    []*modelNode
	laptop   *laptop
	links    []*plug // of clients, their ends
	log      []string
	began    time.Time
	seen     map[string]int // request → when the app saw it first, counted
	times    map[string]int // how often
	done     map[string]bool
	accepted map[string]string // request → how
	alone    map[string]bool   // answered while a node did not reach the store
	answers  []string          // in the order of their coming
	wrong    string
	healed   bool
	losses   int // of messages, after each other
}

func (w *clusterModel) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

func (w *clusterModel) chance(percent int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(100) < percent && !w.healed
}

// loses says whether a message is lost: never more than two after each other.
func (w *clusterModel) loses() bool {
	lost := w.chance(w.faults.lost)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.losses++; !lost || w.losses > 2 {
		w.losses = 0
		return false
	}
	return true
}

func (w *clusterModel) some(least, spread time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return least + time.Duration(w.rng.Int64N(int64(spread)))
}

func (w *clusterModel) sleep(least, spread time.Duration) { w.wait(w.some(least, spread)) }

// wait lets the bubble's clock go on.
func (w *clusterModel) wait(d time.Duration) { time.Sleep(d) }

func (w *clusterModel) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sayLocked(format, args...)
}

func (w *clusterModel) sayLocked(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%8.3f ", time.Since(w.began).Seconds())+fmt.Sprintf(format, args...))
}

// fail notes what must never be; the first is told.
func (w *clusterModel) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(format, args...)
}

func (w *clusterModel) failLocked(format string, args ...any) {
	w.sayLocked("WRONG: "+format, args...)
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
	}
}

// begin runs f in the bubble until the model ends.
func (w *clusterModel) begin(f func()) { w.work.Go(f) }

func (w *clusterModel) everyone() []*modelNode {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.nodes)
}

func (w *clusterModel) anyNode() *modelNode {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nodes[w.rng.IntN(len(w.nodes))]
}

func (w *clusterModel) nodeOf(name string) *modelNode {
	for _, n := range w.everyone() {
		if n.name == name {
			return n
		}
	}
	return nil
}

// mustBeDone says that an event is lost if the app has not answered it.
func (w *clusterModel) mustBeDone(r *spool.Record, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done[string(r.Body)] {
		w.failLocked("the event %s at %d %s and the app has not answered it", r.Body, r.Offset, what)
	}
}

func (w *clusterModel) judgeCursor(value []byte, list []*spool.Record) {
	var c struct {
		Offset uint64   `json:"offset"`
		Done   []uint64 `json:"done"`
	}
	if err := json.Unmarshal(value, &c); err != nil {
		w.fail("a cursor that is none: %v", err)
	}
	for _, r := range list {
		if r.Offset <= c.Offset || slices.Contains(c.Done, r.Offset) {
			w.mustBeDone(r, "is passed over by a cursor")
		}
	}
}

// heal ends all faults and waits until everything has been delivered.
func (w *clusterModel) heal() {
	w.mu.Lock()
	w.healed = true
	w.mu.Unlock()
	w.say("everything heals")
	w.reborn.Wait()
	for _, n := range w.everyone() {
		time.Sleep(time.Until(n.holds()))
	}
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end) && !w.delivered(); {
		time.Sleep(time.Second)
	}
}

// delivered says that nothing waits.
func (w *clusterModel) delivered() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.accepted {
		if w.times[key] == 0 {
			return false
		}
	}
	w.sea.mu.Lock()
	defer w.sea.mu.Unlock()
	return !slices.ContainsFunc(w.sea.list, func(r *spool.Record) bool { return !w.done[string(r.Body)] })
}

// judge looks for what must never be.
func (w *clusterModel) judge() {
	if !w.delivered() {
		w.fail("not everything was delivered")
		for _, n := range w.everyone() {
			n.tell()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := map[string]string{}
	for _, key := range w.answers {
		who, _, _ := strings.Cut(key, "-")
		if before := last[who]; before != "" && w.times[key] > 0 && !w.alone[key] && w.seen[key] < w.seen[before] {
			w.failLocked("%s (%s) overtook %s (%s)", key, w.accepted[key], before, w.accepted[before])
		}
		if !w.alone[key] {
			last[who] = key
		}
	}
	if w.faults == (faults{}) {
		for key, n := range w.times {
			if n != 1 {
				w.failLocked("the app saw %s %d times, and nothing had broken", key, n)
			}
		}
	}
}

func (w *clusterModel) run() {
	w.began = time.Now()
	for i := range 2 + w.draw(2) {
		w.start(fmt.Sprintf("n%d", i+1))
	}
	time.Sleep(time.Second)
	w.client(w.anyNode().name)
	time.Sleep(time.Second)
	ctx, stop := context.WithCancel(context.Background())
	var senders sync.WaitGroup
	senders.Go(func() { w.send("a", 40) })
	senders.Go(func() { w.send("b", 40) })
	spoilt := make(chan struct{})
	w.begin(func() { defer close(spoilt); w.spoil(ctx) })
	senders.Wait()
	stop()
	<-spoilt
	w.heal()
	w.judge()
	w.mu.Lock()
	l := w.laptop
	w.mu.Unlock()
	l.stop()
	w.cut()
	<-l.ended
	for _, n := range w.everyone() {
		n.end()
	}
	w.work.Wait()
}

// TestClusterModel runs schedules with several relays. Whatever is delayed,
// lost or repeated between them, and whoever moves, stands still or ends: every
// request that was answered with 2xx comes to the app, none overtakes one that
// its sender was given an answer to before, and no event is removed or passed
// over that the app has not answered. HOOKS_TEST_SCHEDULES runs more of them,
// HOOKS_TEST_SEED one again.
func TestClusterModel(t *testing.T) {
	t.Parallel()
	schedules, from := 48, 0
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_SCHEDULES")); err == nil {
		schedules = n
	}
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_SEED")); err == nil {
		from, schedules = n, 1
	}
	for seed := from; seed < from+schedules; seed++ {
		synctest.Test(t, func(t *testing.T) { modelSchedule(t, uint64(seed)) })
	}
}

func modelSchedule(t *testing.T, seed uint64) {
	w := &clusterModel{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 11)), mode: wire.ModeAuto, faults: profile(seed),
		seen: map[string]int{}, times: map[string]int{}, done: map[string]bool{}, accepted: map[string]string{}, alone: map[string]bool{},
	}
	w.sea = &sea{w: w, places: map[string]place{}, owners: map[uint64]string{}}
	w.run()
	if testing.Verbose() {
		live := 0
		for _, how := range w.accepted {
			if how == "live" {
				live++
			}
		}
		t.Logf("seed %d, %+v: %d live, %d stored, generations %d, virtual %v", seed, w.faults, live, len(w.accepted)-live, len(w.sea.owners), time.Since(w.began))
	}
	if w.wrong != "" {
		t.Fatalf("HOOKS_TEST_SEED=%d: %s\n%s", seed, w.wrong, strings.Join(w.log, "\n"))
	}
}

// profile chooses what may go wrong.
func profile(seed uint64) faults {
	switch seed % 6 {
	case 0:
		return faults{}
	case 1:
		return faults{lost: 10, again: 10}
	case 2:
		return faults{again: 10, cuts: 20, moves: 20}
	case 3:
		return faults{lost: 10, again: 10, cuts: 20, moves: 20}
	case 4:
		return faults{lost: 5, again: 5, fails: 3, cuts: 10, moves: 5}
	}
	return faults{lost: 5, again: 5, cuts: 5, moves: 5, stops: 3, aways: 3, kills: 2}
}
