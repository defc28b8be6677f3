package capture

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// A SelfError says that a target is the listener that would forward to it.
type SelfError struct{ Target string }

// Error names the target.
func (e *SelfError) Error() string {
	return fmt.Sprintf("forward to %s: that is this listener itself", e.Target)
}

// CheckTarget returns a *SelfError if calling to would lead to one of the
// addresses in own, directly or by a name that lookup resolves to one. A name
// that cannot be resolved now may be one later: it is let through, and a
// request that comes back is recognised by its mark.
func CheckTarget(ctx context.Context, to *url.URL, own []net.Addr, lookup func(ctx context.Context, host string) ([]netip.Addr, error)) error {
	port := address.Port(to)
	for _, ip := range addresses(ctx, to.Hostname(), lookup) {
		for _, a := range own {
			if reaches(ip, port, a) {
				return &SelfError{Target: safetext.CleanURL(to.String())}
			}
		}
	}
	return nil
}

func addresses(ctx context.Context, host string, lookup func(context.Context, string) ([]netip.Addr, error)) []netip.Addr {
	if address.LoopbackHost(host) && net.ParseIP(host) == nil {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap().WithZone("")}
	}
	found, err := lookup(ctx, host)
	if err != nil {
		return nil
	}
	for i := range found {
		found[i] = found[i].Unmap().WithZone("")
	}
	return found
}

// reaches says whether ip and port lead to a socket that listens on own.
func reaches(ip netip.Addr, port string, own net.Addr) bool {
	t, ok := own.(*net.TCPAddr)
	if !ok || strconv.Itoa(t.Port) != port {
		return false
	}
	mine, ok := netip.AddrFromSlice(t.IP)
	if !ok {
		return true // every address of the machine; ip may be one of them
	}
	mine = mine.Unmap()
	switch {
	case mine == ip, ip.IsUnspecified() && mine.IsLoopback():
		return true
	case mine.IsUnspecified():
		return ip.IsLoopback() || ip.IsUnspecified() || local(ip)
	}
	return false
}

// local says whether ip is an address of this machine.
func local(ip netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if mine, ok := netip.AddrFromSlice(n.IP); ok && mine.Unmap() == ip {
				return true
			}
		}
	}
	return false
}
