package store

import (
	"math"
	"testing"
)

// TestTally: every number is told from every other, those that only a damaged
// file has too.
func TestTally(t *testing.T) {
	t.Parallel()
	numbers := []int64{math.MinInt64, -65, -64, -63, -1, 0, 1, 63, 64, 65, math.MaxInt64}
	var seen tally
	for i, seq := range numbers {
		seen.mark(seq)
		seen.mark(seq)
		if seen.n != int64(i+1) {
			t.Errorf("%d are seen after %d, want %d", seen.n, seq, i+1)
		}
		for j, other := range numbers {
			if seen.has(other) != (j <= i) {
				t.Errorf("has(%d) = %v after %d", other, j > i, seq)
			}
		}
	}
}
