package capture

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A request with an origin is judged as of when it was taken first, is in the
// store once however often it comes, and goes to the app until it has answered.
func TestOrigin(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(app.Close)
	taken := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
	st := newStore(t)
	r, _ := newRig(t, func(s *Server) {
		s.Store, s.Known, s.Forward = st, st.Get, forwarder(t, app.URL)
		s.ReadBody = func(r *http.Request) ([]byte, func(), error) {
			b, err := io.ReadAll(r.Body)
			return b, func() {}, err
		}
		s.Judge = func(_ context.Context, d *webhook.Delivery, now time.Time) judge.Outcome {
			if !now.Equal(taken) {
				t.Errorf("judged as of %v, want %v", now, taken)
			}
			d.Verification = webhook.Verification{Status: webhook.Verified}
			return judge.Outcome{}
		}
	})
	var gen ids.Generator
	again := func(id string) int {
		req := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader("the body"))
		w := httptest.NewRecorder()
		r.Server.ServeHTTP(w, req.WithContext(WithOrigin(req.Context(), Origin{ID: id, At: taken})))
		return w.Code
	}
	whole, cut := gen.New(taken), gen.New(taken)
	for n := range 3 {
		if status := again(whole); status != 200 || asked.Load() != 1 {
			t.Errorf("time %d: status %d, the app was asked %d times, want once", n+1, status, asked.Load())
		}
	}
	// A process that ended between the store and the app.
	d := &webhook.Delivery{
		ID: cut, Direction: webhook.Received, ReceivedAt: taken, Method: http.MethodPost, Path: "/hook", Body: []byte("the body"),
	}
	if err := st.Append(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if status := again(cut); status != 200 || asked.Load() != 2 {
			t.Errorf("after a crash, time %d: status %d, the app was asked %d times, want 2", n+1, status, asked.Load())
		}
	}
	for _, id := range []string{whole, cut} {
		if d, err := st.Get(t.Context(), id); err != nil || len(d.Attempts) != 1 || !d.ReceivedAt.Equal(taken) {
			t.Errorf("in the store: %+v, %v", d, err)
		}
	}
}
