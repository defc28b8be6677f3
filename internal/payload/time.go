package payload

import (
	"math/big"
	"strings"
	"time"
)

// layouts are the spellings of a time besides Unix time, most frequent first.
// One without a zone is UTC.
var layouts = [...]string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04:05.999999999 MST",
	"2006-01-02 15:04:05.999999999",
	time.RFC1123,
	time.RFC1123Z,
	"2006-01-02",
}

// ParseTime reads a time as providers write it: RFC 3339 and its relatives, or
// Unix time, whose unit (seconds to nanoseconds) shows in its size. ok is
// false for anything else.
func ParseTime(text string) (t time.Time, ok bool) {
	if text == "" || len(text) > 64 {
		return time.Time{}, false
	}
	if strings.Trim(text, "0123456789.") == "" {
		return unixTime(text)
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func unixTime(text string) (time.Time, bool) {
	whole, _, _ := strings.Cut(text, ".")
	var unit int64
	switch n := len(strings.TrimLeft(whole, "0")); {
	case n <= 11:
		unit = int64(time.Second)
	case n <= 14:
		unit = int64(time.Millisecond)
	case n <= 17:
		unit = int64(time.Microsecond)
	case n <= 19:
		unit = 1
	default:
		return time.Time{}, false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return time.Time{}, false
	}
	r.Mul(r, new(big.Rat).SetInt64(unit))
	ns := new(big.Int).Quo(r.Num(), r.Denom())
	sec, rest := new(big.Int).QuoRem(ns, big.NewInt(int64(time.Second)), new(big.Int))
	return time.Unix(sec.Int64(), rest.Int64()).UTC(), true
}
