package address_test

import (
	"net/netip"
	"testing"

	"github.com/hooks-cli/hooks/internal/address"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"93.184.215.14":                   true,
		"1.1.1.1":                         true,
		"2606:4700::1111":                 true,
		"::ffff:93.184.215.14":            true,
		"64:ff9b::5db8:d70e":              true,  // NAT64 of 93.184.215.14
		"2002:5db8:d70e::1":               true,  // 6to4 of the same
		"0.0.0.0":                         false, // this host
		"0.1.2.3":                         false,
		"10.1.2.3":                        false,
		"100.64.0.1":                      false,
		"100.100.100.200":                 false, // metadata
		"127.0.0.1":                       false,
		"127.255.0.9":                     false,
		"168.63.129.16":                   false, // metadata
		"169.254.169.254":                 false, // metadata
		"172.16.0.1":                      false,
		"172.31.255.255":                  false,
		"192.0.0.170":                     false,
		"192.0.2.1":                       false,
		"192.168.1.1":                     false,
		"198.18.0.1":                      false,
		"198.51.100.1":                    false,
		"203.0.113.1":                     false,
		"224.0.0.1":                       false,
		"239.255.255.250":                 false,
		"240.0.0.1":                       false,
		"255.255.255.255":                 false,
		"::":                              false,
		"::1":                             false,
		"::127.0.0.1":                     false,
		"::ffff:127.0.0.1":                false,
		"::ffff:169.254.1.1":              false,
		"64:ff9b::7f00:1":                 false,
		"64:ff9b:1::1":                    false,
		"2002:7f00:1::1":                  false,
		"2002:c0a8:101::1":                false,
		"2001:0:5db8:d70e:0:0:80ff:fffe":  false, // Teredo of 127.0.0.1
		"2001:0:7f00:1:0:0:a247:28f1":     false, // Teredo by a server at 127.0.0.1
		"2001:0:5db8:d70e:0:0:a247:28f1":  true,  // Teredo of 93.184.215.14
		"2606:4700::5efe:10.0.0.1":        false, // ISATAP
		"2606:4700::200:5efe:192.168.0.1": false,
		"2001:2::1":                       false, // benchmarks
		"2001:10::1":                      false,
		"2001:db8::1":                     false,
		"3fff::1":                         false,
		"fe80::1":                         false,
		"fe80::1%eth0":                    false,
		"fec0::1":                         false,
		"fc00::1":                         false,
		"fd00:ec2::254":                   false, // metadata
		"ff02::1":                         false,
		"5f00::1":                         false,
		"100::1":                          false,
	} {
		if got := address.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v, want %v", text, got, want)
		}
	}
	if address.Public(netip.Addr{}) {
		t.Error("Public of no address = true")
	}
}
