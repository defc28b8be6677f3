package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A peer that takes a little at a time is slow; one that takes nothing for the
// whole time of a write is gone.
func TestSteadyConnTellsSlowFromGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := &steadyConn{Conn: here}
		defer c.Close()
		sent, got := bytes.Repeat([]byte("0123456789abcdef"), 64), make([]byte, 512)
		go func() {
			for i := range got {
				time.Sleep(WriteTimeout / 2)
				if _, err := io.ReadFull(there, got[i:i+1]); err != nil {
					t.Error(err)
				}
			}
		}()
		if err := c.SetWriteDeadline(time.Now().Add(WriteTimeout)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		n, err := c.Write(sent)
		if n != len(got) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v; want %d and a time-out", n, err, len(got))
		}
		if !bytes.Equal(got, sent[:len(got)]) {
			t.Error("other bytes arrived")
		}
		reading := time.Duration(len(got)) * WriteTimeout / 2
		if took := time.Since(began); took < reading || took > reading+2*WriteTimeout {
			t.Errorf("gave up after %v", took)
		}
	})
}

// What is written in pieces has the time for each.
func TestSteadyConnInPieces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := &steadyConn{Conn: here, piece: 16}
		defer c.Close()
		got := make([]byte, 160)
		go func() {
			for i := 0; i < len(got); i += 16 {
				time.Sleep(WriteTimeout * 3 / 4)
				if _, err := io.ReadFull(there, got[i:i+16]); err != nil {
					t.Error(err)
				}
			}
		}()
		if err := c.SetWriteDeadline(time.Now().Add(WriteTimeout)); err != nil {
			t.Fatal(err)
		}
		sent := bytes.Repeat([]byte("x"), len(got))
		if n, err := c.Write(sent); n != len(sent) || err != nil || !bytes.Equal(sent, got) {
			t.Errorf("wrote %d, %v", n, err)
		}
	})
}

// Both ends of a link on which all flows one way give signs of life, and one
// that has only just been heard and has just spoken gives none.
func TestPingIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Link{born: time.Now(), writing: true}
		at := func(d time.Duration) time.Duration {
			time.Sleep(time.Until(l.born.Add(d)))
			return time.Since(l.born)
		}
		const idle = 10 * time.Second
		due := func(d time.Duration) bool {
			at(d)
			l.ping = false
			l.Ping(idle)
			return l.ping
		}
		for _, step := range []struct {
			at    time.Duration
			heard bool
			said  bool
			want  bool
		}{
			{at: 9 * time.Second, heard: true, said: true},
			{at: 18 * time.Second, heard: true}, // said 9 s ago
			{at: 19 * time.Second, heard: true, want: true},
			{at: 20 * time.Second, heard: true, said: true}, // asked a second ago
			{at: 29 * time.Second, said: true},              // heard 9 s ago
			{at: 30 * time.Second, said: true, want: true},
			{at: 39 * time.Second}, // asked 9 s ago
			{at: 40 * time.Second, want: true},
		} {
			if got := due(step.at); got != step.want {
				t.Errorf("at %v: due %v, want %v", step.at, got, step.want)
			}
			if step.heard {
				l.heard.Store(int64(time.Since(l.born)))
			}
			if step.said {
				l.said.Store(int64(time.Since(l.born)))
			}
		}
	})
}

// Messages become as small as what a slow connection takes in a moment, and as
// large as they can where it is fast again.
func TestMessagesFitTheConnection(t *testing.T) {
	t.Parallel()
	most := firstMessage
	for range 10 {
		most = pace(most, most, time.Millisecond)
	}
	if most != MaxMessage {
		t.Errorf("%d on a fast connection, want %d", most, MaxMessage)
	}
	if got := pace(most, MaxMessage, 4*aMoment); got != MaxMessage/4 {
		t.Errorf("%d after four moments, want %d", got, MaxMessage/4)
	}
	if got := pace(most, MaxMessage, time.Minute); got != leastMessage {
		t.Errorf("%d after a minute, want %d", got, leastMessage)
	}
	if got := pace(leastMessage, 100, time.Millisecond); got != leastMessage {
		t.Errorf("%d: a small message says nothing of large ones", got)
	}
	if got := pace(leastMessage, MaxMessage, time.Second); got != leastMessage {
		t.Errorf("%d: a large head that was slow makes messages larger", got)
	}
}
