package crosscheck

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/umasktest"
)

// secret signs everything in these tests. The spaces and the quote are there
// for whoever would put it through a shell.
const secret = `whsec_it's only a test, 0123456789`

// patience is for what comes at once, and would fail on a machine that is slow
// or busy if it had to come soon.
const patience = 5 * time.Minute

func TestMain(m *testing.M) {
	umasktest.Usual()
	m.Run()
	if dir := buildDir(); dir != "" {
		_ = os.RemoveAll(dir)
	}
}

// buildDir is made when it is first asked for, and removed at the end.
var buildDir = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "hooks-crosscheck-")
	if err != nil {
		return ""
	}
	return dir
})

// builtProgram is the variable by which a test that runs itself again hands the
// path of the program on.
const builtProgram = "HOOKS_TEST_PROGRAM"

// program is the path of the program, built once for all tests.
var program = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(builtProgram); path != "" {
		return path, nil
	}
	return build("hooks", "github.com/hooks-cli/hooks/cmd/hooks")
})

// build compiles a package, or a file, as a release does.
func build(name, pkg string, flags ...string) (string, error) {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(buildDir(), name)
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-buildvcs=false", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

// A home is a machine that has never seen hooks: the program run in it finds
// no settings, no store and no keyring.
type home struct {
	path string
	env  []string
}

func newHome(tb testing.TB) home {
	tb.Helper()
	path, err := program()
	if err != nil {
		tb.Fatal(err)
	}
	return home{path: path, env: emptyEnviron(tb.TempDir())}
}

// emptyEnviron is this process's environment without what would lead the
// program to the settings of whoever runs the tests.
func emptyEnviron(dir string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "HOOKS_") && !strings.HasPrefix(name, "XDG_") && name != "DBUS_SESSION_BUS_ADDRESS" {
			env = append(env, kv)
		}
	}
	return append(env, "HOME="+dir, "USERPROFILE="+dir, "APPDATA="+dir, "LOCALAPPDATA="+dir, "NO_COLOR=1")
}

// A result is what a run of a program came to.
type result struct {
	stdout, stderr string
	status         int
}

// run runs the program to its end.
func (h home) run(tb testing.TB, stdin string, args ...string) result {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, h.path, args...)
	cmd.Env, cmd.Dir = h.env, filepath.Dir(h.path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		tb.Fatalf("hooks %q: %v", args, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// want fails the test unless the run ended with status.
func (r result) want(tb testing.TB, status int, args ...string) {
	tb.Helper()
	if r.status != status {
		tb.Fatalf("hooks %s: exit %d, want %d\n%s%s", strings.Join(args, " "), r.status, status, r.stdout, r.stderr)
	}
}

// A delivery is as much of a delivery's JSON as these tests look at.
type delivery struct {
	Kind       string      `json:"kind"`
	URL        string      `json:"url"`
	EventID    string      `json:"event_id"`
	EventType  string      `json:"event_type"`
	Provider   string      `json:"provider"`
	Headers    [][2]string `json:"headers"`
	Body       string      `json:"body"`
	BodyBase64 string      `json:"body_base64"`
	Delivered  bool        `json:"delivered"`

	Verification struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	} `json:"verification"`

	Attempts []struct {
		Status   int `json:"status"`
		Response struct {
			Body string `json:"body"`
		} `json:"response"`
	} `json:"attempts"`
}

func decode(tb testing.TB, text string) delivery {
	tb.Helper()
	var d delivery
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		tb.Fatalf("not a delivery: %v\n%s", err, text)
	}
	return d
}

// bytes returns the body as it was on the wire.
func (d delivery) bytes(tb testing.TB) []byte {
	tb.Helper()
	if d.BodyBase64 == "" {
		return []byte(d.Body)
	}
	body, err := base64.StdEncoding.DecodeString(d.BodyBase64)
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

// A process is a program that goes on while a test talks to it.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
	said  *bytes.Buffer // its standard error, to be read when it has ended
}

// start starts a program. Whatever the test does, it does not outlive the
// test, nor its patience.
func start(tb testing.TB, env []string, name string, args ...string) *process {
	tb.Helper()
	return startFor(tb, patience, env, name, args...)
}

// startFor is start with another limit.
func startFor(tb testing.TB, limit time.Duration, env []string, name string, args ...string) *process {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), limit)
	p := &process{cmd: exec.CommandContext(ctx, name, args...), said: new(bytes.Buffer)}
	p.cmd.Env, p.cmd.Stderr = env, p.said
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	p.lines = bufio.NewScanner(stdout)
	p.lines.Buffer(nil, 64<<20)
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cancel()
		_ = p.cmd.Wait() // an error where the test has waited
	})
	return p
}

// line returns the next line of standard output.
func (p *process) line(tb testing.TB) string {
	tb.Helper()
	if !p.lines.Scan() {
		err := p.cmd.Wait()
		tb.Fatalf("%s ended early: %v, %v\n%s", p.cmd.Path, err, p.lines.Err(), p.said)
	}
	return p.lines.Text()
}
