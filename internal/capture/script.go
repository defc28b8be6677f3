package capture

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Script is a rehearsed failure: the statuses that deliveries of one event
// are answered with, in their order. It counts for each event apart, so that
// every event that is sent again meets the whole script. It is safe for
// concurrent use.
type Script struct {
	steps []step

	mu    sync.Mutex // guards the following
	seen  map[string]*place
	order []string // of seen, oldest first
}

// A step answers with status so many times, or for so long after the first.
type step struct {
	status int
	times  int
	length time.Duration
}

// A place is how far one event has come.
type place struct {
	step  int
	times int
	since time.Time
}

// maxEvents is how many events a Script tells apart. The one that came first is
// forgotten for the next; it would begin anew.
const maxEvents = 10_000

// ParseScript reads "503", "500x3,200" (three times, then 200) and
// "503x10m,200" (for ten minutes from the first delivery of the event). The
// last one repeats.
func ParseScript(s string) (*Script, error) {
	out := &Script{seen: map[string]*place{}}
	for part := range strings.SplitSeq(s, ",") {
		st, err := parseStep(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		out.steps = append(out.steps, st)
	}
	return out, nil
}

func parseStep(s string) (step, error) {
	code, count, counted := strings.Cut(s, "x")
	status, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || status < 200 || status > 599 {
		return step{}, fmt.Errorf("status %q is not one from 200 to 599", code)
	}
	if !counted {
		return step{status: status, times: 1}, nil
	}
	if n, err := strconv.Atoi(count); err == nil {
		if n < 1 {
			return step{}, errors.New("a status must be given once or more, not " + strconv.Quote(s))
		}
		return step{status: status, times: n}, nil
	}
	length, err := units.ParseDuration(count)
	if err != nil || length <= 0 {
		return step{}, fmt.Errorf("%q is neither a number of times nor a duration: write for example 500x3 or 503x10m", count)
	}
	return step{status: status, length: length}, nil
}

// Status returns what a delivery of d's event is answered with now, and moves
// on by one.
func (s *Script) Status(d *webhook.Delivery, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.placeLocked(eventKey(d))
	for {
		st := s.steps[p.step]
		switch {
		case p.step == len(s.steps)-1:
			return st.status
		case st.length > 0:
			if p.since.IsZero() {
				p.since = now
			}
			if now.Sub(p.since) < st.length {
				return st.status
			}
		case p.times < st.times:
			p.times++
			return st.status
		}
		p.step, p.times, p.since = p.step+1, 0, time.Time{}
	}
}

func (s *Script) placeLocked(key string) *place {
	if p := s.seen[key]; p != nil {
		return p
	}
	if len(s.order) == maxEvents {
		delete(s.seen, s.order[0])
		s.order = s.order[1:]
	}
	p := &place{}
	s.seen[key] = p
	s.order = append(s.order, key)
	return p
}

// eventKey tells events apart. One without an id is known by its body.
func eventKey(d *webhook.Delivery) string {
	if d.EventID != "" {
		return d.Provider + " " + d.EventID
	}
	sum := sha256.Sum256(d.Body)
	return string(sum[:])
}
