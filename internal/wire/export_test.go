package wire

import "time"

// Window is how much the other end may have under way on s.
func (s *Stream) Window() int {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.recv.size
}

// Grown is how much the windows of l's streams have grown in all.
func (l *Link) Grown() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grown
}

// SetRTT has l believe that a round trip takes d.
func (l *Link) SetRTT(d time.Duration) { l.rtt.Store(int64(d)) }
