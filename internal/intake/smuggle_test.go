package intake

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostile returns requests that two parsers may read in two ways, each with
// the status that refuses it. In each, "GET /smuggled" is what an attacker
// would hide.
func hostile() map[string]string {
	const hidden = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	post := func(headers, body string) string {
		return "POST / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body + hidden
	}
	te := func(value string) string { return post("Transfer-Encoding: "+value+"\r\n", "0\r\n\r\n") }
	chunked := func(body string) string { return post("Transfer-Encoding: chunked\r\n", body) }
	length := func(value string) string { return post("Content-Length: "+value+"\r\n", "hello") }
	return map[string]string{
		// lengths
		"400 plus":                length("+5"),
		"400 minus":               length("-5"),
		"400 hex":                 length("0x5"),
		"400 underscore":          length("0_5"),
		"400 point":               length("5.0"),
		"400 exponent":            length("5e0"),
		"400 empty-length":        length(""),
		"400 space-inside":        length("5 5"),
		"400 list":                length("5, 5"),
		"400 list-differing":      length("5, 6"),
		"400 list-trailing":       length("5,"),
		"400 letter":              length("5a"),
		"400 overflow":            length("99999999999999999999"),
		"400 wraps-to-five":       length("18446744073709551621"),
		"400 arabic-digits":       length("٥"),
		"400 quoted":              length("\"5\""),
		"400 twice-same":          post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
		"400 twice-differing":     post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
		"400 twice-case":          post("Content-Length: 5\r\ncontent-length: 0\r\n", "hello"),
		"400 zero-and-five":       post("Content-Length: 0\r\nContent-Length: 5\r\n", "hello"),
		"400 length-nul":          length("5\x00"),
		"400 length-vtab":         length("\x0b5"),
		"400 length-nbsp":         length("\u00a05"),
		"400 length-newline-only": post("Content-Length:\n5\r\n", "hello"),
		// both
		"400 cl-te":             post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		"400 te-cl":             post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
		"400 cl-te-case":        post("content-length: 5\r\ntRANSFER-eNCODING: CHUNKED\r\n", "0\r\n\r\n"),
		"400 cl-zero-te":        post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		"400 cl-te-identity":    post("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", "hello"),
		"400 cl-te-unknown":     post("Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n", "hello"),
		"400 te-http10":         "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"400 cl-te-empty":       post("Content-Length: 5\r\nTransfer-Encoding:\r\n", "hello"),
		"400 te-vtab":           te("\x0bchunked"),
		"400 te-nul":            te("chunked\x00"),
		"400 te-cr":             te("chunked\rx"),
		"400 te-folded":         post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
		"400 te-space-colon":    post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
		"400 te-tab-colon":      post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"),
		"400 te-name-nul":       post("Transfer-Encoding\x00: chunked\r\n", "0\r\n\r\n"),
		"400 te-leading-space":  post(" Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		"400 te-leading-tab":    post("X: y\r\n\tTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		"400 te-bare-lf":        post("X: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		"400 te-bare-cr":        post("X: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		"501 te-unknown":        te("xchunked"),
		"501 te-identity":       te("identity"),
		"501 te-gzip":           te("gzip, chunked"),
		"501 te-chunked-gzip":   te("chunked, gzip"),
		"501 te-chunked-twice":  te("chunked, chunked"),
		"501 te-two-lines":      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		"501 te-two-lines-diff": post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
		"501 te-quoted":         te("\"chunked\""),
		"501 te-parameter":      te("chunked;q=1"),
		"501 te-comma":          te("chunked,"),
		"501 te-empty":          te(""),
		"501 te-unicode":        te("chun\u212aed"),
		// lines
		"400 bare-lf-everywhere": "POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello" + hidden,
		"400 bare-lf-last":       "GET / HTTP/1.1\r\nHost: x\r\n\n" + hidden,
		"400 bare-lf-first":      "GET / HTTP/1.1\nHost: x\r\n\r\n" + hidden,
		"400 cr-cr-lf":           "GET / HTTP/1.1\r\nHost: x\r\r\n\r\n" + hidden,
		"400 nul-in-value":       "GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n" + hidden,
		"400 nul-in-name":        "GET / HTTP/1.1\r\nHost: x\r\nX\x00: a\r\n\r\n" + hidden,
		"400 no-colon":           "GET / HTTP/1.1\r\nHost: x\r\nfoo\r\n\r\n" + hidden,
		"400 empty-name":         "GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n" + hidden,
		"400 name-with-space":    "GET / HTTP/1.1\r\nHost: x\r\nX Y: a\r\n\r\n" + hidden,
		"400 folded-first":       "GET / HTTP/1.1\r\n Host: x\r\n\r\n" + hidden,
		// request line
		"400 two-spaces":      "GET  / HTTP/1.1\r\nHost: x\r\n\r\n" + hidden,
		"400 tab":             "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n" + hidden,
		"400 no-version":      "GET /\r\nHost: x\r\n\r\n" + hidden,
		"400 lower-version":   "GET / http/1.1\r\nHost: x\r\n\r\n" + hidden,
		"400 long-version":    "GET / HTTP/1.10\r\nHost: x\r\n\r\n" + hidden,
		"400 version-space":   "GET / HTTP/1.1 \r\nHost: x\r\n\r\n" + hidden,
		"400 space-in-target": "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n" + hidden,
		"400 no-slash":        "GET a HTTP/1.1\r\nHost: x\r\n\r\n" + hidden,
		"400 nul-target":      "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n" + hidden,
		"400 no-host":         "GET / HTTP/1.1\r\n\r\n" + hidden,
		"400 two-hosts":       "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + hidden,
		"400 host-with-slash": "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n" + hidden,
		"505 http2":           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden,
		"501 connect":         "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + hidden,
		// chunks
		"400 size-plus":           chunked("+5\r\nhello\r\n0\r\n\r\n"),
		"400 size-0x":             chunked("0x5\r\nhello\r\n0\r\n\r\n"),
		"400 size-space":          chunked("5 \r\nhello\r\n0\r\n\r\n"),
		"400 size-leading-space":  chunked(" 5\r\nhello\r\n0\r\n\r\n"),
		"400 size-empty":          chunked("\r\nhello\r\n0\r\n\r\n"),
		"400 size-negative":       chunked("-5\r\nhello\r\n0\r\n\r\n"),
		"400 size-long":           chunked("0000000000000000000005\r\nhello\r\n0\r\n\r\n"),
		"400 size-wraps":          chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"),
		"400 size-bare-lf":        chunked("5\nhello\r\n0\r\n\r\n"),
		"400 size-cr-only":        chunked("5\rhello\r\n0\r\n\r\n"),
		"400 extension-lf":        chunked("5;a\nhello\r\n0\r\n\r\n"),
		"400 extension-lf-hidden": chunked("5;\n" + "hello\r\n0\r\n\r\n"),
		"400 extension-cr":        chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"),
		"400 extension-nul":       chunked("5;a\x00\r\nhello\r\n0\r\n\r\n"),
		"400 extension-endless":   chunked("5;" + strings.Repeat("a", 9000) + "\r\nhello\r\n0\r\n\r\n"),
		"400 data-too-long":       chunked("5\r\nhellohello\r\n0\r\n\r\n"),
		"400 data-lf":             chunked("5\r\nhello\n0\r\n\r\n"),
		"400 data-no-end":         chunked("5\r\nhello0\r\n\r\n"),
		"400 last-bare-lf":        chunked("5\r\nhello\r\n0\n\r\n"),
		"400 end-bare-lf":         chunked("5\r\nhello\r\n0\r\n\n"),
		"400 trailer-length":      chunked("0\r\nContent-Length: 5\r\n\r\n"),
		"400 trailer-coding":      chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
		"400 trailer-folded":      chunked("0\r\nX: y\r\n z\r\n\r\n"),
		"400 trailer-bare-lf":     chunked("0\r\nX: y\nHost: z\r\n\r\n"),
		"400 trailer-no-colon":    chunked("0\r\nfoo\r\n\r\n"),
	}
}

// A request that could be framed in two ways is refused, on a fresh connection
// and behind a good request, and nothing that hides behind it is seen.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	s := &Server{}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Path]++
		mu.Unlock()
		echo(s).ServeHTTP(w, r)
	})
	addr := serveOn(t, s)
	corpus := hostile()
	if len(corpus) < 80 {
		t.Fatalf("%d requests, want 80 or more", len(corpus))
	}
	for name, raw := range corpus {
		want, _, _ := strings.Cut(name, " ")
		if got := exchange(t, addr, raw); statuses(got) != want || !got[0].closes {
			t.Errorf("%s: answers = %s, want %s that closes", name, statuses(got), want)
		}
		if got := exchange(t, addr, "GET /good HTTP/1.1\r\nHost: x\r\n\r\n"+raw); statuses(got) != "200 "+want {
			t.Errorf("%s behind a good request: answers = %s, want 200 %s", name, statuses(got), want)
		}
		// behind a good one whose answer has come
		c := dial(t, addr)
		r := bufio.NewReader(c)
		fmt.Fprint(c, "GET /good HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp, err := http.ReadResponse(r, nil); err != nil {
			t.Fatal(err)
		} else {
			_, _ = io.Copy(io.Discard, resp.Body)
		}
		fmt.Fprint(c, raw)
		_ = c.(*net.TCPConn).CloseWrite()
		if got := statuses(answers(r)); got != want {
			t.Errorf("%s on a connection in use: answers = %s, want %s", name, got, want)
		}
		_ = c.Close()
	}
	mu.Lock()
	defer mu.Unlock()
	if seen["/smuggled"] != 0 || seen["/good"] != 2*len(corpus) {
		t.Errorf("the handler saw %v, want /good %d times and nothing smuggled", seen, 2*len(corpus))
	}
	counts := s.Counts()
	if n := counts[Malformed] + counts[Unsupported]; n != int64(3*len(corpus)) {
		t.Errorf("%d refusals counted, want %d", n, 3*len(corpus))
	}
}

// A sender that waits for its answer gets the refusal at once.
func TestRefusedAtOnce(t *testing.T) {
	t.Parallel()
	addr := serveOn(t, &Server{Limits: Limits{HeadTime: 20 * time.Second, BodyTime: 20 * time.Second}})
	for name, raw := range hostile() {
		want, _, _ := strings.Cut(name, " ")
		raw, _, _ = strings.Cut(raw, "GET /smuggled")
		c := dial(t, addr)
		if err := c.SetDeadline(deadline(19 * time.Second)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, raw)
		if got := statuses(answers(bufio.NewReader(c))); got != want {
			t.Errorf("%s: answer = %q, want %s", name, got, want)
		}
	}
}

// FuzzHead: a head that is accepted is read by net/http too, to the last byte
// and with the same framing.
func FuzzHead(f *testing.F) {
	for _, raw := range hostile() {
		f.Add([]byte(raw))
	}
	f.Add([]byte("POST /a%b?c HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nX: \t y \r\n\r\n"))
	f.Add([]byte("POST http://x/ HTTP/1.0\r\nTransfer-Encoding:chunked\r\n\r\n"))
	limits := Limits{}.filled()
	f.Fuzz(func(t *testing.T, raw []byte) {
		length, _, refusal := scanHead(raw, 0)
		if refusal != nil || length == 0 {
			return
		}
		h, refusal := parseHead(raw[:length], &limits)
		if refusal != nil {
			return
		}
		given := raw[:length]
		if h.bytes != nil {
			given = h.bytes
		}
		r := bufio.NewReader(strings.NewReader(string(given)))
		req, err := http.ReadRequest(r)
		if err != nil {
			if strings.Contains(err.Error(), "parse") { // the target of an absolute form
				return
			}
			t.Fatalf("net/http refuses %q: %v", given, err)
		}
		if left := r.Buffered(); left != 0 {
			t.Errorf("net/http leaves %d bytes of %q", left, given)
		}
		if chunked := len(req.TransferEncoding) > 0; chunked != h.chunked || !chunked && req.ContentLength != h.length {
			t.Errorf("%q: net/http reads length %d, chunked %v; we read %+v", given, req.ContentLength, chunked, h.framing)
		}
	})
}

// FuzzChunks: a body that is accepted, whole or byte by byte, ends where
// net/http says it ends.
func FuzzChunks(f *testing.F) {
	for _, seed := range []string{"0\r\n\r\n", "5\r\nhello\r\n0\r\nX: y\r\n\r\nrest", "5;a\nhello\r\n0\r\n\r\n", "1\r\nx\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		whole := chunks{limit: 1 << 20}
		n, done, refusal := whole.next(raw)
		single, m, doneSingle := chunks{limit: 1 << 20}, 0, false
		for m < len(raw) && !doneSingle {
			k, d, r := single.next(raw[m : m+1])
			if m, doneSingle = m+k, d; r != nil {
				break
			}
		}
		if n != m || done != doneSingle {
			t.Fatalf("%q: whole ends at %d (%v), in pieces at %d (%v)", raw, n, done, m, doneSingle)
		}
		if refusal != nil || !done {
			return
		}
		r := bufio.NewReader(strings.NewReader("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + string(raw[:n])))
		req, err := http.ReadRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil || r.Buffered() != 0 {
			t.Errorf("%q: net/http says %v and leaves %d bytes", raw[:n], err, r.Buffered())
		}
	})
}
