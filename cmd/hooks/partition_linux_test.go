package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A cable is a network of three machines: this one, the relay's and the
// client's, which is connected with the relay alone.
type cable struct {
	t                   *testing.T
	relay, client, link string
	net                 string // the first three bytes of all addresses, with a dot behind
}

func (c *cable) ip(args ...string) error {
	out, err := exec.CommandContext(c.t.Context(), "ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// newCable makes the network of namespaces, or skips the test. Its letter tells
// it from others at the same time.
func newCable(t *testing.T, letter byte) (*cable, place) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need iproute2")
	}
	id := fmt.Sprintf("hk%05d%c", os.Getpid()%100_000, letter)
	net := fmt.Sprintf("10.%d.%d.", 200+int(letter-'a')+10*rand.IntN(5), rand.IntN(256))
	c := &cable{t: t, relay: id + "r", client: id + "c", link: id + "c1", net: net}
	if err := c.ip("netns", "add", c.relay); err != nil {
		t.Skip("network namespaces are not to be had: ", err)
	}
	t.Cleanup(func() {
		for _, ns := range []string{c.relay, c.client} {
			_ = exec.Command("ip", "netns", "del", ns).Run() // with the links in it
		}
	})
	for _, line := range []string{
		"netns add " + c.client,
		"link add " + id + "h0 type veth peer name " + id + "r0 netns " + c.relay,
		"-n " + c.relay + " link add " + id + "r1 type veth peer name " + c.link + " netns " + c.client,
		"address add " + net + "1/30 dev " + id + "h0",
		"-n " + c.relay + " address add " + net + "2/30 dev " + id + "r0",
		"-n " + c.relay + " address add " + net + "5/30 dev " + id + "r1",
		"-n " + c.client + " address add " + net + "6/30 dev " + c.link,
		"link set " + id + "h0 up",
		"-n " + c.relay + " link set lo up",
		"-n " + c.relay + " link set " + id + "r0 up",
		"-n " + c.relay + " link set " + id + "r1 up",
		"-n " + c.client + " link set lo up",
		"-n " + c.client + " link set " + c.link + " up",
	} {
		if err := c.ip(strings.Fields(line)...); err != nil {
			t.Skip("network namespaces are not to be had: ", err)
		}
	}
	return c, place{
		relayIn: []string{"ip", "netns", "exec", c.relay}, clientIn: []string{"ip", "netns", "exec", c.client},
		listen: "0.0.0.0:8080", senders: "http://" + net + "2:8080", clients: "http://" + net + "5:8080",
		relay: []string{"--open", "--insecure-http", "--public-url", "http://" + net + "2:8080"}, dataDir: t.TempDir(),
	}
}

// The network between client and relay goes away and comes back, with neither
// being told: nothing that was promised is lost, and what waited is there soon
// after.
func TestTunnelSurvivesPartitions(t *testing.T) {
	t.Parallel()
	c, at := newCable(t, 'a')
	cycles, shortest, longest := 1, time.Second, 2*time.Second
	if n := networkCycles(); n > 0 {
		cycles, shortest, longest = n, 5*time.Second, time.Minute
	}
	d := newTunnelled(t, at)
	end := d.pour(20, 4, 0) // below what a public relay takes of one tunnel
	for range cycles {
		pause(t, 300*time.Millisecond)
		if err := c.ip("-n", c.client, "link", "set", c.link, "down"); err != nil {
			t.Fatal(err)
		}
		pause(t, shortest+rand.N(longest-shortest))
		if err := c.ip("-n", c.client, "link", "set", c.link, "up"); err != nil {
			t.Fatal(err)
		}
		pause(t, shortest)
	}
	end()
	began := time.Now()
	promised, twice := d.settled(true)
	t.Logf("%d partitions: %d promised, 0 lost, %d twice at the app, settled in %v; answers %v",
		cycles, promised, twice, time.Since(began).Round(time.Millisecond), d.answers)
	if promised == 0 || twice > 64*cycles {
		t.Errorf("%d promised, %d twice", promised, twice)
	}
}
