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
	for n, most := range map[int64]int{0: 1, 5 * joinRate: 7, 1_000_000: joinSpread} {
		s.turned.Store(n)
		moments := map[int]bool{}
		for range 200 {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/connect", http.NoBody))
			after, err := strconv.Atoi(w.Header().Get("Retry-After"))
			if w.Code != http.StatusServiceUnavailable || err != nil || after < 1 || after > most {
				t.Fatalf("%d, Retry-After %q after %d others, want 503 and 1 to %d", w.Code, w.Header().Get("Retry-After"), n, most)
			}
			moments[after] = true
		}
		if len(moments) < most/2 {
			t.Errorf("200 clients after %d others were told %d different moments", n, len(moments))
		}
	}
	s.joining.Store(1)
	if s.joined(); s.turned.Load() != 0 {
		t.Error("the crowd is not over")
	}
}
