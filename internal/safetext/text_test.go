package safetext_test

import (
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/safetext/safetexttest"
)

func TestLine(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"ascii", "evt_abc123 {\"a\": 1}", "evt_abc123 {\"a\": 1}"},
		{"letters", "Grüße, 世界, Ελλάδα", "Grüße, 世界, Ελλάδα"},
		{"escape", "\x1b[2J", `\x1b[2J`},
		{"newline", "a\nb\tc\rd", `a\nb\tc\rd`},
		{"nul-and-del", "\x00\x7f", `\x00\x7f`},
		{"c1", "\u009b2J", `\u009b2J`},
		{"raw-c1", "\x9b2J", `\x9b2J`},
		{"truncated-utf8", "a\xe2\x80", `a\xe2\x80`},
		{"surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"override", "a\u202eb", `a\u202eb`},
		{"tag", "\U000e0041", `\U000e0041`},
		{"unassigned", "\u0378\U0003ffff", `\u0378\U0003ffff`},
		{"joined-emoji", "👩\u200d💻 👩🏽\u200d🚀 🏳️\u200d🌈", "👩\u200d💻 👩🏽\u200d🚀 🏳️\u200d🌈"},
		{"joined-letters", "a\u200db 👩\u200db", `a\u200db 👩\u200db`},
		{"joiner-at-the-end", "👩\u200d", `👩\u200d`},
		{"private-use", "\ue0b0", "\ue0b0"},
		{"replacement", "\ufffd", "\ufffd"},
		{"github", "::set-output name=a::b", `\x3a:set-output name=a::b`},
		{"github-indented", " \u3000::add-mask::b", " \u3000" + `\x3a:add-mask::b`},
		{"github-old", "a ##[add-mask]b", `a \x23#[add-mask]b`},
		{"azure", "a###VSO[task.prependpath]/tmp", `a#\x23#VSO[task.prependpath]/tmp`},
		{"teamcity", "##teamcity[buildStop comment='']", `\x23#teamcity[buildStop comment='']`},
		{"no-order", "::1 ::ffff:127.0.0.1 a::b::c ## [x] ##[1.2]", "::1 ::ffff:127.0.0.1 a::b::c ## [x] ##[1.2]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := safetext.Line(tt.in); got != tt.want {
				t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestLineIsCut(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"at-the-limit", strings.Repeat("a", 4096), strings.Repeat("a", 4096)},
		{"one-more", strings.Repeat("a", 4097), strings.Repeat("a", 4096) + "… +1 bytes"},
		{"many-more", strings.Repeat("a", 25<<20), strings.Repeat("a", 4096) + "… +26,210,304 bytes"},
		{"between-characters", strings.Repeat("a", 4095) + "é!", strings.Repeat("a", 4095) + "… +3 bytes"},
		{"between-escapes", strings.Repeat("a", 4094) + "\x1b!", strings.Repeat("a", 4094) + "… +2 bytes"},
		{"before-a-joiner", strings.Repeat("a", 4089) + "👩\u200d💻", strings.Repeat("a", 4089) + "👩… +7 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := safetext.Line(tt.in); got != tt.want {
				t.Errorf("Line of %d bytes ends in %q, want %q", len(tt.in), tail(got), tail(tt.want))
			}
		})
	}
}

func tail(s string) string { return s[max(0, len(s)-24):] }

func TestBlockKeepsLines(t *testing.T) {
	t.Parallel()
	in := "{\n\t\"a\": \"\x1b[31m\"\r\n}" + strings.Repeat("\nx", 5000)
	want := "{\n\t\"a\": \"\\x1b[31m\"\\r\n}" + strings.Repeat("\nx", 5000)
	if got := safetext.Block(in); got != want {
		t.Errorf("Block = %.40q…, want %.40q…", got, want)
	}
}

func TestMarkDimsRuns(t *testing.T) {
	t.Parallel()
	dim := func(s string) string { return "<" + s + ">" }
	if got, want := safetext.Mark("a\x1b\x07b\n", dim), `a<\x1b\x07>b<\n>`; got != want {
		t.Errorf("Mark = %q, want %q", got, want)
	}
	if got, want := safetext.MarkBytes([]byte("abc\x1bdef"), 5, dim), `abc<… +4 bytes>`; got != want {
		t.Errorf("MarkBytes = %q, want %q", got, want)
	}
	if got, want := safetext.MarkBlock("a\n\x1b", dim), "a\n<\\x1b>"; got != want {
		t.Errorf("MarkBlock = %q, want %q", got, want)
	}
}

func TestAttacksAreVisible(t *testing.T) {
	t.Parallel()
	for _, a := range safetexttest.Attacks() {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			if safetexttest.Foreign(a.Text) == nil {
				t.Errorf("the scanner finds nothing in %q", a.Text)
			}
			for name, got := range map[string]string{
				"Line":  safetext.Line("x" + a.Text + "y"),
				"Block": safetext.Block("x" + a.Text + "y"),
				"JSON":  string(safetext.EscapeJSON([]byte(`{"a":"` + a.Text + `"}`))),
			} {
				for _, f := range safetexttest.Foreign(got) {
					t.Errorf("%s(%q) = %q: %v", name, a.Text, got, f)
				}
			}
			if strings.Contains(safetext.Line(a.Text), "\n") {
				t.Errorf("Line(%q) has more than one line", a.Text)
			}
		})
	}
}

func TestCleanTextIsNotCopied(t *testing.T) {
	line := strings.Repeat("render.completed ", 100)
	mixed := strings.Repeat("Übung ✓ ", 100)
	for _, s := range []string{line, mixed} {
		if n := testing.AllocsPerRun(100, func() { _ = safetext.Line(s); _ = safetext.Block(s) }); n != 0 {
			t.Errorf("Line and Block of clean text allocate %v times, want 0", n)
		}
	}
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 9935: "9,935", 26214400: "26,214,400"} {
		if got := safetext.Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

// FuzzVisible: whatever goes in, nothing comes out that a terminal would act
// on; a line is one line; what was visible already stays as it is.
func FuzzVisible(f *testing.F) {
	for _, a := range safetexttest.Attacks() {
		f.Add(a.Text)
	}
	f.Add("👩\u200d💻")
	f.Fuzz(func(t *testing.T, in string) {
		line, block := safetext.Line(in), safetext.Block(in)
		for _, out := range []string{line, block} {
			if bad := safetexttest.Foreign(out); bad != nil {
				t.Errorf("%q became %q: %v", in, out, bad[0])
			}
			if again := safetext.Block(out); again != out {
				t.Errorf("%q became %q, then %q", in, out, again)
			}
		}
		if strings.ContainsAny(line, "\n\t") {
			t.Errorf("Line(%q) = %q", in, line)
		}
		if len(line) > safetext.LineLimit+len("… +9,223,372,036,854,775,807 bytes") {
			t.Errorf("Line of %d bytes has %d", len(in), len(line))
		}
		if safetexttest.Foreign(in) == nil && block != in {
			t.Errorf("Block(%q) = %q, want it unchanged", in, block)
		}
		if bytes := safetext.MarkBytes([]byte(in), 0, nil); bytes != line {
			t.Errorf("MarkBytes(%q) = %q, Line = %q", in, bytes, line)
		}
		if marked := safetext.Mark(in, func(s string) string { return s }); marked != line {
			t.Errorf("Mark(%q) = %q, Line = %q", in, marked, line)
		}
	})
}

func BenchmarkLine(b *testing.B) {
	for name, s := range map[string]string{
		"ascii":  strings.Repeat("a", 1024),
		"german": strings.Repeat("Überprüfung ", 85),
		"attack": strings.Repeat("\x1b[2J", 256),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				_ = safetext.Line(s)
			}
		})
	}
}
