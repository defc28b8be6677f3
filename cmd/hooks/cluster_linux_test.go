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

// A relay and then a NATS server is cut off from the others, in a network
// namespace of its own, for longer than a lease: nothing that was promised is
// lost, and who was cut off gives up what others own by then.
func TestClusterSurvivesPartitions(t *testing.T) {
	t.Parallel()
	if networkCycles() == 0 {
		t.Skip("a cluster is partitioned in the long form only: HOOKS_TEST_NETWORK_CYCLES=1")
	}
	c, hosts := newHub(t)
	f := newFleet(t, 20, hosts...)
	end := f.pour(60)
	for range networkCycles() {
		for _, link := range []string{"relay", "nats"} {
			pause(t, time.Second)
			c.must("-n", c.ns(link), "link", "set", "up0", "down")
			pause(t, 20*time.Second)
			c.must("-n", c.ns(link), "link", "set", "up0", "up")
			c.must("-n", c.ns(link), "route", "add", "default", "via", c.gateway(link))
			pause(t, 10*time.Second)
		}
	}
	end()
	promised, twice, early := f.settled()
	for _, p := range f.relays {
		_ = p.cmd.Process.Signal(os.Interrupt)
		_ = p.cmd.Wait()
	}
	generations := f.owners()
	t.Logf("%d partitions of each: %d promised, 0 lost, %d twice, %d live ones before one that waited; %d generations, each with one owner; failed: %v",
		networkCycles(), promised, twice, early, generations, f.failures())
	if promised == 0 {
		t.Error("nothing was tested")
	}
}

// A hub is three namespaces: one with two relays and two NATS servers, which
// this machine reaches too, and behind it one with a relay and one with a NATS
// server.
type hub struct {
	t  *testing.T
	id string
	ip string // the first two bytes of all addresses
}

func (h *hub) ns(name string) string { return h.id + name[:1] }

func (h *hub) gateway(name string) string {
	if name == "relay" {
		return h.ip + ".1.1"
	}
	return h.ip + ".2.1"
}

func (h *hub) must(args ...string) {
	h.t.Helper()
	if out, err := exec.CommandContext(h.t.Context(), "ip", args...).CombinedOutput(); err != nil {
		h.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// newHub makes the network, or skips the test.
func newHub(t *testing.T) (*hub, []fleetHost) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need iproute2")
	}
	h := &hub{t: t, id: fmt.Sprintf("hu%05d", os.Getpid()%100_000), ip: fmt.Sprintf("10.%d", 150+rand.IntN(40))}
	if out, err := exec.CommandContext(t.Context(), "ip", "netns", "add", h.ns("hub")).CombinedOutput(); err != nil {
		t.Skipf("network namespaces are not to be had: %s", out)
	}
	t.Cleanup(func() {
		for _, name := range []string{"hub", "relay", "nats"} {
			_ = exec.Command("ip", "netns", "del", h.ns(name)).Run() // with the links in it
		}
	})
	hubNS, relayNS, natsNS := h.ns("hub"), h.ns("relay"), h.ns("nats")
	for _, line := range []string{
		"netns add " + relayNS,
		"netns add " + natsNS,
		"link add " + h.id + "m type veth peer name main0 netns " + hubNS,
		"-n " + hubNS + " link add r0 type veth peer name up0 netns " + relayNS,
		"-n " + hubNS + " link add n0 type veth peer name up0 netns " + natsNS,
		"address add " + h.ip + ".0.2/24 dev " + h.id + "m",
		"-n " + hubNS + " address add " + h.ip + ".0.1/24 dev main0",
		"-n " + hubNS + " address add " + h.ip + ".1.1/24 dev r0",
		"-n " + hubNS + " address add " + h.ip + ".2.1/24 dev n0",
		"-n " + relayNS + " address add " + h.ip + ".1.2/24 dev up0",
		"-n " + natsNS + " address add " + h.ip + ".2.2/24 dev up0",
		"link set " + h.id + "m up",
		"-n " + hubNS + " link set lo up",
		"-n " + hubNS + " link set main0 up",
		"-n " + hubNS + " link set r0 up",
		"-n " + hubNS + " link set n0 up",
		"-n " + relayNS + " link set lo up",
		"-n " + relayNS + " link set up0 up",
		"-n " + natsNS + " link set lo up",
		"-n " + natsNS + " link set up0 up",
		"-n " + relayNS + " route add default via " + h.gateway("relay"),
		"-n " + natsNS + " route add default via " + h.gateway("nats"),
		"route add " + h.ip + ".1.0/24 via " + h.ip + ".0.1",
		"route add " + h.ip + ".2.0/24 via " + h.ip + ".0.1",
	} {
		h.must(strings.Fields(line)...)
	}
	in := func(ns string) []string { return []string{"ip", "netns", "exec", ns} }
	forward := append(in(hubNS), "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
	if out, err := exec.CommandContext(t.Context(), forward[0], forward[1:]...).CombinedOutput(); err != nil {
		t.Skipf("namespaces do not forward here: %s", out)
	}
	return h, []fleetHost{
		{address: h.ip + ".0.1", relayIn: in(hubNS), natsIn: in(hubNS)},
		{address: h.ip + ".1.2", relayIn: in(relayNS), natsIn: in(relayNS)},
		{address: h.ip + ".2.2", relayIn: in(natsNS), natsIn: in(natsNS)},
	}
}
