package structured_test

import (
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/structured"
)

func TestParseDictionary(t *testing.T) {
	t.Parallel()
	list, ok := structured.ParseDictionary([]string{`sig1=("@method" "x-a";key="b;c" "d";bs);created=16;keyid="k\"1";flag;alg=tok/en:x`, `sig2=:AQI=:;a=?0, n=-1.5`})
	if !ok || len(list) != 3 {
		t.Fatalf("ParseDictionary = %v, %v", list, ok)
	}
	m, _ := structured.Find(list, "sig1")
	if !m.IsList || len(m.Items) != 3 || m.Items[1].Text != "x-a" || m.Items[1].Params[0] != (structured.Param{Name: "key", Text: "b;c"}) || m.Items[2].Raw != `"d";bs` {
		t.Errorf("items %+v", m.Items)
	}
	for name, want := range map[string]string{"created": "16", "keyid": `k"1`, "flag": "?1", "alg": "tok/en:x"} {
		if got, ok := m.Param(name); !ok || got != want {
			t.Errorf("parameter %s = %q, %v", name, got, ok)
		}
	}
	if !strings.HasPrefix(m.Raw, `("@method" `) || !strings.HasSuffix(m.Raw, `alg=tok/en:x`) || !m.Covers(structured.Item{Raw: `"x-a";key="b;c"`}) || m.Covers(structured.Item{Raw: `"x-a"`}) {
		t.Errorf("raw %s", m.Raw)
	}
	if s, ok := structured.Find(list, "sig2"); !ok || s.IsList || string(s.Bytes) != "\x01\x02" {
		t.Errorf("sig2 = %+v", s)
	}
	if _, ok := structured.Find(list, "sig3"); ok {
		t.Error("a member that is not there")
	}
}

func TestParseDictionaryRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "a", "a=", "=1", "A=1", "a=1,", "a=1,,b=2", "a=1 b=2", "a=1;", "a=1;=2", "a=1;b=1;b=2", "a=1, a=2", `a="x`, `a="\x"`, "a=\"é\"", "a=\"\x00\"",
		"a=(", `a=("x"`, `a=("x""y")`, `a=(x)`, `a=("x") "y"`, "a=:AQI=", "a=:AQ:", "a=:AQJ=:x", "a=:A Q=:", "a=?2", "a=:AQI\n=:", strings.Repeat("a", 20000),
	} {
		if got, ok := structured.ParseDictionary([]string{text}); ok || got != nil {
			t.Errorf("%.40q = %+v", text, got)
		}
	}
	if _, ok := structured.ParseDictionary(nil); ok {
		t.Error("no value is a dictionary")
	}
}

func TestParseItem(t *testing.T) {
	t.Parallel()
	if i, ok := structured.ParseItem(`"@query-param";name="Pet"`); !ok || i.Text != "@query-param" || i.Params[0].Text != "Pet" {
		t.Errorf("%+v, %v", i, ok)
	}
	for _, text := range []string{"", "x", `"x" `, `"x";A`} {
		if _, ok := structured.ParseItem(text); ok {
			t.Errorf("%q is an item", text)
		}
	}
	for text, want := range map[string]bool{"content-digest": true, "a.b_c*": true, "": false, "A": false, "a b": false} {
		if structured.IsKey(text) != want {
			t.Errorf("IsKey(%q) = %v", text, !want)
		}
	}
}

// FuzzParseDictionary: it never panics, and each member's spelling is read as
// the same member again.
func FuzzParseDictionary(f *testing.F) {
	f.Add(`sig1=("@method" "x";key="a");created=1, b=:AQ==:`)
	f.Add(`a=?0;b;c="x"`)
	f.Fuzz(func(t *testing.T, text string) {
		list, ok := structured.ParseDictionary([]string{text})
		if !ok {
			return
		}
		for _, m := range list {
			again, ok := structured.ParseDictionary([]string{m.Name + "=" + m.Raw})
			if !ok || len(again) != 1 || again[0].Raw != m.Raw || len(again[0].Items) != len(m.Items) {
				t.Errorf("%q is read again as %+v", m.Raw, again)
			}
		}
	})
}
