package intake

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
)

// serveOn runs a server on loopback until the test ends and returns its
// address. The handler answers with what it was given.
func serveOn(t *testing.T, s *Server) string {
	t.Helper()
	ls, err := Bind(t.Context(), address.Listen{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Handler == nil {
		s.Handler = echo(s)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ls...) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Shutdown(ctx) // a test may leave connections that never end
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return ls[0].Addr().String()
}

// echo answers with method, target and body, one a line.
func echo(s *Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, release, err := s.ReadBody(r)
		defer release()
		if err != nil {
			err.(*Refusal).Write(w)
			return
		}
		fmt.Fprintf(w, "%s\n%s\n%s", r.Method, Target(r), body)
	})
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(deadline(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange sends raw bytes on a connection of its own and returns every answer
// that came before the server closed it. The write side is closed after raw.
func exchange(t *testing.T, addr, raw string) []answer {
	t.Helper()
	c := dial(t, addr)
	go func() {
		_, _ = io.WriteString(c, raw) // the server may close before it has all
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	return answers(bufio.NewReader(c))
}

type answer struct {
	status int
	header http.Header
	closes bool
	body   string
}

func answers(r *bufio.Reader) []answer {
	var out []answer
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return out
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode >= 200 {
			out = append(out, answer{resp.StatusCode, resp.Header, resp.Close, string(body)})
		}
	}
}

func statuses(as []answer) string {
	var out []string
	for _, a := range as {
		out = append(out, fmt.Sprint(a.status))
	}
	return strings.Join(out, " ")
}

func TestBodiesArriveAsSent(t *testing.T) {
	t.Parallel()
	addr := serveOn(t, &Server{})
	long := strings.Repeat("0123456789abcdef", 20_000) // beyond every buffer and the first step
	for name, raw := range map[string]struct{ request, want string }{
		"none":          {"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", "GET\n/a?b\n"},
		"length":        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "POST\n/\nhello"},
		"long":          {fmt.Sprintf("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(long), long), "PUT\n/\n" + long},
		"chunked":       {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=\"b\"\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n", "POST\n/\nhello"},
		"chunked-long":  {fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(long), long), "POST\n/\n" + long},
		"odd-method":    {"B!G /x HTTP/1.1\r\nHost: x\r\n\r\n", "B!G\n/x\n"},
		"options-star":  {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS\n*\n"},
		"absolute":      {"GET http://x/p%20q?r HTTP/1.1\r\nHost: x\r\n\r\n", "GET\nhttp://x/p%20q?r\n"},
		"stray-percent": {"GET /100%/%zz/%4?q=%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET\n/100%/%zz/%4?q=%zz\n"},
		"two-slashes":   {"GET //evil/../a//b/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET\n//evil/../a//b/\n"},
		"not-ascii":     {"GET /ü?\xff HTTP/1.1\r\nHost: x\r\n\r\n", "GET\n/ü?\xff\n"},
		"http10":        {"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nok", "POST\n/\nok"},
		"empty-line":    {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET\n/\n"},
		"long-head":     {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("v", 60_000) + "\r\n\r\n", "GET\n/\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := exchange(t, addr, raw.request)
			if len(got) != 1 || got[0].status != 200 || got[0].body != raw.want {
				t.Errorf("answers = %.200v, want one 200 with %.80q", got, raw.want)
			}
		})
	}
}

// Requests that share a connection, split at every byte, are told apart.
func TestPipelinedInPieces(t *testing.T) {
	t.Parallel()
	addr := serveOn(t, &Server{})
	raw := "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none" +
		"POST /2% HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n" +
		"\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n" +
		"POST /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfour"
	want := []string{"POST\n/1\none", "POST\n/2%\ntwo", "GET\n/3\n", "POST\n/4\nfour"}
	var wg sync.WaitGroup
	for cut := 0; cut < len(raw); cut += 3 {
		c := dial(t, addr)
		wg.Go(func() {
			_, _ = io.WriteString(c, raw[:cut])
			_, _ = io.WriteString(c, raw[cut:])
		})
		got := answers(bufio.NewReader(c))
		if len(got) != len(want) {
			t.Fatalf("cut at %d: %d answers, want %d", cut, len(got), len(want))
		}
		for i, a := range got {
			if a.body != want[i] {
				t.Errorf("cut at %d: answer %d is %q, want %q", cut, i, a.body, want[i])
			}
		}
	}
	wg.Wait()
}

func TestSizes(t *testing.T) {
	t.Parallel()
	var refused sync.Map
	s := &Server{Limits: Limits{Body: 1 << 20}, Refused: func(r Refusal) { refused.Store(r.Reason, r.RemoteAddr) }}
	addr := serveOn(t, s)
	mib := strings.Repeat("x", 1<<20)
	for _, tt := range []struct {
		name, raw string
		status    int
		text      string
		reason    Reason
	}{
		{"body-announced", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", 413, "body larger than 1 MiB (--max-body)\n", BodyTooLarge},
		{"body-sent", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n" + mib + "x", 413, "body larger than 1 MiB (--max-body)\n", BodyTooLarge},
		{"body-chunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + mib + "\r\n1\r\nx\r\n0\r\n\r\n", 413, "body larger than 1 MiB (--max-body)\n", BodyTooLarge},
		{"body-one-chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n", 413, "body larger than 1 MiB (--max-body)\n", BodyTooLarge},
		{"expected", "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n", 413, "body larger than 1 MiB (--max-body)\n", BodyTooLarge},
		{"target", "GET /" + strings.Repeat("a", 16<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, "URL longer than 16 KiB\n", TargetTooLong},
		{"target-endless", "GET /" + strings.Repeat("a", 40<<10), 414, "URL longer than 16 KiB\n", TargetTooLong},
		{"header", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("v", 64<<10) + "\r\n\r\n", 431, "request line and headers larger than 64 KiB\n", HeadTooLarge},
		{"header-of-a-mebibyte", "GET / HTTP/1.1\r\nHost: x\r\nX: " + mib + "\r\n\r\n", 431, "request line and headers larger than 64 KiB\n", HeadTooLarge},
		{"headers", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 100_000) + "\r\n", 431, "request line and headers larger than 64 KiB\n", HeadTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := exchange(t, addr, tt.raw)
			if len(got) != 1 || got[0].status != tt.status || got[0].body != tt.text || !got[0].closes {
				t.Fatalf("answers = %.300v, want one %d %q that closes", got, tt.status, tt.text)
			}
			if from, ok := refused.LoadAndDelete(tt.reason); !ok || !strings.HasPrefix(from.(string), "127.0.0.1:") {
				t.Errorf("refusal told as %v, want %s with the peer's address", from, tt.reason)
			}
		})
	}
	if got := s.Counts(); got[BodyTooLarge] != 5 || got[TargetTooLong] != 2 || got[HeadTooLarge] != 3 {
		t.Errorf("Counts = %v", got)
	}
	exact := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(mib), mib)
	if got := exchange(t, addr, exact); statuses(got) != "200" {
		t.Errorf("a body of exactly the limit: %s, want 200", statuses(got))
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	addr := serveOn(t, &Server{})
	c := dial(t, addr)
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("first line = %q, %v, want 100 Continue", line, err)
	}
	_, _ = r.ReadString('\n')
	fmt.Fprint(c, "okGET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if got := statuses(answers(r)); got != "200 200" {
		t.Errorf("answers = %s, want 200 200", got)
	}
}

// A body waits for its share of memory before it is read, and is refused when
// it does not get it in time.
func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	held := make(chan func(), 1)
	s := &Server{Limits: Limits{Body: 1 << 20, Memory: 1 << 20, WaitTime: 50 * time.Millisecond}}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, release, err := s.ReadBody(r)
		if err != nil {
			err.(*Refusal).Write(w)
			return
		}
		held <- release
	})
	addr := serveOn(t, s)
	raw := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 1<<20, strings.Repeat("x", 1<<20))
	if got := statuses(exchange(t, addr, raw)); got != "200" {
		t.Fatalf("first body: %s, want 200", got)
	}
	release := <-held
	got := exchange(t, addr, raw)
	if len(got) != 1 || got[0].status != 503 || got[0].header.Get("Retry-After") != "5" {
		t.Fatalf("second body: %v, want 503 with Retry-After: 5", got)
	}
	release()
	release() // counts once
	if got := statuses(exchange(t, addr, raw)); got != "200" {
		t.Errorf("after release: %s, want 200", got)
	}
	(<-held)()
	if !s.memory.TryAcquire(1 << 20) {
		t.Error("memory is not free after all was released")
	}
}

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	var seen []Panic
	s := &Server{Panicked: func(p Panic) { seen = append(seen, p) }}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, release, _ := s.ReadBody(r)
		defer release()
		if r.URL.Path == "/half" {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
		}
		panic(string(body))
	})
	addr := serveOn(t, s)
	got := exchange(t, addr, "POST /?canary HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\ncanary")
	if len(got) != 1 || got[0].status != 500 || len(seen) != 1 || got[0].body != "internal error, request "+seen[0].ID+"\n" {
		t.Fatalf("answers = %v, reports = %v, want one 500 that names the report", got, seen)
	}
	if told := seen[0].Kind + string(seen[0].Stack); strings.Contains(told, "canary") || !strings.Contains(told, "TestPanicIsAnswered") {
		t.Errorf("the report has what was sent, or not where it happened:\n%s", told)
	}
	resp, err := http.Post("http://"+addr+"/half", "", nil)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looked whole")
	}
	if s.Counts()[Panicked] != 2 {
		t.Errorf("Counts = %v, want 2 panics", s.Counts())
	}
}

// A handler that takes the connection over gets every byte that follows.
func TestHijack(t *testing.T) {
	t.Parallel()
	addr := serveOn(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		line, _ := rw.ReadString('\n')
		fmt.Fprint(c, "raw:"+line)
	})})
	c := dial(t, addr)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: y\r\nConnection: upgrade\r\n\r\n\x00not HTTP\n")
	all, _ := io.ReadAll(c)
	if want := "HTTP/1.1 101 Switching Protocols\r\n\r\nraw:\x00not HTTP\n"; string(all) != want {
		t.Errorf("connection = %q, want %q", all, want)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ts := httptest.NewUnstartedServer(nil)
	ts.StartTLS() // for its certificate
	defer ts.Close()
	s := &Server{TLS: ts.TLS, Limits: Limits{TLSTime: time.Second}}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %v", r.Proto, r.TLS != nil && r.TLS.HandshakeComplete)
	})
	addr := serveOn(t, s)
	client := ts.Client()
	resp, err := client.Get("https://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if string(body) != "HTTP/1.1 true" {
		t.Errorf("answer = %q, want HTTP/1.1 true", body)
	}
	silent := dial(t, addr)
	if _, err := silent.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a peer that never begins its handshake: %v, want the connection closed", err)
	}
}

// Shutdown waits for what is in flight and for nothing else.
func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	began, finish := make(chan struct{}), make(chan struct{})
	s := &Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(began)
		<-finish
	})}
	ls, err := Bind(t.Context(), address.Listen{})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ls...) }()
	addr := ls[0].Addr().String()
	dial(t, addr) // silent
	got := make(chan string, 1)
	go func() { got <- statuses(exchange(t, addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")) }()
	<-began
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(t.Context()) }()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v", err)
	}
	close(finish)
	if a := <-got; a != "200" {
		t.Errorf("the request in flight got %q, want 200", a)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("still accepting")
	}
}

// Shutdown cuts off what does not end in time, and no handler is left running.
func TestShutdownGivesUp(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan struct{})
	s := &Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(ended)
	})}
	ls, err := Bind(t.Context(), address.Listen{})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(ls...) }()
	fmt.Fprint(dial(t, ls[0].Addr().String()), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); err == nil {
		t.Error("Shutdown = nil, want the context's error")
	}
	select {
	case <-ended:
	default:
		t.Error("a handler still runs")
	}
}
