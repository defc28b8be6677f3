package capture

import (
	"sync"
	"time"
)

// order remembers, for each provider, the latest time at which an event was
// created, to tell what comes after an event that is younger.
type order struct {
	mu     sync.Mutex // guards latest
	latest map[string]time.Time
}

// late says whether an event of provider that was created at t comes after a
// younger one.
func (o *order) late(provider string, t time.Time) bool {
	if t.IsZero() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.latest == nil {
		o.latest = map[string]time.Time{}
	}
	last := o.latest[provider]
	if t.Before(last) {
		return true
	}
	o.latest[provider] = t
	return false
}
