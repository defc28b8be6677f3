package relay

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/hooks-cli/hooks/internal/wire"
)

// A fanout gives copies of a live request to the other clients of a broadcast
// name. Nobody waits for their answers, and none of them holds up the sender
// or the client whose answer he gets: one that takes its copy too slowly does
// not get it whole, and is told so.
type fanout struct {
	copies []*copied
}

// A copied is one client's copy on its way.
type copied struct {
	parts chan []byte   // of a body that is streamed
	end   chan struct{} // closed when all parts are there
	whole bool          // set before: the request did not break off
	once  sync.Once

	ctx  context.Context // ended by late: a part did not fit, the copy is given up
	late context.CancelFunc
}

// behind is how many parts of at most 32 KiB a client may be behind.
const behind = 32

// fan sends copies to others. The body's first bytes are given, with whole all
// of them; the rest goes through add.
func (x *exchange) fan(others []*session, head *wire.RequestHead, first []byte, whole bool) *fanout {
	f := &fanout{}
	for _, ses := range others {
		select {
		case ses.slots <- struct{}{}:
		default:
			x.s.metrics.refuse("copy_busy")
			continue
		}
		c := newCopied()
		if !whole {
			f.copies = append(f.copies, c)
		}
		if !x.s.begin(func() { c.send(x.s, ses, head, first, whole) }) {
			c.late()
			ses.release()
		}
	}
	return f
}

func newCopied() *copied {
	c := &copied{parts: make(chan []byte, behind), end: make(chan struct{})}
	c.ctx, c.late = context.WithCancel(context.Background())
	return c
}

// add gives p to all copies.
func (f *fanout) add(p []byte) {
	if len(f.copies) == 0 || len(p) == 0 {
		return
	}
	p = bytes.Clone(p)
	for _, c := range f.copies {
		select {
		case c.parts <- p:
		default:
			c.late()
		}
	}
}

// finish says that no more comes, and whether that was all.
func (f *fanout) finish(whole bool) {
	for _, c := range f.copies {
		c.once.Do(func() {
			c.whole = whole
			close(c.end)
		})
	}
}

// send carries one copy and waits for the end of its answer.
func (c *copied) send(s *Server, ses *session, head *wire.RequestHead, first []byte, whole bool) {
	defer ses.release()
	defer c.late()
	st, err := ses.link.Open(c.ctx, head, false, first, whole)
	if err != nil {
		return // the client is gone
	}
	stop := st.ResetOn(c.ctx)
	defer stop()
	patience := newPatience(st, s.cfg.Limits.HeadWait)
	defer patience.end()
	var body sync.WaitGroup
	if !whole {
		body.Go(func() { c.stream(s, st, patience) })
	}
	for info := true; info && err == nil; {
		_, info, err = st.NextHead()
	}
	patience.end()
	if err == nil {
		_, _ = st.WriteTo(io.Discard) // nobody waits for it
	}
	body.Wait()
}

// stream sends the parts of the body.
func (c *copied) stream(s *Server, st *wire.Stream, patience *patience) {
	for {
		select {
		case <-c.ctx.Done():
			s.metrics.refuse("copy_late")
			return
		case p := <-c.parts:
			if _, err := st.Write(p); err != nil && c.ctx.Err() == nil {
				return
			}
			patience.renew()
			continue
		case <-c.end:
		}
		break
	}
	for len(c.parts) > 0 {
		if _, err := st.Write(<-c.parts); err != nil {
			return
		}
	}
	if !c.whole || c.ctx.Err() != nil {
		st.Reset(wire.ResetCancel, "the request ended early")
		return
	}
	_ = st.Finish(nil) // a stream that failed is the client's to know
}
