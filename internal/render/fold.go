package render

import (
	"strings"

	"github.com/rivo/uniseg"
)

// minFold is the least number of columns that text is folded to.
const minFold = 16

// fold breaks one line, made safe and perhaps coloured, where the width ends:
// behind a space if there is one near, else anywhere. It begins in the given
// column; each further line gets indent spaces. Nothing is left out: put
// together again, the lines are what it was.
func (v View) fold(s string, column, indent int) string {
	room, rest := v.Width-column, max(v.Width-indent, minFold)
	if v.Width == 0 || room >= width(s) || room < minFold {
		return s // it fits, or there is so little room that the terminal may as well break it
	}
	var b strings.Builder
	margin := "\n" + strings.Repeat(" ", indent)
	for {
		at := breakAt(s, room)
		b.WriteString(s[:at])
		s = s[at:]
		if s == "" {
			return b.String()
		}
		b.WriteString(margin)
		room = rest
	}
}

// breakAt returns how much of s fits into columns, at least one character. It
// prefers to end behind a space in the last third.
func breakAt(s string, columns int) int {
	used, space := 0, 0
	for i := 0; i < len(s); {
		size, cells := cell(s[i:])
		if used+cells > columns && i > 0 {
			if space > 0 {
				return space
			}
			return i
		}
		used += cells
		i += size
		if s[i-1] == ' ' && used > columns*2/3 {
			space = i
		}
	}
	return len(s)
}

// cell returns the size in bytes and the width in columns of the character
// that s begins with; a colour sequence has no width.
func cell(s string) (size, columns int) {
	switch c := s[0]; {
	case c == 0x1b:
		if end := strings.IndexByte(s, 'm'); end > 0 {
			return end + 1, 0
		}
		return 1, 0
	case c < 0x80 && (len(s) == 1 || s[1] < 0x80):
		return 1, 1
	}
	cluster, _, columns, _ := uniseg.FirstGraphemeClusterInString(s, -1)
	return len(cluster), columns
}
