package relay

import (
	"math/rand/v2"
	"sync"
	"time"
)

// wheel pings the links, each about every pingEvery, with one goroutine for
// all: the one that calls tick once a second.
type wheel struct {
	mu    sync.Mutex // guards the following
	now   int
	slots [32][]*session
}

// add lets s be looked at about after from now.
func (w *wheel) add(s *session, after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addLocked(s, after)
}

// addLocked spreads the moments by a fifth in either direction, so that links
// which came together do not stay together.
func (w *wheel) addLocked(s *session, after time.Duration) {
	secs := after.Seconds() * (0.8 + 0.4*rand.Float64())
	at := min(max(int(secs), 1), len(w.slots)-1)
	i := (w.now + at) % len(w.slots)
	w.slots[i] = append(w.slots[i], s)
}

// tick moves on by a second.
func (w *wheel) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = (w.now + 1) % len(w.slots)
	due := w.slots[w.now]
	w.slots[w.now] = nil
	for _, s := range due {
		if s.link.Err() != nil {
			continue
		}
		quiet := s.link.Ping(pingEvery * 3 / 4) // it does not block
		w.addLocked(s, pingEvery-quiet)
	}
}

const pingEvery = 15 * time.Second
