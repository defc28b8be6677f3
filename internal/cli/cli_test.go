package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
)

func TestBytes(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	w.In = strings.NewReader("from stdin\n")
	w.Vars["NAME"] = "from the environment"
	write(t, filepath.Join(w.Dir, "value.txt"), "from a file\r\n")
	write(t, filepath.Join(w.Dir, "vars.env"), "NAME=is overruled\nexport OTHER=\"two\\nlines\" # comment\n")
	w.Global.EnvFile = "vars.env"
	tests := []struct{ in, bytes, value, err string }{
		{in: "as it is\n", bytes: "as it is\n", value: "as it is\n"},
		{in: "@value.txt", bytes: "from a file\r\n", value: "from a file"},
		{in: "file:value.txt", bytes: "from a file\r\n", value: "from a file"},
		{in: "env:NAME", bytes: "from the environment", value: "from the environment"},
		{in: "env:OTHER", bytes: "two\nlines", value: "two\nlines"},
		{in: "env:NONE", err: "no variable NONE, and neither has vars.env"},
		{in: "env:", err: "names no variable"},
		{in: "@none.txt", err: "none.txt: no such file"},
		{in: "@", err: "is empty"},
		{in: "file:.", err: "is a directory"},
	}
	for _, tt := range tests {
		b, err := w.Bytes(tt.in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Bytes(%q) = %q, %v, want an error with %q", tt.in, b, err, tt.err)
			}
			continue
		}
		v, verr := w.Value(tt.in)
		if err != nil || verr != nil || string(b) != tt.bytes || v != tt.value {
			t.Errorf("Bytes, Value(%q) = %q, %q, %v, %v, want %q, %q", tt.in, b, v, err, verr, tt.bytes, tt.value)
		}
	}
	if v, err := w.Value("-"); err != nil || v != "from stdin" {
		t.Errorf("Value(-) = %q, %v, want what standard input has without its newline", v, err)
	}
	if _, err := w.Bytes("-"); cli.StatusOf(err) != cli.StatusUsage {
		t.Errorf("Bytes(-) a second time: %v, want a usage error", err)
	}
}

func TestSecretIsNeverInErrors(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	w.Vars["EMPTY"], w.Vars["GOOD"] = "", "canary"
	write(t, filepath.Join(w.Dir, "empty"), "\n")
	write(t, filepath.Join(w.Dir, "broken.env"), "canary\n")
	for _, in := range []string{"", "@empty", "env:EMPTY"} {
		if _, err := w.Secret(in); err == nil {
			t.Errorf("Secret(%q) has no error, want that it is empty", in)
		}
	}
	s, err := w.Secret("env:GOOD")
	if err != nil || s.Reveal() != "canary" || strings.Contains(fmt.Sprintf("%v %+v %#v %q", s, s, s, s), "canary") {
		t.Errorf("Secret(env:GOOD) = %v, %v, want it, hidden", s, err)
	}
	w.Global.EnvFile = "broken.env"
	if _, err := w.Secret("env:MISSING"); err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "broken.env:1") {
		t.Errorf("Secret with a broken env file: %v, want the line's number and not its text", err)
	}
}

func TestEnvFile(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	w.Global.EnvFile = "vars.env"
	write(t, filepath.Join(w.Dir, "vars.env"), "\ufeff# comment\n\nA = 1 # one\nB='a # \"b\" \\n'\nC=\"x\\\"y\\\\n\"\nD=\nE=a=b==\nKEY=\"-----BEGIN\nabc\n-----END\"\nF=last")
	want := map[string]string{"A": "1", "B": `a # "b" \n`, "C": `x"y\n`, "D": "", "E": "a=b==", "KEY": "-----BEGIN\nabc\n-----END", "F": "last"}
	for name, v := range want {
		if got, err := w.Lookup(name); err != nil || got != v {
			t.Errorf("Lookup(%s) = %q, %v, want %q", name, got, err, v)
		}
	}
}

func TestEnvFileThatIsNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"A", "=1", "A B=1", "A=\"never closed\nB=2", "A='never closed"} {
		w := clitest.New(t)
		w.Global.EnvFile = "vars.env"
		write(t, filepath.Join(w.Dir, "vars.env"), "OK=1\n"+text)
		if _, err := w.Lookup("B"); err == nil || !strings.Contains(err.Error(), "vars.env:2:") {
			t.Errorf("Lookup with %q: %v, want an error that names line 2", text, err)
		}
	}
}

func TestStatusOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want cli.Status
	}{
		"none":              {nil, 0},
		"no":                {cli.No("hint"), 1},
		"no-because":        {cli.NoBecause(errors.New("x")), 1},
		"usage":             {cli.Usage(errors.New("x")), 2},
		"wrapped-usage":     {fmt.Errorf("send: %w", cli.Usagef("x")), 2},
		"plain":             {errors.New("x"), 3},
		"failed":            {cli.Failed(errors.New("x")), 3},
		"cancelled":         {fmt.Errorf("wait: %w", context.Canceled), 130},
		"interrupted":       {cli.Interrupted(), 130},
		"hints-keep-status": {cli.WithHints(cli.Usagef("x"), "y"), 2},
		"hints-on-nothing":  {cli.WithHints(nil, "y"), 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := cli.StatusOf(tt.err); got != tt.want {
				t.Errorf("StatusOf(%v) = %d, want %d", tt.err, got, tt.want)
			}
		})
	}
}

func TestPrintError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		json bool
		want string
	}{
		"error-and-hints": {
			cli.WithHints(cli.Usage(errors.New("no secret"), "one"), "two"), false,
			"hooks: error: no secret\nhooks: hint: one\nhooks: hint: two\n",
		},
		"answer-printed":    {cli.No(), false, ""},
		"answer-and-hint":   {cli.No("look there"), false, "hooks: hint: look there\n"},
		"hint-on-answer":    {cli.WithHints(cli.No("one"), "two"), false, "hooks: hint: one\nhooks: hint: two\n"},
		"interrupted":       {fmt.Errorf("wait: %w", context.Canceled), false, "hooks: error: interrupted\n"},
		"wrapped":           {fmt.Errorf("send: %w", cli.Usagef("bad URL")), false, "hooks: error: send: bad URL\n"},
		"network-text":      {errors.New("refused: \x1b]0;title\a\nnext"), false, "hooks: error: refused: \\x1b]0;title\\x07\\nnext\n"},
		"json":              {cli.Usage(errors.New("no <secret>"), "one"), true, `{"error":"no <secret>","hints":["one"],"exit_code":2}` + "\n"},
		"json-nothing-said": {cli.No(), true, ""},
		"json-network-text": {errors.New("a\u202eb\x1b"), true, `{"error":"a\u202eb\u001b","exit_code":3}` + "\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := clitest.New(t)
			w.Global.JSON = tt.json
			w.PrintError(tt.err)
			if got := w.Stderr.String(); got != tt.want {
				t.Errorf("PrintError(%v) wrote\n%q, want\n%q", tt.err, got, tt.want)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	value := map[string]any{"id": "evt_1", "n": 12345678901234567, "text": "<\x1b\u2066>", "list": []string{"a", "b"}}
	tests := map[string]struct {
		jq       string
		terminal bool
		want     string
	}{
		"one-line":        {want: `{"id":"evt_1","list":["a","b"],"n":12345678901234567,"text":"<\u001b\u2066>"}` + "\n"},
		"indented":        {terminal: true, want: "{\n  \"id\": \"evt_1\",\n  \"list\": [\n    \"a\",\n    \"b\"\n  ],\n  \"n\": 12345678901234567,\n  \"text\": \"<\\u001b\\u2066>\"\n}\n"},
		"jq-string":       {jq: ".id", want: "evt_1\n"},
		"jq-number":       {jq: ".n", want: "12345678901234567\n"},
		"jq-stream":       {jq: ".list[]", want: "a\nb\n"},
		"jq-object":       {jq: "{text}", want: `{"text":"<\u001b\u2066>"}` + "\n"},
		"jq-raw-is-safe":  {jq: ".text", want: "<\\x1b\\u2066>\n"},
		"jq-nothing":      {jq: "empty", want: ""},
		"jq-no-variables": {jq: "env.HOME", want: "null\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := clitest.New(t)
			w.Global.JQ, w.OutTerminal = tt.jq, tt.terminal
			if err := w.JSON(t.Context(), value); err != nil || w.Stdout.String() != tt.want {
				t.Errorf("JSON wrote %q, %v, want %q", w.Stdout.String(), err, tt.want)
			}
		})
	}
	for _, jq := range []string{".[", "nosuch", ".id.x", `error("x")`} {
		w := clitest.New(t)
		w.Global.JQ = jq
		if err := w.JSON(t.Context(), value); cli.StatusOf(err) != cli.StatusUsage || !strings.HasPrefix(err.Error(), "--jq: ") {
			t.Errorf("JSON with --jq %q: %v, want a usage error", jq, err)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	rows := func() [][]string {
		return [][]string{{"a", "words that do not fit on one line"}, {"longer", "https://example.com/that/is/never/broken", ""}}
	}
	tests := map[string]struct {
		terminal int
		want     string
	}{
		"piped":    {0, "a       words that do not fit on one line\nlonger  https://example.com/that/is/never/broken\n"},
		"narrow":   {30, "a       words that do not fit\n        on one line\nlonger  https://example.com/that/is/never/broken\n"},
		"no room":  {20, "a       words that do not fit on one line\nlonger  https://example.com/that/is/never/broken\n"},
		"all fits": {80, "a       words that do not fit on one line\nlonger  https://example.com/that/is/never/broken\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := clitest.New(t)
			w.OutTerminal, w.Width = tt.terminal > 0, func() int { return tt.terminal }
			if err := w.Columns(rows()); err != nil || w.Stdout.String() != tt.want {
				t.Errorf("Columns wrote %q, %v, want %q", w.Stdout.String(), err, tt.want)
			}
		})
	}
	w := clitest.New(t)
	w.OutTerminal, w.Width = true, func() int { return 20 }
	if err := w.Columns([][]string{{"one value, however long it may be"}}); err != nil || w.Stdout.String() != "one value, however long it may be\n" {
		t.Errorf("Columns wrote %q, %v", w.Stdout.String(), err)
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	w.Global.Output = "out.json"
	path := filepath.Join(w.Dir, "out.json")
	write(t, path, "before")
	run := func(stream bool, ended error, text string) {
		t.Helper()
		end, err := w.OpenOutput(stream)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w.Out, text)
		if err := end(ended); err != nil {
			t.Fatal(err)
		}
	}
	run(false, cli.Failed(errors.New("failed")), "half")
	if got := read(t, path); got != "before" {
		t.Errorf("after a failure the file has %q, want what it had", got)
	}
	run(false, cli.NoBecause(errors.New("not there")), "")
	if got := read(t, path); got != "before" {
		t.Errorf("after a no without an answer the file has %q, want what it had", got)
	}
	run(false, nil, "whole")
	if got := read(t, path); got != "whole" {
		t.Errorf("the file has %q, want what was written", got)
	}
	run(false, cli.No(), "the answer")
	if got := read(t, path); got != "the answer" {
		t.Errorf("after a no the file has %q, want the answer", got)
	}
	run(true, cli.Failed(errors.New("failed")), "a line\n")
	if got := read(t, path); got != "a line\n" {
		t.Errorf("the file of a stream has %q, want what was written", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v, want that only its owner can read it", info.Mode(), err)
	}
	if names, _ := os.ReadDir(w.Dir); len(names) != 1 {
		t.Errorf("the folder has %v, want no temporary files", names)
	}
	for _, name := range []string{".", "none/out.json"} {
		w.Global.Output = name
		if _, err := w.OpenOutput(false); err == nil {
			t.Errorf("OpenOutput for %q has no error", name)
		}
	}
}

func TestWriteFileReplacesALink(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	victim := filepath.Join(w.Dir, "victim")
	write(t, victim, "untouched")
	if err := os.Symlink(victim, filepath.Join(w.Dir, "out")); err != nil {
		t.Skip(err)
	}
	if err := w.WriteFile("out", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if read(t, victim) != "untouched" || read(t, filepath.Join(w.Dir, "out")) != "new" {
		t.Error("WriteFile wrote through a link")
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	var (
		wait time.Duration
		size int64
		sel  cli.Selection
		g    cli.Global
	)
	cmd := &cobra.Command{Use: "x"}
	cli.Duration(cmd.Flags(), &wait, "wait", 0, "")
	cli.Size(cmd.Flags(), &size, "size", 1<<20, "")
	sel.Bind(cmd, 50)
	g.Bind(cmd.PersistentFlags())
	cli.Formats(cmd, "http", "curl")
	if err := cmd.ParseFlags(strings.Fields("--wait 2d --size 25MiB -n 3 -e a,b --event c --where x=1,2 --since 1h --color never --format http")); err != nil {
		t.Fatal(err)
	}
	if wait != 48*time.Hour || size != 25<<20 || sel.Limit != 3 || len(sel.Events) != 2 || len(sel.Where) != 1 || g.Color != "never" {
		t.Errorf("parsed %v %v %+v %+v", wait, size, sel, g)
	}
	since, until, err := sel.Times(clitest.Time())
	if err != nil || !until.IsZero() || clitest.Time().Sub(since) != time.Hour {
		t.Errorf("Times = %v, %v, %v", since, until, err)
	}
	if err := g.Check(cmd); err != nil {
		t.Errorf("Check: %v", err)
	}
	g.Format = "crul"
	if err := g.Check(cmd); cli.StatusOf(err) != cli.StatusUsage || len(cli.HintsOf(err)) != 1 {
		t.Errorf("Check with format crul: %v %v, want a usage error with the nearest", err, cli.HintsOf(err))
	}
	for _, line := range []string{"--wait 30", "--wait -1h", "--size many", "--direction back", "--color sometimes"} {
		if err := cmd.ParseFlags(strings.Fields(line)); err == nil {
			t.Errorf("%s has no error", line)
		}
	}
	bad := []cli.Selection{{Verified: true, Invalid: true}, {Limit: -1}}
	for _, s := range bad {
		if s.Check() == nil {
			t.Errorf("Check of %+v has no error", s)
		}
	}
	backwards := cli.Selection{Since: "1h", Until: "2h"}
	if _, _, err := backwards.Times(clitest.Time()); err == nil {
		t.Error("Times with until before since has no error")
	}
}

func TestExits(t *testing.T) {
	t.Parallel()
	cmd := &cobra.Command{Use: "x"}
	cli.Exits(cmd, cli.Exit{Status: 3, When: "the port is taken"}, cli.Exit{Status: 0, When: "it was delivered"})
	var got []string
	for _, e := range cli.ExitsOf(cmd) {
		got = append(got, fmt.Sprint(int(e.Status)))
	}
	if s := strings.Join(got, " "); s != "0 2 3 130" {
		t.Errorf("ExitsOf = %s, want them by status with the common ones", s)
	}
}

func TestSystemDirs(t *testing.T) {
	t.Parallel()
	if filepath.Separator != '/' {
		t.Skip("the paths of the cases are those of Unix")
	}
	tests := map[string]struct {
		goos, home string
		vars       map[string]string
		want       cli.Dirs
	}{
		"linux": {"linux", "/h", nil, cli.Dirs{Config: "/h/.config/hooks", Data: "/h/.local/share/hooks", State: "/h/.local/state/hooks"}},
		"variables": {
			"linux", "/h",
			map[string]string{"XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_STATE_HOME": "/s"},
			cli.Dirs{Config: "/c/hooks", Data: "/d/hooks", State: "/s/hooks"},
		},
		"relative-variables": {
			"linux", "/h",
			map[string]string{"XDG_CONFIG_HOME": "c"},
			cli.Dirs{Config: "/h/.config/hooks", Data: "/h/.local/share/hooks", State: "/h/.local/state/hooks"},
		},
		"no-home": {"linux", "", nil, cli.Dirs{Config: "/.config/hooks", Data: "/.local/share/hooks", State: "/.local/state/hooks"}},
		"mac": {"darwin", "/h", nil, cli.Dirs{
			Config: "/h/Library/Application Support/hooks", Data: "/h/Library/Application Support/hooks", State: "/h/Library/Application Support/hooks",
		}},
		"windows":         {"windows", "/h", map[string]string{"LOCALAPPDATA": "/l"}, cli.Dirs{Config: "/l/hooks", Data: "/l/hooks", State: "/l/hooks"}},
		"windows-service": {"windows", "/u", nil, cli.Dirs{Config: "/u/AppData/Local/hooks", Data: "/u/AppData/Local/hooks", State: "/u/AppData/Local/hooks"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := cli.Dirs{Config: filepath.FromSlash(tt.want.Config), Data: filepath.FromSlash(tt.want.Data), State: filepath.FromSlash(tt.want.State)}
			if got := cli.SystemDirs(tt.goos, tt.home, func(name string) string { return tt.vars[name] }); got != want {
				t.Errorf("SystemDirs = %+v, want %+v", got, want)
			}
		})
	}
}

func TestSafeCompletion(t *testing.T) {
	t.Parallel()
	f := cli.SafeCompletion(func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return []cobra.Completion{"evt_1", "evt_\x1b]0;x\a", "a\tdescription", "two\nlines", "b\u202e", "\xff", "c\td\x9b"}, 0
	})
	if got, _ := f(nil, nil, ""); strings.Join(got, "|") != "evt_1|a\tdescription" {
		t.Errorf("SafeCompletion offers %q", got)
	}
}

func TestFileErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	if _, err := w.File("none"); !errors.Is(err, fs.ErrNotExist) || cli.StatusOf(err) != cli.StatusError {
		t.Errorf("File(none): %v, want fs.ErrNotExist with status 3", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
