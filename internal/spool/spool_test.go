package spool_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

func now() time.Time { return time.Unix(1_700_000_000, 0).UTC() }

func open(tb testing.TB, dir string, l spool.Limits, clock func() time.Time) *spool.Spool {
	tb.Helper()
	s, err := spool.Open(context.Background(), dir, l, clock)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func named(tb testing.TB, s *spool.Spool, label string) *spool.Name {
	tb.Helper()
	for _, n := range s.Names() {
		if n.Label == label {
			return n
		}
	}
	n, err := s.Claim(context.Background(), label, spool.Info{Mode: "auto", Share: "exclusive", Accept: 202, UsedAt: now()})
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func record(i int) *spool.Record {
	body := fmt.Appendf(nil, "body %d", i)
	return &spool.Record{ID: wire.EventID{byte(i), byte(i >> 8)}, ReceivedAt: now(), Head: []byte("head"), Body: body, Digest: sha256.Sum256(body)}
}

func add(tb testing.TB, s *spool.Spool, n *spool.Name, i int) *spool.Record {
	tb.Helper()
	r := record(i)
	if err := n.Append(context.Background(), r); err != nil {
		tb.Fatal(err)
	}
	return r
}

func offsets(tb testing.TB, s *spool.Spool, n *spool.Name, done bool) []uint64 {
	tb.Helper()
	list, err := n.Read(context.Background(), 0, 1000, 1<<30, done)
	if err != nil {
		tb.Fatal(err)
	}
	out := []uint64{}
	for _, r := range list {
		out = append(out, r.Offset)
	}
	return out
}

func check(tb testing.TB, got any, want any) {
	tb.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		tb.Errorf("got %v, want %v", got, want)
	}
}

// Offsets are contiguous within a name, across names, acknowledgements and
// restarts, and so are the counts.
func TestOffsetsAndCountsOutliveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, spool.Limits{}, now)
	epoch := s.Epoch()
	a, b := named(t, s, "aaa"), named(t, s, "bbb")
	for i := range 5 {
		check(t, add(t, s, a, i).Offset, i+1)
		add(t, s, b, i)
	}
	a.Ack(1)
	a.Ack(2)
	a.Ack(4)
	a.Ack(4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, spool.Limits{}, now)
	defer s.Close()
	a = named(t, s, "aaa")
	check(t, s.Epoch(), epoch)
	check(t, offsets(t, s, a, false), []uint64{3, 5})
	check(t, a.Counts(), spool.Counts{Stored: 5, Acked: 3, Waiting: 2, Bytes: 20, Tail: 5})
	check(t, add(t, s, a, 6).Offset, 6)
	check(t, s.Totals(), spool.Counts{Stored: 11, Acked: 3, Waiting: 8, Bytes: 80})
	list, err := a.Read(context.Background(), 5, 10, 1<<20, false)
	if err != nil || len(list) != 2 || !list[0].Old || list[1].Old || string(list[1].Body) != "body 6" {
		t.Errorf("Read = %+v, %v", list, err)
	}
}

// When everything has been acknowledged, the numbers go on all the same.
func TestOffsetsGoOnAfterAllIsGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, spool.Limits{}, now)
	n := named(t, s, "aaa")
	add(t, s, n, 1)
	n.Ack(1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, spool.Limits{}, now)
	defer s.Close()
	check(t, add(t, s, named(t, s, "aaa"), 2).Offset, 2)
}

func TestFullIsSaid(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), spool.Limits{Events: 3, Bytes: 1000}, now)
	defer s.Close()
	n, other := named(t, s, "aaa"), named(t, s, "bbb")
	for i := range 3 {
		add(t, s, n, i)
	}
	if err := n.Append(context.Background(), record(4)); !errors.Is(err, spool.ErrFull) {
		t.Errorf("fourth event: %v, want ErrFull", err)
	}
	big := record(5)
	big.Body = make([]byte, 1000)
	if err := other.Append(context.Background(), big); !errors.Is(err, spool.ErrFull) {
		t.Errorf("large event: %v, want ErrFull", err)
	}
	n.Ack(1)
	s.Flush()
	add(t, s, n, 6)
}

// Many at once fill the store to its last place, and no further.
func TestFullToTheLastPlace(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), spool.Limits{Events: 100}, now)
	defer s.Close()
	n := named(t, s, "aaa")
	var wg sync.WaitGroup
	var stored, full atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			for j := range 14 {
				switch err := n.Append(context.Background(), record(i*14+j)); {
				case err == nil:
					stored.Add(1)
				case errors.Is(err, spool.ErrFull):
					full.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if stored.Load() != 100 || full.Load() != 12 {
		t.Errorf("%d stored and %d refused, want 100 and 12", stored.Load(), full.Load())
	}
}

func TestExpiryIsCounted(t *testing.T) {
	t.Parallel()
	at := now()
	s := open(t, t.TempDir(), spool.Limits{Age: time.Hour, Keep: time.Minute}, func() time.Time { return at })
	defer s.Close()
	n := named(t, s, "aaa")
	add(t, s, n, 1)
	add(t, s, n, 2)
	n.Ack(2)
	s.Flush()
	check(t, offsets(t, s, n, true), []uint64{1, 2})
	at = at.Add(2 * time.Hour)
	if gone, err := n.Expire(context.Background(), []uint64{1}); err != nil || len(gone) != 0 {
		t.Errorf("Expire without event 1 = %v, %v, want nothing", gone, err)
	}
	gone, err := n.Expire(context.Background(), nil)
	if err != nil || len(gone) != 1 || gone[0] != 1 {
		t.Errorf("Expire = %v, %v, want event 1", gone, err)
	}
	check(t, offsets(t, s, n, true), []uint64{})
	check(t, n.Counts(), spool.Counts{Stored: 2, Acked: 1, Expired: 1, Tail: 2})
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, spool.Limits{}, now)
	defer s.Close()
	if _, err := spool.Open(context.Background(), dir, spool.Limits{}, now); !errors.Is(err, spool.ErrInUse) {
		t.Errorf("second Open = %v, want ErrInUse", err)
	}
}

func TestForeignFileIsNotTouched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := []byte("not a database, and long enough to look at: ................................................................")
	path := filepath.Join(dir, "spool.db")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Open(context.Background(), dir, spool.Limits{}, now); !errors.Is(err, spool.ErrForeign) {
		t.Errorf("Open = %v, want ErrForeign", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(text) {
		t.Errorf("the file was changed: %v", err)
	}
}

// Many senders at once: every offset is given once, and all is there.
func TestConcurrentAppends(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), spool.Limits{Events: 10_000}, now)
	defer s.Close()
	n := named(t, s, "aaa")
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[uint64]bool{}
	for i := range 32 {
		wg.Go(func() {
			for j := range 20 {
				r := add(t, s, n, i*20+j)
				mu.Lock()
				seen[r.Offset] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	check(t, len(seen), 640)
	check(t, len(offsets(t, s, n, false)), 640)
	check(t, n.Counts().Tail, 640)
}

func BenchmarkAppend(b *testing.B) {
	for _, senders := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			s := open(b, b.TempDir(), spool.Limits{Events: 1 << 30, Bytes: 1 << 40}, now)
			defer s.Close()
			n := named(b, s, "aaa")
			body := make([]byte, 1024)
			sum := sha256.Sum256(body)
			work := make(chan struct{}, senders)
			var wg sync.WaitGroup
			began := time.Now()
			for range senders {
				wg.Go(func() {
					for range work {
						r := &spool.Record{ReceivedAt: now(), Head: make([]byte, 300), Body: body, Digest: sum}
						if err := n.Append(context.Background(), r); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "events/s")
		})
	}
}

// Cursors are kept with the acknowledgements that they stand for, and go with
// their name.
func TestCursors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, spool.Limits{}, now)
	n := named(t, s, "all")
	for i := range 5 {
		add(t, s, n, i)
	}
	for i, instance := range []string{"a", "b", "c"} {
		n.SetCursor(spool.Cursor{Instance: instance, Offset: uint64(i + 2), SeenAt: now()})
	}
	n.AckUpTo(2)
	if err := n.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.DropCursor("c")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, spool.Limits{}, now)
	n = named(t, s, "all")
	check(t, n.Cursors(), []spool.Cursor{{"a", 2, now()}, {"b", 3, now()}})
	check(t, offsets(t, s, n, false), []uint64{3, 4, 5})
	count, err := n.Count(t.Context(), 4, 5)
	if c := n.Counts(); err != nil || count != 2 || c.Stored != 5 || c.Acked != 2 || c.Waiting != 3 {
		t.Errorf("count %d, %v, counts %+v", count, err, c)
	}
	if err := n.DropName(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, spool.Limits{}, now)
	defer func() { _ = s.Close() }()
	check(t, named(t, s, "all").Cursors(), "[]")
}

// A spool of the first version is opened with all that is in it.
func TestFirstVersionIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, spool.Limits{}, now)
	add(t, s, named(t, s, "old"), 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "spool.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("ALTER TABLE name DROP COLUMN seal; PRAGMA user_version=1"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = open(t, dir, spool.Limits{}, now)
		n := named(t, s, "old")
		check(t, offsets(t, s, n, false), []uint64{1})
		if err := n.Save(t.Context(), spool.Info{Mode: "auto", Share: "exclusive", Accept: 202, Seal: "key"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What was delivered is soon gone from every file, while the spool is open.
func TestDeliveredIsGoneSoon(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, spool.Limits{}, now)
	defer s.Close()
	n := named(t, s, "a")
	there := func() bool {
		for _, file := range []string{"spool.db", "spool.db-wal"} {
			text, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(text, []byte("body 7")) {
				return true
			}
		}
		return false
	}
	r := add(t, s, n, 7)
	if !there() {
		t.Fatal("what waits is in no file")
	}
	n.Ack(r.Offset)
	tick, late := time.NewTicker(50*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for there() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("what was delivered can still be read")
		}
	}
}

// An acknowledgement that cannot be written for a while is written after it.
func TestAcknowledgementsAreTriedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, spool.Limits{}, now)
	defer s.Close()
	n := named(t, s, "a")
	r := add(t, s, n, 1)
	other, err := sql.Open("sqlite", filepath.Join(dir, "spool.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	n.Ack(r.Offset)
	if err := n.Settle(t.Context()); err == nil {
		t.Fatal("written while another process writes")
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	tick, late := time.NewTicker(50*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for n.Counts().Acked != 1 {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("counts %+v, want one acknowledged", n.Counts())
		}
	}
}
