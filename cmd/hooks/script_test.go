package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/itchyny/gojq"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hooks-cli/hooks/internal/address/addresstest"
)

// TestScripts runs testdata/script/<command>/<what>.txtar, each in a home of
// its own that has never seen hooks. Besides the commands of testscript they
// have:
//
//	exits STATUS PROGRAM ARG…   runs a program that must end with STATUS
//	waitfor FILE PATTERN [N]    waits until PATTERN is N times (1) in FILE
//	fileenv NAME FILE [JQ]      waits for a line in FILE, or for one in which
//	                            the jq expression finds something, and puts it
//	                            into the variable NAME
//	freeport NAME               puts a free port into the variable NAME
//
// and the program endpoint, an app that takes deliveries; see endpoint.
func TestScripts(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir("../../testdata/script")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if !dir.IsDir() {
			t.Errorf("testdata/script/%s is not the folder of a command", dir.Name())
			continue
		}
		t.Run(dir.Name(), func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir:                 filepath.Join("../../testdata/script", dir.Name()),
				Setup:               freshHome,
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				UpdateScripts:       *update,
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits":    exits,
					"waitfor":  waitFor,
					"fileenv":  fileEnv,
					"freeport": freePort,
				},
			})
		})
	}
}

func freshHome(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, ".home")
	for name, dir := range map[string]string{
		"HOME":            home,
		"USERPROFILE":     home,
		"LOCALAPPDATA":    filepath.Join(home, "local"),
		"APPDATA":         filepath.Join(home, "roaming"),
		"XDG_CONFIG_HOME": filepath.Join(home, "config"),
		"XDG_DATA_HOME":   filepath.Join(home, "data"),
		"XDG_STATE_HOME":  filepath.Join(home, "state"),
		"XDG_CACHE_HOME":  filepath.Join(home, "cache"),
		"XDG_RUNTIME_DIR": "",
		"NO_PROXY":        "*",
	} {
		env.Setenv(name, dir)
	}
	return os.MkdirAll(home, 0o700)
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARG…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s exited with %d, want %s", args[1], got, args[0])
	}
}

func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: waitfor FILE PATTERN [N]")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	want := 1
	if len(args) == 3 {
		want, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	file := ts.MkAbs(args[0])
	poll(ts, fmt.Sprintf("%d times %s in %s", want, args[1], args[0]), func() bool {
		b, err := os.ReadFile(file)
		return err == nil && len(pattern.FindAll(b, -1)) >= want
	})
}

func fileEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: fileenv NAME FILE [JQ]")
	}
	find := func(line []byte) (string, bool) { return string(line), len(line) > 0 }
	if len(args) == 3 {
		query, err := gojq.Parse(args[2])
		ts.Check(err)
		find = func(line []byte) (string, bool) { return firstResult(query, line) }
	}
	file := ts.MkAbs(args[1])
	poll(ts, "a line in "+args[1], func() bool {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		for line := range bytes.Lines(b) {
			if !bytes.HasSuffix(line, []byte("\n")) {
				return false // it is still being written
			}
			if v, ok := find(bytes.TrimRight(line, "\r\n")); ok {
				ts.Setenv(args[0], v)
				return true
			}
		}
		return false
	})
}

func firstResult(query *gojq.Query, line []byte) (string, bool) {
	var doc any
	if json.Unmarshal(line, &doc) != nil {
		return "", false
	}
	v, ok := query.Run(doc).Next()
	if _, failed := v.(error); !ok || failed || v == nil {
		return "", false
	}
	return fmt.Sprint(v), true
}

func freePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	port, err := addresstest.Port()
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// poll asks again and again until done says yes; after two minutes the
// script has failed.
func poll(ts *testscript.TestScript, what string, done func() bool) {
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			ts.Fatalf("waited two minutes for %s", what)
		case <-tick.C:
		}
	}
}

func TestPollStopsAtTheFirstYes(t *testing.T) {
	t.Parallel()
	calls := 0
	poll(nil, "nothing", func() bool { calls++; return calls == 3 })
	if calls != 3 {
		t.Errorf("poll asked %d times, want 3", calls)
	}
	if v, ok := firstResult(mustParse(t, ".url"), []byte(`{"url":"http://x"}`)); !ok || v != "http://x" {
		t.Errorf("firstResult = %q, %v", v, ok)
	}
	if v, ok := firstResult(mustParse(t, ".url"), []byte(strings.Repeat("[", 3))); ok {
		t.Errorf("firstResult of half a line = %q", v)
	}
}

func mustParse(t *testing.T, jq string) *gojq.Query {
	t.Helper()
	q, err := gojq.Parse(jq)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
