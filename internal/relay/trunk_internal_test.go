package relay

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/wire"
)

// A gate opens once for what a relay of the cluster has sealed, and for nothing
// that was changed, is old or comes again.
func TestGate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	key := []byte("the relays' key")
	a := arrival{
		forwarded: forwarded{addr: netip.MustParseAddr("2001:db8::1"), https: true, host: "relay.example:443"},
		id:        wire.EventID{1, 2, 3}, target: "/t/a b%20?x=é&y",
	}
	g := &gate{key: key, now: func() time.Time { return now }}
	header := seal(key, "POST", a, now)
	if got, ok := g.open(header, "POST"); !ok || got != a {
		t.Errorf("open = %+v, %v, want %+v", got, ok, a)
	}
	if _, ok := g.open(header, "POST"); ok {
		t.Error("the same header opens twice")
	}
	for name, header := range map[string]string{
		"other-key": seal([]byte("another"), "POST", a, now),
		"changed":   strings.Replace(seal(key, "POST", a, now), "2001:db8::1", "2001:db8::2", 1),
		"old":       seal(key, "POST", a, now.Add(-trunkAge-time.Second)),
		"early":     seal(key, "POST", a, now.Add(trunkAge+time.Second)),
		"empty":     "",
		"blank":     " ",
	} {
		if _, ok := g.open(header, "POST"); ok {
			t.Errorf("%s opens", name)
		}
	}
	if _, ok := g.open(seal(key, "POST", a, now), "GET"); ok {
		t.Error("another method opens")
	}
	// Nonces are remembered as long as they could open anything.
	first := seal(key, "POST", a, now)
	if _, ok := g.open(first, "POST"); !ok {
		t.Fatal("a fresh header does not open")
	}
	sealed := now
	for now.Sub(sealed) <= trunkAge {
		now = now.Add(time.Second)
		if _, ok := g.open(first, "POST"); ok {
			t.Fatalf("it opens again after %v", now.Sub(sealed))
		}
		_, _ = g.open(seal(key, "POST", a, now), "POST")
	}
}
