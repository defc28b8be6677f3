package listen

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/wire"
)

// readRelay finds the relay that --tunnel goes through.
func (l *listening) readRelay(ctx context.Context) error {
	if !l.o.Tunnel {
		return nil
	}
	// What listens on any free port is still the same listener next time.
	var err error
	l.place, err = l.env.FindRelay(ctx, l.o.Relay, "listen "+strconv.Itoa(l.at.Port))
	return err
}

// openTunnel makes the tunnel whose requests go through the pipeline like
// those that come to the port.
func (l *listening) openTunnel() {
	if l.place == nil {
		return
	}
	news := &connection{l: l}
	l.reach = tunnel.New(tunnel.Config{
		Relay: l.place.URL, Token: l.place.Token, Name: l.place.Name, Program: "hooks/" + build.Read().Version,
		Share: wire.Share(l.o.Relay.Share), Instance: l.place.Instance, Key: l.place.Key, Seal: l.o.Relay.Seal,
		Now: l.env.Now, Handler: http.HandlerFunc(l.live), Deliver: tunnel.ToHandler(http.HandlerFunc(l.limited), l.tunnelIDs(), notTaken), Observe: news.tell,
	})
}

func (l *listening) tunnelIDs() tunnel.IDs { return tunnel.IDs{Key: l.place.IDKey, New: l.ids.New} }

// live takes a request that the relay passed on. Should the link break before
// the answer is there, the relay keeps the request and sends it again under
// the same id.
func (l *listening) live(w http.ResponseWriter, r *http.Request) {
	id := l.tunnelIDs().Of(r.Header.Get(tunnel.EventHeader), l.env.Now())
	l.limited(w, r.WithContext(capture.WithOrigin(r.Context(), capture.Origin{ID: id})))
}

// limited is the pipeline behind the limit that the port has too: what comes
// through a relay has passed the relay's limits, not ours.
func (l *listening) limited(w http.ResponseWriter, r *http.Request) {
	r.Body = &limitedBody{ReadCloser: r.Body, left: l.maxBody(), most: l.maxBody()}
	l.pipeline.ServeHTTP(w, r)
}

type limitedBody struct {
	io.ReadCloser
	left, most int64
}

// Read reads no further than the limit.
func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, &intake.Refusal{
			Status: http.StatusRequestEntityTooLarge, Reason: intake.BodyTooLarge,
			Text: "body larger than " + units.FormatSize(b.most) + " (--max-body)",
		}
	}
	return n, err
}

// notTaken says that the pipeline could not store a request, or that no app
// answered it: the relay keeps it and sends it again. Whatever else comes is an
// answer.
func notTaken(status int, h http.Header, body []byte) (wire.NackWhy, bool) {
	switch word := h.Get("Hooks-Error"); {
	case status == http.StatusServiceUnavailable && bytes.HasPrefix(body, []byte("capture not stored")):
		return wire.NackWait, true
	case status == http.StatusBadGateway && word == capture.AppUnreachable, status == http.StatusGatewayTimeout && word == capture.AppTimeout:
		return wire.NackAppDown, true
	}
	return 0, false
}

// A connection tells what becomes of the tunnel.
type connection struct {
	l *listening

	mu    sync.Mutex // guards the following
	ready bool
	away  bool
}

func (c *connection) tell(s tunnel.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	env := c.l.env
	switch {
	case s.Phase == tunnel.Reconnecting:
		c.away = true
		env.Say("tunnel: reconnecting in %s: %v", render.Duration(s.In.Round(100*time.Millisecond)), s.Err)
		return
	case s.Phase != tunnel.Connected:
		return
	case !c.ready:
		c.ready = true
		c.l.place.Remember(s.Name)
		c.announce(s)
	case c.away:
		c.away = false
		env.Say("tunnel: connected again")
	}
	if s.Expired > 0 {
		env.Warn(strconv.FormatUint(s.Expired, 10) + " events expired while away")
	}
	if s.Replaced {
		env.Say("store of the relay was replaced")
	}
	if s.Blocked {
		env.WarnOnce("the relay's store takes nothing: senders are told 503")
	}
	if s.Err != nil {
		env.Warn(s.Err.Error())
	}
}

// announce says where the world finds the listener.
func (c *connection) announce(s tunnel.State) {
	if !c.l.env.Global.WantsJSON() {
		c.l.env.Say("public at %s", s.URL)
		return
	}
	c.l.show.mu.Lock()
	defer c.l.show.mu.Unlock()
	c.l.show.write(c.l.env.JSONLine(context.Background(), public{Kind: "tunnel", URL: s.URL, Name: s.Name}))
}

// public is the line of --json that tells the address of the tunnel.
type public struct {
	Kind string `json:"kind"`
	URL  string `json:"url"`
	Name string `json:"name"`
}
