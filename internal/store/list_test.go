package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// TestList compares what List gives with what the same query picks from a
// plain list of everything.
func TestList(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	start := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	var all []*webhook.Delivery
	for i := range 400 {
		d := sample(fmt.Sprintf("evt_%d", i))
		d.ReceivedAt = start.Add(time.Duration(i) * time.Second)
		d.ID = generator.At(d.ReceivedAt)
		d.Provider = []string{"canvelete", "loopcanvas", ""}[i%3]
		d.EventType = []string{"render.completed", "render.failed", "design.updated", "", fmt.Sprint("t", i)}[i%5]
		d.Verification.Status = []webhook.Status{webhook.Verified, webhook.Invalid, webhook.Unverified}[i%7%3]
		if i%11 == 0 {
			d.Direction = webhook.Sent
		}
		if i%13 == 0 {
			d.Response = &webhook.Response{Status: 500}
		}
		all = append(all, d)
	}
	appendAll(t, s, all)
	render := func(_, eventType string) bool { return eventType == "render.failed" || eventType == "" }
	queries := map[string]store.Query{
		"all":       {},
		"limit":     {Limit: 7},
		"provider":  {Provider: "canvelete"},
		"nobody":    {Provider: "nobody"},
		"pattern":   {Pattern: render, Limit: 30},
		"statuses":  {Statuses: []webhook.Status{webhook.Invalid, webhook.Unverified}},
		"direction": {Direction: webhook.Sent},
		"failed":    {Failed: true, Provider: "loopcanvas"},
		"time":      {Since: start.Add(100 * time.Second), Until: start.Add(200 * time.Second)},
		"time-type": {Since: start.Add(100 * time.Second), Until: start.Add(200 * time.Second), Pattern: render},
		"before":    {Before: all[300].ID, Limit: 100, Provider: "canvelete"},
		"oldest":    {Oldest: true, Limit: 90},
		"onwards":   {Oldest: true, Before: all[300].ID, Pattern: render},
		"filter":    {Filter: func(d *webhook.Delivery) bool { return len(d.EventType) == 3 }, Limit: 25},
	}
	for name, q := range queries {
		t.Run(name, func(t *testing.T) {
			page, err := s.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			want, more := pick(all, q)
			if got := idsOf(page.Deliveries); !slices.Equal(got, idsOf(want)) || page.More != more {
				t.Errorf("got %d, more %v, want %d, more %v", len(got), page.More, len(want), more)
			}
		})
	}
}

// pick is List, said plainly.
func pick(all []*webhook.Delivery, q store.Query) (list []*webhook.Delivery, more bool) {
	for _, d := range all {
		if (q.Provider == "" || d.Provider == q.Provider) &&
			(q.Pattern == nil || q.Pattern(d.Provider, d.EventType)) &&
			(len(q.Statuses) == 0 || slices.Contains(q.Statuses, d.Verification.Status)) &&
			(q.Direction == "" || d.Direction == q.Direction) &&
			(!q.Failed || d.Response != nil && d.Response.Status == 500) &&
			(q.Since.IsZero() || !d.ReceivedAt.Before(q.Since)) && (q.Until.IsZero() || d.ReceivedAt.Before(q.Until)) &&
			(q.Before == "" || (d.ID < q.Before) != q.Oldest && d.ID != q.Before) &&
			(q.Filter == nil || q.Filter(d)) {
			list = append(list, d)
		}
	}
	if !q.Oldest {
		slices.Reverse(list)
	}
	if q.Limit > 0 && len(list) > q.Limit {
		return list[:q.Limit], true
	}
	return list, false
}
