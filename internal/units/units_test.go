package units_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/units"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		want time.Duration
		err  string
	}{
		"milliseconds":      {"300ms", 300 * time.Millisecond, ""},
		"hours-and-minutes": {"1h30m", 90 * time.Minute, ""},
		"days":              {"2d", 48 * time.Hour, ""},
		"weeks-and-days":    {"1w2d3h", 9*24*time.Hour + 3*time.Hour, ""},
		"bare-zero":         {"0", 0, ""},
		"zero-days":         {"0d", 0, ""},
		"fraction":          {"1.5h", 90 * time.Minute, ""},
		"no-unit":           {"30", 0, "has no unit: write 30s, 30m or 30h"},
		"empty":             {"", 0, "is not one"},
		"negative":          {"-1h", 0, "negative"},
		"negative-rest":     {"1d-1h", 0, "negative"},
		"days-after-hours":  {"3h2d", 0, "is not one"},
		"too-many-days":     {"99999999d", 0, "too long"},
		"too-many-digits":   {"99999999999999999999d", 0, "too long"},
		"sum-too-long":      {"106751d24h", 0, "too long"},
		"a-word":            {"soon", 0, "is not one"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := units.ParseDuration(tt.in)
			if tt.err != "" {
				if err == nil || got != 0 || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("ParseDuration(%q) = %v, %v, want an error with %q", tt.in, got, err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Fatalf("ParseDuration(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
			}
			if again, err := units.ParseDuration(units.FormatDuration(got)); err != nil || again != got {
				t.Errorf("ParseDuration(FormatDuration(%v)) = %v, %v", got, again, err)
			}
		})
	}
}

func TestFormatDuration(t *testing.T) {
	t.Parallel()
	tests := map[string]time.Duration{
		"0s": 0, "250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "5m": 5 * time.Minute, "2h": 2 * time.Hour,
		"1h30m": 90 * time.Minute, "1d": 24 * time.Hour, "30d": 720 * time.Hour, "1d1m5s": 24*time.Hour + 65*time.Second,
	}
	for want, d := range tests {
		if got := units.FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%v) = %q, want %q", int64(d), got, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CEST", 2*60*60)
	now := time.Date(2026, 3, 1, 10, 30, 0, 0, zone)
	tests := map[string]struct {
		in, want string // want in RFC 3339, UTC
		err      string
	}{
		"now":              {"now", "2026-03-01T08:30:00Z", ""},
		"today":            {"today", "2026-02-28T22:00:00Z", ""},
		"yesterday":        {"Yesterday", "2026-02-27T22:00:00Z", ""},
		"back-hours":       {"1h", "2026-03-01T07:30:00Z", ""},
		"back-days":        {"2d", "2026-02-27T08:30:00Z", ""},
		"date":             {"2026-01-31", "2026-01-30T22:00:00Z", ""},
		"date-and-time":    {"2026-01-31 12:00", "2026-01-31T10:00:00Z", ""},
		"rfc3339":          {"2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.5Z", ""},
		"rfc3339-offset":   {"2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00Z", ""},
		"unix-seconds":     {"1700000000", "2023-11-14T22:13:20Z", ""},
		"unix-zero":        {"0", "1970-01-01T00:00:00Z", ""},
		"unix-millis":      {"1700000000000", "", "milliseconds have 13"},
		"date-no-dashes":   {"20260131", "", "write 2026-01-31"},
		"no-such-date":     {"2026-02-30", "", "is not one"},
		"a-word":           {"tomorrow", "", "is not one"},
		"empty":            {"", "", "is not one"},
		"negative":         {"-1h", "", "is not one"},
		"control-sequence": {"\x1b[2J", "", `\x1b`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := units.ParseTime(tt.in, now)
			if tt.err != "" {
				if err == nil || !got.IsZero() || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("ParseTime(%q) = %v, %v, want an error with %q", tt.in, got, err, tt.err)
				}
				return
			}
			if err != nil || got.UTC().Format(time.RFC3339Nano) != tt.want {
				t.Errorf("ParseTime(%q) = %v, %v, want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		want int64
		err  string
	}{
		"bytes":          {"1048576", 1 << 20, ""},
		"bytes-unit":     {"12 B", 12, ""},
		"bare-letter":    {"512k", 512 << 10, ""},
		"binary":         {"25MiB", 25 << 20, ""},
		"decimal":        {"1GB", 1e9, ""},
		"fraction":       {"1.5GiB", 3 << 29, ""},
		"zero":           {"0", 0, ""},
		"part-of-a-byte": {"1.5", 0, "is not one"},
		"unknown-unit":   {"5 parsec", 0, "is not one"},
		"no-number":      {"MiB", 0, "is not one"},
		"two-points":     {"1.2.3k", 0, "is not one"},
		"negative":       {"-1", 0, "is not one"},
		"too-large":      {"9999999999t", 0, "too large"},
		"too-large-part": {"9999999999.5t", 0, "too large"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := units.ParseSize(tt.in)
			if tt.err != "" {
				if err == nil || got != 0 || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("ParseSize(%q) = %v, %v, want an error with %q", tt.in, got, err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("ParseSize(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestFormatSize(t *testing.T) {
	t.Parallel()
	tests := map[string]int64{
		"0 B": 0, "1023 B": 1023, "1 KiB": 1024, "1.5 KiB": 1536, "25 MiB": 25 << 20, "1 MiB": 1<<20 - 1, "1 GiB": 1 << 30, "8388608 TiB": 1<<63 - 1,
	}
	for want, n := range tests {
		if got := units.FormatSize(n); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", n, got, want)
		}
	}
}

// FuzzParse: whatever is accepted is not negative, and prints as something
// that is accepted again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"1w2d3h", "300ms", "106751d", "25MiB", "1.5g", "2026-01-31", "1700000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if d, err := units.ParseDuration(in); err == nil {
			if again, err := units.ParseDuration(units.FormatDuration(d)); d < 0 || err != nil || again != d {
				t.Errorf("ParseDuration(%q) = %v, which comes back as %v, %v", in, d, again, err)
			}
		}
		if n, err := units.ParseSize(in); err == nil && n < 0 {
			t.Errorf("ParseSize(%q) = %d", in, n)
		}
		if at, err := units.ParseTime(in, time.Unix(1e9, 0)); err != nil && !at.IsZero() {
			t.Errorf("ParseTime(%q) = %v with error %v", in, at, err)
		}
	})
}
