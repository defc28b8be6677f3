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
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
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
	// Instance is what the relay knows this client by among others of its
	// name: 32 hexadecimal digits; "" makes one up. With broadcast it should be
	// the same in the next run, or the relay keeps events for one that is gone.
	Instance string

	Parallel     int           // events that are under way at a time; 0 is 1, which keeps their order
	Since        time.Time     // read again what came since then, as far as the relay keeps it; zero: nothing
	Key          *wire.SealKey // opens sealed events; nil for none
	Seal         bool          // have the relay seal what it stores with Key, or end where it cannot
	SkipPoison   bool          // an event that Deliver gives back ten times, the app being there, goes behind the others
	AcceptStatus int           // what a sender is told of a stored request; 0 is 202

	Handler http.Handler // answers live requests
	// Deliver takes a stored request. Nil means that it is done with: stored
	// here, and answered by the app where there is one. A *Later gives it back
	// to the relay. It must be safe for concurrent use if Parallel is above 1.
	// Nil for a client that wants live requests only.
	Deliver func(context.Context, *Stored) error

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

	Mode     wire.Mode // what the relay does with requests, once it is known
	Waiting  uint64    // events that the relay holds for us
	Oldest   time.Time // when the oldest of them came; zero if unknown
	Expired  uint64    // events that expired since the last State
	Replaced bool      // the relay's store is another one than before
	Blocked  bool      // the relay's store takes nothing
}

// A RefusedError says that the relay does not want this client, or that the
// link ended in a way that trying again would not change.
type RefusedError struct {
	Status     int            // of the HTTP answer, 0 if the link was closed
	Code       wire.CloseCode // of the close, 0 if the relay answered HTTP
	Text       string         // the relay's word, one line
	retryAfter time.Duration
	end        bool // what was wanted is not to be had there
}

// Error says what the relay said.
func (e *RefusedError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("relay answered %d %s: %s", e.Status, http.StatusText(e.Status), e.Text)
	}
	if e.end {
		return "relay: " + e.Text
	}
	return "relay closed the tunnel: " + e.Code.String()
}

// final says that another try would end the same way.
func (e *RefusedError) final() bool {
	if e.end {
		return true
	}
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
	sessions sync.WaitGroup // links that finish what they have begun
	inbox    inbox
	network  func() string   // what changes when this machine comes to another one
	work     context.Context // of deliveries: it ends a while after Run's
	stopWork context.CancelFunc

	observing sync.Mutex // held while Observe runs

	mu     sync.Mutex // guards the following
	url    string
	mode   wire.Mode
	sought bool   // Since has been asked for
	epoch  string // of the relay's store
	upTo   uint64 // what of it is done with
}

// New makes a client.
func New(cfg Config) *Client {
	c := &Client{cfg: cfg, instance: cfg.Instance, name: cfg.Name, network: networkNow}
	if c.instance == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		c.instance = hex.EncodeToString(b[:])
	}
	c.work, c.stopWork = context.WithCancel(context.Background())
	c.dialer = wire.Dialer{Dial: cfg.Dial, TLS: cfg.TLS, Proxy: http.ProxyFromEnvironment, Shared: &c.shared}
	if c.cfg.TLS == nil {
		c.dialer.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return c
}

func (c *Client) observe(s State) {
	if c.cfg.Observe == nil {
		return
	}
	c.mu.Lock()
	s.URL, s.Name, s.Mode = c.url, c.name, c.mode
	c.mu.Unlock()
	c.observing.Lock()
	defer c.observing.Unlock()
	c.cfg.Observe(s)
}

// The pauses between two tries.
const (
	leastPause = 100 * time.Millisecond
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	steady     = 10 * time.Second // a link that lived so long was a good one
	finishTime = 10 * time.Second // for requests under way when the client ends
)

// Run connects and stays connected until ctx ends, which it returns nil for
// after the requests under way have finished. A *RefusedError means that the
// relay does not want this client; with NoRetry any loss is an error.
func (c *Client) Run(ctx context.Context) error {
	defer func() {
		late := time.AfterFunc(finishTime, c.stopWork)
		c.sessions.Wait()
		late.Stop()
		c.stopWork()
	}()
	var pause time.Duration
	c.observe(State{Phase: Connecting})
	for {
		ses, err := c.connect(ctx)
		if err == nil {
			ses.welcome(pause > 0)
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
		began := time.Now()
		var refused *RefusedError
		if !c.wait(ctx, wait, !errors.As(err, &refused)) {
			return nil
		}
		if time.Since(began) < wait {
			pause = firstPause // what kept it from connecting may be gone
		}
	}
}

func isFinal(err error) bool {
	var r *RefusedError
	return errors.As(err, &r) && r.final() || errors.Is(err, wire.ErrVersion)
}

// fullJitter spreads the tries of many clients evenly; a relay that names a
// time is not asked before, and none at once.
func fullJitter(pause time.Duration, err error) time.Duration {
	wait := max(leastPause, time.Duration(mrand.Int64N(int64(pause)+1)))
	var r *RefusedError
	if errors.As(err, &r) && r.retryAfter > 0 {
		wait = max(wait, min(r.retryAfter, maxPause))
	}
	return wait
}

// wait waits, less if the machine has slept meanwhile or, where that could help,
// come to another network.
func (c *Client) wait(ctx context.Context, d time.Duration, network bool) bool {
	tick := time.NewTicker(min(max(d, time.Millisecond), time.Second))
	defer tick.Stop()
	var sleep sleepWatch
	began, before := time.Now(), ""
	if network {
		before = c.network()
	}
	for time.Since(began) < d && !sleep.slept(time.Now().Round(0), time.Since(began)) && (!network || c.network() == before) {
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
				<-ended //nolint:errcheck // it was ended from here
				return firstPause, err
			}
			ses.finish()
			next.welcome(true)
			ses = next
		}
	}
}

// move opens the new link before the old one is left.
func (c *Client) move(ctx context.Context, g wire.GoAway) (*session, error) {
	span := int64(g.Max-g.Min) + 1
	if !c.wait(ctx, g.Min+time.Duration(mrand.Int64N(span)), false) {
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
	welcome, err := wire.Greet(ws, c.hello())
	if err != nil {
		_ = ws.Close()
		return nil, fmt.Errorf("greet relay %s: %w", c.cfg.Relay.Host, err)
	}
	if err := c.accept(welcome); err != nil {
		_ = ws.Close()
		return nil, err
	}
	return newSession(c, ws, welcome), nil
}

func (c *Client) hello() *wire.Hello {
	h := &wire.Hello{
		Client: c.cfg.Program, Instance: c.instance, Mode: c.cfg.Mode, Share: c.cfg.Share,
		Parallel: c.cfg.Parallel, AcceptStatus: c.cfg.AcceptStatus, SkipPoison: c.cfg.SkipPoison, Limits: wire.DefaultWindows(),
	}
	if c.cfg.Seal {
		h.Seal = c.cfg.Key.Public()
	}
	if c.cfg.Deliver == nil {
		h.Mode = wire.ModeLive
	} else {
		h.Want = []string{"events"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != "" && c.upTo > 0 {
		h.Resume = &wire.Resume{Epoch: c.epoch, Offset: c.upTo}
	}
	return h
}

// accept takes over what the relay says of the name. A relay cannot change
// the name, and what it says is shown to a person: it must look like what it
// claims to be.
func (c *Client) accept(w *wire.Welcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	host := c.cfg.Relay.Host
	switch u, err := url.Parse(w.URL); {
	case c.name != "" && w.Name != c.name:
		return fmt.Errorf("greet relay %s: it gave the name %.70q instead of %q", host, w.Name, c.name)
	case w.Name == "" || strings.Trim(w.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("greet relay %s: it gave the name %.70q", host, w.Name)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil,
		!safetext.Plain(w.URL), strings.Contains(w.URL, " "):
		return fmt.Errorf("greet relay %s: it gave the URL %.200q", host, w.URL)
	}
	if c.cfg.Seal && !slices.Contains(w.Features, wire.FeatureSeal) {
		return &RefusedError{Code: wire.CloseHello, Text: "it cannot seal what it stores", end: true}
	}
	c.name, c.url, c.mode = w.Name, w.URL, w.Mode
	return nil
}

func connectError(relay *url.URL, resp *http.Response, err error) error {
	if errors.Is(err, wire.ErrVersion) {
		return fmt.Errorf("connect to relay %s: %w", relay.Host, err)
	}
	if resp == nil {
		return fmt.Errorf("connect to the relay: %w", deliver.InWords(err, relay.Host))
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
type sleepWatch struct {
	wall    time.Time
	running time.Duration
	seen    bool
}

// slept compares the two clocks with what they were at the last call.
func (w *sleepWatch) slept(wall time.Time, running time.Duration) bool {
	last := *w
	*w = sleepWatch{wall, running, true}
	return last.seen && wall.Sub(last.wall)-(running-last.running) > 5*time.Second
}
