package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/cli/root"
)

// canary is a secret that nothing may show. Its forms differ from each other.
const canary = `cAnAry/7f3a+9b"x<Q~k2`

// forms are the ways in which the secret could get out.
func forms() []string {
	quoted, err := json.Marshal(canary)
	if err != nil {
		panic(err)
	}
	return []string{
		canary, strings.Trim(string(quoted), `"`), url.QueryEscape(canary), url.PathEscape(canary), strings.ReplaceAll(canary, `"`, `\"`),
		hex.EncodeToString([]byte(canary)), strings.ToUpper(hex.EncodeToString([]byte(canary))),
		base64.RawStdEncoding.EncodeToString([]byte(canary))[:24], base64.RawURLEncoding.EncodeToString([]byte(canary))[:24],
		fmt.Sprint([]byte(canary)),
	}
}

// origins are the ways in which hooks can come to know the secret.
func origins() map[string]func(t *testing.T, w *clitest.World, args []string) []string {
	file := func(t *testing.T, w *clitest.World, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(w.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flag := func(args []string, values ...string) []string {
		for _, v := range values {
			args = append(args, "--secret", v)
		}
		return args
	}
	return map[string]func(t *testing.T, w *clitest.World, args []string) []string{
		"flag": func(_ *testing.T, _ *clitest.World, args []string) []string { return flag(args, canary) },
		"flag-of-many": func(_ *testing.T, _ *clitest.World, args []string) []string {
			return flag(args, "generic="+canary, "canvelete="+canary)
		},
		"flag-typo": func(_ *testing.T, _ *clitest.World, args []string) []string { return append(args, "--secert", canary) },
		"flag-file": func(t *testing.T, w *clitest.World, args []string) []string {
			file(t, w, "s", canary+"\n")
			return flag(args, "@s")
		},
		"variable": func(_ *testing.T, w *clitest.World, args []string) []string {
			w.Vars["HOOKS_SECRET"], w.Vars["HOOKS_RELAY_TOKEN"], w.Vars["HOOKS_API_KEY"] = canary, canary, canary
			return args
		},
		"env-file": func(t *testing.T, w *clitest.World, args []string) []string {
			file(t, w, "vars", "S='"+canary+"'\n")
			return append(flag(args, "env:S"), "--env-file", "vars")
		},
		"broken-env-file": func(t *testing.T, w *clitest.World, args []string) []string {
			file(t, w, "vars", canary+"\n")
			return append(flag(args, "env:S"), "--env-file", "vars")
		},
		"settings": func(t *testing.T, w *clitest.World, args []string) []string {
			file(t, w, "s", canary+"\n")
			file(t, w, "hooks.yaml", "secrets: {canvelete: '@s', generic: env:S}\n")
			w.Vars["S"] = canary
			return args
		},
		"settings-by-mistake": func(t *testing.T, w *clitest.World, args []string) []string {
			file(t, w, "hooks.yaml", "secrets:\n  canvelete: '"+canary+"'\n")
			return args
		},
		"kept": func(t *testing.T, w *clitest.World, args []string) []string {
			set := *w.Env
			set.In, set.Args, set.Out, set.Err = strings.NewReader(canary), []string{"secrets", "set", "canvelete"}, io.Discard, io.Discard
			if status := root.Run(t.Context(), &set); status != 0 {
				t.Fatalf("secrets set exited with %d", status)
			}
			return args
		},
		"standard-input": func(_ *testing.T, w *clitest.World, args []string) []string {
			w.In = strings.NewReader(canary)
			return flag(args, "-")
		},
		"argument": func(_ *testing.T, _ *clitest.World, args []string) []string {
			if line := strings.Join(args, " "); strings.HasPrefix(line, "emulate") || strings.HasPrefix(line, "providers list") {
				return args // they look words up, and repeat one that they do not find so that its misspelling is seen
			}
			return append(args[:len(args):len(args)], "canvelete", canary)
		},
	}
}

// TestSecretsAreNeverShown runs every command in many ways with every origin of
// a secret, and searches all that was written, to the streams and to the store,
// for each form of the secret.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(app.Close)
	lines := canaryLines(t, app.URL)
	var runs atomic.Int32
	t.Run("all", func(t *testing.T) {
		for origin, give := range origins() {
			t.Run(origin, func(t *testing.T) {
				t.Parallel()
				for _, line := range lines {
					runs.Add(1)
					runCanary(t, line, give)
				}
			})
		}
	})
	if n := runs.Load(); n < 500 {
		t.Errorf("%d runs, want at least 500", n)
	}
}

// canaryLines are the command lines: every command in a few forms, and the ones
// that sign in more.
func canaryLines(t *testing.T, app string) []string {
	t.Helper()
	var lines []string
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if !cli.IsGroup(sub) {
				path := strings.TrimPrefix(sub.CommandPath(), "hooks ")
				lines = append(lines, path, path+" --json --verbose last")
			}
			walk(sub)
		}
	}
	walk(root.New(clitest.New(t).Env))
	return append(lines,
		"send --event render.completed "+app,
		"send --event render.completed --verbose --json "+app,
		"send --event render.completed --tamper signature "+app,
		"send --event render.completed http://127.0.0.1:1/",
		"send --event render.completed https://192.0.2.1:x/",
		"send --event render.completed --dry-run "+app,
		"send --event render.completed --dry-run --format curl "+app,
		"send --event render.completed --dry-run --format http "+app,
		"sign --provider canvelete --data {}",
		"sign --provider stripe --data {} --json",
		"verify --provider canvelete --signature sha256=00 --data {}",
		"secrets list --verbose",
		"endpoints list --provider sketchpen --verbose --api-url "+app,
		"endpoints create "+app+" --provider generic --event user.created --json --api-url "+app,
		"endpoints get x --provider sketchpen --api-url http://127.0.0.1:1/",
		"check --provider canvelete --skip survives-slow-client,answers-burst --verbose --github "+app,
		"check --provider gitlab --only rejects-*,hides-secret --json "+app,
	)
}

// serves are the commands that wait for others: with an ended context they
// start and stop.
func serves(line string) bool {
	return slices.ContainsFunc([]string{"listen", "relay", "tunnel", "demo", "ui", "mcp", "emulate", "expect", "events tail"}, func(s string) bool {
		return strings.HasPrefix(line+" ", s+" ")
	})
}

func runCanary(t *testing.T, line string, give func(*testing.T, *clitest.World, []string) []string) {
	t.Helper()
	w := clitest.New(t)
	w.ErrTerminal = true // warnings are a way out too
	args := give(t, w, strings.Fields(line))
	w.Args = args
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if serves(line) {
		cancel()
	}
	root.Run(ctx, w.Env)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("hooks %s does not end by itself: add it to serves", strings.Join(args, " "))
	}
	out := w.Stdout.String() + w.Stderr.String()
	if shows := strings.HasPrefix(line, "secrets get") || strings.HasPrefix(line, "secrets generate"); shows {
		out = w.Stderr.String()
	}
	for _, form := range forms() {
		if strings.Contains(out, form) {
			t.Errorf("hooks %s shows the secret as %q:\n%s", strings.Join(args, " "), form, out)
		}
		searchFiles(t, w.Dirs.Data, form, args)
		searchFiles(t, w.Dirs.State, form, args)
	}
}

func searchFiles(t *testing.T, dir, form string, args []string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // the folder may not have been made
		}
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(form)) {
			t.Errorf("hooks %s wrote the secret to %s", strings.Join(args, " "), path)
		}
		return nil
	})
}
