package tunnel

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/wire"
)

// Config is what a Client is made of.
type Config struct {
	Relay   *url.URL
	Token   safetext.Secret // empty for a relay that needs none
	Name    string          // "" lets the relay invent one
	Program string          // "hooks/1.2.0"
	Mode    wire.Mode       // "" is auto
	Share   wire.Share      // "" is exclusive

	Handler http.Handler     // answers live requests
	Observe func(State)      // told of every change, from one goroutine at a time; nil for none
	NoRetry bool             // end instead of connecting again
	Now     func() time.Time // for what is told, not for time-outs

	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // to the relay; nil: net.Dialer
	TLS  *tls.Config
}

// Phase is what a client is doing.
type Phase string

// The phases of a client.
const (
	Connecting   Phase = "connecting"
	Connected    Phase = "connected"
	Reconnecting Phase = "reconnecting" // waits State.In before it tries again
)

// A State is how a client stands.
type State struct {
	Phase Phase
	URL   string // the public address, once it is known
	Name  string
	In    time.Duration // until the next try
	Err   error         // why it is not connected
	RTT   time.Duration // of the last heartbeat, 0 before
	Moved bool          // connected again after it had been before
}

// A RefusedError says that the relay does not want this client, or that the
// link ended in a way that trying again would not change.
type RefusedError struct {
	Status     int            // of the HTTP answer, 0 if the link was closed
	Code       wire.CloseCode // of the close, 0 if the relay answered HTTP
	Text       string         // the relay's word, one line
	retryAfter time.Duration
}

// Error says what the relay said.
func (e *RefusedError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("relay answered %d %s: %s", e.Status, http.StatusText(e.Status), e.Text)
	}
	return "relay closed the tunnel: " + e.Code.String()
}

// final says that another try would end the same way.
func (e *RefusedError) final() bool {
	switch e.Status {
	case 0:
		return e.Code.Final()
	case 429:
		return false
	}
	return e.Status < 500
}

// A Client is a tunnel. Run may be called once.
type Client struct {
	cfg      Config
	dialer   wire.Dialer
	shared   wire.Shared
	instance string
	name     string
	url      string
	sessions sync.WaitGroup // links that finish what they have begun
}

// New makes a client.
func New(cfg Config) *Client {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	c := &Client{cfg: cfg, instance: hex.EncodeToString(b[:]), name: cfg.Name}
	c.dialer = wire.Dialer{Dial: cfg.Dial, TLS: cfg.TLS, Proxy: http.ProxyFromEnvironment, Shared: &c.shared}
	if c.cfg.TLS == nil {
		c.dialer.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return c
}

func (c *Client) observe(s State) {
	if c.cfg.Observe != nil {
		s.URL, s.Name = c.url, c.name
		c.cfg.Observe(s)
	}
}

// The pauses between two tries.
const (
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	steady     = 10 * time.Second // a link that lived so long was a good one
	finishTime = 10 * time.Second // for requests under way when the client ends
)

// Run connects and stays connected until ctx ends, which it returns nil for
// after the requests under way have finished. A *RefusedError means that the
// relay does not want this client; with NoRetry any loss is an error.
func (c *Client) Run(ctx context.Context) error {
	defer c.sessions.Wait()
	var pause time.Duration
	c.observe(State{Phase: Connecting})
	for {
		ses, err := c.connect(ctx)
		if err == nil {
			c.observe(State{Phase: Connected, Moved: pause > 0})
			pause, err = c.stay(ctx, ses)
		} else {
			pause = min(max(2*pause, firstPause), maxPause)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case isFinal(err), c.cfg.NoRetry:
			return err
		}
		wait := fullJitter(pause, err)
		c.observe(State{Phase: Reconnecting, In: wait, Err: err})
		if !c.wait(ctx, wait) {
			return nil
		}
	}
}

func isFinal(err error) bool {
	var r *RefusedError
	return errors.As(err, &r) && r.final() || errors.Is(err, wire.ErrVersion)
}

// fullJitter spreads the tries of many clients evenly; a relay that names a
// time is not asked before.
func fullJitter(pause time.Duration, err error) time.Duration {
	wait := time.Duration(mrand.Int64N(int64(pause) + 1))
	var r *RefusedError
	if errors.As(err, &r) && r.retryAfter > 0 {
		wait = max(wait, min(r.retryAfter, maxPause))
	}
	return wait
}

// wait waits, less if the machine has slept meanwhile.
func (c *Client) wait(ctx context.Context, d time.Duration) bool {
	tick := time.NewTicker(min(max(d, time.Millisecond), time.Second))
	defer tick.Stop()
	var sleep sleepWatch
	for end := time.Now().Add(d); time.Now().Before(end) && !sleep.slept(time.Now()); {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return ctx.Err() == nil
}

// stay serves ses, and the links that take its place when the relay asks the
// client to move. It returns why the last one ended.
func (c *Client) stay(ctx context.Context, ses *session) (time.Duration, error) {
	for {
		began := time.Now()
		ended := make(chan *wire.CloseError, 1)
		c.sessions.Go(func() { ended <- ses.serve(ctx) })
		select {
		case e := <-ended:
			if ctx.Err() != nil {
				return firstPause, nil
			}
			pause := firstPause
			if time.Since(began) < steady {
				pause = 2 * firstPause
			}
			if e.Code.Final() {
				return pause, &RefusedError{Code: e.Code}
			}
			return pause, e
		case g := <-ses.away:
			next, err := c.move(ctx, g)
			if err != nil {
				ses.finish()
				<-ended
				return firstPause, err
			}
			ses.finish()
			c.observe(State{Phase: Connected, Moved: true})
			ses = next
		}
	}
}

// move opens the new link before the old one is left.
func (c *Client) move(ctx context.Context, g wire.GoAway) (*session, error) {
	span := int64(g.Max-g.Min) + 1
	if !c.wait(ctx, g.Min+time.Duration(mrand.Int64N(span))) {
		return nil, ctx.Err()
	}
	return c.connect(ctx)
}

// connect opens a link and greets the relay.
func (c *Client) connect(ctx context.Context) (*session, error) {
	u := *c.cfg.Relay
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.Path = strings.TrimSuffix(u.Path, "/") + "/v1/connect"
	header := http.Header{"User-Agent": {c.cfg.Program}}
	if !c.cfg.Token.Empty() {
		header.Set("Authorization", "Bearer "+c.cfg.Token.Reveal())
	}
	if c.name != "" {
		header.Set("Hooks-Tunnel", c.name)
	}
	ws, resp, err := c.dialer.Connect(ctx, u.String(), header)
	if err != nil {
		return nil, connectError(c.cfg.Relay, resp, err)
	}
	hello := &wire.Hello{
		Client: c.cfg.Program, Instance: c.instance, Mode: c.cfg.Mode, Share: c.cfg.Share, Limits: wire.DefaultWindows(),
	}
	welcome, err := wire.Greet(ws, hello)
	if err != nil {
		_ = ws.Close()
		return nil, fmt.Errorf("greet relay %s: %w", c.cfg.Relay.Host, err)
	}
	if c.name == "" || welcome.Name == c.name {
		c.name = welcome.Name
	} else {
		_ = ws.Close()
		return nil, fmt.Errorf("greet relay %s: it gave the name %.70q instead of %q", c.cfg.Relay.Host, welcome.Name, c.name)
	}
	c.url = welcome.URL
	return newSession(c, ws, welcome), nil
}

func connectError(relay *url.URL, resp *http.Response, err error) error {
	if resp == nil || errors.Is(err, wire.ErrVersion) {
		return fmt.Errorf("connect to relay %s: %w", relay.Host, err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // what came is enough
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	r := &RefusedError{Status: resp.StatusCode, Text: line}
	if secs, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s"); err == nil && secs > 0 {
		r.retryAfter = secs
	}
	if resp.Header.Get("Hooks-Error") == "" && r.final() {
		r.Text = "is this the address of a relay?"
	}
	return r
}

// sleepWatch notices that the machine slept: the wall clock went on while the
// running clock stood still.
type sleepWatch struct{ last time.Time }

func (w *sleepWatch) slept(now time.Time) bool {
	last := w.last
	w.last = now
	if last.IsZero() {
		return false
	}
	return now.Round(0).Sub(last.Round(0))-now.Sub(last) > 5*time.Second
}
