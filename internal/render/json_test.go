package render_test

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/safetext/safetexttest"
	"github.com/hooks-cli/hooks/internal/term"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"order-is-kept", `{"b":1,"a":2,"b":3}`, "{\n  \"b\": 1,\n  \"a\": 2,\n  \"b\": 3\n}\n"},
		{"numbers-are-kept", `[1.0,-0,1e999999,12345678901234567890]`, "[1.0, -0, 1e999999, 12345678901234567890]\n"},
		{"escapes-are-kept", `{"\u0061":"\/\ud83d\n"}`, "{\n  \"\\u0061\": \"\\/\\ud83d\\n\"\n}\n"},
		{"empty", "{ \"a\" : { } , \"b\" : [ ] }", "{\n  \"a\": {},\n  \"b\": []\n}\n"},
		{"nested-list", `[[1,2],[{"a":[]}]]`, "[\n  [1, 2],\n  [\n    {\n      \"a\": []\n    }\n  ]\n]\n"},
		{"scalar", ` "text" `, "\"text\"\n"},
		{"several", "{\"a\":1}\n{\"b\":2}\n", "{\n  \"a\": 1\n}\n{\n  \"b\": 2\n}\n"},
		{"prototype", `{"__proto__":null}`, "{\n  \"__proto__\": null\n}\n"},
		{"hidden", "{\"a\u202e\":\"\x7f\xff\"}", "{\n  \"a\\u202e\": \"\\x7f\\xff\"\n}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := render.View{}.JSON([]byte(tt.in), "")
			if err != nil || got != tt.want {
				t.Errorf("JSON(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
			}
		})
	}
}

// TestJSONFits: however long a text is, the comma behind it fits the line too.
func TestJSONFits(t *testing.T) {
	t.Parallel()
	v := render.View{Width: 40}
	for n := range 120 {
		got, err := v.JSON([]byte(`{"id":"`+strings.Repeat("x", n)+`","n":[1,2]}`), "")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(got) {
			if w := ansi.StringWidth(strings.TrimSuffix(line, "\n")); w > v.Width {
				t.Errorf("%d letters: the line %q has %d columns", n, line, w)
			}
		}
	}
}

func TestNotJSON(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"empty", "", "it ends too early"},
		{"open", `{"a":[`, "it ends too early"},
		{"open-string", `{"a`, "it ends too early"},
		{"comma-missing", `{"a":1 "b":2}`, `'"' at byte 7`},
		{"comma-too-much", `[1,]`, `']' at byte 3`},
		{"comma-first", `[,1]`, `',' at byte 1`},
		{"comma-before-end", `{"a":1,}`, `'}' at byte 7`},
		{"colon-missing", `{"a" 1}`, `'1' at byte 5`},
		{"key-is-a-number", `{1:2}`, `'1' at byte 1`},
		{"wrong-end", `[1}`, `'}' at byte 2`},
		{"trailing", `{}x`, `'x' at byte 2`},
		{"word", `{"a":undefined}`, `'u' at byte 5`},
		{"number", `[01]`, `'0' at byte 1`},
		{"fraction", `[1.]`, `']' at byte 3`},
		{"exponent", `[1e]`, `']' at byte 3`},
		{"minus", `-`, "it ends too early"},
		{"newline-in-string", "[\"a\nb\"]", `'\n' at byte 3`},
		{"escape", `["\x41"]`, `escape "\\x" at byte 2`},
		{"short-escape", `["\u00"]`, `escape "\\u" at byte 2`},
		{"not-utf8", "[\xff]", "byte 0xff at byte 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := render.View{}.JSON([]byte(tt.in), "")
			if err == nil || err.Error() != tt.want || got != "" {
				t.Errorf("JSON(%q) = %q, %v, want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

// bombs are bodies made to keep a pretty-printer busy, with a part of what is
// said about what was left out.
func bombs() map[string]struct {
	body []byte
	says string
} {
	repeat := func(s string, n int) []byte { return bytes.Repeat([]byte(s), n) }
	nested := func(n int) []byte { return append(repeat("[", n), repeat("]", n)...) }
	var keys, same bytes.Buffer
	keys.WriteString(`{"k":0`)
	same.WriteString(`{"k":0`)
	for i := range 1_000_000 {
		keys.WriteString(`,"key` + string(rune('a'+i%26)) + safetext.Thousands(i) + `":0`)
		if i < 20_000 {
			same.WriteString(`,"k":[0]`)
		}
	}
	keys.WriteString("}")
	same.WriteString("}")
	type bomb = struct {
		body []byte
		says string
	}
	return map[string]bomb{
		"depth-10000":          {nested(10_000), "… 9,935 levels more (hooks events show dlv_1 --raw)"},
		"depth-1000000":        {nested(1_000_000), "… 999,935 levels more (hooks events show dlv_1 --raw)"},
		"depth-never-closed":   {repeat("[", 1_000_000), "… +983,616 bytes"},
		"objects-never-closed": {repeat(`{"a":`, 200_000), "… +983,616 bytes"},
		"million-keys":         {keys.Bytes(), "MiB more (hooks events show dlv_1 --raw)"},
		"same-key":             {same.Bytes(), "KiB more (hooks events show dlv_1 --raw)"},
		"long-string":          {append(append([]byte(`{"a":"`), repeat("x", 24<<20)...), `"}`...), "… +25,16"},
		"long-key":             {append(append([]byte(`{"`), repeat("x", 24<<20)...), `":1}`...), "… +25,16"},
		"escapes":              {append(append([]byte(`{"a":"`), repeat(`\"`, 4<<20)...), `"}`...), "… +"},
		"no-commas":            {append([]byte("["), repeat("1 ", 5<<20)...), "not JSON"},
		"long-number":          {append(append([]byte("["), repeat("9", 1_000_000)...), ']'), "… +"},
		"white-space":          {append(repeat(" \n", 8<<20), "[1]"...), "MiB more"},
		"spaced-list":          {append(append([]byte("["), repeat(" ", 8<<20)...), "1]"...), "1"},
		"wide-lists":           {append(append([]byte("["), repeat("[1,2,3],", 500_000)...), "1]"...), "MiB more"},
		"emoji":                {append(append([]byte("["), repeat("\"👩🏽\u200d🚀\u202e\",", 300_000)...), "1]"...), "MiB more"},
		"control-bytes":        {repeat("\x1b[2Jtext\x00", 200_000), "… +"},
		"one-line-of-text":     {repeat("text ", 2<<20), "… +"},
		"combining-marks":      {append([]byte("e"), repeat("\u0301", 2<<20)...), "… +"},
		"lines":                {repeat("\n", 10<<20), "MiB more"},
		"form":                 {repeat("a=b&", 100_000), "…"},
	}
}

// TestBombs is not parallel: it measures time and what is allocated.
func TestBombs(t *testing.T) {
	header := map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}
	views := map[string]render.View{
		"piped": {}, "terminal": {Width: 80, Palette: term.NewPalette(true)},
	}
	for name, bomb := range bombs() {
		for look, v := range views {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			out := v.Body(header, bomb.body, "hooks events show dlv_1 --raw")
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%s %s: %v, %d KiB allocated, %d KiB shown", name, look, took, allocated>>10, len(out)>>10)
			if plain := ansi.Strip(out); len(plain) > 256<<10+64<<10 {
				t.Errorf("%s %s: %d KiB of text", name, look, len(plain)>>10)
			} else if !strings.Contains(plain, bomb.says) {
				t.Errorf("%s %s: nothing says %q: …%q", name, look, bomb.says, plain[max(0, len(plain)-200):])
			}
			if allocated > 16<<20 {
				t.Errorf("%s %s allocated %d KiB", name, look, allocated>>10)
			}
			if took > 20*time.Second { // a thousand times what it takes: machines are busy
				t.Errorf("%s %s took %v", name, look, took)
			}
			if bad := safetexttest.Foreign(out, term.SGR()...); bad != nil {
				t.Errorf("%s %s: %v", name, look, bad[0])
			}
		}
	}
}

// FuzzJSON: what is taken for JSON is JSON and says the same after; what is
// valid is taken.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2,{"b":null}],"c":"\u00e9\\\""}`, `[[],{},"",0,-1.5e+3,true,false]`, `{"a":1}{"b":2}`, `[1,]`, `"`, "[\"\u202e\"]",
	} {
		f.Add([]byte(s), 0)
		f.Add([]byte(s), 40)
	}
	f.Fuzz(func(t *testing.T, in []byte, width int) {
		if len(in) > 2048 || bytes.Count(in, []byte("["))+bytes.Count(in, []byte("{")) > 60 {
			return
		}
		if width < 0 || width > 300 {
			width = 80
		}
		got, err := render.View{}.JSON(in, "")
		if json.Valid(in) && err != nil {
			t.Fatalf("JSON(%q): %v", in, err)
		}
		if err != nil {
			return
		}
		if _, err := (render.View{Width: width, Palette: term.NewPalette(true)}).JSON(in, ""); err != nil {
			t.Errorf("JSON(%q) for a terminal: %v", in, err)
		}
		for dec := json.NewDecoder(bytes.NewReader(in)); ; {
			var v json.RawMessage
			if err := dec.Decode(&v); err != nil {
				if err.Error() != "EOF" {
					t.Fatalf("JSON(%q) = %q, but it is %v", in, got, err)
				}
				break
			}
		}
		if safetext.Block(string(in)) != string(in) || !json.Valid(in) {
			return // escapes are written in another way
		}
		var want, have bytes.Buffer
		if err := json.Compact(&want, in); err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&have, []byte(got)); err != nil || have.String() != want.String() {
			t.Errorf("JSON(%q) = %q, %v", in, got, err)
		}
	})
}

func BenchmarkJSON(b *testing.B) {
	body := verified().Body
	for name, v := range map[string]render.View{"piped": {}, "terminal": {Width: 120, Palette: term.NewPalette(true)}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.JSON(body, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
