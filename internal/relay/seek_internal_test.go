package relay

import (
	"bytes"
	"context"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A slowQueue does not find what is looked for until it may.
type slowQueue struct {
	queue
	asked chan time.Time
	may   chan struct{}
}

func (q *slowQueue) OffsetAt(_ context.Context, t time.Time) (uint64, error) {
	q.asked <- t
	<-q.may
	return 7, nil
}

func (q *slowQueue) Counts() spool.Counts { return spool.Counts{} }

// However often a client asks to read again, one look into the store is under
// way for it, and the last word counts.
func TestSeeksAreAskedOneByOne(t *testing.T) {
	t.Parallel()
	sp, err := spool.Open(t.Context(), t.TempDir(), spool.Limits{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := New(Config{Public: &url.URL{Host: "relay.example"}, Spool: sp, Now: time.Now})
	defer s.Close()
	q := &slowQueue{asked: make(chan time.Time, 10_000), may: make(chan struct{})}
	ses := &session{name: &name{kept: q}, hello: &wire.Hello{Parallel: 1}, lane: newLane[*session]("", true, 0, 9, 0)}
	cb := s.callbacks(ses)
	const count = 1000
	for ns := range uint64(count) {
		cb.Seek(wire.Seek{Kind: wire.SeekTime, Value: ns + 1})
	}
	last := <-q.asked
	stacks := make([]byte, 8<<20)
	if n := bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("(*slowQueue).OffsetAt(")); n > 1 {
		t.Errorf("%d looks at once, want 1", n)
	}
	close(q.may)
	s.work.Wait()
	for len(q.asked) > 0 {
		last = <-q.asked
	}
	if want := time.Unix(0, count); !last.Equal(want) || ses.replay.next != 7 || ses.sought != nil {
		t.Errorf("looked for %v last, replay %+v; want %v", last, ses.replay, want)
	}
}
