package relay

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/cluster/natstest"
	"github.com/hooks-cli/hooks/internal/relay"
)

// runRelay runs a command below `hooks relay` and returns what it prints.
func runRelay(t *testing.T, args ...string) (string, error) {
	t.Helper()
	w := clitest.New(t)
	cmd := NewCmd(w.Env, nil)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	return w.Stdout.String(), err
}

// Tokens that relays share are made, listed and taken back; the store never has
// the token itself.
func TestSharedTokens(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1)
	at := []string{"--nats", servers.URL()}
	text, err := runRelay(t, append([]string{"token", "create", "--label", "laptop", "--names", "shop-*"}, at...)...)
	if err != nil || !strings.HasPrefix(text, relay.TokenPrefix) {
		t.Fatalf("create printed %q, %v", text, err)
	}
	list, err := runRelay(t, append([]string{"token", "list"}, at...)...)
	if err != nil || !strings.Contains(list, "laptop") || !strings.Contains(list, "shop-*") || strings.Contains(list, strings.TrimSpace(text)) {
		t.Errorf("list printed %q, %v", list, err)
	}
	c, err := cluster.Connect(t.Context(), cluster.Config{URL: servers.URL(), Node: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	records, err := c.ReadTokens(t.Context())
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for _, r := range records {
		if strings.Contains(string(r), strings.TrimSpace(text)) || !json.Valid(r) {
			t.Errorf("the record is %s", r)
		}
	}
	if _, err := runRelay(t, append([]string{"token", "revoke", "laptop"}, at...)...); err != nil {
		t.Errorf("revoke: %v", err)
	}
	var e *cli.Error
	if _, err := runRelay(t, append([]string{"token", "revoke", "laptop"}, at...)...); !errors.As(err, &e) || e.Status != cli.StatusNo {
		t.Errorf("revoke of nothing: %v, want status %d", err, cli.StatusNo)
	}
}

// What is wrong with the address of NATS is said before anything is begun, and
// never with the password in it.
func TestNATSAddresses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"token", "list", "--nats", "10.0.0.5"},
		{"token", "list", "--nats", "http://user:s3cret@10.0.0.5:4222"},
		{"token", "list", "--nats", "nats://a:4222,"},
		{"token", "list", "--nats", "nats://a:4222", "--data-dir", "x"},
	} {
		var e *cli.Error
		_, err := runRelay(t, args...)
		if !errors.As(err, &e) || e.Status != cli.StatusUsage || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v: %v, want status %d", args, err, cli.StatusUsage)
		}
	}
	for _, trunk := range []string{"", "7422", "0.0.0.0:7422", ":7422", "[::]:7422"} {
		var e *cli.Error
		if _, err := listenTrunk(t.Context(), trunk); !errors.As(err, &e) || e.Status != cli.StatusUsage {
			t.Errorf("--trunk %q: %v, want status %d", trunk, err, cli.StatusUsage)
		}
	}
}

// The status of a relay among several tells of the others.
func TestSharedRows(t *testing.T) {
	t.Parallel()
	rows := sharedRows(relay.Status{
		Node: "one", Durable: "fsynced",
		Nodes:  []cluster.Peer{{Node: "one", Address: "10.0.0.1:7422", Links: 3, Names: 2}, {Node: "two", Address: "10.0.0.2:7422"}},
		Shared: &relay.SharedStatus{Reachable: true, Names: 2, Waiting: 7, Tunnels: []cluster.Entry{{Name: "shop", Owner: "three", Mode: "auto", Waiting: 7}}},
	})
	var lines []string
	for _, r := range rows {
		lines = append(lines, strings.Join(r, " | "))
	}
	want := "store | fsynced, 2 names, 7 events\n" +
		"node one | 10.0.0.1:7422, 3 clients, 2 names, this one\n" +
		"node two | 10.0.0.2:7422, 0 clients, 0 names\n" +
		"  shop | auto, owned by three (gone), 7 in the store\n" +
		"of this node | "
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if rows := sharedRows(relay.Status{}); rows != nil {
		t.Errorf("a relay on its own has rows %v", rows)
	}
}
