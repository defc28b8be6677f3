package send_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/cli/send"
)

// run runs the command line in w, the global flags included.
func run(t *testing.T, w *clitest.World, f func(context.Context, *cli.Env, send.Options) error, args ...string) error {
	t.Helper()
	cmd := send.NewCmd(w.Env, f)
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
	var got send.Options
	parse := func(args ...string) error {
		return run(t, clitest.New(t), func(_ context.Context, _ *cli.Env, o send.Options) error { got = o; return nil }, args...)
	}
	if err := parse(":3000", "-e", "a", "-e", "b", "--seed", "0", "--", "npm", "start", "--port"); err != nil {
		t.Fatal(err)
	}
	if got.To != ":3000" || len(got.Events) != 2 || got.Seed == nil || *got.Seed != 0 || got.HasData || got.Load ||
		!slices.Equal(got.Command, []string{"npm", "start", "--port"}) {
		t.Errorf("Options = %+v", got)
	}
	if err := parse("-d", "", "--duration", "1s"); err != nil || !got.HasData || got.Seed != nil || !got.Load || got.Count != 0 {
		t.Errorf("err %v, Options = %+v", err, got)
	}
	if err := parse("-e", "a", "--count", "5"); err != nil || got.Count != 5 {
		t.Errorf("err %v, Options = %+v", err, got)
	}
	for _, line := range []string{
		"", "a b -e x", "-e x -d {} -e y", "-e x -e y --id 1", "-e x --count 2 --id 1", "-e x --unsigned --age 1m",
		"-e x --age 1m --timestamp now", "-e x --duplicate -1", "-e x --seed x", "-d {} --seed 1", "-e x --slow 2s --timeout 1s",
		"-e x --time-scale 5", "-e x --count 2 --dry-run", "-e x --concurrency 5", "-e x --count 2 --concurrency 0", "-e x --tamper nothing",
	} {
		if err := parse(strings.Fields(line)...); err == nil {
			t.Errorf("%q was accepted as %+v", line, got)
		}
	}
}

// providers sign in ways of which some send the secret itself.
const providers = `
providers:
- id: bytoken
  name: By token
  schemes: [{algorithm: token, signature: {in: "header:X-Hook-Token"}}]
  events: [{type: made, sample: '{"a":1}'}]
- id: bybasic
  name: By basic
  schemes: [{algorithm: basic, signature: {in: "header:Authorization"}}]
  events: [{type: made, sample: '{"a":1}'}]
- id: byquery
  name: By query
  schemes: [{algorithm: token, signature: {in: "query:key"}}]
  events: [{type: made, sample: '{"a":1}'}]
- id: byhmac
  name: By HMAC
  schemes: [{algorithm: hmac-sha256, content: "{timestamp}.{body}", signature: {in: "header:X-Sig", format: "t={timestamp},v1={signature}", separator: ","}}]
  events: [{type: made, sample: '{"a":1}'}]
`

// TestSecretIsNeverShown sends and fails in every way there is and looks for
// the secret in all that was written.
func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	const canary = "canary:S3cr3t/+0123456789 abcdef"
	forms := []string{
		canary, "canary", url.QueryEscape(canary), url.PathEscape(canary), hex.EncodeToString([]byte(canary)),
		base64.StdEncoding.EncodeToString([]byte(canary)), base64.RawURLEncoding.EncodeToString([]byte(canary)),
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/refused": // and sends back what it got
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, r.Header, r.URL)
		case "/moved":
			w.Header().Set("Location", r.RequestURI)
			w.WriteHeader(http.StatusFound)
		case "/cut":
			c, _, _ := http.NewResponseController(w).Hijack()
			_ = c.Close()
		}
	}))
	t.Cleanup(srv.Close)
	flags := [][]string{
		{},
		{"--json"},
		{"-v"},
		{"--dry-run"},
		{"--dry-run", "--json"},
		{"--dry-run", "--format", "curl"},
		{"--dry-run", "--format", "powershell"},
		{"--tamper", "body"},
		{"--tamper", "secret", "--json"},
		{"--retry", "--time-scale", "1000000", "-v"},
		{"--count", "2"},
		{"--count", "2", "--json"},
		{"--junit", "report.xml"},
		{"--id", "x"},
		{"--set", "a=b"},
		{"--timeout", "1ms"},
		{"--store", "."},
	}
	for i, provider := range []string{"bytoken", "bybasic", "byquery", "byhmac", "canvelete", "sketchpen"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			for j, path := range []string{"/ok", "/refused", "/moved", "/cut", ""} {
				for k := range 3 { // the others are met with the other providers
					extra := flags[(5*i+3*j+k)%len(flags)]
					w := clitest.New(t)
					args := append([]string{"--provider", provider, "--event", eventOf(provider), srv.URL + path}, extra...)
					if path == "" {
						args[4] = "http://127.0.0.1:1"
					}
					if k%2 == 0 {
						args = append(args, "--secret", canary)
					} else {
						w.Vars["HOOKS_SECRET"] = canary
					}
					all := everything(t, w, args)
					for _, form := range forms {
						if strings.Contains(all, form) {
							t.Errorf("hooks send %v shows the secret as %q:\n%s", args, form, all)
						}
					}
					if all == "" {
						t.Errorf("hooks send %v wrote nothing", args)
					}
				}
			}
		})
	}
}

func eventOf(provider string) string {
	switch provider {
	case "canvelete":
		return "render.completed"
	case "sketchpen":
		return "video.completed"
	}
	return "made"
}

// everything runs the command line with the providers of this test and returns
// all that it wrote: results, errors, report.
func everything(t *testing.T, w *clitest.World, args []string) string {
	t.Helper()
	if err := os.MkdirAll(w.Dirs.Config, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(w.Dirs.Config, "config.yaml"), providers)
	err := run(t, w, send.Run, args...)
	w.PrintError(orNone(err))
	report, _ := os.ReadFile(filepath.Join(w.Dir, "report.xml")) // if one was asked for
	return w.Stdout.String() + w.Stderr.String() + string(report)
}

func orNone(err error) error {
	if err == nil {
		return fmt.Errorf("none")
	}
	return err
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOnATerminal: the progress of a load is drawn on one line, a request is
// shown without what acts on a terminal, and a secret that others can read in
// the list of processes is told of.
func TestOnATerminal(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(srv.Close)
	terminal := func() *clitest.World {
		w := clitest.New(t)
		w.InTerminal, w.OutTerminal, w.ErrTerminal, w.Vars["TERM"] = true, true, true, "xterm"
		w.Width = func() int { return 100 }
		return w
	}
	w := terminal()
	if err := run(t, w, send.Run, "-e", "render.completed", "--count", "20", srv.URL); err != nil {
		t.Fatal(err)
	}
	if got := w.Stderr.String(); !strings.Contains(got, "\r100 %  20 of 20 sent") || !strings.HasSuffix(got, " \r") {
		t.Errorf("progress %q", got)
	}
	w = terminal()
	err := run(t, w, send.Run, "--provider", "canvelete", "-d", "{\"a\":\"\x1b[2J\u202e\"}\n", "--dry-run", "--secret", "typed", srv.URL)
	if got := w.Stdout.String(); err != nil || strings.ContainsAny(got, "\x1b\u202e\r") || !strings.Contains(got, `\x1b[2J\u202e`) {
		t.Errorf("err %v, request %q", err, got)
	}
	if !strings.Contains(w.Stderr.String(), "other users of this machine can read --secret") {
		t.Errorf("the secret on the command line is not told of: %q", w.Stderr.String())
	}
}
