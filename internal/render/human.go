package render

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/units"
)

// Size writes a number of bytes: "512 B", "1.5 KiB".
func Size(n int) string { return units.FormatSize(int64(n)) }

// Duration writes how long something took, with the two or three digits that
// mean something: "0.4 ms", "3.1 ms", "1.2 s", "2 m 5 s", "3 h 20 m".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d == 0:
		return "0 ms"
	case d < 10*time.Microsecond:
		return "0.01 ms"
	case d < time.Millisecond:
		return decimal(float64(d)/float64(time.Millisecond), 2) + " ms"
	case d < 99950*time.Microsecond:
		return decimal(float64(d)/float64(time.Millisecond), 1) + " ms"
	case d < 999500*time.Microsecond:
		return decimal(float64(d)/float64(time.Millisecond), 0) + " ms"
	case d < 9995*time.Millisecond:
		return decimal(d.Seconds(), 2) + " s"
	case d < 59950*time.Millisecond:
		return decimal(d.Seconds(), 1) + " s"
	}
	return coarse(d.Round(time.Second))
}

func decimal(f float64, digits int) string {
	s := strconv.FormatFloat(f, 'f', digits, 64)
	if digits > 0 {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// coarse writes the two largest units of d.
func coarse(d time.Duration) string {
	day := 24 * time.Hour
	parts := []struct {
		n    time.Duration
		unit string
	}{{d / day, "d"}, {d % day / time.Hour, "h"}, {d % time.Hour / time.Minute, "m"}, {d % time.Minute / time.Second, "s"}}
	for i, p := range parts {
		if p.n == 0 {
			continue
		}
		s := fmt.Sprintf("%d %s", p.n, p.unit)
		if i+1 < len(parts) && parts[i+1].n > 0 {
			s += fmt.Sprintf(" %d %s", parts[i+1].n, parts[i+1].unit)
		}
		return s
	}
	return "0 s"
}

// Age writes how long ago t was: "just now", "3 m ago", "5 d ago", and for what
// has not happened yet "in 3 m".
func (v View) Age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := v.Now.Sub(t)
	switch {
	case d > -time.Second && d < 2*time.Second:
		return "just now"
	case d < 0:
		return "in " + largest(-d)
	}
	return largest(d) + " ago"
}

// largest writes the largest unit of d.
func largest(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d >= 2*day:
		return strconv.Itoa(int(d/day)) + " d"
	case d >= 2*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	case d >= 2*time.Minute:
		return strconv.Itoa(int(d/time.Minute)) + " m"
	}
	return strconv.Itoa(int(d/time.Second)) + " s"
}

// Clock writes the time of day of t, with the date unless it is that of Now:
// "14:03:05", "Nov 20 14:03:05", "2025-11-20 14:03:05".
func (v View) Clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	t = t.In(v.Now.Location())
	switch {
	case t.Year() == v.Now.Year() && t.YearDay() == v.Now.YearDay():
		return t.Format("15:04:05")
	case t.Year() == v.Now.Year():
		return t.Format("Jan 02 15:04:05")
	}
	return t.Format("2006-01-02 15:04:05")
}

// Moment writes t exactly: date, time with milliseconds, zone.
func (v View) Moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(v.Now.Location()).Format("2006-01-02 15:04:05.000 MST")
}

// Status writes an HTTP status with its usual words, coloured by its kind:
// "200 OK", "503 Service Unavailable".
func (v View) Status(code int) string {
	s := strconv.Itoa(code)
	if text := http.StatusText(code); text != "" {
		s += " " + text
	}
	return v.statusColor(code)(s)
}

func (v View) statusColor(code int) func(string) string {
	switch {
	case code >= 200 && code <= 299:
		return v.Palette.Good
	case code >= 300 && code <= 399:
		return v.Palette.Warn
	}
	return v.Palette.Bad
}

// Plural writes n with the word for it: "1 delivery", "1,234 deliveries". A
// plural is the word with "s" unless it is given.
func Plural(n int, one string, many ...string) string {
	word := one
	if n != 1 {
		word = one + "s"
		if len(many) > 0 {
			word = many[0]
		}
	}
	return safetext.Thousands(n) + " " + word
}
