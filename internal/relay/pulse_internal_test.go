package relay

import (
	"testing"
	"testing/synctest"
	"time"
)

// A process that stood still knows it until it has looked around, however soon
// it is felt again.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{}
		if s.pulse.stood() {
			t.Error("it stood still before it began")
		}
		for range 10 {
			s.pulse.feel()
			time.Sleep(pulseEvery)
		}
		if s.pulse.stood() {
			t.Error("it stood still while it was felt")
		}
		time.Sleep(15 * time.Second)
		for range 2 {
			if !s.pulse.stood() {
				t.Error("nobody noticed that it stood still")
			}
			s.pulse.feel()
		}
		began := time.Now()
		time.AfterFunc(time.Second, func() { s.pulse.missed.Store(false) })
		s.rouse(t.Context())
		if waited := time.Since(began).Round(100 * time.Millisecond); waited != time.Second {
			t.Errorf("a request waited %v, want until the relay had looked around", waited)
		}
		s.pulse.missed.Store(true)
		began = time.Now()
		s.rouse(t.Context())
		if waited := time.Since(began); waited < rouseMost || waited > rouseMost+time.Second {
			t.Errorf("a request waited %v for a relay that does not look around, want %v", waited, rouseMost)
		}
	})
}
