package scheme

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// A stamp is a compiled Timestamp.
type stamp struct {
	unit      unit
	place     location // of the timestamp; none if it is an element of the signature's format
	inFormat  bool
	signed    bool
	tolerance time.Duration
}

type unit uint8

const (
	unitSeconds unit = iota
	unitMillis
	unitRFC3339
	unitRFC3339Millis
	unitRFC3339Nano
	unitLocalMillis
	unitEither
)

var units = [...]string{"s", "ms", "rfc3339", "rfc3339ms", "rfc3339nano", "local-ms", "s-or-ms"}

// localMillis is RFC 3339 without a zone.
const localMillis = "2006-01-02T15:04:05.000"

func unitOf(name string) (unit, error) {
	if name == "" {
		return unitSeconds, nil
	}
	for i, u := range units {
		if u == name {
			return unit(i), nil
		}
	}
	return 0, fmt.Errorf("unit: %q is none of %s", name, strings.Join(units[:], ", "))
}

// exists says whether the scheme has a timestamp at all, signed or not.
func (st *stamp) exists() bool { return st.inFormat || st.place.kind != locNone }

func (u unit) format(t time.Time) string {
	switch u {
	case unitMillis:
		return strconv.FormatInt(t.UnixMilli(), 10)
	case unitRFC3339:
		return t.UTC().Format(time.RFC3339)
	case unitRFC3339Millis:
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	case unitRFC3339Nano:
		return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
	case unitLocalMillis:
		return t.UTC().Format(localMillis)
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// maxUnix is the largest integer that every language holds exactly.
const maxUnix = 1 << 53

// parse reads a timestamp strictly. Only what format writes, or for the
// spellings of RFC 3339 what it allows, is a timestamp.
func (u unit) parse(text string) (time.Time, bool) {
	switch u {
	case unitRFC3339, unitRFC3339Millis, unitRFC3339Nano:
		if len(text) > 40 || strings.Contains(text, ",") {
			return time.Time{}, false
		}
		t, err := time.Parse(time.RFC3339Nano, text)
		return t, err == nil
	case unitLocalMillis:
		if len(text) > 40 || strings.Contains(text, ",") {
			return time.Time{}, false
		}
		t, err := time.Parse("2006-01-02T15:04:05.999999999", text)
		return t, err == nil
	}
	n, ok := parseUnix(text)
	if !ok {
		return time.Time{}, false
	}
	if u == unitMillis || u == unitEither && n >= 1e11 {
		return time.UnixMilli(n), true
	}
	return time.Unix(n, 0), true
}

// parseUnix reads digits, and nothing else: no sign, no fraction, no leading
// zero, nothing above 2^53.
func parseUnix(text string) (int64, bool) {
	if text == "" || len(text) > 16 || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	var n int64
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, n <= maxUnix
}

// judge says what is wrong with the age of t, and "" if nothing is. Exactly
// the tolerance is in time. Now is taken in the unit of the timestamp, so that
// the part of a second that a sender cut off is not counted.
func (st *stamp) judge(t time.Time, o VerifyOptions) webhook.Reason {
	if !st.signed || o.AgeOff {
		return ""
	}
	tolerance := st.tolerance
	if o.Tolerance != 0 {
		tolerance = o.Tolerance
	}
	// The difference of far times would be cut off, so whole seconds are
	// compared first.
	age := o.Now.Unix() - t.Unix()
	limit := int64(tolerance/time.Second) + 1
	switch {
	case age > limit:
		return webhook.TimestampExpired
	case -age > limit:
		return webhook.TimestampFuture
	}
	exact := time.Duration(age) * time.Second
	if ns := t.Nanosecond(); ns != 0 {
		now := o.Now.Nanosecond()
		if ns%int(time.Millisecond) == 0 {
			now -= now % int(time.Millisecond)
		}
		exact += time.Duration(now - ns)
	}
	switch {
	case exact > tolerance:
		return webhook.TimestampExpired
	case -exact > tolerance:
		return webhook.TimestampFuture
	}
	return ""
}
