package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/units"
)

func newStatus(env *cli.Env) *cobra.Command {
	var admin string
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show how a running relay stands",
		Example: "  $ hooks relay status\n  $ hooks relay status --admin 10.0.0.5:8081 --json\n  $ hooks relay status --admin https://relay-admin.example.internal",
		Args:    cli.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return status(cmd.Context(), env, admin) },
	}
	cmd.Flags().StringVar(&admin, "admin", ":8081", "the admin `ADDR` of the relay, or its URL")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the relay answered and is ready"},
		cli.Exit{Status: cli.StatusNo, When: "the relay is draining"},
		cli.Exit{Status: cli.StatusError, When: "no relay answers there"},
	)
	return cmd
}

// adminURL is the address of a relay's status: an address as --admin of the
// relay takes it, or a URL, for one behind a proxy.
func adminURL(text string) (string, error) {
	if strings.Contains(text, "://") {
		u, err := address.ParseURL(text)
		if err != nil {
			return "", err
		}
		return u.JoinPath("status").String(), nil
	}
	a, err := address.ParseListen(text)
	if err != nil {
		return "", err
	}
	if a.Host == "" {
		a.Host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) + "/status", nil
}

func status(ctx context.Context, env *cli.Env, admin string) error {
	u, err := adminURL(admin)
	if err != nil {
		return cli.Usage(fmt.Errorf("--admin: %w", err))
	}
	doc, err := fetch(ctx, env.HTTP, u)
	if err != nil {
		return cli.Failed(fmt.Errorf("ask the relay: %w", err), "the relay says at its start where its status is: --admin ADDR")
	}
	var st relay.Status
	if err := json.Unmarshal(doc, &st); err != nil {
		return cli.Failed(fmt.Errorf("ask the relay: %w", err))
	}
	if env.Global.WantsJSON() {
		err = env.JSON(ctx, st)
	} else {
		err = env.Columns(statusRows(st))
	}
	if err == nil && !st.Ready {
		return cli.No()
	}
	return err
}

// sharedRows tell of the relays that share a store.
func sharedRows(st relay.Status) [][]string {
	if st.Shared == nil {
		return nil
	}
	store := "NATS is away"
	if st.Shared.Reachable {
		store = fmt.Sprintf("%s, %d names, %d events", st.Durable, st.Shared.Names, st.Shared.Waiting)
	}
	rows := [][]string{{"store", store}}
	for _, p := range st.Nodes {
		here := ""
		if p.Node == st.Node {
			here = ", this one"
		}
		rows = append(rows, []string{"node " + p.Node, fmt.Sprintf("%s, %d clients, %d names%s", p.Address, p.Links, p.Names, here)})
	}
	for _, t := range st.Shared.Tunnels {
		owner := t.Owner
		if !t.Alive {
			owner += " (gone)"
		}
		rows = append(rows, []string{"  " + t.Name, fmt.Sprintf("%s, owned by %s, %d in the store", or(t.Mode), owner, t.Waiting)})
	}
	return append(rows, []string{"of this node", ""})
}

func statusRows(st relay.Status) [][]string {
	ready := "ready"
	if !st.Ready {
		ready = "draining"
	}
	kept := "nothing is kept"
	if st.Stores {
		kept = fmt.Sprintf("%d wait (%s), %d stored, %d acknowledged, %d expired",
			st.Waiting, units.FormatSize(st.WaitSize), st.Stored, st.Acked, st.Expired)
	}
	rows := [][]string{
		{"relay", st.URL + " " + ready + ", " + st.Version},
		{"clients", fmt.Sprintf("%d, with %d requests under way", st.Clients, st.Streams)},
		{"events", kept},
		{"names", strconv.Itoa(st.Names)},
	}
	rows = append(rows, sharedRows(st)...)
	for _, t := range st.Tunnels {
		state := "away"
		if t.Clients > 0 {
			state = fmt.Sprintf("%d connected", t.Clients)
		}
		if t.Blocked {
			state += ", blocked"
		}
		rows = append(rows, []string{"  " + t.Name, fmt.Sprintf("%s, %s, %d waiting, since %s", or(t.Mode), state, t.Waiting, t.Since.UTC().Format(time.DateTime))})
	}
	return rows
}
