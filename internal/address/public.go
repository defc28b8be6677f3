package address

import "net/netip"

// Public says whether ip is a unicast address of the internet and of nothing
// nearer. It is not where an address is private, loopback, link-local, shared
// (CGNAT), reserved, for documentation or benchmarks, multicast, or one at
// which clouds tell machines about themselves. An IPv6 address that carries an
// IPv4 address (mapped, NAT64, 6to4, Teredo, ISATAP) is as public as that one.
func Public(ip netip.Addr) bool {
	if !ip.IsValid() || ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	if ip.Is4() {
		return !within(ip, near4())
	}
	b := ip.As16()
	inner := func(at int) netip.Addr { return netip.AddrFrom4([4]byte(b[at : at+4])) }
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip): // NAT64
		return Public(inner(12))
	case netip.MustParsePrefix("2002::/16").Contains(ip): // 6to4
		return Public(inner(2))
	case netip.MustParsePrefix("2001::/32").Contains(ip): // Teredo: server and, inverted, client
		client := netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
		return Public(inner(4)) && Public(client)
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP
		return Public(inner(12)) && !within(ip, near6())
	}
	return netip.MustParsePrefix("2000::/3").Contains(ip) && !within(ip, near6())
}

func within(ip netip.Addr, list []string) bool {
	for _, text := range list {
		if netip.MustParsePrefix(text).Contains(ip) {
			return true
		}
	}
	return false
}

// near4 are the IPv4 networks that are not public unicast.
func near4() []string {
	return []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"168.63.129.16/32", // Azure answers its machines there
	}
}

// near6 are those within 2000::/3 that are not.
func near6() []string {
	return []string{"2001::/23", "2001:db8::/32", "3fff::/20", "fe80::/10", "fc00::/7"}
}
