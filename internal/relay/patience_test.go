package relay_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/relay"
)

// A body that takes longer to reach the app than the app may take to answer is
// no silence of the app: its time begins when it has the body.
func TestSlowBodyIsNotSilence(t *testing.T) {
	t.Parallel()
	const limit, size = 2 * time.Second, 2 << 20
	s := serve(t, func(c *relay.Config) {
		c.Limits = relay.DefaultLimits()
		c.Limits.HeadWait = limit
	})
	public, _ := dial(t, s, "slow", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < size {
			<-r.Context().Done() // silent
			return
		}
		step := time.NewTicker(limit / 10)
		defer step.Stop()
		for range 16 {
			<-step.C
			if _, err := io.CopyN(io.Discard, r.Body, size/16); err != nil {
				t.Error(err)
			}
		}
		_, _ = io.WriteString(w, "whole")
	}), nil)
	began := time.Now()
	resp, err := http.Post(public, "text/plain", bytes.NewReader(make([]byte, size)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || string(body) != "whole" || err != nil {
		t.Errorf("after %v: %d %q, %v", time.Since(began), resp.StatusCode, body, err)
	}
	if took := time.Since(began); took < limit {
		t.Errorf("the body took %v: nothing was tested", took)
	}
	resp, err = http.Post(public, "text/plain", bytes.NewReader(make([]byte, size/2)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("a silent app: %d", resp.StatusCode)
	}
}
