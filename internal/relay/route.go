package relay

import (
	"net"
	"net/http"
	"strings"

	"github.com/hooks-cli/hooks/internal/intake"
)

// A route is where a public request leads.
type route struct {
	name   string
	target string // as the app shall see it
	prefix string // of the path that was cut off, "" in subdomain mode
}

// routeOf finds the name in a request: in its host, if that is below the
// domain, else in its path. The target is cut as bytes; nothing is decoded,
// cleaned or redirected. The second result is false for a request that is for
// the relay itself.
func (s *Server) routeOf(r *http.Request) (route, bool) {
	target := intake.Target(r)
	if label, ok := s.labelOf(r.Host); ok {
		return route{name: label, target: target}, true
	}
	rest, ok := strings.CutPrefix(target, s.prefix+"/t/")
	if !ok {
		return route{}, false
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	rt := route{name: rest[:end], target: rest[end:], prefix: s.prefix + "/t/" + rest[:end]}
	if rt.target == "" || rt.target[0] == '?' {
		rt.target = "/" + rt.target
	}
	return rt, true
}

// labelOf gives the name in a host below the domain.
func (s *Server) labelOf(host string) (string, bool) {
	if s.cfg.Domain == "" {
		return "", false
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	label, ok := strings.CutSuffix(host, "."+s.cfg.Domain)
	if !ok || label == "" || strings.Contains(label, ".") {
		return "", false
	}
	return label, true
}

// URLOf is the public address of a name.
func (s *Server) URLOf(label string) string {
	u := *s.cfg.Public
	if s.cfg.Domain == "" {
		u.Path = s.prefix + "/t/" + label
		return u.String()
	}
	port := u.Port()
	u.Host, u.Path = label+"."+s.cfg.Domain, ""
	if port != "" {
		u.Host = net.JoinHostPort(u.Host, port)
	}
	return u.String()
}
