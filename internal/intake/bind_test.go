package intake

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/address/addresstest"
)

func TestBindLoopback(t *testing.T) {
	t.Parallel()
	ls, err := Bind(t.Context(), address.Listen{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range ls {
		defer func() { _ = l.Close() }()
		ip := l.Addr().(*net.TCPAddr).IP
		if !ip.IsLoopback() || Port(l) != Port(ls[0]) || Port(l) == 0 {
			t.Errorf("listens on %s, want loopback on one port", l.Addr())
		}
	}
	if probe, err := net.Listen("tcp", "[::1]:0"); err == nil {
		_ = probe.Close()
		if len(ls) != 2 {
			t.Errorf("%d listeners, want IPv4 and IPv6", len(ls))
		}
	}
}

func TestBindTakenPort(t *testing.T) {
	t.Parallel()
	hosts := []string{"127.0.0.1"}
	if probe, err := net.Listen("tcp", "[::1]:0"); err == nil {
		_ = probe.Close()
		hosts = append(hosts, "::1") // half a port is no port
	}
	for _, host := range hosts {
		port, err := addresstest.Port() // of neither family
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		_, err = Bind(t.Context(), address.Listen{Port: Port(l)})
		var taken *PortTakenError
		if !errors.As(err, &taken) || !errors.Is(err, syscall.EADDRINUSE) || taken.Address != l.Addr().String() {
			t.Fatalf("%s: Bind = %v, want the port taken", host, err)
		}
		if taken.Free <= Port(l) {
			t.Errorf("free port = %d, want one above %d", taken.Free, Port(l))
		}
		if runtime.GOOS != "linux" {
			continue
		}
		exe, _ := os.Executable()
		if name := filepath.Base(exe); !strings.HasPrefix(taken.Holder, name[:min(len(name), 15)]) {
			t.Errorf("holder = %q, want this program, %s", taken.Holder, name)
		}
	}
}

func TestBindErrors(t *testing.T) {
	t.Parallel()
	_, err := Bind(t.Context(), address.Listen{Host: "192.0.2.1", Port: 0})
	if err == nil || !strings.HasPrefix(err.Error(), "listen on 192.0.2.1:0: ") {
		t.Errorf("Bind to an address that is not ours = %v", err)
	}
}

func TestInContainer(t *testing.T) {
	t.Parallel()
	if !InContainer(func(name string) string {
		if name == "KUBERNETES_SERVICE_HOST" {
			return "10.0.0.1"
		}
		return ""
	}) {
		t.Error("a pod is not seen as a container")
	}
}
