package provider

import (
	"fmt"
	"strconv"
	"strings"
)

// statusRange reads 200, 2xx or 200-302.
func statusRange(text string) (lo, hi int, err error) {
	if d, ok := strings.CutSuffix(text, "xx"); ok && len(d) == 1 && '1' <= d[0] && d[0] <= '5' {
		n := int(d[0]-'0') * 100
		return n, n + 99, nil
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	lo, err1 := strconv.Atoi(first)
	hi, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || lo < 100 || hi > 599 || lo > hi {
		return 0, 0, fmt.Errorf("%q is no status such as 200, 2xx or 200-302", text)
	}
	return lo, hi, nil
}

func statusIn(status int, list []string) bool {
	for _, text := range list {
		if lo, hi, err := statusRange(text); err == nil && lo <= status && status <= hi {
			return true
		}
	}
	return false
}
