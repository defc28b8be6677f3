package emulate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Rate is how many calls are taken in a time; the zero Rate is no limit.
type Rate struct {
	Calls int
	Per   time.Duration
}

// ParseRate reads 10/s, 100/m or 1000/h; "" is no limit.
func ParseRate(text string) (Rate, error) {
	if text == "" {
		return Rate{}, nil
	}
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[strings.TrimSpace(unit)]
	if err != nil || n < 1 || n > 1e6 || per == 0 {
		return Rate{}, errors.New(strconv.Quote(text) + " is no rate: write for example 10/s or 100/m")
	}
	return Rate{n, per}, nil
}

// String writes the rate as ParseRate reads it.
func (r Rate) String() string {
	if r.Calls == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%s", r.Calls, map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h"}[r.Per])
}

// A bucket counts the calls of one provider's API.
type bucket struct {
	rate Rate

	mu   sync.Mutex // guards the following
	left float64
	at   time.Time
}

// take takes a call, or says after how long one will be taken.
func (b *bucket) take(now time.Time) (wait time.Duration, ok bool) {
	if b == nil || b.rate.Calls == 0 {
		return 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	full := float64(b.rate.Calls)
	each := b.rate.Per / time.Duration(b.rate.Calls)
	if b.at.IsZero() {
		b.left = full
	} else {
		b.left = min(full, b.left+float64(max(0, now.Sub(b.at)))/float64(each))
	}
	b.at = now
	if b.left < 1 {
		return time.Duration((1 - b.left) * float64(each)), false
	}
	b.left--
	return 0, true
}
