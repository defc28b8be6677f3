package relay

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A trunk is what relays say to each other: plain HTTP/1.1 on a listener of
// its own. The request is the sender's, but for its target, which is /, and
// for one header more, in which the relay that took it says what it is:
//
//	Hooks-Trunk: v1 TIME NONCE ADDRESS SCHEME EVENT HOST TARGET MAC
//
// TIME is in Unix seconds, ADDRESS the sender's or -, EVENT the request's id,
// HOST and TARGET are escaped as in a query. MAC is the HMAC-SHA256 of all of
// that and the method, by the key that only the relays of one cluster know. A
// request that is older than trunkAge, was seen before or has another MAC is
// 401 and nothing of it is read. A relay that does not own the name answers
// 421 with Hooks-Error: not_owner, before it reads the body.
//
// The connection is not encrypted: it belongs on the relays' own network.
const (
	trunkHeader = "Hooks-Trunk"
	trunkAge    = 30 * time.Second
)

var (
	errNotOwner = &refusal{http.StatusMisdirectedRequest, "not_owner", "another relay owns this tunnel", 0}
	errLookup   = &refusal{http.StatusServiceUnavailable, "cluster_unavailable", "the relays' own store is away", 5 * time.Second}
)

// A trunkKey is under what a request's context holds its sender.
type trunkKey struct{}

// An arrival is what the relay that took a request says of it.
type arrival struct {
	forwarded
	id     wire.EventID
	target string // as the sender spelled it
}

// seal makes the header for a request to another relay.
func seal(key []byte, method string, a arrival, now time.Time) string {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	address, scheme := "-", "http"
	if a.addr.IsValid() {
		address = a.addr.String()
	}
	if a.https {
		scheme = "https"
	}
	text := strings.Join([]string{
		"v1", strconv.FormatInt(now.Unix(), 10), hex.EncodeToString(nonce[:]), address, scheme, a.id.String(), url.QueryEscape(a.host), url.QueryEscape(a.target),
	}, " ")
	return text + " " + trunkMAC(key, text, method)
}

func trunkMAC(key []byte, text, method string) string {
	h := hmac.New(sha256.New, key)
	_, _ = io.WriteString(h, "hooks.trunk "+text+" "+method) // never fails
	return hex.EncodeToString(h.Sum(nil))
}

// A gate reads the header, and lets each pass once.
type gate struct {
	key []byte
	now func() time.Time

	mu   sync.Mutex // guards the following
	seen [2]map[string]struct{}
	turn int64 // now divided by trunkAge, when seen was last turned
}

// open says who sent a request; false if no relay of the cluster says so.
func (g *gate) open(header, method string) (a arrival, ok bool) {
	i := strings.LastIndexByte(header, ' ')
	if i < 0 || !hmac.Equal([]byte(header[i+1:]), []byte(trunkMAC(g.key, header[:i], method))) {
		return arrival{}, false
	}
	f := strings.Split(header[:i], " ")
	if len(f) != 8 || f[0] != "v1" {
		return arrival{}, false
	}
	at, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil || g.now().Sub(time.Unix(at, 0)).Abs() > trunkAge || !g.fresh(f[2]) {
		return arrival{}, false
	}
	if f[3] != "-" {
		if a.addr, err = netip.ParseAddr(f[3]); err != nil {
			return arrival{}, false
		}
	}
	a.https = f[4] == "https"
	if a.id, err = wire.ParseEventID(f[5]); err != nil {
		return arrival{}, false
	}
	if a.host, err = url.QueryUnescape(f[6]); err != nil {
		return arrival{}, false
	}
	a.target, err = url.QueryUnescape(f[7])
	return a, err == nil
}

// fresh says whether a nonce comes for the first time within its age.
func (g *gate) fresh(nonce string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	// A nonce is good from trunkAge before its time to trunkAge after it.
	switch turn := g.now().Unix() / int64(2*trunkAge/time.Second); {
	case g.seen[0] == nil || turn > g.turn+1:
		g.seen, g.turn = [2]map[string]struct{}{{}, {}}, turn
	case turn > g.turn:
		g.seen, g.turn = [2]map[string]struct{}{{}, g.seen[0]}, turn
	}
	for _, s := range g.seen {
		if _, ok := s[nonce]; ok {
			return false
		}
	}
	g.seen[0][nonce] = struct{}{}
	return true
}

// Trunk answers the other relays of the cluster. It is for a listener of its
// own.
func (s *Server) Trunk() http.Handler {
	g := &gate{key: s.cfg.Cluster.Key(), now: s.cfg.Now}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := g.open(r.Header.Get(trunkHeader), r.Method)
		if !ok {
			say(w, http.StatusUnauthorized, "not a relay of this cluster")
			return
		}
		u, err := url.ParseRequestURI(a.target)
		if err != nil {
			s.refuse(w, errBadHead)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), trunkKey{}, a))
		r.Header.Del(trunkHeader)
		r.URL, r.RequestURI, r.RemoteAddr = u, a.target, netip.AddrPortFrom(a.addr, 0).String()
		if r.URL.Path == s.prefix+"/v1/connect" {
			s.serveConnect(w, r)
			return
		}
		rt, ok := s.routeOf(r)
		if !ok {
			s.refuse(w, errUnknown)
			return
		}
		s.servePublic(w, r, rt)
	})
}

// A passing is one request on its way to another relay.
type passing struct {
	s       *Server
	to      string
	owner   *cluster.Owner
	arrival arrival

	touched atomic.Bool // some of the body is gone
	sent    atomic.Bool // the owner may have got some of the request
	status  int         // of the answer
	failure error
}

var errMisdirected = errors.New("not the owner")

// pass hands the request to another relay and the answer to w. If nothing has
// been answered it returns why.
func (p *passing) pass(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	begun := make(chan struct{})
	go p.watch(ctx, cancel, begun)
	var once sync.Once
	proxy := &httputil.ReverseProxy{
		Transport:     p.s.trunks,
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		Rewrite:       p.rewrite,
		ModifyResponse: func(answer *http.Response) error {
			once.Do(func() { close(begun) })
			if answer.StatusCode == errNotOwner.status && answer.Header.Get("Hooks-Error") == errNotOwner.code {
				return errMisdirected
			}
			p.status = answer.StatusCode
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { p.failure = err },
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &touching{ReadCloser: r.Body, p: p}
	}
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { p.sent.Store(true) }}
	proxy.ServeHTTP(w, r.WithContext(httptrace.WithClientTrace(ctx, trace)))
	return p.failure
}

// rewrite leaves the request as the sender made it.
func (p *passing) rewrite(pr *httputil.ProxyRequest) {
	pr.Out.URL = &url.URL{Scheme: "http", Host: p.to, Path: "/"}
	pr.Out.Host = pr.In.Host
	for name, values := range pr.In.Header {
		if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" {
			pr.Out.Header[name] = values
		}
	}
	if _, ok := pr.Out.Header["User-Agent"]; !ok {
		pr.Out.Header["User-Agent"] = nil // net/http would add its own
	}
	pr.Out.Header.Set(trunkHeader, seal(p.s.cfg.Cluster.Key(), pr.Out.Method, p.arrival, p.s.cfg.Now()))
}

// watch gives up on an owner that is gone before it has answered.
func (p *passing) watch(ctx context.Context, cancel context.CancelFunc, begun <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-begun:
			return
		case <-tick.C:
			if !p.s.cfg.Cluster.Alive(p.owner) {
				cancel()
				return
			}
		}
	}
}

// touching notes that a body is being read.
type touching struct {
	io.ReadCloser
	p *passing
}

// Read reads.
func (t *touching) Read(b []byte) (int, error) {
	t.p.touched.Store(true)
	return t.ReadCloser.Read(b)
}

// Close leaves the body to whoever may still store it.
func (t *touching) Close() error { return nil }

// newTrunks makes the connections to the other relays.
func newTrunks() *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 256, IdleConnTimeout: 5 * time.Minute,
		ExpectContinueTimeout: time.Second, DisableCompression: true,
	}
}
