// Package addresstest finds ports for what a test starts later, or starts
// again, and for what is never to answer. It is imported by tests only.
package addresstest

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

// The ports that are given out are below those that the system gives to
// whoever connects or listens to any port, so that none is taken before it is
// used, or while what uses it is away. Processes that began one after the
// other begin in different blocks.
const (
	lowest = 20000
	blocks = 97
	block  = 128
)

// taken is how many ports this process has tried.
var taken = sync.OnceValue(func() *atomic.Int32 { return new(atomic.Int32) })

// Port returns a port of loopback where nobody listens, and that no other call
// returns.
func Port() (string, error) {
	for range blocks * block {
		n := (os.Getpid()%blocks*block + int(taken().Add(1))) % (blocks * block)
		port := strconv.Itoa(lowest + n)
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return "", errors.New("no port is free")
}
