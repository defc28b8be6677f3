// Package natstest runs real NATS servers for tests, as processes of their own.
package natstest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hooks-cli/hooks/internal/address/addresstest"
)

// A Server is one process.
type Server struct {
	Name string
	URL  string

	tb     testing.TB
	argv   []string
	config string
	cmd    *exec.Cmd
}

// A Cluster is servers that replicate each other's streams.
type Cluster struct{ Servers []*Server }

// URL is the address of all servers.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		urls[i] = s.URL
	}
	return strings.Join(urls, ",")
}

// program is where the server lies that go.mod names. It is built when it was
// not yet.
func program(tb testing.TB) string {
	tb.Helper()
	out, err := exec.CommandContext(context.Background(), "go", "tool", "-n", "nats-server").Output()
	if err != nil {
		tb.Fatalf("build nats-server: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// A Host is where a server runs.
type Host struct {
	Address string   // an IP address
	In      []string // what runs a program there
}

// Start runs n servers that sync what they acknowledge, and waits until they
// have a leader.
func Start(tb testing.TB, n int) *Cluster {
	tb.Helper()
	return StartAt(tb, slices.Repeat([]Host{{Address: "127.0.0.1"}}, n)...)
}

// StartAt is Start for servers on several hosts.
func StartAt(tb testing.TB, hosts ...Host) *Cluster {
	tb.Helper()
	n := len(hosts)
	clients, routes := ports(tb, n), ports(tb, n)
	var peers []string
	for i, r := range routes {
		peers = append(peers, "nats://"+net.JoinHostPort(hosts[i].Address, r))
	}
	c, bin := &Cluster{}, program(tb)
	for i, host := range hosts {
		s := &Server{Name: fmt.Sprintf("s%d", i+1), URL: "nats://" + net.JoinHostPort(host.Address, clients[i]), tb: tb, argv: append(slices.Clone(host.In), bin)}
		dir := tb.TempDir()
		config := fmt.Sprintf("server_name: %s\nlisten: %s:%s\njetstream { store_dir: %q, sync_interval: always }\n"+
			"system_account: SYS\naccounts { SYS { users: [{user: sys, password: sys}] }, APP { jetstream: enabled, users: [{user: app, password: app}] } }\nno_auth_user: app\n",
			s.Name, host.Address, clients[i], filepath.Join(dir, "js"))
		if n > 1 {
			config += fmt.Sprintf("cluster { name: test, listen: %s:%s, routes: [%s] }\n", host.Address, routes[i], strings.Join(peers, ", "))
		}
		s.config = filepath.Join(dir, "nats.conf")
		if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
			tb.Fatal(err)
		}
		c.Servers = append(c.Servers, s)
		s.Run()
		tb.Cleanup(s.Kill)
	}
	c.Wait()
	return c
}

// Run starts the server, for the first time or again.
func (s *Server) Run() {
	s.tb.Helper()
	argv := append(slices.Clone(s.argv), "-c", s.config, "-l", filepath.Join(filepath.Dir(s.config), "log"))
	s.cmd = exec.CommandContext(context.Background(), argv[0], argv[1:]...)
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
}

// Process is the running process.
func (s *Server) Process() *os.Process { return s.cmd.Process }

// Kill ends the process as kill -9 does.
func (s *Server) Kill() {
	if s.cmd == nil || s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may be gone
	_ = s.cmd.Wait()
}

// Wait returns when the servers take what is stored.
func (c *Cluster) Wait() {
	tb := c.Servers[0].tb
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	for {
		err := c.ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("the NATS servers did not start: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *Cluster) ready(ctx context.Context) error {
	nc, err := nats.Connect(c.URL(), nats.Timeout(10*time.Second))
	if err != nil {
		return err
	}
	defer nc.Close()
	if len(nc.Servers()) < len(c.Servers) {
		return fmt.Errorf("%d of %d servers", len(nc.Servers()), len(c.Servers))
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cfg := jetstream.StreamConfig{Name: "READY", Subjects: []string{"ready"}, Replicas: min(len(c.Servers), 3)}
	if _, err := js.CreateOrUpdateStream(ctx, cfg); err != nil {
		return err
	}
	return js.DeleteStream(ctx, "READY")
}

// ports finds n free ports.
func ports(tb testing.TB, n int) []string {
	tb.Helper()
	var list []string
	for range n {
		port, err := addresstest.Port()
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, port)
	}
	return list
}
