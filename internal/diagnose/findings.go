package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/scheme"
)

// findings orders hits, the most likely first, and says each set of causes
// once.
func (r Request) findings(sch *scheme.Scheme, hits []hit) []Finding {
	slices.SortStableFunc(hits, func(a, b hit) int { return a.rank - b.rank })
	var out []Finding
	for _, h := range hits {
		f := Finding{Causes: slices.Clone(h.causes), Detail: strings.Join(h.details, "; ")}
		f.Header = r.evidence(sch, h)
		if h.body.weight() > 0 {
			f.Signed, f.Received = h.body.bytes, r.Message.Body
		}
		if late, ok := r.late(sch); ok && h.recipe != nil && !slices.ContainsFunc(f.Causes, timing) {
			f.Causes, f.Detail = append(f.Causes, TimestampExpired), f.Detail+"; besides, "+late
		}
		slices.SortFunc(f.Causes, func(a, b Cause) int { return slices.Index(Causes(), a) - slices.Index(Causes(), b) })
		f.Fix, f.Advice = advise(r.Provider, f.Causes)
		if !slices.ContainsFunc(out, func(o Finding) bool { return slices.Equal(o.Causes, f.Causes) }) {
			out = append(out, f)
		}
	}
	return out
}

// timing says whether the cause leaves open when the request was signed.
func timing(c Cause) bool { return c == TimestampMissing || c == TimestampUnit || c == TimestampFormat }

// evidence lists the headers that the hit is about.
func (r Request) evidence(sch *scheme.Scheme, h hit) []Header {
	var out []Header
	if h.claim == nil || h.claim.from == "" {
		return nil
	}
	for _, name := range sch.SignatureHeaders()[:min(1, len(sch.SignatureHeaders()))] {
		note := "is where the signature belongs; it did not come"
		if r.Message.Header.Get(name) != "" {
			note = "is where the signature belongs; what came in it is not right"
		}
		out = append(out, Header{name, note})
	}
	return append(out, Header{h.claim.from, "holds the right signature"})
}

// truncated is the mistake of a signature that was cut off.
func truncated(came, of int) change {
	return one(SignatureTruncated, fmt.Sprintf("only %d of the %d characters of the signature came, and they are right", came, of))
}

// late says how far the timestamp is off, if that is more than is allowed.
func (r Request) late(sch *scheme.Scheme) (string, bool) {
	at := sch.Time(readable(sch, r.Message))
	tolerance := r.Tolerance
	if tolerance == 0 {
		tolerance = sch.Tolerance()
	}
	off := r.Now.Sub(at)
	if r.AgeOff || at.IsZero() || off.Abs() <= tolerance {
		return "", false
	}
	detail := fmt.Sprintf("its timestamp is %s old, and %s are allowed", words(off), words(tolerance))
	if off < 0 {
		detail = fmt.Sprintf("its timestamp is %s ahead, and %s are allowed", words(-off), words(tolerance))
	}
	switch whole := off.Round(30 * time.Minute); {
	case whole != 0 && whole.Abs() <= 14*time.Hour && (off-whole).Abs() < time.Minute:
		detail += ": off by whole half hours, as a clock is that runs in the wrong zone"
	case off < 0, off < tolerance+10*time.Minute:
		detail += ": the clock of this machine or the sender's may be wrong"
	}
	return detail, true
}

// words writes a duration as it is said: "2 h 5 min".
func words(d time.Duration) string {
	d = d.Round(time.Second)
	var out []string
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / u.of; n > 0 && len(out) < 2 {
			out = append(out, fmt.Sprintf("%d %s", n, u.name))
		}
		d %= u.of
	}
	if len(out) == 0 {
		return "0 s"
	}
	return strings.Join(out, " ")
}
