package render_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/hooks-cli/hooks/internal/difference"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext/safetexttest"
	"github.com/hooks-cli/hooks/internal/term"
	"github.com/hooks-cli/hooks/internal/webhook"
)

var update = flag.Bool("update", false, "write the golden files anew")

// pages are what the golden files show, by name.
func pages() map[string]func(render.View) string {
	signed := func(name string) bool { return name == "X-Canvelete-Signature" }
	return map[string]func(render.View) string{
		"lines": func(v render.View) string {
			var b strings.Builder
			for _, d := range samples() {
				b.WriteString(v.Line(d) + "\n")
			}
			return b.String()
		},
		"list": func(v render.View) string { return v.Deliveries(samples(), nil) },
		"search": func(v render.View) string {
			return v.Deliveries(samples()[:2], func(int) string { return "data.output.url" })
		},
		"full": func(v render.View) string {
			return v.Full(verified(), render.FullOptions{Signed: signed, Attempts: true})
		},
		"invalid":     func(v render.View) string { return v.Full(invalid(), render.FullOptions{Signed: signed}) },
		"sent":        func(v render.View) string { return v.Full(sentTwice(), render.FullOptions{Attempts: true}) },
		"form":        func(v render.View) string { return v.Full(form(), render.FullOptions{}) },
		"binary":      func(v render.View) string { return v.Full(binary(), render.FullOptions{}) },
		"compressed":  func(v render.View) string { return v.Full(compressed(), render.FullOptions{}) },
		"attack":      func(v render.View) string { return v.Full(attack(), render.FullOptions{}) },
		"credentials": func(v render.View) string { v.Credentials = true; return v.Headers(verified().Header, nil) },
		"verdicts": func(v render.View) string {
			var rows []render.Pair
			for _, w := range verdicts() {
				rows = append(rows, render.Pair{Name: "signature", Text: v.Glyph(w.Status) + " " + v.Verification(w)})
			}
			return v.Pairs(rows)
		},
		"load": func(v render.View) string { return v.Load(loadReport()) + "\n" + v.Load(brokenLoad()) },
		"diff": func(v render.View) string {
			return v.Diff(difference.Compare(verified(), attack(), difference.Options{})) + "\n" + v.Diff(difference.Compare(verified(), changed(), difference.Options{})) + "\n" + v.Diff(difference.Compare(verified(), verified(), difference.Options{}))
		},
		"check": checkPage,
		"text": func(v render.View) string {
			return v.Text([]byte("<order>\r\n\t<id>1</id>\n"+strings.Repeat("word ", 40)+"\n\n"+strings.Repeat("0123456789", 14)+"\nÜber 世界 "+strings.Repeat("文字", 40)), "")
		},
	}
}

// looks are the readers for whom the golden files are written.
func looks() map[string]render.View {
	looks := map[string]render.View{"piped": {Now: now}}
	for _, width := range []int{60, 120} {
		looks[fmt.Sprintf("%d-plain", width)] = render.View{Width: width, Now: now}
		looks[fmt.Sprintf("%d-colour", width)] = render.View{Width: width, Now: now, Palette: term.NewPalette(true)}
	}
	return looks
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, page := range pages() {
		for look, view := range looks() {
			t.Run(name+"/"+look, func(t *testing.T) {
				t.Parallel()
				got := page(view)
				file := filepath.Join("..", "..", "testdata", "golden", "render", name+"-"+look+".txt")
				if *update {
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("%s differs from %s:\n%s\nwant\n%s", name, file, got, want)
				}
			})
		}
	}
}

// TestLooksAgree: colour adds nothing but colour, nothing is wider than the
// terminal, and a program gets neither colour nor tabs of ours.
func TestLooksAgree(t *testing.T) {
	t.Parallel()
	for name, page := range pages() {
		for look, view := range looks() {
			got := page(view)
			if bad := safetexttest.Foreign(got, term.SGR()...); bad != nil {
				t.Errorf("%s/%s: %v", name, look, bad)
			}
			if !strings.HasSuffix(got, "\n") {
				t.Errorf("%s/%s does not end with a newline", name, look)
			}
			plain := view
			plain.Palette = term.Palette{}
			if stripped := ansi.Strip(got); stripped != page(plain) {
				t.Errorf("%s/%s says something else in colour:\n%s\nwant\n%s", name, look, stripped, page(plain))
			}
			for line := range strings.Lines(got) {
				if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); view.Width > 0 && n > view.Width {
					t.Errorf("%s/%s: %d columns: %q", name, look, n, line)
				}
			}
			if look == "piped" && name != "text" && strings.ContainsAny(got, "\x1b\t") {
				t.Errorf("%s/%s has tabs or escapes", name, look)
			}
		}
	}
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	for look, v := range looks() {
		if got := v.Deliveries(nil, nil); got != "" {
			t.Errorf("%s: no deliveries = %q", look, got)
		}
		if got := v.Headers(nil, nil); got != "" {
			t.Errorf("%s: no headers = %q", look, got)
		}
		if got := ansi.Strip(v.Line(&webhook.Delivery{})); !strings.Contains(got, "- - -") {
			t.Errorf("%s: an empty delivery = %q", look, got)
		}
		if got := ansi.Strip(v.Full(&webhook.Delivery{}, render.FullOptions{Attempts: true})); !strings.Contains(got, "no body") {
			t.Errorf("%s: an empty delivery = %q", look, got)
		}
	}
}
