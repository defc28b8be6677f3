package capture

import (
	"fmt"
	"testing"

	"github.com/hooks-cli/hooks/internal/intake"
)

// An observer that stands still keeps nobody who refuses, and nobody at all
// once the pipeline is given up.
func TestObserverStandsStill(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	s := &Server{Observe: func(Event) { <-stuck }}
	defer close(stuck)
	for range 10 * queueSize {
		s.Refused(intake.Refusal{Reason: intake.Malformed})
	}
	waits := make(chan struct{})
	go func() {
		for i := range 2 * queueSize {
			s.Note(fmt.Sprint(i))
		}
		close(waits)
	}()
	s.Abort()
	<-waits
	s.Close()
}

// Everything is told, in order, before Close returns, and nothing after it.
func TestObserverIsToldAll(t *testing.T) {
	t.Parallel()
	var told []string
	s := &Server{Observe: func(e Event) { told = append(told, e.Note) }}
	for i := range 3 * queueSize {
		s.Note(fmt.Sprint(i))
	}
	s.Close()
	s.Note("late")
	if len(told) != 3*queueSize || told[700] != "700" {
		t.Errorf("%d notes were told, want %d in order", len(told), 3*queueSize)
	}
}
