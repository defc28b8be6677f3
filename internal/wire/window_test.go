package wire_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/wire"
)

// The window of a stream that it holds up grows, no further than it may and not
// beyond the link's; what has ended gives back. On a link whose round trips are
// short it does not.
func TestWindowsGrow(t *testing.T) {
	t.Parallel()
	opened := make(chan *wire.Stream, 64)
	open := func(s *wire.Stream, _ *wire.RequestHead, _ bool) { opened <- s }
	r, c := pair(t, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{Open: open}})
	base, link := wire.DefaultWindows().Stream, wire.DefaultWindows().Link
	for _, tt := range []struct {
		streams     int
		rtt         time.Duration
		least, most int // of the largest window
	}{
		{1, time.Hour, 2 << 20, 2 << 20},
		{1, 0, base, base},
		{8, time.Hour, base, 2 << 20},
		{16, time.Hour, base, base},
		{1, time.Hour, 2 << 20, 2 << 20},
	} {
		c.SetRTT(tt.rtt)
		var out, in []*wire.Stream
		for range tt.streams {
			s, err := r.Open(context.Background(), sampleHead(), false, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			out, in = append(out, s), append(in, <-opened)
		}
		var wg sync.WaitGroup
		const size = 6 << 20
		for i := range in {
			wg.Go(func() { _ = out[i].Finish(make([]byte, size)) })
			wg.Go(func() {
				if n, err := io.Copy(io.Discard, in[i]); err != nil || n != size {
					t.Errorf("%d bytes, %v", n, err)
				}
			})
		}
		wg.Wait()
		largest := 0
		for _, s := range in {
			largest = max(largest, s.Window())
		}
		if largest < tt.least || largest > tt.most {
			t.Errorf("%d streams, round trip %v: the largest window is %d, want %d to %d", tt.streams, tt.rtt, largest, tt.least, tt.most)
		}
		if sum := c.Grown() + tt.streams*base; sum > link {
			t.Errorf("%d streams: windows of %d in all, more than the link's %d", tt.streams, sum, link)
		}
		for _, s := range in {
			if err := s.SendHead(&wire.ResponseHead{Status: 200}, nil, true); err != nil {
				t.Fatal(err)
			}
		}
		if g := c.Grown(); g != 0 {
			t.Errorf("%d bytes of growth are left over", g)
		}
	}
}
