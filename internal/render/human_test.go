package render_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/render"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   time.Duration
		want string
	}{
		{0, "0 ms"},
		{time.Nanosecond, "0.01 ms"},
		{412 * time.Microsecond, "0.41 ms"},
		{400 * time.Microsecond, "0.4 ms"},
		{3100 * time.Microsecond, "3.1 ms"},
		{99940 * time.Microsecond, "99.9 ms"},
		{99950 * time.Microsecond, "100 ms"},
		{999499 * time.Microsecond, "999 ms"},
		{999500 * time.Microsecond, "1 s"},
		{1250 * time.Millisecond, "1.25 s"},
		{30 * time.Second, "30 s"},
		{59949 * time.Millisecond, "59.9 s"},
		{59950 * time.Millisecond, "1 m"},
		{2*time.Minute + 5*time.Second, "2 m 5 s"},
		{2*time.Hour + 36*time.Minute + 7*time.Second, "2 h 36 m"},
		{2 * time.Hour, "2 h"},
		{49 * time.Hour, "2 d 1 h"},
		{-3 * time.Second, "-3 s"},
	}
	for _, tt := range tests {
		if got := render.Duration(tt.in); got != tt.want {
			t.Errorf("Duration(%v) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	v := render.View{Now: now.In(time.FixedZone("CET", 3600))}
	tests := []struct {
		at                 time.Time
		age, clock, moment string
	}{
		{time.Time{}, "-", "-", "-"},
		{now, "just now", "15:03:08", "2026-11-21 15:03:08.000 CET"},
		{now.Add(500 * time.Millisecond), "just now", "15:03:08", "2026-11-21 15:03:08.500 CET"},
		{now.Add(-90 * time.Second), "90 s ago", "15:01:38", "2026-11-21 15:01:38.000 CET"},
		{now.Add(-3 * time.Minute), "3 m ago", "15:00:08", "2026-11-21 15:00:08.000 CET"},
		{now.Add(-26 * time.Hour), "26 h ago", "Nov 20 13:03:08", "2026-11-20 13:03:08.000 CET"},
		{now.Add(-50 * time.Hour), "2 d ago", "Nov 19 13:03:08", "2026-11-19 13:03:08.000 CET"},
		{now.AddDate(-1, 0, 0), "365 d ago", "2025-11-21 15:03:08", "2025-11-21 15:03:08.000 CET"},
		{now.Add(time.Hour), "in 60 m", "16:03:08", "2026-11-21 16:03:08.000 CET"},
	}
	for _, tt := range tests {
		if age, clock, moment := v.Age(tt.at), v.Clock(tt.at), v.Moment(tt.at); age != tt.age || clock != tt.clock || moment != tt.moment {
			t.Errorf("%v is %q, %q, %q, want %q, %q, %q", tt.at, age, clock, moment, tt.age, tt.clock, tt.moment)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"1 event": render.Plural(1, "event"), "0 events": render.Plural(0, "event"), "9,935 levels": render.Plural(9935, "level"),
		"1 delivery": render.Plural(1, "delivery", "deliveries"), "2 deliveries": render.Plural(2, "delivery", "deliveries"),
	} {
		if got != want {
			t.Errorf("Plural = %q, want %q", got, want)
		}
	}
}

func TestTableFits(t *testing.T) {
	t.Parallel()
	columns := []render.Column{{Title: "name", Shrink: true}, {Title: "size", Right: true, Drop: 2}, {Title: "note", Drop: 1, Shrink: true}}
	rows := [][]string{{"a-rather-long-name", "1", "what is said about it"}, {"b", "1,234", "世界"}}
	for width, want := range map[int]string{
		0:  "a-rather-long-name      1  what is said about it\nb                   1,234  世界\n",
		48: "name                 size  note\na-rather-long-name      1  what is said about it\nb                   1,234  世界\n",
		42: "name               size  note\na-rather-long-n…      1  what is said abo…\nb                 1,234  世界\n",
		40: "name                note\na-rather-long-name  what is said about …\nb                   世界\n",
		30: "name\na-rather-long-name\nb\n",
		10: "name\na-rather-…\nb\n",
	} {
		if got := (render.View{Width: width}).Table(columns, rows); got != want {
			t.Errorf("at width %d:\n%s\nwant\n%s", width, got, want)
		}
	}
	if got := (render.View{}).Table(columns, nil); got != "" || strings.Contains(got, "\n") {
		t.Errorf("a table without rows = %q", got)
	}
}
