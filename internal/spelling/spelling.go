// Package spelling finds the name that was probably meant by a wrong one.
// It knows nothing about what the names stand for.
package spelling

import (
	"strings"
	"unicode/utf8"
)

// longest is the length in bytes beyond which a word is not compared: a
// suggestion helps with typing errors, and nobody types more than this.
const longest = 128

// Nearest returns the candidate that differs least from word, compared without
// regard to case, and "" if none is near enough to have been meant. A candidate
// that begins with word is near; of two that are equally near the first wins.
func Nearest(word string, candidates []string) string {
	if word == "" || len(word) > longest {
		return ""
	}
	low := strings.ToLower(word)
	limit := max(1, utf8.RuneCountInString(low)/3)
	best, bestCost := "", limit+1
	for _, c := range candidates {
		if len(c) > longest {
			continue
		}
		if cost := distance(low, strings.ToLower(c), bestCost); cost < bestCost {
			best, bestCost = c, cost
		}
	}
	if best != "" || len(low) < 2 {
		return best
	}
	for _, c := range candidates {
		if strings.HasPrefix(strings.ToLower(c), low) {
			return c
		}
	}
	return ""
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b. It gives up with limit when there are at
// least that many.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d >= limit || -d >= limit {
		return limit
	}
	before, prev, cur := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		for j := 1; j <= len(y); j++ {
			change := prev[j-1]
			if x[i-1] != y[j-1] {
				change++
			}
			cur[j] = min(change, prev[j]+1, cur[j-1]+1)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return min(prev[len(y)], limit)
}
