package capture

import (
	"fmt"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/webhook"
)

func TestScript(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		script string
		after  []time.Duration // of each delivery, since the first
		want   string
	}{
		{"503", []time.Duration{0, 0, 0}, "[503 503 503]"},
		{"500x3,200", []time.Duration{0, 0, 0, 0, 0}, "[500 500 500 200 200]"},
		{"500,502x2, 204", []time.Duration{0, 0, 0, 0, 0}, "[500 502 502 204 204]"},
		{"503x10m,200", []time.Duration{0, time.Minute, 10*time.Minute - 1, 10 * time.Minute, time.Hour}, "[503 503 503 200 200]"},
		{"500,503x1h,200", []time.Duration{0, time.Hour, 90 * time.Minute, 2 * time.Hour}, "[500 503 503 200]"},
		{"500x2", []time.Duration{0, 0, 0}, "[500 500 500]"},
	} {
		s, err := ParseScript(tt.script)
		if err != nil {
			t.Errorf("ParseScript(%q) = %v", tt.script, err)
			continue
		}
		other := &webhook.Delivery{EventID: "evt_other"}
		var got []int
		for _, d := range tt.after {
			got = append(got, s.Status(&webhook.Delivery{EventID: "evt_1"}, start.Add(d)))
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s: %v, want %s", tt.script, got, tt.want)
		}
		if first := s.Status(other, start.Add(24*time.Hour)); first != got[0] {
			t.Errorf("%s: another event begins with %d, want %d", tt.script, first, got[0])
		}
	}
}

func TestScriptWithoutIDs(t *testing.T) {
	t.Parallel()
	s, err := ParseScript("500,200")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	got := []int{
		s.Status(&webhook.Delivery{Body: []byte("a")}, now), s.Status(&webhook.Delivery{Body: []byte("b")}, now),
		s.Status(&webhook.Delivery{Body: []byte("a")}, now),
	}
	if fmt.Sprint(got) != "[500 500 200]" {
		t.Errorf("statuses = %v, want 500 for each body once, then 200", got)
	}
}

func TestScriptForgets(t *testing.T) {
	t.Parallel()
	s, err := ParseScript("500,200")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	for i := range 3 * maxEvents {
		s.Status(&webhook.Delivery{EventID: fmt.Sprint(i)}, now)
	}
	if len(s.seen) != maxEvents || len(s.order) != maxEvents {
		t.Errorf("%d events in %d places, want %d", len(s.seen), len(s.order), maxEvents)
	}
	if got := s.Status(&webhook.Delivery{EventID: fmt.Sprint(3*maxEvents - 1)}, now); got != 200 {
		t.Errorf("the newest event got %d, want 200", got)
	}
}

func TestScriptErrors(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "abc", "99", "600", "500x", "500x0", "500x-1", "500x3,", ",200", "500xx3", "500x3y", "0500", "500x0s"} {
		if got, err := ParseScript(s); err == nil {
			t.Errorf("ParseScript(%q) = %+v, want an error", s, got.steps)
		}
	}
}

// FuzzParseScript: whatever is accepted answers with a status, and ends with
// the one that stands last.
func FuzzParseScript(f *testing.F) {
	for _, s := range []string{"503", "500x3,200", "503x10m,200", "500x,1", "200x1h30m,404x2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScript(text)
		if err != nil {
			return
		}
		d, now := &webhook.Delivery{EventID: "evt_1"}, time.Unix(1_700_000_000, 0)
		for range 3 {
			if got := s.Status(d, now); got < 200 || got > 599 {
				t.Errorf("%q answers with %d", text, got)
			}
		}
		p := s.seen[eventKey(d)]
		p.step, p.times = len(s.steps)-1, 0
		if got, want := s.Status(d, now), s.steps[len(s.steps)-1].status; got != want {
			t.Errorf("%q ends with %d, want %d", text, got, want)
		}
	})
}
