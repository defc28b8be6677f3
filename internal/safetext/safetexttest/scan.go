package safetexttest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A Finding is a place in an output that should not be there.
type Finding struct {
	Offset int
	What   string
}

// String says what was found where.
func (f Finding) String() string { return fmt.Sprintf("%s at byte %d", f.What, f.Offset) }

// invisible are the ranges that a reader cannot see, besides control
// characters and what Unicode has not assigned.
var invisible = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x061c, Hi: 0x061c, Stride: 1},
		{Lo: 0x200b, Hi: 0x200f, Stride: 1},
		{Lo: 0x2028, Hi: 0x202e, Stride: 1},
		{Lo: 0x2060, Hi: 0x206f, Stride: 1},
		{Lo: 0xfeff, Hi: 0xfeff, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0xe0000, Hi: 0xe007f, Stride: 1}},
}

// pictures are the blocks from which emoji are joined.
var pictures = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x2190, Hi: 0x21ff, Stride: 1},
		{Lo: 0x2300, Hi: 0x23ff, Stride: 1},
		{Lo: 0x2600, Hi: 0x27bf, Stride: 1},
		{Lo: 0x2b00, Hi: 0x2bff, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0x1f000, Hi: 0x1faff, Stride: 1}},
}

// Foreign returns everything in out that is neither visible text, newline or
// tab, nor a colour of the palette: sequences like "\x1b[32m" whose numbers
// are all among sgr. Without sgr no escape is allowed at all. Commands to a CI
// system are foreign too.
func Foreign(out string, sgr ...string) []Finding {
	var found []Finding
	for at := 0; at < len(out); {
		r, size := utf8.DecodeRuneInString(out[at:])
		switch {
		case r == utf8.RuneError && size == 1:
			found = append(found, Finding{at, fmt.Sprintf("byte %#x, not UTF-8", out[at])})
		case r == '\x1b':
			if n := palette(out[at:], sgr); n > 0 {
				size = n
			} else {
				found = append(found, Finding{at, fmt.Sprintf("escape sequence %.12q", out[at:])})
			}
		case r == '\u200d':
			if !betweenPictures(out[:at], out[at+size:]) {
				found = append(found, Finding{at, "joiner outside emoji"})
			}
		case r != '\n' && r != '\t' && !visible(r):
			found = append(found, Finding{at, fmt.Sprintf("%U", r)})
		}
		at += size
	}
	for _, at := range obeyed().FindAllStringIndex(out, -1) {
		found = append(found, Finding{at[0], fmt.Sprintf("what CI systems obey, %.24q", out[at[0]:])})
	}
	return found
}

// obeyed are the commands that GitHub, Azure and TeamCity look for in a log.
var obeyed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?mi)^[\s\p{Z}]*::[a-z].*::|##[a-z]*\[[a-z]`)
})

// palette returns the length of the colour sequence that s begins with, or 0.
func palette(s string, sgr []string) int {
	numbers, _, ok := strings.Cut(s, "m")
	numbers, isCSI := strings.CutPrefix(numbers, "\x1b[")
	if !ok || !isCSI || len(sgr) == 0 {
		return 0
	}
	for number := range strings.SplitSeq(numbers, ";") {
		if !slices.Contains(sgr, number) {
			return 0
		}
	}
	return len("\x1b[") + len(numbers) + len("m")
}

func visible(r rune) bool {
	if unicode.Is(invisible, r) {
		return false
	}
	return unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r)
}

// betweenPictures says whether before ends in a picture, perhaps with its
// variant or skin tone, and after begins with one.
func betweenPictures(before, after string) bool {
	last := []rune(before[max(0, len(before)-2*utf8.UTFMax):])
	if n := len(last); n > 1 && (last[n-1] == '\ufe0f' || last[n-1] >= 0x1f3fb && last[n-1] <= 0x1f3ff) {
		last = last[:n-1]
	}
	next := []rune(after[:min(len(after), utf8.UTFMax)])
	return len(last) > 0 && len(next) > 0 && picture(last[len(last)-1]) && picture(next[0])
}

func picture(r rune) bool { return unicode.Is(pictures, r) && unicode.IsSymbol(r) }
