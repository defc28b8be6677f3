package sender_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/check/sender"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

const acme = `
id: acme
name: Acme
schemes:
- algorithm: hmac-sha256
  content: "{timestamp}.{body}"
  signature: {in: header:Acme-Signature, format: "t={timestamp},v1={signature}", separator: ","}
  timestamp: {unit: s, tolerance: 5m}
event: {id: $.id, type: $.type, time: $.created}
delivery:
  timeout: 5s
  schedule: [0s, 10s, 60s, 10m]
  success: 2xx
events:
- type: thing.made
  sample: '{"id": "{{id}}", "type": "thing.made", "created": {{time s}}}'
`

// A source is a sender with one fault at most, which speaks to an exam without
// a network.
type source struct {
	fault    string
	exam     *sender.Exam
	provider *provider.Provider
	signer   *outgoing.Signer
	wg       sync.WaitGroup
}

// trip is one exchange as deliver's client would make it.
func (s *source) trip(ctx context.Context, d *webhook.Delivery, number int, timeout time.Duration) deliver.Result {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	res := deliver.Result{Attempt: webhook.Attempt{Number: number, At: time.Now()}}
	w := httptest.NewRecorder()
	dropped := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { dropped = recover() != nil }()
		r := httptest.NewRequestWithContext(ctx, d.Method, d.URL, bytes.NewReader(d.Body))
		r.Header = d.Header
		s.exam.ServeHTTP(w, r)
	}()
	<-done
	if dropped || ctx.Err() != nil {
		res.Kind, res.Err = deliver.Closed, "no answer"
		return res
	}
	res.Response = &webhook.Response{Status: w.Code, Header: w.Header()}
	return res
}

// fire sends one event until it is accepted, as the schedule says.
func (s *source) fire(ctx context.Context) {
	order := outgoing.Order{Provider: s.provider, URL: "http://exam.test/in", Type: "thing.made", At: time.Now()}
	if s.fault == "out-of-order" {
		order.At = time.Unix(2_000_000_000, 0).Add(-time.Since(time.Unix(0, 0)))
	}
	draft, err := outgoing.Compose(order)
	if err != nil {
		panic(err)
	}
	timeout := 5 * time.Second
	switch s.fault {
	case "waits-too-long":
		timeout = time.Hour
	case "hangs-up-early":
		timeout = time.Second
	}
	waits := s.provider.Delivery.Schedule
	switch s.fault {
	case "no-retry":
		waits = nil
	case "too-fast":
		waits = []time.Duration{0, time.Second, time.Second, time.Second}
	}
	schedule := deliver.Schedule{Waits: waits, Final: func(status int) bool { return status == http.StatusGone && s.fault != "ignores-gone" }}
	first, err := s.signer.Sign(draft, time.Now())
	if err != nil {
		panic(err)
	}
	_, _ = deliver.Retry{Schedule: schedule, Now: time.Now, Attempt: func(ctx context.Context, number int) deliver.Result {
		d := s.next(draft, first, number)
		res := s.trip(ctx, d, number, timeout)
		s.afterwards(ctx, d, &res)
		return res
	}}.Run(ctx)
}

// next makes the request of an attempt.
func (s *source) next(draft, first *webhook.Delivery, number int) *webhook.Delivery {
	switch s.fault {
	case "signs-once":
		return first
	case "new-ids":
		order := outgoing.Order{Provider: s.provider, URL: draft.URL, Type: "thing.made", At: time.Now()}
		draft, _ = outgoing.Compose(order)
	case "new-bodies":
		if number > 1 {
			copied := *draft
			copied.Body = append([]byte(" "), draft.Body...)
			draft = &copied
		}
	}
	d, err := s.signer.Sign(draft, time.Now())
	if err != nil {
		panic(err)
	}
	switch s.fault {
	case "no-signature":
		d.Header.Del("Acme-Signature")
	case "no-type":
		d.Header.Del("Content-Type")
	case "puts":
		d.Method = http.MethodPut
	}
	return d
}

// afterwards does what some faults do with an answer.
func (s *source) afterwards(ctx context.Context, d *webhook.Delivery, res *deliver.Result) {
	if res.Response == nil {
		if s.fault == "forgets-dropped" && res.Duration == 0 {
			res.Kind = deliver.BadRequest // which ends the schedule
		}
		return
	}
	switch {
	case s.fault == "follows" && res.Response.Status == http.StatusTemporaryRedirect:
		other := *d
		other.URL = "http://exam.test" + res.Response.Header.Get("Location")
		s.trip(ctx, &other, 1, time.Second)
	case s.fault == "sends-twice" && res.Response.Status == http.StatusOK:
		s.trip(ctx, d, 1, time.Second)
	case s.fault == "hasty":
		res.Response.Header.Del("Retry-After")
	}
}

func secrets(texts ...string) []provider.NamedSecret {
	var out []provider.NamedSecret
	for _, s := range texts {
		out = append(out, provider.NamedSecret{Name: s, Secret: safetext.NewSecret(s)})
	}
	return out
}

func take(t *testing.T, fault string, signing, known []provider.NamedSecret) check.Report {
	t.Helper()
	c, err := provider.Load(provider.Source{Name: "acme.yaml", Data: []byte(acme)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Get("acme")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := outgoing.NewSigner(p, signing...)
	if err != nil {
		t.Fatal(err)
	}
	s := &source{fault: fault, provider: p, signer: signer}
	ctx, cancel := context.WithCancel(t.Context())
	s.exam = sender.New(sender.Options{
		Provider: p, Secrets: known, Now: time.Now,
		Begin: func(context.Context, sender.Stage) error {
			s.wg.Go(func() { s.fire(ctx) })
			return nil
		},
	})
	r, err := s.exam.Run(t.Context())
	cancel()
	s.wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSenders(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"":                nil,
		"no-signature":    {"signed-verifiably", "timestamp-fresh"},
		"no-type":         {"content-type"},
		"puts":            {"uses-method"},
		"no-retry":        {"retries-dropped", "retries-failure", "retry-after-honoured"},
		"too-fast":        {"retry-after-honoured", "schedule-kept"},
		"new-ids":         {"event-id-stable"},
		"new-bodies":      {"body-stable"},
		"signs-once":      {"timestamp-fresh"},
		"waits-too-long":  {"time-out-kept"},
		"hangs-up-early":  {"time-out-kept"},
		"ignores-gone":    {"gone-honoured"},
		"follows":         {"redirect-not-followed"},
		"sends-twice":     {"stops-after-success"},
		"forgets-dropped": {"retries-dropped"},
		"hasty":           {"retry-after-honoured"},
		"out-of-order":    {"keeps-order"},
	}
	for fault, want := range tests {
		t.Run("fault "+fault, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := take(t, fault, secrets("one"), secrets("one"))
				var got []string
				for _, c := range r.Cases {
					if c.Status == check.Failed {
						got = append(got, c.ID)
					}
					if c.Status == check.Failed && (c.Why == "" || c.Fix == "" || c.Actual == "") {
						t.Errorf("%+v lacks a word", c)
					}
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("failed %v, want %v", got, want)
					for _, c := range r.Cases {
						t.Logf("%s %s: %s", c.Status, c.ID, c.Actual)
					}
				}
			})
		})
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		signing []provider.NamedSecret
		want    check.Status
	}{"both": {secrets("new", "old"), check.Passed}, "one": {secrets("new"), check.Failed}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := take(t, "", tt.signing, secrets("new", "old"))
				i := slices.IndexFunc(r.Cases, func(c check.Result) bool { return c.ID == "rotation-signs-twice" })
				if c := r.Cases[i]; c.Status != tt.want || !r.Passed {
					t.Errorf("%s: %s; passed %v", c.Status, c.Actual, r.Passed)
				}
			})
		})
	}
}

func TestNothingCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := provider.Load()
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Get("canvelete")
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		x := sender.New(sender.Options{Provider: p, Secrets: secrets("s"), Now: time.Now, Begin: func(_ context.Context, s sender.Stage) error {
			said = append(said, s.Answers)
			return nil
		}})
		if _, err := x.Run(t.Context()); !errors.Is(err, sender.ErrNothingCame) || strings.Join(said, ";") != "200" {
			t.Errorf("err = %v after %v", err, said)
		}
	})
}
