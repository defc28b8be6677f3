package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Status is what the admin listener tells of a relay.
type Status struct {
	Version  string         `json:"version"`
	Node     string         `json:"node,omitempty"` // among relays that share a store, as are the nodes
	URL      string         `json:"url"`
	Domain   string         `json:"domain,omitempty"`
	Ready    bool           `json:"ready"`
	Clients  int64          `json:"clients"`
	Names    int            `json:"names"`
	Streams  int64          `json:"streams"`
	Stores   bool           `json:"stores"`
	Stored   int64          `json:"stored"`
	Acked    int64          `json:"acked"`
	Expired  int64          `json:"expired"`
	Waiting  int64          `json:"waiting"`
	WaitSize int64          `json:"waiting_bytes"`
	Durable  string         `json:"durability"` // of what is stored: none, replicated or fsynced
	Nodes    []cluster.Peer `json:"nodes,omitempty"`
	Shared   *SharedStatus  `json:"shared,omitempty"`
	Tunnels  []TunnelStatus `json:"tunnels"` // at most 20: those with the most waiting or the newest clients
}

// A TunnelStatus is how one name stands.
type TunnelStatus struct {
	Name    string    `json:"name"`
	Mode    string    `json:"mode"`
	Share   string    `json:"share"`
	Clients int       `json:"clients"`
	Waiting int64     `json:"waiting"`
	Blocked bool      `json:"blocked"`
	Since   time.Time `json:"since"` // when its state last changed
}

// MarshalJSON writes the time as everywhere else.
func (t TunnelStatus) MarshalJSON() ([]byte, error) {
	type plain TunnelStatus
	return json.Marshal(struct {
		plain
		Since string `json:"since"`
	}{plain(t), webhook.FormatTime(t.Since)})
}

// A SharedStatus is how the store stands that relays share, whichever of them
// is asked.
type SharedStatus struct {
	Reachable bool            `json:"reachable"`
	Names     int             `json:"names"`
	Waiting   int64           `json:"waiting"` // events in the store, some of which are acknowledged
	Tunnels   []cluster.Entry `json:"tunnels"` // at most 20: those with the most waiting
}

// sharedStatus asks the store; what it does not say in time is left out.
func (s *Server) sharedStatus() *SharedStatus {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	st := &SharedStatus{Reachable: s.cfg.Cluster.Reachable(), Tunnels: []cluster.Entry{}}
	if !st.Reachable {
		return st
	}
	all, err := s.cfg.Cluster.Overview(ctx, mostTunnels)
	if err != nil {
		st.Reachable = false
		return st
	}
	st.Names, st.Waiting = all.Names, all.Waiting
	st.Tunnels = append(st.Tunnels, all.Top...)
	return st
}

// mostTunnels is how many tunnels a Status lists.
const mostTunnels = 20

// Clients is how many are connected.
func (s *Server) Clients() int64 { return s.metrics.links.Load() }

// Status says how the relay stands.
func (s *Server) Status() Status {
	st := Status{
		Version: s.cfg.Version, URL: s.cfg.Public.String(), Domain: s.cfg.Domain, Ready: s.Ready(),
		Clients: s.Clients(), Streams: s.metrics.streams.Load(), Tunnels: []TunnelStatus{},
	}
	if s.stores() {
		c := s.totals()
		st.Stores, st.Stored, st.Acked, st.Expired, st.Waiting, st.WaitSize = true, c.Stored, c.Acked, c.Expired, c.Waiting, c.Bytes
	}
	st.Durable = [...]string{"none", "replicated", "fsynced"}[s.durability()]
	if c := s.cfg.Cluster; c != nil {
		st.Node, st.Nodes, st.Shared = c.Node(), c.Peers(), s.sharedStatus()
	}
	s.names.each(func(n *name) {
		st.Names++
		n.mu.Lock()
		defer n.mu.Unlock()
		t := TunnelStatus{
			Name: n.label, Mode: string(n.mode), Share: string(n.share), Clients: len(n.sessions),
			Waiting: max(n.waitingLocked(), 0), Blocked: n.blocked, Since: n.usedAt.UTC(),
		}
		if len(n.sessions) > 0 {
			t.Since = n.sessions[0].since.UTC()
		}
		st.Tunnels = append(st.Tunnels, t)
	})
	slices.SortFunc(st.Tunnels, func(a, b TunnelStatus) int {
		return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(b.Clients, a.Clients), b.Since.Compare(a.Since), cmp.Compare(a.Name, b.Name))
	})
	st.Tunnels = st.Tunnels[:min(len(st.Tunnels), mostTunnels)]
	return st
}

// Admin answers the operator: metrics, health, readiness and the status. It is
// for a listener of its own, which senders and clients cannot reach.
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.Ready() {
			say(w, http.StatusServiceUnavailable, "draining")
			return
		}
		say(w, http.StatusOK, "ready")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		_ = s.WriteMetrics(w) // a scraper that has left reads nothing
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Status()) // as above
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.ownHost(r.Host) {
			say(w, http.StatusForbidden, "host not allowed")
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// ownHost says whether a request for host may be answered. A page in the
// operator's browser can make a name of its own lead here. It cannot make that
// look like an address, nor like a name that only a network of its own knows,
// nor like the relay's.
func (s *Server) ownHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if len(host) > 2 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(host, ".") {
		return host != ""
	}
	for _, end := range [...]string{".localhost", ".local", ".internal", ".svc", ".home.arpa"} {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	return host == strings.ToLower(s.cfg.Public.Hostname())
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // a prober that has left reads nothing
}
