package httptext_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// listener takes requests apart without any opinion of what may be in them.
type listener struct {
	net.Listener
	mu   sync.Mutex // guards the following
	seen map[string]*received
}

type received struct {
	line   string
	header http.Header
	body   []byte
}

func listen(t *testing.T) *listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &listener{Listener: l, seen: map[string]*received{}}
	var open sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.serve(c) })
		}
	})
	return s
}

func (s *listener) serve(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	in := bufio.NewReader(c)
	r := &received{header: http.Header{}}
	for first := true; ; first = false {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\r\n")
		if first {
			r.line = line
			continue
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		r.header.Add(name, strings.TrimPrefix(value, " "))
	}
	if r.header.Get("Expect") != "" {
		_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
	}
	n, _ := strconv.Atoi(r.header.Get("Content-Length"))
	r.body = make([]byte, n)
	if _, err := io.ReadFull(in, r.body); err != nil {
		return
	}
	s.mu.Lock()
	s.seen[r.header.Get("X-Number")] = r
	s.mu.Unlock()
	_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
}

// need returns the path of a program, or skips the test in one line. With
// HOOKS_TEST_REQUIRE=1 a missing program fails it.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		return path
	case os.Getenv("HOOKS_TEST_REQUIRE") == "1":
		t.Fatalf("%s is missing, and HOOKS_TEST_REQUIRE=1", program)
	}
	t.Skipf("%s is missing", program)
	return ""
}

// randomTexts makes texts of what is special somewhere and of any byte.
func randomTexts(n int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := append(nasty(), "a", "b", " ", "x-y", "0", "\n", "'", `"`, "\\", "$", "`", "%", "é", "touch canary")
	texts := make([]string, 0, n)
	for range n {
		var b strings.Builder
		for range 1 + random.IntN(6) {
			if random.IntN(4) == 0 {
				for range random.IntN(8) {
					b.WriteByte(byte(random.IntN(256)))
				}
				continue
			}
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		texts = append(texts, b.String())
	}
	return texts
}

// valueOf makes a value that a header can have, by HTTP and for curl, to which
// white space alone is no value.
func valueOf(s string) string {
	s = strings.Trim(strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(s), " \t")
	if strings.Trim(s, " \t\v\f") == "" {
		return ""
	}
	return s
}

// pathOf makes a path that curl sends as it is: visible ASCII.
func pathOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || r == '?' || r == '#' {
			return -1
		}
		return r
	}, s)
}

// deliveries spreads texts over bodies, headers and URLs, several a delivery.
func deliveries(address string, texts []string) []*webhook.Delivery {
	var ds []*webhook.Delivery
	for chunk := range slices.Chunk(texts, 8) {
		d := &webhook.Delivery{Method: "POST", Header: http.Header{"X-Number": {strconv.Itoa(len(ds))}}}
		if len(ds)%5 == 4 {
			d.Method = []string{"PUT", "PATCH", "-o", "PROPFIND", "DELETE"}[len(ds)/5%5]
		}
		for i, text := range chunk {
			d.Header.Add(fmt.Sprintf("X-Value-%d", i/2), valueOf(text))
		}
		if len(ds)%3 == 0 {
			d.Header.Set("Content-Type", "application/json")
			d.Header.Set("User-Agent", valueOf(chunk[0])+"x")
		}
		d.Path, d.Query = "/"+pathOf(chunk[0]), pathOf(chunk[len(chunk)-1])
		d.URL = "http://" + address + d.Path
		if d.Query != "" {
			d.URL += "?" + d.Query
		}
		d.Body = []byte(strings.Join(chunk, ""))
		if len(ds)%4 == 0 {
			d.Body = []byte(chunk[0])
		}
		ds = append(ds, d)
	}
	return ds
}

// TestCurlSendsTheSame runs commands in real shells: each listener receives
// exactly what the delivery holds, and nothing else happens. With
// HOOKS_TEST_CURL=N it is N random texts besides the chosen ones.
func TestCurlSendsTheSame(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	random := 400
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_CURL")); err == nil {
		random = n
	}
	texts := append(nasty(), randomTexts(random)...)
	for _, shell := range []string{"sh", "dash", "bash"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			path := need(t, shell)
			s := listen(t)
			ds := deliveries(s.Addr().String(), texts)
			dir := t.TempDir()
			script := filepath.Join(dir, "script")
			var b bytes.Buffer
			for _, d := range ds {
				if err := httptext.Write(&b, httptext.Curl, httptext.Options{Credentials: true}, d); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(script, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), path, script)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8"}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%.2000s", shell, err, out)
			}
			for i, d := range ds {
				s.compare(t, strconv.Itoa(i), d)
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 1 {
				t.Errorf("files were created: %v, %v", left, err)
			}
			t.Logf("%s: %d texts in %d commands", shell, len(texts), len(ds))
		})
	}
}

func (s *listener) compare(t *testing.T, number string, d *webhook.Delivery) {
	t.Helper()
	s.mu.Lock()
	got := s.seen[number]
	s.mu.Unlock()
	if got == nil {
		var b bytes.Buffer
		_ = httptext.Write(&b, httptext.Curl, httptext.Options{Credentials: true}, d)
		t.Errorf("request %s did not come:\n%s", number, b.String())
		return
	}
	line := d.Method + " " + d.Path
	if d.Query != "" {
		line += "?" + d.Query
	}
	if want := line + " HTTP/1.1"; got.line != want {
		t.Errorf("request line %q, want %q", got.line, want)
	}
	if !bytes.Equal(got.body, d.Body) {
		t.Errorf("body %q, want %q", got.body, d.Body)
	}
	got.header.Del("Host")
	got.header.Del("Content-Length")
	for name, values := range d.Header {
		if !slices.Equal(got.header[name], values) {
			t.Errorf("%s: %q, want %q", name, got.header[name], values)
		}
		delete(got.header, name)
	}
	if len(got.header) > 0 {
		t.Errorf("more headers came: %v", got.header)
	}
}
