package intake

import "time"

// Limits bound what a peer can make the server spend. A field that is zero has
// the default's value.
type Limits struct {
	Head   int   // bytes of request line and headers in all: 431 beyond
	Target int   // bytes of the request target: 414 beyond
	Body   int64 // bytes of a body: 413 beyond
	Memory int64 // bytes of bodies that ReadBody holds in all: 503 beyond

	HeadTime  time.Duration // for a whole head
	BodyTime  time.Duration // waiting for the bytes of one body, in all
	WriteTime time.Duration // of an answer without progress
	IdleTime  time.Duration // between two requests of a connection
	TLSTime   time.Duration // for a handshake
	WaitTime  time.Duration // of a body for its share of Memory

	// A peer that is not loopback sends a body at no less than MinRate bytes a
	// second, averaged over each RateTime after the first.
	MinRate  int64
	RateTime time.Duration

	Connections int // in all, but for those that a handler has taken over
	PerAddress  int // of one address (IPv6: one /64) that is neither loopback nor a proxy
}

// Defaults returns the limits of a server on a developer's machine.
func Defaults() Limits {
	return Limits{
		Head: 64 << 10, Target: 16 << 10, Body: 25 << 20, Memory: 128 << 20,
		HeadTime: 5 * time.Second, BodyTime: 30 * time.Second, WriteTime: 10 * time.Second,
		IdleTime: time.Minute, TLSTime: 5 * time.Second, WaitTime: 5 * time.Second,
		MinRate: 1 << 10, RateTime: 5 * time.Second,
		Connections: 4096, PerAddress: 256,
	}
}

// filled returns l with the defaults in place of zeros. Memory always has room
// for one body of the greatest size.
func (l Limits) filled() Limits {
	d := Defaults()
	for _, f := range []struct{ v, def *time.Duration }{
		{&l.HeadTime, &d.HeadTime},
		{&l.BodyTime, &d.BodyTime},
		{&l.WriteTime, &d.WriteTime},
		{&l.IdleTime, &d.IdleTime},
		{&l.TLSTime, &d.TLSTime},
		{&l.WaitTime, &d.WaitTime},
		{&l.RateTime, &d.RateTime},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	for _, f := range []struct{ v, def *int }{
		{&l.Head, &d.Head}, {&l.Target, &d.Target}, {&l.Connections, &d.Connections}, {&l.PerAddress, &d.PerAddress},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	for _, f := range []struct{ v, def *int64 }{{&l.Body, &d.Body}, {&l.Memory, &d.Memory}, {&l.MinRate, &d.MinRate}} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	l.Memory = max(l.Memory, l.Body)
	return l
}

// deadline is the moment d from now. It reads the running clock on purpose: a
// socket's deadline is a matter of the socket, whatever time the program shows.
func deadline(d time.Duration) time.Time { return time.Now().Add(d) }
