package listen

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
)

// parse runs a command line up to the point where the work would begin.
func parse(t *testing.T, args ...string) (got Options, err error) {
	t.Helper()
	w := clitest.New(t)
	cmd := NewCmd(w.Env, func(_ context.Context, _ *cli.Env, o Options) error {
		got = o
		return nil
	})
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(w.Stdout)
	cmd.SetErr(w.Stderr)
	return got, cmd.ExecuteContext(t.Context())
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	var got Options
	w := clitest.New(t)
	cmd := NewCmd(w.Env, func(_ context.Context, _ *cli.Env, o Options) error {
		got = o
		return nil
	})
	cmd.SetArgs([]string{
		":8080", "-f", "http://a", "--forward-to", "b.*=http://b", "--secret", "x=y", "--delay", "35s",
		"--max-body", "50MiB", "--respond-body", "", "--respond", "503",
	})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.Address != ":8080" || strings.Join(got.Forward, " ") != "http://a b.*=http://b" || !got.HasForward ||
		got.Secrets[0] != "x=y" || got.Delay != 35*time.Second || got.MaxBody != 50<<20 || !got.HasBody {
		t.Errorf("options = %+v", got)
	}
	if got.HostHeader != "rewrite" || got.Print != "" || got.Durability != "full" {
		t.Errorf("defaults = %+v", got)
	}
}

func TestCommandLineRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{":1", ":2"},
		{"--print", "some"},
		{"--durability", "none"},
		{"--max-body", "0"},
		{"--delay", "soon"},
		{"-f", "http://a", "--respond-body", "x"},
	} {
		got, err := parse(t, args...)
		if err == nil {
			t.Errorf("%q = %+v, want an error", args, got)
		}
	}
	_, err := parse(t, "-f", "http://a", "--respond-body", "x")
	var own *cli.Error
	if !errors.As(err, &own) || own.Status != cli.StatusUsage || len(own.Hints) != 1 {
		t.Errorf("err = %v, want a usage error with a hint", err)
	}
}

// What is told at the start is what a person types next.
func TestSuggestion(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	j, err := w.Env.Judge("", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &listening{env: w.Env, judge: j}
	for url, want := range map[string]string{
		"http://127.0.0.1:3000": "hooks send --event render.completed",
		"http://127.0.0.1:8080": "hooks send --event render.completed http://127.0.0.1:8080/webhooks/canvelete",
	} {
		if got := l.suggestion(ready{URL: url}); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
	if l.judge, err = w.Env.Judge("sketchpen", "", nil); err != nil {
		t.Fatal(err)
	}
	if got := l.suggestion(ready{URL: "http://127.0.0.1:3000"}); got != "hooks send --event "+l.judge.Provider.Events[0].Type+" --provider sketchpen" {
		t.Errorf("with a provider: %q", got)
	}
}
