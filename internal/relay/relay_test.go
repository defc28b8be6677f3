package relay_test

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// server is a relay on loopback.
type server struct {
	*relay.Server
	url  *url.URL
	http *intake.Server
}

// serve starts a relay. change may spoil its configuration.
func serve(tb testing.TB, change func(*relay.Config)) *server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	u := &url.URL{Scheme: "http", Host: l.Addr().String()}
	cfg := relay.Config{Version: "test", Public: u, Now: time.Now, Limits: relay.Limits{Unlimited: true}}
	if change != nil {
		change(&cfg)
	}
	s := &server{Server: relay.New(cfg), url: u}
	s.http = &intake.Server{Handler: s.Server, Limits: intake.Limits{Body: 10 << 20, Connections: 16_000}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.http.Serve(l) })
	wg.Go(func() { s.Run(ctx) })
	tb.Cleanup(func() {
		cancel()
		_ = s.http.Close()
		s.Close()
		wg.Wait()
	})
	return s
}

// dial connects a client whose handler is h and waits until it is connected.
func dial(tb testing.TB, s *server, name string, h http.Handler, change func(*tunnel.Config)) (public string, stop func() error) {
	tb.Helper()
	up := make(chan tunnel.State, 16)
	cfg := tunnel.Config{
		Relay: s.url, Name: name, Program: "hooks/test", Handler: h, Now: time.Now,
		Observe: func(st tunnel.State) {
			select {
			case up <- st:
			default:
			}
		},
	}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tunnel.New(cfg).Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	tb.Cleanup(func() { _ = stop() })
	for {
		select {
		case st := <-up:
			if st.Phase == tunnel.Connected {
				return st.URL, stop
			}
		case err := <-ended:
			ended <- err
			tb.Fatalf("client ended: %v", err)
		case <-time.After(time.Minute):
			tb.Fatal("client did not connect")
		}
	}
}

// forward connects a client that passes requests on to app.
func forward(tb testing.TB, s *server, name string, app http.Handler) string {
	tb.Helper()
	srv := httptest.NewServer(app)
	tb.Cleanup(srv.Close)
	return forwardTo(tb, s, name, srv.URL)
}

func forwardTo(tb testing.TB, s *server, name, app string) string {
	tb.Helper()
	target, err := url.Parse(app)
	if err != nil {
		tb.Fatal(err)
	}
	f := tunnel.NewForwarder(tunnel.ForwarderConfig{Target: target})
	tb.Cleanup(f.Close)
	public, _ := dial(tb, s, name, f, nil)
	return public
}

func get(tb testing.TB, address string) (*http.Response, string) {
	tb.Helper()
	resp, err := http.Get(address)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp, string(b)
}

func TestAnswerIsTheApps(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	public := forward(t, s, "my-app", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Repeat"] = []string{"a", "b"}
		w.Header().Set("Set-Cookie", "a=1")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Header.Get("X-Forwarded-Prefix")+" "+r.Header.Get("X-Forwarded-Host"))
	}))
	if want := s.url.String() + "/t/my-app"; public != want {
		t.Errorf("public URL %q, want %q", public, want)
	}
	resp, body := get(t, public+"/a%2Fb?q=1")
	if resp.StatusCode != http.StatusTeapot || body != "GET /a%2Fb?q=1 /t/my-app "+s.url.Host {
		t.Errorf("answer %d %q", resp.StatusCode, body)
	}
	if got := resp.Header["X-Repeat"]; len(got) != 2 || resp.Header.Get("Set-Cookie") != "a=1" {
		t.Errorf("header %v", resp.Header)
	}
	if _, body := get(t, public); body[:6] != "GET / " {
		t.Errorf("the bare name leads to %q", body)
	}
}

func TestHonestAnswers(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + refusing.Addr().String()
	_ = refusing.Close()
	forwardTo(t, s, "no-app", nobody)
	_, stop := dial(t, s, "gone", http.NotFoundHandler(), nil)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.Links()) == 1 }) // the relay has noticed
	dial(t, s, "breaks", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), nil)
	for _, tt := range []struct {
		name   string
		status int
		code   string
	}{
		{"unknown", 404, "tunnel_unknown"},
		{"gone", 503, "tunnel_offline"},
		{"no-app", 502, "app_refused"},
		{"breaks", 502, "tunnel_broken"},
	} {
		resp, _ := get(t, s.url.String()+"/t/"+tt.name+"/x")
		if resp.StatusCode != tt.status || resp.Header.Get("Hooks-Error") != tt.code {
			t.Errorf("%s: %d %q, want %d %q", tt.name, resp.StatusCode, resp.Header.Get("Hooks-Error"), tt.status, tt.code)
		}
		if tt.status == 503 && resp.Header.Get("Retry-After") != "30" {
			t.Errorf("%s: Retry-After %q", tt.name, resp.Header.Get("Retry-After"))
		}
	}
}

// Both directions stream: each side sees the other's bytes before its own end.
func TestStreamsBothWays(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	public := forward(t, s, "stream", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.WriteHeader(200)
		_ = rc.Flush()
		buf := make([]byte, 5)
		for {
			n, err := io.ReadFull(r.Body, buf)
			if err != nil {
				return
			}
			_, _ = w.Write(buf[:n])
			_ = rc.Flush()
		}
	}))
	pr, pw := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, public+"/", pr)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 5)
	for _, word := range []string{"first", "other", "third"} {
		if _, err := io.WriteString(pw, word); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != word {
			t.Fatalf("echo %q, %v, want %q", buf, err, word)
		}
	}
	_ = pw.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

// An answer that breaks off must not look whole.
func TestBrokenAnswerIsCut(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	public, _ := dial(t, s, "cut", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 100_000))
		panic(http.ErrAbortHandler)
	}), nil)
	resp, err := http.Get(public)
	if err != nil {
		return // cut before its head was sent
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d bytes looked like a whole answer", len(b))
	}
}

func TestTokensDecide(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/tokens.json"
	mint := func(names ...string) (safetext.Secret, *relay.Token) {
		secret, tok, err := relay.MintToken(randReader{}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		tok.Names = names
		if err := relay.AddToken(path, tok); err != nil {
			t.Fatal(err)
		}
		return secret, tok
	}
	alice, aliceTok := mint()
	bob, _ := mint("bob-*")
	tokens, err := relay.LoadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *relay.Config) { c.Tokens = tokens })
	states := make(chan error, 1)
	with := func(tok safetext.Secret) func(*tunnel.Config) {
		return func(c *tunnel.Config) { c.Token = tok }
	}
	_, stop := dial(t, s, "shop", http.NotFoundHandler(), with(alice))
	for _, tt := range []struct {
		tok    safetext.Secret
		name   string
		status int
	}{
		{safetext.Secret{}, "free-one", 401},
		{safetext.NewSecret("hkt_wrong"), "free-one", 401},
		{bob, "shop", 403},
		{bob, "x", 400},
		{bob, "admin", 400},
		{bob, "other", 403},
	} {
		cfg := tunnel.Config{Relay: s.url, Name: tt.name, Token: tt.tok, Handler: http.NotFoundHandler(), Now: time.Now}
		err := tunnel.New(cfg).Run(t.Context())
		if r, ok := err.(*tunnel.RefusedError); !ok || r.Status != tt.status {
			t.Errorf("name %q: %v, want status %d", tt.name, err, tt.status)
		}
	}
	carol, _ := mint()
	waitFor(t, func() bool {
		cfg := tunnel.Config{Relay: s.url, Name: "shop", Token: carol, Handler: http.NotFoundHandler(), Now: time.Now}
		r, ok := tunnel.New(cfg).Run(t.Context()).(*tunnel.RefusedError)
		return ok && r.Status == 409 // once the file has been read again
	})
	if n, err := relay.RemoveToken(path, aliceTok.ID); n != 1 || err != nil {
		t.Fatalf("RemoveToken = %d, %v", n, err)
	}
	go func() { states <- stopped(stop) }()
	waitFor(t, func() bool {
		resp, _ := get(t, s.url.String()+"/t/shop")
		return resp.StatusCode == 503
	})
}

func stopped(stop func() error) error { return stop() }

// randReader is a source of random bytes for tokens.
type randReader struct{}

func (randReader) Read(p []byte) (int, error) { return rand.Read(p) }

func waitFor(tb testing.TB, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute) // on a busy machine, with -race
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatal("it did not come about in 30 s")
		}
	}
}

// The newest client of a token has the name; the older one is told and ends.
func TestNewestClientWins(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	_, stopOld := dial(t, s, "one", answering("old"), nil)
	public, _ := dial(t, s, "one", answering("new"), nil)
	if _, body := get(t, public); body != "new" {
		t.Errorf("answer %q, want the newest client's", body)
	}
	ended := make(chan error, 1)
	go func() { ended <- stopOld() }()
	<-ended
}

func answering(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func TestOneOfN(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	share := func(c *tunnel.Config) { c.Share = wire.ShareOneOfN }
	public, _ := dial(t, s, "pool", answering("a"), share)
	dial(t, s, "pool", answering("b"), share)
	seen := map[string]int{}
	for range 10 {
		_, body := get(t, public)
		seen[body]++
	}
	if seen["a"] != 5 || seen["b"] != 5 {
		t.Errorf("answers %v, want 5 of each", seen)
	}
}
