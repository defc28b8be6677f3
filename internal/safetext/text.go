package safetext

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LineLimit is how many bytes of one field Line and Mark show. What is left
// out is counted: "… +N bytes".
const LineLimit = 4 << 10

// Line returns s as one line that cannot act on a terminal: control
// characters (newline and tab too), direction marks, invisible and unassigned
// characters and bytes that are not UTF-8 are written out (\x1b, \n, \u202e,
// \xff), and so is the first sign of what a CI system would obey
// (\x23#[add-mask], \x3a:set-output). It is cut after LineLimit bytes. Text
// without any of them is returned as it is, without a copy.
func Line(s string) string { return visible(s, false, LineLimit, nil) }

// Block is Line for text of several lines: newlines and tabs are kept, and
// nothing is cut. Whoever prints a Block limits it beforehand.
func Block(s string) string { return visible(s, true, math.MaxInt, nil) }

// Mark is Line with everything that is not literally the text (the escapes and
// the note about a cut) passed through dim. A nil dim changes nothing.
func Mark(s string, dim func(string) string) string { return visible(s, false, LineLimit, dim) }

// MarkBlock is Block with the escapes passed through dim.
func MarkBlock(s string, dim func(string) string) string { return visible(s, true, math.MaxInt, dim) }

// MarkBytes is Mark for bytes, of which it copies no more than it shows, with a
// limit of its own. A limit below 1 means LineLimit.
func MarkBytes(b []byte, limit int, dim func(string) string) string {
	if limit < 1 {
		limit = LineLimit
	}
	head := b
	if len(head)-lookahead > limit {
		head = head[:limit+lookahead]
	}
	return show(string(head), len(b), false, limit, dim)
}

// Plain says whether Line would return s unchanged.
func Plain(s string) bool { return len(s) <= LineLimit && clean(s, 0, false) == len(s) }

// Hidden says whether r acts on a terminal or cannot be seen on it, so that it
// is only ever shown as an escape. The joiner U+200D counts as hidden; between
// two emoji it is kept all the same. Newline and tab are hidden: Block keeps
// them by its own rule.
func Hidden(r rune) bool {
	switch {
	case r < 0x20, r == 0x7f:
		return true
	case r < 0x7f:
		return false
	case r <= 0x9f,
		r >= 0x200b && r <= 0x200f,
		r >= 0x2028 && r <= 0x202e,
		r >= 0x2060 && r <= 0x206f,
		r == 0x061c, r == 0xfeff,
		r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cf, unicode.Co)
}

// lookahead is how much behind the limit decides what is shown before it: a
// joiner and the emoji behind it.
const lookahead = len(string(joiner)) + utf8.UTFMax + 1

func visible(s string, keep bool, limit int, dim func(string) string) string {
	size := len(s)
	if size-lookahead > limit {
		s = s[:limit+lookahead] // what is never shown is not looked at
	}
	return show(s, size, keep, limit, dim)
}

// show is the one function behind all of the above: s is what may be shown of
// a text of size bytes, keep leaves newlines and tabs, limit is how many bytes
// are shown, dim wraps what is not literal.
func show(s string, size int, keep bool, limit int, dim func(string) string) string {
	end := clean(s, 0, keep)
	if end == size && end <= limit {
		return s
	}
	o := output{dim: dim}
	o.Grow(min(len(s)+len(s)/4, limit) + 32)
	at := 0
	for {
		stop := cut(s, at, end, limit-o.shown)
		o.literal(s[at:stop])
		at = stop
		if stop < end || at == len(s) {
			break
		}
		n := o.escape(s[at:], limit)
		if n == 0 {
			break
		}
		at += n
		end = clean(s, at, keep)
	}
	return o.finish(size - at)
}

// An output collects visible text and counts how much of it is shown, without
// what dim adds.
type output struct {
	strings.Builder
	dim     func(string) string
	pending []byte // escapes in a row: they are dimmed at once
	shown   int
}

func (o *output) literal(s string) {
	if s == "" {
		return
	}
	o.flush()
	o.WriteString(s)
	o.shown += len(s)
}

// escape takes what s begins with and returns its size, or 0 if its escape
// does not fit.
func (o *output) escape(s string, limit int) int {
	before := len(o.pending)
	var size int
	o.pending, size = appendEscape(o.pending, s)
	n := len(o.pending) - before
	if o.shown+n > limit {
		o.pending = o.pending[:before]
		return 0
	}
	o.shown += n
	return size
}

func (o *output) flush() {
	if len(o.pending) == 0 {
		return
	}
	if o.dim == nil {
		o.Write(o.pending)
	} else {
		o.WriteString(o.dim(string(o.pending)))
	}
	o.pending = o.pending[:0]
}

func (o *output) finish(left int) string {
	if left > 0 {
		o.pending = append(o.pending, "… +"+Thousands(left)+" bytes"...)
	}
	o.flush()
	return o.String()
}

// clean returns the index from which on s needs an escape, counted from at.
func clean(s string, at int, keep bool) int {
	for at < len(s) {
		c := s[at]
		if c < utf8.RuneSelf {
			switch {
			case (c < 0x20 || c == 0x7f) && (!keep || c != '\n' && c != '\t'):
				return at
			case (c == '#' || c == ':') && orders(s, at):
				return at
			}
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case r == utf8.RuneError && size == 1:
			return at
		case r == joiner:
			if !joinsEmoji(s, at) {
				return at
			}
		case Hidden(r):
			return at
		}
		at += size
	}
	return at
}

// cut returns where the stretch s[at:end] ends if only room bytes of it may be
// shown: at a character's boundary, and never behind a joiner that would then
// join nothing.
func cut(s string, at, end, room int) int {
	if end-at <= room {
		return end
	}
	end = at + room
	for end > at && !utf8.RuneStart(s[end]) {
		end--
	}
	if strings.HasSuffix(s[at:end], string(joiner)) {
		end -= len(string(joiner))
	}
	return end
}

// appendEscape writes out what s begins with and returns its size in s.
func appendEscape(dst []byte, s string) (escaped []byte, size int) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1:
		return appendHex(append(dst, `\x`...), uint32(s[0]), 2), size
	case r == '\n':
		return append(dst, `\n`...), size
	case r == '\t':
		return append(dst, `\t`...), size
	case r == '\r':
		return append(dst, `\r`...), size
	case r < utf8.RuneSelf:
		return appendHex(append(dst, `\x`...), uint32(r), 2), size
	case r <= 0xffff:
		return appendHex(append(dst, `\u`...), uint32(r), 4), size
	}
	return appendHex(append(dst, `\U`...), uint32(r), 8), size
}

func appendHex(dst []byte, v uint32, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[v>>shift&0xf])
	}
	return dst
}

// Thousands writes n with a comma between each three digits: 9,935.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
