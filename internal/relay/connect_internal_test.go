package relay

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	"github.com/hooks-cli/hooks/internal/cluster"
)

// Clients beyond those that a relay of a cluster can take at a time are told to
// come again, not all at the same moment.
func TestCrowded(t *testing.T) {
	t.Parallel()
	s := &Server{cfg: Config{Cluster: new(cluster.Cluster), Public: new(url.URL)}}
	s.joining.Store(mostJoining)
	moments := map[int]bool{}
	for range 200 {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/connect", http.NoBody))
		after, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if w.Code != http.StatusServiceUnavailable || err != nil || after < 1 || after > 20 {
			t.Fatalf("%d, Retry-After %q, want 503 and 1 to 20", w.Code, w.Header().Get("Retry-After"))
		}
		moments[after] = true
	}
	if len(moments) < 10 {
		t.Errorf("200 clients were told %d different moments", len(moments))
	}
}
