package cli_test

import (
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/deliver"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	got, err := cli.Headers([]string{"x-one: 1", "X-One:2", "X-Gone:", "X-Empty;", "X-Colon: a:b"})
	want := http.Header{"X-One": {"1", "2"}, "X-Gone": nil, "X-Empty": {""}, "X-Colon": {"a:b"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Headers = %v, %v, want %v", got, err, want)
	}
	for _, line := range []string{"no colon", ": value", "a b: c", "X: a\r\nY: b"} {
		if _, err := cli.Headers([]string{line}); cli.StatusOf(err) != cli.StatusUsage {
			t.Errorf("Headers(%q) = %v, want a usage error", line, err)
		}
	}
	for _, line := range []string{"Authorization Bearer c4n4ry", "Authorization Bearer c4n4ry:x"} {
		if _, err := cli.Headers([]string{line}); err == nil || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("Headers(%q) = %v, want an error without the credential", line, err)
		}
	}
}

func TestStartApp(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	open := "http://" + l.Addr().String()
	w := clitest.New(t)
	if stop, err := w.StartApp(t.Context(), nil, "http://127.0.0.1:1", 0); err != nil {
		t.Errorf("nothing to start and nothing to wait for: %v", err)
	} else {
		stop()
	}
	stop, err := w.StartApp(t.Context(), nil, open, time.Second)
	stop()
	if err != nil {
		t.Errorf("waiting for an open port: %v", err)
	}
	stop, err = w.StartApp(t.Context(), nil, "http://127.0.0.1:1", time.Millisecond)
	stop()
	if cli.StatusOf(err) != cli.StatusError || !strings.Contains(err.Error(), "waited 1ms") {
		t.Errorf("waiting for a closed port: %v", err)
	}
	stop, err = w.StartApp(t.Context(), []string{"no-such-program-anywhere"}, open, 0)
	stop()
	if cli.StatusOf(err) != cli.StatusError || !strings.Contains(err.Error(), "no-such-program-anywhere") {
		t.Errorf("a command that does not exist: %v", err)
	}
}

func TestDelivererUsesTheProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	w.Vars["https_proxy"], w.Vars["NO_PROXY"] = "http://127.0.0.1:1", "direct..invalid"
	c := w.Deliverer(true)
	defer c.Close()
	if !strings.Contains(w.Stderr.String(), "not checked") {
		t.Errorf("--insecure is not told: %q", w.Stderr.String())
	}
	if r := c.Send(t.Context(), deliver.Request{URL: "https://app.invalid"}, 1); r.Kind != deliver.Proxy {
		t.Errorf("Kind = %q (%s), want that the proxy was asked", r.Kind, r.Err)
	}
	if r := c.Send(t.Context(), deliver.Request{URL: "https://direct..invalid"}, 1); r.Kind != deliver.DNS {
		t.Errorf("Kind = %q (%s), want that the proxy was not asked", r.Kind, r.Err)
	}
}
