package wire

import (
	"encoding/binary"
	"runtime"
	"time"

	"github.com/gorilla/websocket"
)

// inlineMessages is how many messages a sender writes itself before a
// goroutine takes over: nobody is kept for long by other people's bytes.
const inlineMessages = 2

// crowd is how many streams make it likely that more is to be sent in a moment.
const crowd = 8

// kickLocked starts a writer if there is something to write and none runs. An
// inline writer is the caller itself; the link's reader must never be one, or
// two ends that both wait for the other to read would stand still.
func (l *Link) kickLocked(inline bool) {
	if l.writing || l.closed || !l.pendingLocked() {
		return
	}
	l.writing = true
	if inline {
		l.writeLocked(inlineMessages)
		return
	}
	go l.write()
}

func (l *Link) pendingLocked() bool {
	return len(l.linkq)+len(l.headq)+len(l.ready) > 0 || l.ping || l.hasPong
}

func (l *Link) write() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writeLocked(0)
}

// writeLocked writes until the queue is empty, or hands over after most
// messages if most is not 0. It gives the lock away while it writes.
func (l *Link) writeLocked(most int) {
	p, _ := l.pools.messages.Get().(*[]byte)
	if p == nil {
		b := make([]byte, 0, MaxMessage)
		p = &b
	}
	defer l.pools.messages.Put(p)
	for n := 1; ; n++ {
		if len(l.streams) >= crowd {
			// Others are about to send: what they add shares the message.
			l.mu.Unlock()
			runtime.Gosched()
			l.mu.Lock()
		}
		buf := l.fillLocked((*p)[:0])
		if len(buf) == 0 && !l.ping && !l.hasPong {
			break
		}
		if err := l.writeOne(buf); err != nil {
			l.endLocked(closeErrorOf(err))
			break
		}
		if n == most && l.pendingLocked() {
			go l.write()
			return
		}
	}
	if l.err != nil {
		go l.farewell()
		return
	}
	l.writing = false
	l.idle.Broadcast()
}

// writeOne writes a message and due control frames, without the lock.
func (l *Link) writeOne(buf []byte) error {
	ping, pong, hasPong := l.ping, l.pong, l.hasPong
	l.ping, l.hasPong, l.pong = false, false, ""
	l.mu.Unlock()
	defer l.mu.Lock()
	began := time.Now()
	deadline := began.Add(WriteTimeout)
	l.said.Store(int64(began.Sub(l.born)))
	if hasPong {
		if err := l.ws.WriteControl(websocket.PongMessage, []byte(pong), deadline); err != nil {
			return err
		}
	}
	if ping {
		now := binary.BigEndian.AppendUint64(nil, uint64(time.Since(l.born)))
		if err := l.ws.WriteControl(websocket.PingMessage, now, deadline); err != nil {
			return err
		}
	}
	if len(buf) == 0 {
		return nil
	}
	l.written.Add(int64(len(buf)))
	_ = l.ws.SetWriteDeadline(deadline)
	if err := l.ws.WriteMessage(websocket.BinaryMessage, buf); err != nil {
		return err
	}
	now := time.Now()
	took := now.Sub(began)
	if took >= time.Second {
		// It had to wait until the other end had taken in what was sent before.
		_ = l.ws.SetReadDeadline(now.Add(DeadAfter))
	}
	l.most = pace(l.most, len(buf), took)
	return nil
}

// A message is as large as a connection takes in a moment: what is urgent
// waits for the one that is being written. The first ones are small, for they
// may be on a slow network.
const (
	leastMessage = 4 << 10
	firstMessage = 16 << 10
	aMoment      = 250 * time.Millisecond
)

// pace says how large messages may be after one of size bytes took so long.
// Only the link's writer uses what it returns.
func pace(most, size int, took time.Duration) int {
	switch {
	case took > aMoment:
		return max(leastMessage, min(most, int(float64(size)*aMoment.Seconds()/took.Seconds())))
	case size > most/2:
		return min(MaxMessage, 2*most)
	}
	return most
}

// fillLocked puts as many whole frames into buf as a message may hold: the
// link's own first, then heads and credits, then one quantum of DATA a stream
// in turn, so that no stream waits for another's whole body.
func (l *Link) fillLocked(buf []byte) []byte {
	buf = takeFrames(&l.linkq, buf)
	for {
		buf = takeFrames(&l.headq, buf) // a stream that is done puts its end there
		room := l.most - len(buf) - HeaderLen
		if len(l.ready) == 0 || len(l.headq) > 0 || room <= 0 {
			break
		}
		s := l.ready[0]
		n := min(len(s.out), MaxData, s.send.left, l.send.left, room)
		if n == 0 && len(s.out) > 0 {
			if s.send.left > 0 {
				break // the link's window is used up: all streams wait
			}
			l.popReadyLocked() // CREDIT brings it back
			continue
		}
		last := n == len(s.out)
		flags := Flags(0)
		if last && s.outFin && s.tail == nil {
			flags = FlagFin
		}
		if n > 0 || flags != 0 {
			buf = AppendHeader(buf, Header{Type: TypeData, Flags: flags, Stream: s.id, Length: uint32(n)})
			buf = append(buf, s.out[:n]...)
		}
		s.out = s.out[n:]
		s.send.left -= n
		l.send.left -= n
		s.sent += uint64(n)
		l.popReadyLocked()
		if last {
			s.drainedLocked()
		} else {
			l.readyLocked(s)
		}
	}
	return buf
}

// takeFrames moves whole frames from q to buf while they fit.
func takeFrames(q *[]byte, buf []byte) []byte {
	p := *q
	for len(p) > 0 {
		n := HeaderLen + int(binary.BigEndian.Uint32(p[6:]))
		if len(buf)+n > MaxMessage {
			break
		}
		buf = append(buf, p[:n]...)
		p = p[n:]
	}
	switch {
	case len(p) == len(*q):
	case len(p) > 0:
		*q = append((*q)[:0], p...)
	case cap(*q) > MaxData:
		*q = nil // an idle link keeps no large queue
	default:
		*q = (*q)[:0]
	}
	return buf
}

// readyLocked puts s at the end of those that take turns.
func (l *Link) readyLocked(s *Stream) {
	if !s.queued && l.err == nil {
		s.queued = true
		l.ready = append(l.ready, s)
	}
}

func (l *Link) popReadyLocked() {
	l.ready[0].queued = false
	copy(l.ready, l.ready[1:])
	l.ready[len(l.ready)-1] = nil
	l.ready = l.ready[:len(l.ready)-1]
}
