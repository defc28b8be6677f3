package relay

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A name whose client has been connected for very long is not free when the
// relay is started again; one that nobody has used for so long is.
func TestNameInUseOutlivesARestart(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	now := func() time.Time { return time.Unix(0, clock.Load()) }
	dir := t.TempDir()
	start := func() (s *Server, stop func()) {
		sp, err := spool.Open(t.Context(), dir, spool.Limits{}, now)
		if err != nil {
			t.Fatal(err)
		}
		s = New(Config{Public: &url.URL{Scheme: "http", Host: "relay.example"}, Spool: sp, Now: now})
		return s, func() {
			s.Close()
			_ = sp.Close()
		}
	}
	s, stop := start()
	web := httptest.NewServer(s)
	defer web.Close()
	d := wire.Dialer{Shared: &wire.Shared{}}
	for _, name := range []string{"stays", "leaves"} {
		ws, _, err := d.Connect(t.Context(), strings.Replace(web.URL, "http", "ws", 1)+"/v1/connect", http.Header{"Hooks-Tunnel": {name}})
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		if _, err := wire.Greet(ws, &wire.Hello{Client: "t", Instance: strings.Repeat("0", 32)}); err != nil {
			t.Fatal(err)
		}
		if name == "leaves" {
			_ = ws.Close()
		}
	}
	tick, late := time.NewTicker(time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for len(s.allSessions()) > 1 {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("the client that left is still there")
		}
	}
	for range 20 {
		clock.Add(int64(2 * 24 * time.Hour))
		s.sweep(t.Context())
	}
	stop()
	s, stop = start()
	defer stop()
	s.sweep(t.Context())
	if s.names.find("stays") == nil || s.names.find("leaves") != nil {
		t.Errorf("stays: %v, leaves: %v; want the first alone", s.names.find("stays") != nil, s.names.find("leaves") != nil)
	}
}
