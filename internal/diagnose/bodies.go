package diagnose

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
)

// A body is what may have been signed in place of what came.
type body struct {
	change
	bytes []byte
}

const (
	// smallBody is the size up to which mistakes are combined without regard to
	// how likely it is that they meet.
	smallBody = 64 << 10
	// twiceBody is the size up to which two mistakes within the body are looked
	// for where the body itself shows neither.
	twiceBody = 8 << 10
	// maxBodies bounds in bytes what is kept of variants of one body.
	maxBodies = 128 << 20
)

// A bodyList collects the bodies that may have been signed. No two are the
// same: what several mistakes explain is put down to the likeliest.
type bodyList struct {
	ctx   context.Context
	list  []body
	seen  map[uint64]bool
	seed  maphash.Seed
	size  int
	full  bool // something was left out for want of room or time
	queue []proposal

	learned func() order // of names in the provider's bodies; nil if it is not known
}

// A proposal is a body that is yet to be written. make may return nil.
type proposal struct {
	change
	make func() []byte
}

func newBodies(ctx context.Context, received []byte, learned func() order) *bodyList {
	l := &bodyList{ctx: ctx, learned: learned, seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
	l.keep(change{}, received)
	return l
}

// once adds the bodies that one mistake makes of the one that came.
func (l *bodyList) once() {
	received := l.list[0].bytes
	l.edited(received)
	l.write(change{}, 0)
	// What two edits explain is not put down to one writing of the JSON.
	for _, first := range l.list[1:] {
		if first.shown {
			l.edited(first.bytes)
			l.queue = slices.DeleteFunc(l.queue, func(p proposal) bool { return !p.shown })
			l.write(first.change, 2)
		}
	}
	l.propose(received)
	l.write(change{}, 0)
}

// twice adds those that two mistakes make.
func (l *bodyList) twice() {
	for _, first := range l.list[1:] {
		if l.ctx.Err() != nil {
			l.full = true
			return
		}
		if len(first.bytes) > twiceBody && !first.shown || first.alone {
			continue
		}
		l.propose(first.bytes)
		l.write(first.change, 2)
	}
}

// propose queues what each mistake makes of b.
func (l *bodyList) propose(b []byte) {
	l.edited(b)
	l.rewritten(b)
	l.dumped(b)
	l.spelled(b)
	l.wrapped(b)
	l.empty(b)
}

// empty has what is there when nothing was read.
func (l *bodyList) empty(b []byte) {
	if len(b) == 0 {
		return
	}
	l.add(BodyEmpty, []byte{}, "what was signed is an empty body")
	for _, nothing := range []string{"{}", "null", "undefined", "None"} {
		l.add(BodyEmpty, []byte(nothing), "what was signed is "+nothing+", as is there when no parser has read the body").rare = true
	}
	l.add(BodyReserialised, []byte("[object Object]"), "what was signed is [object Object]: an object was taken for a text").rare = true
}

// add queues a body that is at hand.
func (l *bodyList) add(c Cause, b []byte, detail string) *change {
	return l.later(c, func() []byte { return b }, detail)
}

// found is add for a mistake that the body itself shows.
func (l *bodyList) found(c Cause, b []byte, detail string) { l.add(c, b, detail).shown = true }

// later queues a body that is written when its turn comes.
func (l *bodyList) later(c Cause, write func() []byte, detail string) *change {
	l.queue = append(l.queue, proposal{one(c, detail), write})
	return &l.queue[len(l.queue)-1].change
}

// write writes the queue and keeps what is new, as made together with first.
// least is the number of mistakes below which nothing is kept.
func (l *bodyList) write(first change, least int) {
	queue := l.queue
	l.queue = nil
	written := make([][]byte, len(queue))
	inParallel(len(queue), func(i int) {
		if l.ctx.Err() == nil {
			written[i] = queue[i].make()
		}
	})
	for i, b := range written {
		if c := first.and(queue[i].change); b != nil && c.weight() >= least {
			l.keep(c, b)
		}
	}
	l.full = l.full || l.ctx.Err() != nil
}

func (l *bodyList) keep(c change, b []byte) {
	sum := maphash.Bytes(l.seed, b)
	if l.seen[sum] {
		return
	}
	if len(l.list) > 0 && l.size+len(b) > maxBodies {
		l.full = true
		return
	}
	l.seen[sum] = true
	l.size += len(b)
	c.rank += len(l.list)
	l.list = append(l.list, body{c, b})
}

// edited has what editors and shells do.
func (l *bodyList) edited(b []byte) {
	l.newlines(b)
	l.marks(b)
}

// newlines has what editors and shells do to the ends of lines.
func (l *bodyList) newlines(b []byte) {
	switch {
	case bytes.HasSuffix(b, []byte("\r\n")):
		l.found(BodyTrailingNewline, b[:len(b)-2], "the body ends in CRLF, what was signed does not")
		l.found(BodyTrailingNewline, b[:len(b)-1], "the body ends in CRLF, what was signed in CR")
	case bytes.HasSuffix(b, []byte("\n")):
		l.found(BodyTrailingNewline, b[:len(b)-1], "the body has one newline more than what was signed")
	case bytes.HasSuffix(b, []byte("\r")):
		l.found(BodyTrailingNewline, b[:len(b)-1], "the body has one CR more than what was signed")
	}
	l.add(BodyTrailingNewline, with(b, "\n"), "what was signed ends in a newline that the body has not")
	l.add(BodyTrailingNewline, with(b, "\r\n"), "what was signed ends in CRLF, the body does not")
	lf := bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	l.found(BodyCRLF, lf, lines(bytes.Count(b, []byte("\r\n")))+" in CRLF that ended in LF when signed")
	crlf := bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n"))
	l.add(BodyCRLF, crlf, lines(bytes.Count(lf, []byte("\n")))+" in LF that ended in CRLF when signed")
	l.add(BodyCRLF, bytes.ReplaceAll(lf, []byte("\n"), []byte("\r")), "lines ended in CR alone when they were signed").rare = true
	trimmed := bytes.TrimSpace(b)
	l.found(BodyWhitespace, trimmed, fmt.Sprintf("%d bytes of white space stand around what was signed", len(b)-len(trimmed)))
	l.add(BodyWhitespace, with(b, " "), "what was signed ends in a space that the body has not").rare = true
	l.add(BodyWhitespace, with(b, "\n\n"), "what was signed ends in two newlines that the body has not").rare = true
}

func lines(n int) string {
	if n == 1 {
		return "1 line ends"
	}
	return fmt.Sprintf("%d lines end", n)
}

func with(b []byte, end string) []byte { return append(bytes.Clone(b), end...) }

// marks has the byte order mark that Windows programs write.
func (l *bodyList) marks(b []byte) {
	const bom = "\xef\xbb\xbf"
	if rest, ok := bytes.CutPrefix(b, []byte(bom)); ok {
		l.found(BodyBOM, rest, "the body begins with a byte order mark that was not signed")
		return
	}
	l.add(BodyBOM, append([]byte(bom), b...), "what was signed begins with a byte order mark that the body has not")
}
