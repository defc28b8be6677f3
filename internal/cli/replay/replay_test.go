package replay_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/cli/replay"
)

func run(t *testing.T, w *clitest.World, f func(context.Context, *cli.Env, replay.Options) error, args ...string) error {
	t.Helper()
	cmd := replay.NewCmd(w.Env, f)
	w.Global.Bind(cmd.Flags())
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	if cerr := w.Close(); cerr != nil {
		t.Error(cerr)
	}
	return err
}

func TestOptions(t *testing.T) {
	t.Parallel()
	var got replay.Options
	parse := func(args ...string) error {
		return run(t, clitest.New(t), func(_ context.Context, _ *cli.Env, o replay.Options) error { got = o; return nil }, args...)
	}
	if err := parse("last", "evt_1", "--speed", "2.5x", "--to", ":1"); err != nil || len(got.IDs) != 2 || got.Selected {
		t.Errorf("err %v, Options = %+v", err, got)
	}
	if err := parse("--failed"); err != nil || !got.Selected || !got.Selection.Failed {
		t.Errorf("err %v, Options = %+v", err, got)
	}
	for _, line := range []string{"", "last --failed", "last --speed 0x", "last --speed 10", "last --times 0", "--last -1", "--last 1 --limit 2", "last --concurrency -1"} {
		if err := parse(strings.Fields(line)...); cli.StatusOf(err) != cli.StatusUsage {
			t.Errorf("%q: err %v, want a usage error", line, err)
		}
	}
}

const request = "POST /in HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n\r\n{\"a\":1}"

// TestAsksBeforeMuchGoesAway: at a terminal a person decides.
func TestAsksBeforeMuchGoesAway(t *testing.T) {
	t.Parallel()
	for answer, sends := range map[string]bool{"y\n": true, "n\n": false} {
		asked := 0
		proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
		w := clitest.New(t)
		w.In, w.InTerminal, w.ErrTerminal = strings.NewReader(answer), true, true
		w.Vars["HTTP_PROXY"] = proxy.URL
		if err := os.WriteFile(filepath.Join(w.Dir, "request.txt"), []byte(request), 0o600); err != nil {
			t.Fatal(err)
		}
		err := run(t, w, replay.Run, "request.txt", "--times", "11", "--to", "http://app.example/")
		proxy.Close()
		if sends != (err == nil) || sends != (asked == 11) {
			t.Errorf("answer %q: err %v, %d requests", answer, err, asked)
		}
		if !strings.Contains(w.Stderr.String(), "send 11 deliveries to app.example, which is not this machine? [y/N]") {
			t.Errorf("said %q", w.Stderr.String())
		}
	}
}
