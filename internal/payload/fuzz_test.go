package payload_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/payload"
)

// FuzzParsePath: what is accepted prints as a path that is read as the same
// path, and what is refused leaves nothing behind.
func FuzzParsePath(f *testing.F) {
	for _, text := range []string{"$", "$.a.b[0].c", "a[*]", `$["x.y"]`, "$ref", "a..b", `a["\"]"]`, "[0]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := payload.ParsePath(text)
		if err != nil {
			if !p.IsRoot() {
				t.Errorf("ParsePath(%q) = %v with error %v", text, p, err)
			}
			return
		}
		again, err := payload.ParsePath(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("ParsePath(%q) = %s, which is read as %s, %v", text, p, again, err)
		}
	})
}

// FuzzFind: it takes exactly what encoding/json takes, and for a name that
// occurs once says what encoding/json says.
func FuzzFind(f *testing.F) {
	for _, body := range []string{`{"id":"a"}`, `{"id":1,"id":2}`, `{"a":{"id":[1,"\ud83d\ude00"]}}`, "\xef\xbb\xbf{}", `[[[]]]`, `{"id":"\ud800"}`} {
		f.Add([]byte(body))
	}
	id := payload.MustPath("$.id")
	f.Fuzz(func(t *testing.T, body []byte) {
		found, err := payload.Find(body, id, payload.MustPath("$[*].id"), payload.MustPath("$.a.id[1]"))
		if want := json.Valid(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))); want != (err == nil) {
			t.Fatalf("Find: %v, encoding/json takes it: %v", err, want)
		}
		if err != nil || found[0].Ambiguous || !utf8.Valid(body) {
			return
		}
		var want map[string]any
		if json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &want) != nil {
			return
		}
		if text, ok := want["id"].(string); ok && found[0].Value().Text() != text {
			t.Errorf("Find = %q, want %q", found[0].Value().Text(), text)
		}
	})
}

// FuzzSet: an edited body is JSON still, holds the new value, and differs in
// nothing else.
func FuzzSet(f *testing.F) {
	f.Add([]byte(`{"id":"a","n":1}`), "x")
	f.Add([]byte(` { "id" : null } `), "5")
	f.Fuzz(func(t *testing.T, body []byte, value string) {
		path := payload.MustPath("$.id")
		got, err := payload.Set(body, payload.Edit{Path: path, Value: value})
		if err != nil {
			return
		}
		before, after := payload.FindOne(body, path), payload.FindOne(got, path)
		if payload.Valid(got) != nil {
			t.Fatalf("not JSON: %q", got)
		}
		if before.Kind == payload.String && after.Text() != value {
			t.Errorf("holds %q, want %q", after.Text(), value)
		}
		rest := append(append([]byte(nil), body[:before.Start]...), body[before.Start+len(before.Raw):]...)
		left := append(append([]byte(nil), got[:after.Start]...), got[after.Start+len(after.Raw):]...)
		if !bytes.Equal(rest, left) {
			t.Errorf("the rest changed: %q to %q", body, got)
		}
	})
}
