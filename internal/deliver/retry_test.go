package deliver_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func waits() []time.Duration {
	return []time.Duration{0, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
}

func answered(status int, header ...string) deliver.Result {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return deliver.Result{Attempt: webhook.Attempt{Response: &webhook.Response{Status: status, Header: h}}, Connected: true}
}

// run makes the attempts that answers stand for, each of which takes cost, and
// returns when they began.
func run(t *testing.T, s deliver.Schedule, cost time.Duration, answers ...deliver.Result) (began []time.Duration, last deliver.Result) {
	t.Helper()
	start := time.Now()
	last, err := deliver.Retry{
		Schedule: s,
		Now:      time.Now,
		Attempt: func(_ context.Context, n int) deliver.Result {
			began = append(began, time.Since(start))
			<-time.After(cost)
			return answers[min(n, len(answers))-1]
		},
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if last.Number != len(began) {
		t.Errorf("Number = %d after %d attempts", last.Number, len(began))
	}
	return began, last
}

func TestRetryKeepsTheSchedule(t *testing.T) {
	t.Parallel()
	const m, h = time.Minute, time.Hour
	down, noAnswer := answered(503), deliver.Result{Kind: deliver.Refused, Attempt: webhook.Attempt{Err: "connection refused"}}
	whole := []time.Duration{0, m, 6 * m, 36 * m, 156 * m}
	tests := map[string]struct {
		scale   float64
		cost    time.Duration
		answers []deliver.Result
		want    []time.Duration
	}{
		"down-for-good":          {answers: []deliver.Result{down}, want: whole},
		"nobody-there":           {answers: []deliver.Result{noAnswer}, want: whole},
		"a-redirect-is-failure":  {answers: []deliver.Result{answered(302)}, want: whole},
		"slow-attempts":          {cost: 30 * time.Second, answers: []deliver.Result{down}, want: whole},
		"slower-than-the-wait":   {cost: 90 * time.Second, answers: []deliver.Result{down}, want: []time.Duration{0, 90 * time.Second, 390 * time.Second, 2190 * time.Second, 9390 * time.Second}},
		"delivered":              {answers: []deliver.Result{down, noAnswer, answered(204)}, want: whole[:3]},
		"gone":                   {answers: []deliver.Result{down, answered(410)}, want: whole[:2]},
		"sixty-times-faster":     {scale: 60, answers: []deliver.Result{down}, want: []time.Duration{0, m / 60, 6 * m / 60, 36 * m / 60, 156 * m / 60}},
		"retry-after-is-shorter": {answers: []deliver.Result{answered(503, "Retry-After", "10")}, want: whole},
		"retry-after-is-longer":  {answers: []deliver.Result{answered(429, "Retry-After", "120"), down}, want: []time.Duration{0, 2 * m, 7 * m, 37 * m, 157 * m}},
		"retry-after-past-the-slot-after": {
			answers: []deliver.Result{answered(429, "Retry-After", "3600"), down},
			want:    []time.Duration{0, 6 * m, 11 * m, 41 * m, 161 * m},
		},
		"retry-after-more-than-an-hour": {
			answers: []deliver.Result{down, down, answered(429, "Retry-After", "86400"), down},
			want:    []time.Duration{0, m, 6 * m, 66 * m, 66*m + 2*h},
		},
		"retry-after-before-the-last":  {answers: []deliver.Result{down, down, down, answered(429, "Retry-After", "99999999999999999999")}, want: whole},
		"retry-after-not-understood":   {answers: []deliver.Result{answered(503, "Retry-After", "soon")}, want: whole},
		"retry-after-negative":         {answers: []deliver.Result{answered(503, "Retry-After", "-5")}, want: whole},
		"the-scale-holds-for-the-wish": {scale: 60, answers: []deliver.Result{answered(429, "Retry-After", "120"), answered(200)}, want: []time.Duration{0, 2 * time.Second}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got, _ := run(t, deliver.Schedule{Waits: waits(), Scale: tt.scale}, tt.cost, tt.answers...)
				if !slices.Equal(got, tt.want) {
					t.Errorf("attempts at %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		date := time.Now().Add(3 * time.Minute).UTC().Format(http.TimeFormat)
		got, _ := run(t, deliver.Schedule{Waits: waits()}, 0, answered(503, "Retry-After", date), answered(200))
		if want := []time.Duration{0, 3 * time.Minute}; !slices.Equal(got, want) {
			t.Errorf("attempts at %v, want %v", got, want)
		}
	})
}

func TestRetryZeroScheduleIsOneAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got, last := run(t, deliver.Schedule{}, 0, answered(500))
		if len(got) != 1 || last.Delivered() {
			t.Errorf("%d attempts, delivered %v", len(got), last.Delivered())
		}
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		var waited []int
		last, err := deliver.Retry{
			Schedule: deliver.Schedule{Waits: waits()}, Now: time.Now,
			Attempt: func(context.Context, int) deliver.Result { return answered(500) },
			Waiting: func(n int, _ time.Time, _ time.Duration) { waited = append(waited, n) },
		}.Run(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || last.Number != 2 || !slices.Equal(waited, []int{2, 3}) {
			t.Errorf("err = %v, last attempt %d, waits announced %v", err, last.Number, waited)
		}
	})
}

// TestRetryAfterSleep: the wall clock runs ahead of the timers, as it does when
// a machine slept.
func TestRetryAfterSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var slept atomic.Int64
		start := time.Now()
		var began []time.Duration
		_, err := deliver.Retry{
			Schedule: deliver.Schedule{Waits: waits()},
			Now:      func() time.Time { return time.Now().Add(time.Duration(slept.Load())).Round(0) },
			Attempt: func(_ context.Context, n int) deliver.Result {
				began = append(began, time.Since(start))
				if n == 2 { // the lid is closed ten seconds from now, for three hours
					time.AfterFunc(10*time.Second, func() { slept.Store(int64(3 * time.Hour)) })
				}
				return answered(500)
			},
		}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// The third is overdue and made at once, the later ones keep their distance.
		m := time.Minute
		if want := []time.Duration{0, m, m + m/2, 31*m + m/2, 151*m + m/2}; !slices.Equal(began, want) {
			t.Errorf("attempts at %v, want %v", began, want)
		}
	})
}

// TestRetryClockSetBack: a clock that is set back an hour delays nothing.
func TestRetryClockSetBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var step atomic.Int64
		start := time.Now()
		var began []time.Duration
		_, err := deliver.Retry{
			Schedule: deliver.Schedule{Waits: waits()},
			Now:      func() time.Time { return time.Now().Add(time.Duration(step.Load())).Round(0) },
			Attempt: func(_ context.Context, n int) deliver.Result {
				began = append(began, time.Since(start))
				if n == 2 {
					time.AfterFunc(10*time.Second, func() { step.Store(int64(-time.Hour)) })
				}
				return answered(500)
			},
		}.Run(t.Context())
		m := time.Minute
		if want := []time.Duration{0, m, 6 * m, 36 * m, 156 * m}; err != nil || !slices.Equal(began, want) {
			t.Errorf("attempts at %v, err %v, want %v", began, err, want)
		}
	})
}
