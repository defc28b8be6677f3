package intake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/hooks-cli/hooks/internal/address"
)

// A PortTakenError says that another program listens on the port.
type PortTakenError struct {
	Address string
	Holder  string // who holds it, as far as the system tells; "" if it does not
	Free    int    // a port near it that is free; 0 if none was found
}

// Error names the address and its holder.
func (e *PortTakenError) Error() string {
	if e.Holder == "" {
		return fmt.Sprintf("listen on %s: the port is taken", e.Address)
	}
	return fmt.Sprintf("listen on %s: the port is taken by %s", e.Address, e.Holder)
}

// Unwrap lets errors.Is find EADDRINUSE.
func (e *PortTakenError) Unwrap() error { return syscall.EADDRINUSE }

// Bind listens on a. Without a host that is both loopback addresses, IPv4 and
// IPv6, on one port; a machine without IPv6 has only the first. A port that is
// taken is a *PortTakenError.
func Bind(ctx context.Context, a address.Listen) ([]net.Listener, error) {
	if a.Host != "" {
		l, err := bindOne(ctx, a.Host, a.Port)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	}
	for range 20 {
		ls, err := bindLoopback(ctx, a.Port)
		var taken *PortTakenError
		if a.Port == 0 && errors.As(err, &taken) {
			continue // the free port of one family was not free in the other
		}
		return ls, err
	}
	return nil, errors.New("listen on a free port: none is free for both IPv4 and IPv6")
}

func bindLoopback(ctx context.Context, port int) ([]net.Listener, error) {
	v4, err := bindOne(ctx, "127.0.0.1", port)
	if err != nil {
		return nil, err
	}
	v6, err := bindOne(ctx, "::1", Port(v4))
	var taken *PortTakenError
	switch {
	case err == nil:
		return []net.Listener{v4, v6}, nil
	case errors.As(err, &taken):
		// The name localhost may lead to whoever sits there: no half share.
		_ = v4.Close()
		return nil, err
	}
	return []net.Listener{v4}, nil
}

func bindOne(ctx context.Context, host string, port int) (net.Listener, error) {
	var config net.ListenConfig
	at := net.JoinHostPort(host, strconv.Itoa(port))
	l, err := config.Listen(ctx, "tcp", at)
	if err == nil {
		return l, nil
	}
	if inUse(err) {
		return nil, &PortTakenError{Address: at, Holder: holder(port), Free: freePort(ctx, host, port)}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return nil, fmt.Errorf("listen on %s: %w", at, err)
}

// freePort looks for a port a little above the one that is taken.
func freePort(ctx context.Context, host string, taken int) int {
	var config net.ListenConfig
	for port := taken + 1; port <= min(taken+50, 65535); port++ {
		free := true
		for _, h := range []string{host, "127.0.0.1", "::1"} {
			l, err := config.Listen(ctx, "tcp", net.JoinHostPort(h, strconv.Itoa(port)))
			if err == nil {
				_ = l.Close()
			}
			free = free && !inUse(err)
		}
		if free {
			return port
		}
	}
	return 0
}

// Port returns the port that l listens on, 0 if it has none.
func Port(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}
