package replay

import "github.com/hooks-cli/hooks/internal/webhook"

// A Verdict compares a new answer with the recorded one.
type Verdict string

// The verdicts.
const (
	Unknown   Verdict = ""          // no answer is recorded
	Fixed     Verdict = "fixed"     // it was not accepted, and is now
	Regressed Verdict = "regressed" // it was accepted, and is not any more
	Same      Verdict = "same"      // accepted or not, as before
)

// Before returns the status of the recorded answer to d: that of the newest
// attempt, else what d was answered with. It is 0 where an attempt had no
// answer, and ok is false if nothing is recorded.
func Before(d *webhook.Delivery) (status int, ok bool) {
	if n := len(d.Attempts); n > 0 {
		if r := d.Attempts[n-1].Response; r != nil {
			return r.Status, true
		}
		return 0, true
	}
	if d.Response != nil {
		return d.Response.Status, true
	}
	return 0, false
}

// Compare judges attempt a by what is recorded of d.
func Compare(d *webhook.Delivery, a *webhook.Attempt) Verdict {
	status, ok := Before(d)
	if !ok {
		return Unknown
	}
	switch was := status >= 200 && status <= 299; {
	case was == a.Delivered():
		return Same
	case was:
		return Regressed
	}
	return Fixed
}
