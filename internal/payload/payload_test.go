package payload_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
)

func TestFind(t *testing.T) {
	t.Parallel()
	body := `{"id":"evt_1","ID":"other","n":1.50,"ok":true,"nil":null,"esc":"a\u0062\n\ud83d\ude00\ud800",` +
		`"a":{"b":[{"c":1},{"c":2}],"x.y":"dots","$ref":"r"},"\u006bey":"k","event-data":{"id":7}}`
	for path, want := range map[string]string{
		"$.id": "evt_1", "id": "evt_1", "$.ID": "other", "$.n": "1.50", "$.ok": "true", "$.nil": "",
		"$.esc": "ab\n😀\ufffd", "$.a.b[1].c": "2", "$.a.b[*].c": "2", `$.a["x.y"]`: "dots", "a['x.y']": "dots",
		"$.a.$ref": "r", "$.key": "k", "$.event-data.id": "7", "$.missing": "", "$.a.b[2].c": "", "$.id.x": "",
		"$.a.b": `[{"c":1},{"c":2}]`,
	} {
		p, err := payload.ParsePath(path)
		if err != nil {
			t.Errorf("ParsePath(%q): %v", path, err)
			continue
		}
		for _, prefix := range []string{"", "\xef\xbb\xbf", " \n"} {
			if got := payload.FindOne([]byte(prefix+body), p).Text(); got != want {
				t.Errorf("%s after %q = %q, want %q", path, prefix, got, want)
			}
		}
	}
}

func TestFindManyPathsAtOnce(t *testing.T) {
	t.Parallel()
	var paths []payload.Path
	for range 70 {
		paths = append(paths, payload.MustPath("$.a[*].b"), payload.MustPath("$.c"))
	}
	found, err := payload.Find([]byte(`{"a":[{"b":1},{"b":2},{}],"c":"x"}`), paths...)
	if err != nil || len(found) != len(paths) {
		t.Fatalf("Find = %d matches, %v", len(found), err)
	}
	for i := 0; i < len(found); i += 2 {
		if len(found[i].Values) != 2 || found[i+1].Value().Text() != "x" {
			t.Fatalf("path %d: %v, %v", i, found[i], found[i+1])
		}
	}
}

func TestDuplicateNamesAreAmbiguous(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ body, path, first, last string }{
		{`{"id":"a","id":"b"}`, "$.id", "a", "b"},
		{`{"id":"a","id":"b","id":"c"}`, "$.id", "a", "c"},
		{`{"id":"a","\u0069d":"b"}`, "$.id", "a", "b"},
		{`{"e":{"id":1},"e":{"id":2}}`, "$.e.id", "1", "2"},
		{`{"e":{"id":1},"e":{}}`, "$.e.id", "1", ""},
		{`{"e":{},"e":{"id":2}}`, "$.e.id", "", "2"},
		{`{"e":5,"e":{"id":2}}`, "$.e.id", "", "2"},
	} {
		found, err := payload.Find([]byte(tc.body), payload.MustPath(tc.path))
		if err != nil {
			t.Fatal(err)
		}
		m := found[0]
		if !m.Ambiguous || m.First.Text() != tc.first || m.Value().Text() != tc.last {
			t.Errorf("%s in %s: ambiguous %v, %q, %q", tc.path, tc.body, m.Ambiguous, m.First.Text(), m.Value().Text())
		}
	}
	for _, body := range []string{`{"id":"a","ID":"b","Id":"c"}`, `{"x":{"id":1},"id":2}`, `[{"id":1},{"id":2}]`} {
		found, err := payload.Find([]byte(body), payload.MustPath("$.id"))
		if err != nil || found[0].Ambiguous {
			t.Errorf("%s: ambiguous, %v", body, err)
		}
	}
}

// TestValidAgreesWithEncodingJSON on what is JSON and what is not.
func TestValidAgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", " ", "{}", "[]", "null", "true", "falsy", "nul", "0", "-0", "01", "-", "1.", ".5", "1e5", "1e", "1E+2", "1.5e-3x",
		`"a"`, `"`, `"\x"`, `"\u12g4"`, `"\u1234"`, `"\u123"`, "\"\x01\"", "\"\xff\"", `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":1}x`,
		`[1,]`, `[1 2]`, `[`, `]`, `{"a":[}]`, `[1]]`, `{"a":{"b":[1,2,{"c":null}]}}`, "[1,\n2]", `{"a":1 "b":2}`, "\x00", `{"":0}`,
	} {
		if got, want := payload.Valid([]byte(body)) == nil, json.Valid([]byte(body)); got != want {
			t.Errorf("Valid(%q) = %v, want %v", body, got, want)
		}
	}
}

func TestNotJSONHoldsNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"id":"a"`, `{"id":"a"}}`, `id=a`, ``, `{"id":"a",}`} {
		found, err := payload.Find([]byte(body), payload.MustPath("$.id"))
		if !errors.Is(err, payload.ErrNotJSON) || found != nil {
			t.Errorf("Find in %q = %v, %v", body, found, err)
		}
	}
}

// TestDepthIsBounded: nesting costs no stack, and too much of it is no JSON.
func TestDepthIsBounded(t *testing.T) {
	t.Parallel()
	nest := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if err := payload.Valid(nest(10000)); err != nil {
		t.Errorf("10000 deep: %v", err)
	}
	for _, n := range []int{10001, 1_000_000} {
		if err := payload.Valid(nest(n)); !errors.Is(err, payload.ErrNotJSON) {
			t.Errorf("%d deep: %v", n, err)
		}
	}
	if err := payload.Valid(bytes.Repeat([]byte(`{"a":`), 1_000_000)); !errors.Is(err, payload.ErrNotJSON) {
		t.Errorf("a million objects deep: %v", err)
	}
}

func TestParsePathRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"$.", "$..a", "a.", "a[", "a[]", "a[x]", "a[-1]", "a[01]", `a["x`, `a["x"`, "a]b", "$.a[0]b", strings.Repeat(".a", 65)} {
		if p, err := payload.ParsePath(text); err == nil || !p.IsRoot() {
			t.Errorf("ParsePath(%q) = %v, %v", text, p, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1707148800": "2024-02-05T16:00:00Z", "1707148800123": "2024-02-05T16:00:00.123Z", "1707148800.5": "2024-02-05T16:00:00.5Z",
		"1707148800123456": "2024-02-05T16:00:00.123456Z", "1707148800123456789": "2024-02-05T16:00:00.123456789Z", "0": "1970-01-01T00:00:00Z",
		"2024-01-15T10:30:00Z": "2024-01-15T10:30:00Z", "2024-01-15T12:30:00+02:00": "2024-01-15T10:30:00Z",
		"2024-01-01T00:00:00.000000": "2024-01-01T00:00:00Z", "2024-01-15 10:30:00": "2024-01-15T10:30:00Z",
		"2024-01-15 10:30:00 UTC": "2024-01-15T10:30:00Z", "Mon, 15 Jan 2024 10:30:00 GMT": "2024-01-15T10:30:00Z", "2024-01-15": "2024-01-15T00:00:00Z",
	} {
		got, ok := payload.ParseTime(text)
		if !ok || got.Format(time.RFC3339Nano) != want {
			t.Errorf("ParseTime(%q) = %v, %v, want %s", text, got.Format(time.RFC3339Nano), ok, want)
		}
	}
	for _, text := range []string{"", ".", "1.2.3", "-1", "yesterday", "99999999999999999999", "2024-13-01", strings.Repeat("1", 65)} {
		if got, ok := payload.ParseTime(text); ok {
			t.Errorf("ParseTime(%q) = %v", text, got)
		}
	}
}
