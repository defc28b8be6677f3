package relay

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/wire"
)

// forwarded is what is known of the sender.
type forwarded struct {
	addr  netip.Addr // invalid if unknown
	https bool
	host  string
}

// origin says who sent r. Headers about that are believed only from the
// proxies that the operator named.
func (s *Server) origin(r *http.Request) forwarded {
	if a, ok := r.Context().Value(trunkKey{}).(arrival); ok {
		return a.forwarded
	}
	f := forwarded{https: r.TLS != nil, host: r.Host}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return f
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return f
	}
	f.addr = addr.Unmap().WithZone("")
	if !s.trusted(f.addr) {
		return f
	}
	switch last(r.Header["X-Forwarded-Proto"]) {
	case "https":
		f.https = true
	case "http":
		f.https = false
	}
	if h := last(r.Header["X-Forwarded-Host"]); h != "" && !strings.ContainsAny(h, " /\\?#@") {
		f.host = h
	}
	// The last address that no trusted proxy owns is the sender: what stands
	// before it is the sender's own word.
	all := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(all) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(all[i]))
		if err != nil {
			break
		}
		f.addr = a.Unmap().WithZone("")
		if !s.trusted(f.addr) {
			break
		}
	}
	return f
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.cfg.TrustProxy {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	v := values[len(values)-1]
	return strings.ToLower(strings.TrimSpace(v[strings.LastIndexByte(v, ',')+1:]))
}

// headerFor copies the request's header for the app: what speaks of this
// connection is gone, what others said about the way is replaced by what we
// know.
func headerFor(r *http.Request, f forwarded, rt route, eventID string) http.Header {
	h := make(http.Header, len(r.Header)+6)
	for name, values := range r.Header {
		if !intake.Forwarding(name) {
			h[name] = values
		}
	}
	wire.DropHop(h)
	for _, name := range [...]string{"X-Real-Ip", "Hooks-Mode", "Hooks-Attempt", "Hooks-Event-Id", wire.SealedHeader} {
		delete(h, name)
	}
	proto := "http"
	if f.https {
		proto = "https"
	}
	more := [...]string{proto, f.host, eventID, "", rt.prefix}
	h["X-Forwarded-Proto"] = more[0:1:1]
	h["X-Forwarded-Host"] = more[1:2:2]
	h["Hooks-Event-Id"] = more[2:3:3]
	if f.addr.IsValid() {
		more[3] = f.addr.String()
		h["X-Forwarded-For"] = more[3:4:4]
	}
	if rt.prefix != "" {
		h["X-Forwarded-Prefix"] = more[4:5:5]
	}
	return h
}
