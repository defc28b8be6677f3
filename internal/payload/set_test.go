package payload_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/payload"
)

func TestSet(t *testing.T) {
	t.Parallel()
	const body = "{\n \"id\": \"a\\u0062\", \"n\": 1.50, \"ok\": true, \"nil\": null,\t\"o\": {\"k\": [1, {\"z\": \"/\"}]}, \"e\": {}, \"l\": []\n}"
	for _, tc := range []struct{ edit, old, new string }{
		{"id=x", `"a\u0062"`, `"x"`},
		{"id=1", `"a\u0062"`, `"1"`},
		{`id=q"\` + "\n\x01é", `"a\u0062"`, `"q\"\\\n\u0001é"`},
		{"$.n=2", "1.50", "2"},
		{"n=1e3", "1.50", "1e3"},
		{"ok=false", "true", "false"},
		{"nil=5", "null", "5"},
		{"nil=text", "null", `"text"`},
		{"o.k[0]=7", "[1,", "[7,"},
		{"o.k[1].z=<&>", `"/"`, `"<&>"`},
		{"n:=\"text\"", "1.50", `"text"`},
		{"o.k:=[]", `[1, {"z": "/"}]`, "[]"},
		{`o={"a":1}`, `{"k": [1, {"z": "/"}]}`, `{"a":1}`},
	} {
		e, err := payload.ParseEdit(tc.edit, false)
		if err != nil {
			t.Fatalf("%s: %v", tc.edit, err)
		}
		want := strings.Replace(body, tc.old, tc.new, 1)
		if got, err := payload.Set([]byte(body), e); err != nil || string(got) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", tc.edit, err, got, want)
		}
	}
	for _, tc := range []struct{ edit, want string }{
		{"new=1", `, "l": [],"new":1` + "\n}"},
		{"e.x=true", `"e": {"x":true}`},
		{"e.x.y[0].z=t", `"e": {"x":{"y":[{"z":"t"}]}}`},
		{"l[0]=a", `"l": ["a"]`},
		{"o.k[2]=null", `{"z": "/"},null]`},
		{"e.j:={\"a\":[]}", `"e": {"j":{"a":[]}}`},
		{"id=kept", `"id": "kept"`},
		{"n=5", `"n": 5`},
		{"n=1.5", `"n": 1.5`},
		{"e.f=1.5", `"e": {"f":"1.5"}`},
		{"e.f=007", `"e": {"f":7}`},
		{"e.f= true", `"e": {"f":" true"}`},
	} {
		e, err := payload.ParseEdit(tc.edit, true)
		if err != nil {
			t.Fatal(err)
		}
		got, err := payload.Set([]byte(body), e)
		if err != nil || payload.Valid(got) != nil {
			t.Errorf("%s: %v %s", tc.edit, err, got)
		} else if !strings.Contains(strings.ReplaceAll(string(got), "[]\n,", "[],"), strings.TrimSuffix(tc.want, "\n}")) {
			t.Errorf("%s: %s, want %s in it", tc.edit, got, tc.want)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	body := []byte(`{"data":{"metadata":{"width":1080},"tags":["a"]},"id":"a","dup":1,"dup":2}`)
	for edit, want := range map[string]string{
		"data.metadata.widht=1":    "did you mean $.data.metadata.width?",
		"metadata.width=1":         "did you mean $.data.metadata.width?",
		"data.metadata.width=wide": "a number",
		"data.tags=x":              "an array",
		"dup=3":                    "twice",
		"nothing.like.it=1":        "no field $.nothing.like.it",
	} {
		e, err := payload.ParseEdit(edit, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := payload.Set(body, e)
		if err == nil || got != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v, want %q", edit, got, err, want)
		}
	}
	for _, edit := range []string{"data.tags[5]=x", "id.x=1", "data.tags.x=1"} {
		e, err := payload.ParseEdit(edit, true)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := payload.Set(body, e); err == nil {
			t.Errorf("%s: %s", edit, got)
		}
	}
	if _, err := payload.Set([]byte("no"), payload.Edit{Path: payload.MustPath("a"), Mode: payload.Create}); !errors.Is(err, payload.ErrNotJSON) {
		t.Errorf("a body that is not JSON: %v", err)
	}
	for _, text := range []string{"a", "=1", "a:=x", "$=1", "a[=1"} {
		if e, err := payload.ParseEdit(text, false); err == nil {
			t.Errorf("ParseEdit(%q) = %v", text, e)
		}
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	const body = " { \"b\" : [ 1 , {\"z\":1, \"a\":\"x y\"} ] ,\n\"a\":\"\\u00e9\" } "
	if got, want := string(payload.Compact([]byte(body))), `{"b":[1,{"z":1,"a":"x y"}],"a":"\u00e9"}`; got != want {
		t.Errorf("Compact = %s, want %s", got, want)
	}
	if got, want := string(payload.Canonical([]byte(body))), `{"a":"\u00e9","b":[1,{"a":"x y","z":1}]}`; got != want {
		t.Errorf("Canonical = %s, want %s", got, want)
	}
	for _, text := range []string{"", "not json", "{", "5"} {
		if got := string(payload.Compact([]byte(text))); got != text {
			t.Errorf("Compact(%q) = %q", text, got)
		}
		if got := string(payload.Canonical([]byte(text))); got != text {
			t.Errorf("Canonical(%q) = %q", text, got)
		}
	}
}
