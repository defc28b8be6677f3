package emulate

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// A Reach says which addresses deliveries may go to. The zero value lets
// nothing through. Whatever the address, ports that never speak HTTP are out of
// reach.
type Reach struct {
	loopback, public bool
	names            []string
	nets             []netip.Prefix
}

// Words that ParseReach knows besides hosts and networks.
const (
	loopbackWord = "loopback"
	publicWord   = "public"
)

// DefaultReach is what holds where nothing is said: the internet, and this
// machine if only this machine can ask for it.
func DefaultReach(loopback bool) Reach { return Reach{loopback: loopback, public: true} }

// ParseReach reads what may be reached: host names, addresses, networks, and
// the words loopback and public. Nothing else may be.
func ParseReach(list []string) (Reach, error) {
	var r Reach
	for _, text := range list {
		switch text = strings.TrimSpace(text); {
		case text == loopbackWord:
			r.loopback = true
		case text == publicWord:
			r.public = true
		case strings.Contains(text, "/"):
			p, err := netip.ParsePrefix(text)
			if err != nil {
				return Reach{}, fmt.Errorf("%q is no network: write for example 10.0.0.0/8", text)
			}
			r.nets = append(r.nets, p.Masked())
		default:
			if ip, err := netip.ParseAddr(text); err == nil {
				ip = ip.Unmap()
				r.nets = append(r.nets, netip.PrefixFrom(ip, ip.BitLen()))
				continue
			}
			if text == "" || strings.ContainsAny(text, ":@?# ") {
				return Reach{}, fmt.Errorf("%q is no host: write a name, an address, a network, loopback or public", text)
			}
			r.names = append(r.names, canonicalHost(text))
		}
	}
	return r, nil
}

func canonicalHost(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// A ForbiddenError says that an address is out of reach.
type ForbiddenError struct{ What string }

// Error names the address and the flag.
func (e *ForbiddenError) Error() string {
	return e.What + " is not allowed (--allow-hosts HOST|CIDR)"
}

// Check says whether host, which led to the address at, may be connected to.
// The error is a *ForbiddenError.
func (r Reach) Check(host string, at netip.AddrPort) error {
	ip := at.Addr().Unmap()
	if slices.Contains(otherPorts(), at.Port()) {
		return &ForbiddenError{fmt.Sprintf("port %d", at.Port())}
	}
	if r.reaches(canonicalHost(host), ip) {
		return nil
	}
	return &ForbiddenError{"address " + ip.String()}
}

func (r Reach) reaches(host string, ip netip.Addr) bool {
	switch {
	case r.public && address.Public(ip):
		return true
	case r.loopback && ip.IsLoopback() && ip.Zone() == "":
		return true
	case slices.ContainsFunc(r.nets, func(p netip.Prefix) bool { return p.Contains(ip) }):
		return true
	}
	// A name that is allowed may lead into a private network, but not to where
	// machines are told secrets about themselves.
	return slices.Contains(r.names, host) && !ip.IsLinkLocalUnicast() && !ip.IsMulticast() && ip.IsValid() && !ip.IsUnspecified()
}

// CheckURL says what is wrong with an address to deliver to, as far as can be
// told without asking a name server: that is done when it is called.
func (r Reach) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > maxURL:
		return errors.New("it is not a valid URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("it must begin with http:// or https://")
	case u.Hostname() == "":
		return errors.New("it names no host")
	case safetext.Line(raw) != raw:
		return errors.New("it has control characters")
	}
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return fmt.Errorf("%s is no port", p)
		}
	}
	if slices.Contains(otherPorts(), uint16(port)) {
		return &ForbiddenError{fmt.Sprintf("port %d", port)}
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		if !address.LoopbackHost(u.Hostname()) {
			return nil // a name: it is judged by where it leads
		}
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return r.Check(u.Hostname(), netip.AddrPortFrom(ip, uint16(port)))
}

// maxURL is how long an address to deliver to may be.
const maxURL = 2048

// otherPorts belong to services that could take a request for something else.
func otherPorts() []uint16 {
	return []uint16{
		7, 9, 13, 19, 20, 21, 22, 23, 25, 37, 53, 69, 79, 110, 111, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 445,
		465, 512, 513, 514, 515, 548, 554, 563, 587, 631, 636, 873, 989, 990, 993, 995, 1433, 1521, 1723, 2049, 2375,
		2376, 2379, 2380, 3306, 3389, 5060, 5061, 5432, 5900, 6000, 6379, 9042, 9092, 9300, 10250, 11211, 27017,
	}
}
