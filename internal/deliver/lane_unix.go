//go:build unix

package deliver

import (
	"net"
	"syscall"
)

// stands says whether an idle connection is still open at the other end: there
// is neither an end to read nor, but for what TLS sends by itself, a byte.
func stands(c net.Conn, secured bool) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var n int
	var perr error
	var one [1]byte
	err = raw.Read(func(fd uintptr) bool {
		n, _, perr = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	return err == nil && (perr == syscall.EAGAIN || secured && n > 0)
}
