package capture

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/store"
)

// oddBodies are what a body may be besides JSON as people write it.
func oddBodies() map[string]string {
	return map[string]string{
		"empty":           "",
		"not-json":        "hello",
		"invalid-utf8":    "{\"a\":\"\xff\xfe\xc0\xaf\"}",
		"lone-surrogate":  `{"eventId":"\ud800","eventType":"\udfff"}`,
		"nul":             "{\"eventId\":\"a\x00b\"}",
		"bom":             "\xef\xbb\xbf{\"eventId\":\"a\"}",
		"utf16":           "\xff\xfe{\x00\"\x00a\x00\"\x00",
		"huge-number":     `{"eventId":1e999999,"x":-0,"y":12345678901234567890}`,
		"prototype":       `{"__proto__":{"eventId":"x"},"constructor":1}`,
		"deep":            strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"deep-open":       strings.Repeat(`{"eventId":`, 100_000),
		"many-keys":       `{` + strings.Repeat(`"eventId":"a",`, 50_000) + `"eventId":"b"}`,
		"form":            strings.Repeat("a=b&", 100_000),
		"multipart":       "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nno end",
		"escapes":         "\x1b]0;title\x07\x1b[2J\u202e\u2066",
		"gzip":            "\x1f\x8b\x08\x00\x00\x00\x00\x00",
		"a-long-string":   `{"eventId":"` + strings.Repeat("x", 1<<20) + `"}`,
		"array-of-events": `[{"eventId":"a"},{"eventId":"b"}]`,
		"null":            "null",
	}
}

// served is a pipeline that listens at an address until the test ends.
func served(t *testing.T) (in *intake.Server, st *store.Store, at string) {
	t.Helper()
	s, in, end := pipeline(t)
	t.Cleanup(end)
	ls, err := intake.Bind(t.Context(), listenAnywhere())
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = in.Serve(ls...) }()
	t.Cleanup(func() { _ = in.Close() })
	st, ok := s.Store.(*store.Store)
	if !ok {
		t.Fatal("the pipeline has no store of its own")
	}
	return in, st, ls[0].Addr().String()
}

// Whatever the body is, it is taken, judged, and kept byte for byte.
func TestOddBodies(t *testing.T) {
	t.Parallel()
	in, st, at := served(t)
	for name, body := range oddBodies() {
		for _, signed := range []string{"", "sha256=" + strings.Repeat("0", 64), "\xff\x00"[:1]} {
			resp := send(t, http.MethodPost, "http://"+at+"/hook", body, "X-Canvelete-Signature: "+signed, "Content-Encoding: gzip")
			if resp.StatusCode != 200 && resp.StatusCode != 401 {
				t.Errorf("%s: %d %s", name, resp.StatusCode, resp.Status)
				continue
			}
			d, err := st.Get(t.Context(), resp.Header.Get("Hooks-Delivery"))
			if err != nil || !bytes.Equal(d.Body, []byte(body)) {
				t.Errorf("%s: not kept as it came: %v", name, err)
			}
		}
	}
	if n := in.Counts()[intake.Panicked]; n != 0 {
		t.Errorf("%d requests met a mistake", n)
	}
}

// A request of HTTP/1.0 need not name a host: its address is where it came in.
func TestNoHost(t *testing.T) {
	t.Parallel()
	_, st, at := served(t)
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /p?q HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	d, err := st.Get(t.Context(), resp.Header.Get("Hooks-Delivery"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "http://" + at + "/p?q"; d.URL != want || d.Header.Get("Host") != "" {
		t.Errorf("its address is %s, want %s; Host %q", d.URL, want, d.Header.Get("Host"))
	}
}
