package deliver_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
)

// An address is judged after the name was resolved, and a refusal is told as
// what it is.
func TestAllow(t *testing.T) {
	t.Parallel()
	called := false
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer app.Close()
	url := strings.Replace(app.URL, "127.0.0.1", "localhost", 1)
	var host string
	var at netip.AddrPort
	c := deliver.New(time.Now, deliver.Options{Allow: func(h string, a netip.AddrPort) error {
		host, at = h, a
		return errors.New("address " + a.Addr().String() + " is not allowed")
	}})
	r := c.Send(t.Context(), deliver.Request{URL: url}, 1)
	if r.Kind != deliver.Forbidden || !strings.HasSuffix(r.Err, " is not allowed") || strings.Contains(r.Err, "dial") {
		t.Errorf("Send = %q %q, want it forbidden", r.Kind, r.Err)
	}
	if host != "localhost" || !at.Addr().IsLoopback() || !strings.HasSuffix(app.URL, at.String()[strings.LastIndexByte(at.String(), ':'):]) {
		t.Errorf("asked for %q at %s", host, at)
	}
	report, err := deliver.Load{Client: c, Count: 1, Now: time.Now, Build: func(int) (deliver.Shot, error) {
		return deliver.Shot{ID: "1", Request: deliver.Request{URL: url}}, nil
	}}.Run(t.Context())
	if err != nil || report.Errors[deliver.Forbidden] != 1 {
		t.Errorf("Load = %+v, %v, want it forbidden", report.Errors, err)
	}
	if called {
		t.Error("the app was called")
	}
}
