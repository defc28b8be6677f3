package cluster_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/crypto/acme/autocert"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/cluster/natstest"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

func open(tb testing.TB, servers *natstest.Cluster, node string, limits spool.Limits) *cluster.Cluster {
	tb.Helper()
	c, err := cluster.Connect(tb.Context(), cluster.Config{
		URL: servers.URL(), Node: node, Address: node + ":1", Limits: limits, Streams: 2, Now: time.Now,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	if err := c.Join(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return c
}

func claim(tb testing.TB, c *cluster.Cluster, label string, key byte) (*cluster.Queue, *cluster.Owner) {
	tb.Helper()
	o, err := c.Claim(tb.Context(), label, cluster.Owner{Key: [32]byte{key}, Mode: "auto", Share: "exclusive", Accept: 202, UsedAt: time.Now()}, time.Time{})
	if err != nil {
		tb.Fatal(err)
	}
	q, err := c.Open(tb.Context(), label, o)
	if err != nil {
		tb.Fatal(err)
	}
	return q, o
}

func record(n int, size int) *spool.Record {
	body := bytes.Repeat([]byte{byte(n), byte(n >> 8), 'x'}, size/3+1)[:size]
	r := &spool.Record{ReceivedAt: time.Now(), Head: []byte("head"), Body: body, Digest: sha256.Sum256(body)}
	binary.BigEndian.PutUint64(r.ID[:], uint64(n))
	copy(r.ID[8:], "12345678")
	return r
}

// What is stored is read again as it was, in order, whatever its size, by the
// owner of the name, whichever node stored it.
func TestStoreAndRead(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	limits := spool.Limits{Bytes: 1 << 30}
	one, two := open(t, servers, "one", limits), open(t, servers, "two", limits)
	q, o := claim(t, one, "my-app", 1)
	sizes := []int{0, 1, 1000, 512 << 10, 512<<10 + 1, 3<<20 + 7}
	for i, size := range sizes {
		if i%2 == 0 {
			if err := appended(t.Context(), q, record(i, size)); err != nil {
				t.Fatalf("Append of %d bytes: %v", size, err)
			}
			continue
		}
		if err := two.Store(t.Context(), "my-app", o, record(i, size)); err != nil {
			t.Fatalf("Store of %d bytes: %v", size, err)
		}
	}
	var got []*spool.Record
	for offset := uint64(1); ; {
		list, err := q.Read(t.Context(), offset, 32, 4<<20, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		got = append(got, list...)
		offset = list[len(list)-1].Offset + 1
	}
	if len(got) != len(sizes) {
		t.Fatalf("%d events, want %d", len(got), len(sizes))
	}
	for i, r := range got {
		want := record(i, sizes[i])
		if r.Damaged || r.Done || r.ID != want.ID || !bytes.Equal(r.Body, want.Body) || string(r.Head) != "head" {
			t.Errorf("event %d is not what was stored", i)
		}
	}
	if c := q.Counts(); c.Waiting != int64(len(sizes)) {
		t.Errorf("waiting = %d, want %d", c.Waiting, len(sizes))
	}
}

// Many senders share batches, and each event gets its own offset.
func TestBatches(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	c := open(t, servers, "one", spool.Limits{})
	q, _ := claim(t, c, "busy", 1)
	var mu sync.Mutex
	offsets := make(map[uint64]int)
	var senders sync.WaitGroup
	for i := range 300 {
		senders.Go(func() {
			r := record(i, 100)
			if err := appended(context.Background(), q, r); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			offsets[r.Offset] = i
		})
	}
	senders.Wait()
	list, err := q.Read(t.Context(), 1, 1000, 64<<20, false)
	if err != nil || len(list) != 300 {
		t.Fatalf("Read = %d events, %v", len(list), err)
	}
	for _, r := range list {
		if i, ok := offsets[r.Offset]; !ok || r.ID != record(i, 100).ID {
			t.Errorf("offset %d is another event's", r.Offset)
		}
	}
}

// An event that is stored again because nobody knew whether it was is one
// event, alone and within a batch.
func TestStoredTwice(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	c := open(t, servers, "one", spool.Limits{})
	q, _ := claim(t, c, "again", 1)
	first := record(1, 10)
	for range 2 {
		if err := appended(t.Context(), q, first); err != nil {
			t.Fatal(err)
		}
	}
	var senders sync.WaitGroup
	for i := range 20 {
		senders.Go(func() {
			if err := appended(context.Background(), q, record(i, 10)); err != nil {
				t.Error(err)
			}
		})
	}
	senders.Wait()
	list, err := q.Read(t.Context(), 1, 100, 1<<20, false)
	if err != nil || len(list) != 20 {
		t.Errorf("Read = %d events, %v, want 20", len(list), err)
	}
}

// A name that is full says so, at its owner and elsewhere, and others go on.
func TestFull(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	limits := spool.Limits{Events: 3}
	one, two := open(t, servers, "one", limits), open(t, servers, "two", limits)
	q, o := claim(t, one, "full", 1)
	for i := range 3 {
		if err := appended(t.Context(), q, record(i, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := appended(t.Context(), q, record(4, 10)); !errors.Is(err, spool.ErrFull) {
		t.Errorf("Append to a full name = %v", err)
	}
	if err := two.Store(t.Context(), "full", o, record(5, 10)); !errors.Is(err, spool.ErrFull) {
		t.Errorf("Store to a full name = %v", err)
	}
	other, _ := claim(t, one, "roomy", 1)
	if err := appended(t.Context(), other, record(6, 10)); err != nil {
		t.Errorf("Append to another name = %v", err)
	}
}

// What was acknowledged stays so when the name moves to another node, also out
// of order; what was not comes again.
func TestCursorMoves(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := open(t, servers, "one", spool.Limits{}), open(t, servers, "two", spool.Limits{})
	q, _ := claim(t, one, "moving", 1)
	var offsets []uint64
	for i := range 10 {
		r := record(i, 10)
		if err := appended(t.Context(), q, r); err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, r.Offset)
	}
	if list, err := q.Read(t.Context(), 1, 32, 1<<20, false); err != nil || len(list) != 10 {
		t.Fatalf("Read = %d, %v", len(list), err)
	}
	for _, i := range []int{0, 1, 2, 5, 7} {
		q.Ack(offsets[i])
	}
	if err := one.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	moved, _ := claim(t, two, "moving", 1)
	list, err := moved.Read(t.Context(), 1, 32, 1<<20, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	for _, r := range list {
		got = append(got, r.Offset)
	}
	want := []uint64{offsets[3], offsets[4], offsets[6], offsets[8], offsets[9]}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after the move %v wait, want %v", got, want)
	}
	if c := moved.Counts(); c.Waiting != 5 {
		t.Errorf("waiting = %d, want 5", c.Waiting)
	}
	for _, o := range want {
		moved.Ack(o)
	}
	if err := two.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	q.Ack(offsets[9]) // the node that lost the name does not know yet
	if err := one.Flush(t.Context()); !errors.Is(err, cluster.ErrMoved) {
		t.Errorf("the cursor of a node that lost the name = %v, want ErrMoved", err)
	}
}

// An event that another node stored below one that the owner has acknowledged
// is not lost with the cursor.
func TestCursorStopsBeforeTheUnseen(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := open(t, servers, "one", spool.Limits{}), open(t, servers, "two", spool.Limits{})
	q, o := claim(t, one, "unseen", 1)
	foreign, own := record(1, 10), record(2, 10)
	if err := two.Store(t.Context(), "unseen", o, foreign); err != nil {
		t.Fatal(err)
	}
	if err := appended(t.Context(), q, own); err != nil {
		t.Fatal(err)
	}
	q.Ack(own.Offset)
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, _ := claim(t, two, "unseen", 1)
	list, err := again.Read(t.Context(), 1, 32, 1<<20, false)
	if err != nil || len(list) != 1 || list[0].ID != foreign.ID {
		t.Errorf("Read = %d events, %v, want the one that nobody acknowledged", len(list), err)
	}
}

// Of those who claim a name, whoever has its key gets it, one after the other;
// nobody else does.
func TestClaims(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	nodes := []*cluster.Cluster{open(t, servers, "one", spool.Limits{}), open(t, servers, "two", spool.Limits{}), open(t, servers, "three", spool.Limits{})}
	var mu sync.Mutex
	generations := make(map[uint64]string)
	var claims sync.WaitGroup
	for i := range 30 {
		claims.Go(func() {
			c := nodes[i%3]
			o, err := c.Claim(context.Background(), "wanted", cluster.Owner{Key: [32]byte{1}, UsedAt: time.Now()}, time.Time{})
			if errors.Is(err, cluster.ErrAway) {
				return // beaten again and again
			}
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if before, ok := generations[o.Generation]; ok {
				t.Errorf("generation %d went to %s and %s", o.Generation, before, c.Node())
			}
			generations[o.Generation] = c.Node()
		})
	}
	claims.Wait()
	if _, err := nodes[0].Claim(t.Context(), "wanted", cluster.Owner{Key: [32]byte{2}}, time.Now().Add(-time.Hour)); !errors.Is(err, cluster.ErrTaken) {
		t.Errorf("a stranger's claim = %v, want ErrTaken", err)
	}
}

// Nodes find out who owns a name, that it has moved, and that a node is gone.
func TestFind(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := open(t, servers, "one", spool.Limits{}), open(t, servers, "two", spool.Limits{})
	if o, err := two.Find(t.Context(), "found"); err != nil || o != nil {
		t.Fatalf("Find of a name that nobody has = %v, %v", o, err)
	}
	moves, notes := make(chan uint64, 8), make(chan string, 8)
	one.OnMove(func(label string, generation uint64, left func()) { moves <- generation; left() })
	one.OnNote(func(label string, known func()) {
		notes <- label
		if known != nil {
			known()
		}
	})
	_, o := claim(t, one, "found", 1)
	<-moves
	two.Forget("found")
	seen, err := two.Find(t.Context(), "found")
	if err != nil || seen == nil || seen.Node != "one" || seen.Generation != o.Generation {
		t.Fatalf("Find = %+v, %v", seen, err)
	}
	if address, ok := two.AddressOf(seen); !ok || address != "one:1" {
		t.Errorf("AddressOf = %q, %v", address, ok)
	}
	r := record(1, 10)
	if err := two.Store(t.Context(), "found", seen, r); err != nil {
		t.Fatal(err)
	}
	select {
	case <-notes:
	default:
		t.Error("an event was stored and its owner does not know")
	}
	_, moved := claim(t, two, "found", 1)
	if generation := <-moves; generation != moved.Generation {
		t.Errorf("the owner before was told of generation %d, want %d", generation, moved.Generation)
	}
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return !two.Alive(seen) }, "a node that has left still counts as alive")
}

func eventually(tb testing.TB, ok func() bool, what string) {
	tb.Helper()
	end := time.Now().Add(2 * time.Minute)
	for !ok() {
		if time.Now().After(end) {
			tb.Fatal(what)
		}
		select {
		case <-tb.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// With three servers that sync, an event outlives each of them; without a
// majority it is refused, and nothing lies.
func TestServersFail(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 3)
	c := open(t, servers, "one", spool.Limits{})
	if c.Durability() != wire.Replicated {
		t.Errorf("durability = %v without being told, want replicated", c.Durability())
	}
	q, _ := claim(t, c, "safe", 1)
	for i := range 5 {
		if err := appended(t.Context(), q, record(i, 10)); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range servers.Servers[:2] {
		s.Kill()
		limit := []time.Duration{time.Minute, 10 * time.Second}[i] // the others choose a leader; nobody can
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		err := appended(ctx, q, record(10+i, 10))
		cancel()
		if i == 0 && err != nil {
			t.Errorf("with two of three servers: %v", err)
		}
		if i == 1 && err == nil {
			t.Error("stored without a majority")
		}
	}
	c.Forget("safe")
	if o, err := c.Find(t.Context(), "safe"); err != nil || o == nil || o.Node != "one" {
		t.Errorf("the owner of a name, without a majority: %v, %v", o, err)
	}
	for _, s := range servers.Servers[:2] {
		s.Run()
	}
	servers.Wait()
	eventually(t, func() bool {
		list, err := q.Read(context.Background(), 1, 32, 1<<20, false)
		return err == nil && len(list) >= 6
	}, "what was acknowledged is not there any more")
}

// All nodes know the tokens, and certificates are kept sealed.
func TestTokensAndCertificates(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	one, two := open(t, servers, "one", spool.Limits{}), open(t, servers, "two", spool.Limits{})
	if err := one.PutToken(t.Context(), "tok_1", []byte("record")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { r, v := two.Tokens(); return v > 0 && string(r["tok_1"]) == "record" }, "the other node does not know the token")
	if err := two.DeleteToken(t.Context(), "tok_1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { r, _ := one.Tokens(); return len(r) == 0 }, "a token that was removed is still known")
	if list, err := one.ReadTokens(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("ReadTokens = %v, %v", list, err)
	}
	if _, err := one.Certificates().Get(t.Context(), "a.example"); !errors.Is(err, autocert.ErrCacheMiss) {
		t.Errorf("Get of nothing = %v", err)
	}
	if err := one.Certificates().Put(t.Context(), "a.example", []byte("the key")); err != nil {
		t.Fatal(err)
	}
	if b, err := two.Certificates().Get(t.Context(), "a.example"); err != nil || string(b) != "the key" {
		t.Errorf("Get = %q, %v", b, err)
	}
}

// An overview counts all names, and lists those with most events first.
func TestOverview(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	c := open(t, servers, "one", spool.Limits{})
	for i, label := range []string{"quiet-b", "busy", "quiet-a", "busiest"} {
		q, _ := claim(t, c, label, 1)
		for n := range i % 2 * i {
			if err := appended(t.Context(), q, record(10*i+n, 10)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for most, want := range map[int]string{1: "busiest=3", 3: "busiest=3 busy=1 quiet-b=0", 20: "busiest=3 busy=1 quiet-a=0 quiet-b=0"} {
		o, err := c.Overview(t.Context(), most)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, e := range o.Top {
			got += fmt.Sprintf(" %s=%d", e.Name, e.Waiting)
			if e.Owner != "one" || !e.Alive || e.Mode != "auto" {
				t.Errorf("entry = %+v", e)
			}
		}
		if o.Names != 4 || o.Waiting != 4 || got != " "+want {
			t.Errorf("overview of %d = %d names, %d events:%s; want 4, 4 and %s", most, o.Names, o.Waiting, got, want)
		}
	}
}

// appended stores r, and has the queue learn of it.
func appended(ctx context.Context, q *cluster.Queue, r *spool.Record) error {
	err := q.Append(ctx, r)
	if err == nil {
		r.New = q.Learn(r)
	}
	return err
}

// Names that nobody has used for long and whose node is gone are given up, with
// their cursors; those of nodes that live and those used lately stay.
func TestSweep(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	gone, here := open(t, servers, "gone", spool.Limits{}), open(t, servers, "here", spool.Limits{})
	for label, at := range map[string]*cluster.Cluster{"old": gone, "back": gone, "held": here} {
		q, _ := claim(t, at, label, 1)
		q.SetCursor(spool.Cursor{Instance: "a", Offset: 1})
		r := record(1, 10)
		if err := q.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		q.Learn(r)
		q.Ack(r.Offset)
	}
	for _, c := range []*cluster.Cluster{gone, here} {
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := here.Sweep(t.Context(), time.Now()); n != 0 || err != nil {
		t.Fatalf("Sweep = %d, %v while both nodes live", n, err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	unused := time.Now()
	claim(t, here, "back", 1)
	eventually(t, func() bool { return len(here.Peers()) == 1 }, "the node that has left is still a peer")
	if n, err := here.Sweep(t.Context(), unused); n != 1 || err != nil {
		t.Errorf("Sweep = %d, %v, want one name", n, err)
	}
	for label, want := range map[string]bool{"old": false, "back": true, "held": true} {
		here.Forget(label)
		if o, err := here.Find(t.Context(), label); err != nil || (o != nil) != want {
			t.Errorf("%s: owner %v, %v", label, o, err)
		}
	}
	if got := cursors(t, servers); !slices.Equal(got, []string{"back", "back.a", "held", "held.a"}) {
		t.Errorf("cursors %v", got)
	}
	later, err := cluster.Connect(t.Context(), cluster.Config{
		URL: servers.URL(), Node: "later", Now: func() time.Time { return time.Now().Add(time.Hour) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	for _, want := range []int{3, 2} { // what is kept of a key that is gone counts too
		if o, err := later.Overview(t.Context(), 0); err != nil || o.Names != want {
			t.Errorf("Overview = %+v, %v, want %d entries", o, err, want)
		}
		if n, err := later.Sweep(t.Context(), time.Time{}); n != 0 || err != nil {
			t.Errorf("Sweep = %d, %v", n, err)
		}
	}
}

// cursors lists the keys of the bucket that holds them.
func cursors(t *testing.T, servers *natstest.Cluster) []string {
	t.Helper()
	nc, err := nats.Connect(servers.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "hk_cur")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}
