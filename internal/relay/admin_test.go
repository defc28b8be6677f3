package relay_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/hooks-cli/hooks/internal/relay"
)

// The operator's names for the admin listener are answered; a name that
// anybody on the internet may lead there is not.
func TestAdminHosts(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *relay.Config) { c.Public = &url.URL{Scheme: "https", Host: "relay.example.com"} })
	for host, want := range map[string]int{
		"127.0.0.1:8081": 200, "[::1]:8081": 200, "10.0.0.5": 200, "localhost:8081": 200, "relay:8081": 200,
		"hooks-relay.hooks.svc.cluster.local:8081": 200, "admin.corp.internal": 200, "Relay.Example.com": 200,
		"evil.example:8081": 403, "127.0.0.1.evil.example": 403, "local.evil.example": 403, "relay.example.com.evil.example": 403, "": 403,
	} {
		r := httptest.NewRequest(http.MethodGet, "/status", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		s.Admin().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
}
