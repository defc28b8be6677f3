// Package units reads and writes quantities as people type them: durations
// with days, points in time, sizes in bytes. It reads no clock: what "now" is
// comes in as an argument.
package units

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// ParseDuration reads "300ms", "30s", "1h30m", "2d", "1w": what
// time.ParseDuration reads, and days and weeks, largest unit first. A bare "0"
// is zero; any other number needs its unit. A duration is never negative.
func ParseDuration(s string) (time.Duration, error) {
	rest, total := s, time.Duration(0)
	for _, u := range []struct {
		letter byte
		length time.Duration
	}{{'w', week}, {'d', day}} {
		n := leadingDigits(rest)
		if n == 0 || n == len(rest) || rest[n] != u.letter {
			continue
		}
		count, err := strconv.ParseInt(rest[:n], 10, 64)
		if err != nil || count > int64((math.MaxInt64-total)/u.length) {
			return 0, fmt.Errorf("duration %q is too long", clip(s))
		}
		total += time.Duration(count) * u.length
		rest = rest[n+1:]
	}
	if rest == "" && s != "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	switch {
	case err != nil && s != "" && leadingDigits(s) == len(s):
		return 0, fmt.Errorf("duration %q has no unit: write %ss, %sm or %sh", clip(s), clip(s), clip(s), clip(s))
	case err != nil:
		return 0, fmt.Errorf("duration %q is not one: write for example 300ms, 30s, 5m, 2h or 7d", clip(s))
	case d < 0 || strings.HasPrefix(rest, "-"):
		return 0, fmt.Errorf("duration %q is negative", clip(s))
	case d > math.MaxInt64-total:
		return 0, fmt.Errorf("duration %q is too long", clip(s))
	}
	return total + d, nil
}

// FormatDuration writes d as ParseDuration reads it, days first, without the
// zero units of time.Duration's own form: "2d", "1h30m", "250ms".
func FormatDuration(d time.Duration) string {
	if d <= 0 {
		return "0s"
	}
	var b strings.Builder
	if days := d / day; days > 0 {
		fmt.Fprintf(&b, "%dd", days)
		d %= day
	}
	if d == 0 {
		return b.String()
	}
	rest := d.String()
	if strings.HasSuffix(rest, "m0s") {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if strings.HasSuffix(rest, "h0m") {
		rest = strings.TrimSuffix(rest, "0m")
	}
	b.WriteString(rest)
	return b.String()
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// localLayouts are the forms of a time without a zone; they are read in the
// zone of now.
func localLayouts() []string {
	return []string{time.DateOnly, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"}
}

// ParseTime reads a point in time: a duration back from now ("1h", "2d"), a
// date or a date with a time (in now's zone), RFC 3339, Unix seconds, "now",
// "today" and "yesterday" (each from its midnight in now's zone).
func ParseTime(s string, now time.Time) (time.Time, error) {
	switch strings.ToLower(s) {
	case "now":
		return now, nil
	case "today":
		return midnight(now, 0), nil
	case "yesterday":
		return midnight(now, -1), nil
	}
	if n := leadingDigits(s); n > 0 && n == len(s) {
		return parseUnix(s)
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range localLayouts() {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if d, err := ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("time %q is not one: write a duration back (1h, 2d), a date (2026-01-31), "+
		"RFC 3339, Unix seconds, now or yesterday", clip(s))
}

func midnight(now time.Time, days int) time.Time {
	y, m, d := now.Date()
	return time.Date(y, m, d+days, 0, 0, 0, 0, now.Location())
}

// parseUnix refuses the two slips that would silently mean another century:
// milliseconds, and a date without its dashes.
func parseUnix(s string) (time.Time, error) {
	if len(s) >= 13 {
		return time.Time{}, fmt.Errorf("time %q is not in Unix seconds: they have 10 digits, milliseconds have 13", clip(s))
	}
	if len(s) == 8 && (strings.HasPrefix(s, "19") || strings.HasPrefix(s, "20")) {
		return time.Time{}, fmt.Errorf("time %q looks like a date: write %s-%s-%s", s, s[:4], s[4:6], s[6:])
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q is not in Unix seconds", clip(s))
	}
	return time.Unix(n, 0), nil
}

// errSize is wrapped by every error of ParseSize.
var errSize = errors.New("write for example 512KiB, 25MiB or 1GiB")

// ParseSize reads a number of bytes: "1048576", "512k", "25MiB", "1.5GB".
// KB, MB, GB, TB count in thousands; KiB, MiB, GiB, TiB and the bare letters
// k, m, g, t count in 1,024s. Case does not matter.
func ParseSize(s string) (int64, error) {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
		n++
	}
	unit, ok := sizeUnit(strings.ToLower(strings.TrimSpace(s[n:])))
	if n == 0 || !ok {
		return 0, fmt.Errorf("size %q is not one: %w", clip(s), errSize)
	}
	if whole, err := strconv.ParseInt(s[:n], 10, 64); err == nil {
		if whole > math.MaxInt64/unit {
			return 0, fmt.Errorf("size %q is too large", clip(s))
		}
		return whole * unit, nil
	}
	f, err := strconv.ParseFloat(s[:n], 64)
	if err != nil || unit == 1 {
		return 0, fmt.Errorf("size %q is not one: %w", clip(s), errSize)
	}
	if f *= float64(unit); f >= math.MaxInt64 {
		return 0, fmt.Errorf("size %q is too large", clip(s))
	}
	return int64(f), nil
}

func sizeUnit(s string) (int64, bool) {
	switch s {
	case "", "b":
		return 1, true
	case "k", "kib":
		return 1 << 10, true
	case "m", "mib":
		return 1 << 20, true
	case "g", "gib":
		return 1 << 30, true
	case "t", "tib":
		return 1 << 40, true
	case "kb":
		return 1e3, true
	case "mb":
		return 1e6, true
	case "gb":
		return 1e9, true
	case "tb":
		return 1e12, true
	}
	return 0, false
}

// FormatSize writes n bytes in the largest unit of 1,024s that it fills, with
// at most one decimal: "512 B", "1.5 KiB", "25 MiB".
func FormatSize(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, names := float64(n)/(1<<10), []string{"KiB", "MiB", "GiB", "TiB"}
	i := 0
	for i < len(names)-1 && f >= 1023.95 {
		f /= 1 << 10
		i++
	}
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0") + " " + names[i]
}

// clip keeps an error readable whatever was typed.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
