//go:build linux || darwin

package wire

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxUnsent is how much the system takes of what it cannot send yet. More
// would only make a small request wait behind the body of a large one: what
// the system has, no other stream's frames overtake.
const maxUnsent = 16 << 10

// keepQueueShort bounds what the system keeps of what is written to conn.
func keepQueueShort(conn net.Conn) {
	for {
		under, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = under.NetConn()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := c.SyscallConn(); err == nil {
		// Without it the link works too.
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent) })
	}
}
