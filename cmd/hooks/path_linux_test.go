package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A path is a way from the client's machine to the relay's that passes through
// this program, packet by packet: as slow, as far and as bad as is wanted. The
// client has the address 10.x.x.18 in it and the relay 10.x.x.17.
type path struct {
	*cable
	near, far string      // the devices: the client's and the relay's
	ends      [2]*os.File // the same

	mu    sync.Mutex // guards the following
	how   quality
	flows map[flow]bool // that the way's address translation knows
	lost  int
}

// A quality is what becomes of packets, the same in both directions.
type quality struct {
	rate  float64       // bytes a second, 0 for as many as come
	delay time.Duration // one way
	loss  float64       // of 1
	cut   bool          // nothing passes
}

// pathQueue is how much a slow path keeps of what comes too fast, as a modem
// does.
const pathQueue = 64 << 10

// A flow is a connection, by the ports of the client and the relay.
type flow [2]uint16

// newPath makes the network, with the path in the place of the cable, or skips
// the test.
func newPath(t *testing.T, letter byte, how quality) (*path, place) {
	t.Helper()
	c, at := newCable(t, letter)
	id := strings.TrimSuffix(c.relay, "r")
	p := &path{cable: c, near: id + "tc", far: id + "tr", how: how, flows: map[flow]bool{}}
	for i, name := range []string{p.near, p.far} {
		end, err := openTUN(name)
		if err != nil {
			t.Skip("a path needs TUN devices, which are not to be had: ", err)
		}
		p.ends[i] = end
	}
	p.must("link set " + p.near + " netns " + c.client)
	p.must("link set " + p.far + " netns " + c.relay)
	p.must("-n " + c.client + " link set " + c.link + " down")
	p.must("-n " + c.client + " address add " + p.address(18) + "/28 dev " + p.near)
	p.must("-n " + c.relay + " address add " + p.address(17) + "/28 dev " + p.far)
	p.must("-n " + c.client + " link set " + p.near + " up")
	p.must("-n " + c.relay + " link set " + p.far + " up")
	var all sync.WaitGroup
	for i := range p.ends {
		queue := make(chan packet, 4096)
		all.Go(func() { p.take(i, queue) })
		all.Go(func() { p.carry(p.ends[1-i], queue) })
	}
	t.Cleanup(func() {
		for _, end := range p.ends {
			_ = end.Close()
		}
		all.Wait()
	})
	at.clients = "http://" + p.address(17) + ":8080"
	return p, at
}

// openTUN makes a network device whose packets are read from a file and
// written to it.
func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (p *path) address(n int) string { return fmt.Sprintf("%s%d", p.net, n) }

func (p *path) must(line string) {
	p.t.Helper()
	if err := p.ip(strings.Fields(line)...); err != nil {
		p.t.Fatal(err)
	}
}

// become changes what the path is like.
func (p *path) become(how quality) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.how = how
}

// forget makes the path drop all connections that there are, as a router does
// that has lost its table: new ones pass.
func (p *path) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.flows)
}

type packet struct {
	data []byte
	due  time.Time
}

// take reads the packets that leave an end.
func (p *path) take(i int, queue chan<- packet) {
	defer close(queue)
	buf := make([]byte, 64<<10)
	var free time.Time // when what was taken has left at the path's rate
	for {
		n, err := p.ends[i].Read(buf)
		if err != nil {
			return
		}
		now := time.Now()
		if free.Before(now) {
			free = now
		}
		how, ok := p.judge(i, buf[:n])
		if !ok || how.rate > 0 && free.Sub(now).Seconds()*how.rate > pathQueue {
			continue
		}
		if how.rate > 0 {
			free = free.Add(time.Duration(float64(n) / how.rate * float64(time.Second)))
		}
		select {
		case queue <- packet{append([]byte(nil), buf[:n]...), free.Add(how.delay)}:
		default: // full
		}
	}
}

// judge says whether a packet passes.
func (p *path) judge(i int, b []byte) (quality, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.how.cut || rand.Float64() < p.how.loss {
		p.lost++
		return p.how, false
	}
	if len(b) < 40 || b[0]>>4 != 4 || b[9] != unix.IPPROTO_TCP {
		return p.how, true
	}
	tcp := b[4*int(b[0]&15):]
	if len(tcp) < 20 {
		return p.how, true
	}
	f := flow{binary.BigEndian.Uint16(tcp), binary.BigEndian.Uint16(tcp[2:])}
	if i == 1 {
		f[0], f[1] = f[1], f[0]
	}
	if syn, ack := tcp[13]&2 != 0, tcp[13]&16 != 0; syn && !ack && i == 0 {
		p.flows[f] = true
	}
	return p.how, p.flows[f]
}

// carry hands packets to the other end when they are due.
func (p *path) carry(to *os.File, queue <-chan packet) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for one := range queue {
		timer.Reset(time.Until(one.due))
		<-timer.C
		_, _ = to.Write(one.data) // a device that is down drops it
	}
}
