package relay_test

import (
	"net/http"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A greeting that breaks off does not take the name from a client that has got
// it meanwhile.
func TestBrokenGreetingLeavesTheName(t *testing.T) {
	t.Parallel()
	keeping, _ := storing(t, spool.Limits{})
	for name, change := range map[string]func(*relay.Config){"live": nil, "stored": keeping} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, change)
			d := wire.Dialer{Shared: &wire.Shared{}}
			ws, _, err := d.Connect(t.Context(), "ws://"+s.url.Host+"/v1/connect", http.Header{"Hooks-Tunnel": {"shop"}})
			if err != nil {
				t.Fatal(err)
			}
			defer ws.Close()
			public, _ := dial(t, s, "shop", answering("ok"), nil)
			_ = ws.WriteMessage(websocket.BinaryMessage, []byte("nonsense"))
			if _, _, err = ws.ReadMessage(); !websocket.IsCloseError(err, int(wire.CloseHello)) {
				t.Fatal(err)
			}
			if resp, body := get(t, public); resp.StatusCode != http.StatusOK {
				t.Errorf("answer %d %q", resp.StatusCode, body)
			}
		})
	}
}
