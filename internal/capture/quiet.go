package capture

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/store"
)

// quietTime is how long the same trouble is not mentioned again.
const quietTime = 10 * time.Second

// quiet keeps a line that could be said a thousand times a second to one in
// quietTime.
type quiet struct {
	mu    sync.Mutex // guards the following
	said  time.Time
	since int
}

// due says whether it is time for the line, and how often it was not since the
// last time.
func (q *quiet) due(now time.Time) (missed int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.said.IsZero() && now.Sub(q.said) < quietTime && !now.Before(q.said) {
		q.since++
		return 0, false
	}
	missed = q.since
	q.said, q.since = now, 0
	return missed, true
}

// full says whether err means that there is no room for another delivery.
func full(err error) bool {
	return errors.Is(err, store.ErrNoSpace) || errors.Is(err, store.ErrStoreFull) || errors.Is(err, syscall.ENOSPC)
}

// storeNote says why deliveries are not stored.
func storeNote(err error, missed int) string {
	why := safetext.Line(err.Error())
	if full(err) {
		why = "no space left"
	}
	note := "capture not stored: " + why + "; the sender got 503"
	if missed > 0 {
		note += fmt.Sprintf(" (and %s before)", safetext.Thousands(missed))
	}
	return note
}
