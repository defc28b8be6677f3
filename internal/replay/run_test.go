package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/replay"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// items came 0, 10 and 70 seconds into the recording.
func items() []replay.Item {
	var out []replay.Item
	for i, s := range []int{0, 10, 70} {
		d := &webhook.Delivery{ID: fmt.Sprint(i), ReceivedAt: now().Add(time.Duration(s) * time.Second)}
		out = append(out, replay.Item{Delivery: d, Request: deliver.Request{URL: fmt.Sprintf("http://%d.example/", i)}})
	}
	return out
}

func answer(status int) deliver.Result {
	return deliver.Result{Attempt: webhook.Attempt{Response: &webhook.Response{Status: status}}}
}

func TestSpeed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		speed       float64
		concurrency int
		want        []string
	}{
		"max":                {0, 1, []string{"0 at 0s", "1 at 5s", "2 at 10s"}},
		"max-concurrent":     {0, 3, []string{"0 at 0s", "1 at 0s", "2 at 0s"}},
		"original":           {1, 3, []string{"0 at 0s", "1 at 10s", "2 at 1m10s"}},
		"ten-times":          {10, 3, []string{"0 at 0s", "1 at 1s", "2 at 7s"}},
		"ten-times-in-a-row": {10, 1, []string{"0 at 0s", "1 at 5s", "2 at 10s"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				began := make(chan string, 3)
				err := replay.Run{
					Items: items(), Speed: tt.speed, Concurrency: tt.concurrency,
					Send: func(_ context.Context, i replay.Item, _ int) deliver.Result {
						began <- fmt.Sprintf("%s at %v", i.Delivery.ID, time.Since(start))
						<-time.After(5 * time.Second)
						return answer(200)
					},
					Done: func(replay.Outcome) {},
				}.Do(t.Context())
				close(began)
				var got []string
				for s := range began {
					got = append(got, s)
				}
				slices.Sort(got)
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("err %v, %v, want %v", err, got, tt.want)
				}
			})
		})
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	var got []string
	err := replay.Run{
		Items: items()[:2], Times: 2,
		Send: func(_ context.Context, _ replay.Item, number int) deliver.Result {
			r := answer(200)
			r.Number = number
			return r
		},
		Done: func(o replay.Outcome) {
			got = append(got, fmt.Sprint(o.Item.Delivery.ID, " ", o.Result.Number, " ", o.Verdict))
		},
	}.Do(t.Context())
	if want := []string{"0 1 ", "0 2 ", "1 1 ", "1 2 "}; err != nil || !slices.Equal(got, want) {
		t.Errorf("err %v, %q, want %q", err, got, want)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var sent atomic.Int32
		err := replay.Run{
			Items: items(), Speed: 1,
			Send: func(context.Context, replay.Item, int) deliver.Result {
				if sent.Add(1) == 2 {
					cancel()
				}
				return answer(200)
			},
			Done: func(replay.Outcome) {},
		}.Do(ctx)
		if !errors.Is(err, context.Canceled) || sent.Load() != 2 {
			t.Errorf("err %v after %d", err, sent.Load())
		}
	})
}

func TestCompare(t *testing.T) {
	t.Parallel()
	ok, bad := &webhook.Response{Status: 200}, &webhook.Response{Status: 500}
	tests := map[string]struct {
		recorded webhook.Delivery
		now      *webhook.Response
		want     replay.Verdict
	}{
		"nothing-recorded":     {webhook.Delivery{}, ok, replay.Unknown},
		"fixed":                {webhook.Delivery{Attempts: []webhook.Attempt{{Response: ok}, {Response: bad}}}, ok, replay.Fixed},
		"fixed-no-answer":      {webhook.Delivery{Attempts: []webhook.Attempt{{Err: "connection refused"}}}, ok, replay.Fixed},
		"regressed":            {webhook.Delivery{Attempts: []webhook.Attempt{{Response: ok}}}, bad, replay.Regressed},
		"regressed-no-answer":  {webhook.Delivery{Response: ok}, nil, replay.Regressed},
		"same-good":            {webhook.Delivery{Response: ok}, &webhook.Response{Status: 204}, replay.Same},
		"same-bad":             {webhook.Delivery{Response: bad}, nil, replay.Same},
		"attempt-counts-first": {webhook.Delivery{Response: bad, Attempts: []webhook.Attempt{{Response: ok}}}, ok, replay.Same},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := replay.Compare(&tt.recorded, &webhook.Attempt{Response: tt.now}); got != tt.want {
				t.Errorf("Compare = %q, want %q", got, tt.want)
			}
		})
	}
}
