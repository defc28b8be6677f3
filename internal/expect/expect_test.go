package expect_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hooks-cli/hooks/internal/expect"
	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// source hands out captures that come at their times.
type source chan *webhook.Delivery

func (s source) Next(ctx context.Context) (*webhook.Delivery, error) {
	select {
	case d := <-s:
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s source) Poll(context.Context) (*webhook.Delivery, error) {
	select {
	case d := <-s:
		return d, nil
	default:
		return nil, nil
	}
}

func capture(eventType string) *webhook.Delivery {
	return &webhook.Delivery{ID: "dlv_" + eventType, Provider: "canvelete", EventType: eventType, Body: []byte(`{"data":{"n":1}}`)}
}

func pattern(t *testing.T, text string) match.Pattern {
	t.Helper()
	p, err := match.Parse(text, func(s string) bool { return s == "canvelete" })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each line says after which seconds which captures come, and when and how the
// wait for one of a.* ends, which may last ten seconds.
func TestWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		least, most int
		come        string // type@second
		ends        time.Duration
		met         bool
		matched     int
		others      int
	}{
		"at-once":          {1, -1, "a.x@0", 0, true, 1, 0},
		"later":            {1, -1, "b@1 a.x@3 a.y@4", 3 * time.Second, true, 1, 1},
		"two":              {2, -1, "a.x@1 b@2 a.y@4", 4 * time.Second, true, 2, 1},
		"too-few":          {2, -1, "a.x@1 b@2", 10 * time.Second, false, 1, 1},
		"nothing":          {1, -1, "", 10 * time.Second, false, 0, 0},
		"absent":           {0, 0, "b@1", 10 * time.Second, true, 0, 1},
		"not-absent":       {0, 0, "b@1 a.x@2", 2 * time.Second, false, 1, 1},
		"exactly":          {2, 2, "a.x@1 a.y@2", 10 * time.Second, true, 2, 0},
		"exactly-too-many": {1, 1, "a.x@1 a.y@2", 2 * time.Second, false, 2, 0},
		"exactly-too-few":  {2, 2, "a.x@1", 10 * time.Second, false, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				src := make(source, 8)
				begin := time.Now()
				for one := range strings.FieldsSeq(c.come) {
					kind, at, _ := strings.Cut(one, "@")
					after, _ := time.ParseDuration(at + "s")
					time.AfterFunc(after, func() { src <- capture(kind) })
				}
				limit, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				told := 0
				w := expect.Want{Pattern: pattern(t, "a.*"), Least: c.least, Most: c.most}
				out, err := w.Wait(t.Context(), limit, src, func(*webhook.Delivery) error { told++; return nil })
				if err != nil || out.Met != c.met || len(out.Matched) != c.matched || len(out.Others) != c.others || told != c.matched {
					t.Errorf("Wait = %+v, %v, told %d", out, err, told)
				}
				if took := time.Since(begin); took != c.ends {
					t.Errorf("it took %v, want %v", took, c.ends)
				}
				time.Sleep(10 * time.Second) // timers that are left end in the bubble
			})
		})
	}
}

// What was stored when the time was over counts, whatever was asked before.
func TestWaitLooksOnceMore(t *testing.T) {
	t.Parallel()
	limit, cancel := context.WithCancel(t.Context())
	cancel()
	src := make(source, 2)
	src <- capture("b")
	src <- capture("a.x")
	w := expect.Want{Pattern: pattern(t, "a.*"), Least: 1, Most: -1}
	out, err := w.Wait(t.Context(), limit, src, func(*webhook.Delivery) error { return nil })
	if err != nil || !out.Met || len(out.Others) != 1 {
		t.Errorf("Wait = %+v, %v", out, err)
	}
}

func TestWaitGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := expect.Want{Least: 1, Most: -1}
	if _, err := w.Wait(ctx, ctx, make(source), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	broken := errors.New("broken pipe")
	src := make(source, 1)
	src <- capture("a")
	if _, err := w.Wait(t.Context(), t.Context(), src, func(*webhook.Delivery) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("err = %v", err)
	}
}

func TestManyOthersAreCounted(t *testing.T) {
	t.Parallel()
	src := make(source, 100)
	for range 100 {
		src <- capture("b")
	}
	limit, cancel := context.WithCancel(t.Context())
	cancel()
	w := expect.Want{Pattern: pattern(t, "a"), Least: 1, Most: -1}
	out, err := w.Wait(t.Context(), limit, src, nil)
	if err != nil || len(out.Others)+out.Omitted != 100 || out.Omitted == 0 {
		t.Errorf("Wait = %d others, %d omitted, %v", len(out.Others), out.Omitted, err)
	}
}

func TestWhy(t *testing.T) {
	t.Parallel()
	where, err := match.Where("data.n=2")
	if err != nil {
		t.Fatal(err)
	}
	filter, err := match.Compile(".data.n / 0")
	if err != nil {
		t.Fatal(err)
	}
	p := pattern(t, "canvelete:a")
	odd := capture("")
	odd.Provider = ""
	for name, c := range map[string]struct {
		want expect.Want
		d    *webhook.Delivery
		why  string
	}{
		"none":        {expect.Want{Pattern: p}, capture("a"), ""},
		"type":        {expect.Want{Pattern: p}, capture("b"), "it is canvelete:b, not canvelete:a"},
		"escape":      {expect.Want{Pattern: p}, capture("\x1b[2J"), `it is canvelete:\x1b[2J, not canvelete:a`},
		"unknown":     {expect.Want{Pattern: p}, odd, "it is no event of a known provider, not canvelete:a"},
		"no-type":     {expect.Want{Pattern: p}, capture(""), "it is no known event of canvelete, not canvelete:a"},
		"provider":    {expect.Want{Provider: "stripe"}, capture("a"), "it is from canvelete, not from stripe"},
		"no-provider": {expect.Want{Provider: "stripe"}, odd, "it is of no known provider, not from stripe"},
		"verdict":     {expect.Want{Verified: true}, judged(webhook.Invalid, webhook.SignatureMismatch), "it is invalid, not verified: signature_mismatch"},
		"verified":    {expect.Want{Verified: true}, judged(webhook.Verified, ""), ""},
		"where":       {expect.Want{Filters: []*match.Filter{where}}, capture("a"), "data.n=2 does not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.want.Why(c.d); got != c.why {
				t.Errorf("Why = %q, want %q", got, c.why)
			}
		})
	}
	w := expect.Want{Filters: []*match.Filter{filter}}
	if got := w.Why(capture("a")); !strings.Contains(got, "divide") {
		t.Errorf("Why of an expression that fails = %q", got)
	}
}

func judged(s webhook.Status, r webhook.Reason) *webhook.Delivery {
	d := capture("a")
	d.Verification = webhook.Verification{Status: s, Reason: r}
	return d
}
