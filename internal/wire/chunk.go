package wire

import "sync"

// A chunk holds bytes that arrived and were not read yet.
type chunk struct {
	next *chunk
	r, w int
	buf  [MaxData]byte
}

// pools are shared by the links of a process: memory is held while bytes are
// under way, not while a link idles.
type pools struct {
	chunks   sync.Pool // *chunk
	messages sync.Pool // *[]byte of MaxMessage
	readers  sync.Pool // *bufio.Reader
}

// chunks is a queue of bytes. Small pieces share a chunk, so that what a queue
// holds is bounded by its bytes, however small the frames were.
type chunks struct {
	first, last *chunk
}

func (q *chunks) empty() bool { return q.first == nil }

// write appends a copy of p.
func (q *chunks) write(pool *sync.Pool, p []byte) {
	for len(p) > 0 {
		if q.last == nil || q.last.w == len(q.last.buf) {
			c := takeChunk(pool)
			if q.last == nil {
				q.first = c
			} else {
				q.last.next = c
			}
			q.last = c
		}
		n := copy(q.last.buf[q.last.w:], p)
		q.last.w += n
		p = p[n:]
	}
}

// read moves bytes into p.
func (q *chunks) read(pool *sync.Pool, p []byte) int {
	n := 0
	for n < len(p) && q.first != nil {
		c := q.first
		m := copy(p[n:], c.buf[c.r:c.w])
		c.r += m
		n += m
		if c.r == c.w {
			pool.Put(q.pop())
		}
	}
	return n
}

// pop takes the first chunk out; it is the caller's then.
func (q *chunks) pop() *chunk {
	c := q.first
	q.first = c.next
	if q.first == nil {
		q.last = nil
	}
	c.next = nil
	return c
}

// drop empties the queue and says how many bytes were in it.
func (q *chunks) drop(pool *sync.Pool) int {
	n := 0
	for q.first != nil {
		c := q.pop()
		n += c.w - c.r
		pool.Put(c)
	}
	return n
}

func takeChunk(pool *sync.Pool) *chunk {
	c, _ := pool.Get().(*chunk)
	if c == nil {
		c = &chunk{}
	}
	c.r, c.w, c.next = 0, 0, nil
	return c
}
