package crosscheck

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/cli/clitest"
)

// An example is one command of README with the output that it shows.
type example struct {
	command string
	output  []string
}

// examples returns what the blocks marked "console" hold: a line that begins
// with "$ " is a command, the lines up to the next one its output.
func examples(readme string) []example {
	var all []example
	in := false
	for line := range strings.Lines(readme) {
		line = strings.TrimRight(line, "\n")
		switch command, isCommand := strings.CutPrefix(line, "$ "); {
		case strings.HasPrefix(line, "```"):
			in = line == "```console"
		case in && isCommand:
			// What it says for a clone is what the program says anywhere.
			all = append(all, example{command: strings.Replace(command, "go run ./cmd/hooks", "hooks", 1)})
		case in:
			last := &all[len(all)-1]
			last.output = append(last.output, line)
		}
	}
	return all
}

// servers are the commands that go on while the next ones are run, and where
// they listen.
func servers() map[string]string {
	return map[string]string{"hooks listen": "127.0.0.1:3000", "hooks emulate": "127.0.0.1:4000"}
}

// A serving is a server that goes on.
type serving struct {
	example
	cmd  *exec.Cmd
	said clitest.Buffer
}

// TestReadme runs the commands of README one after the other, as a person would
// who reads it to the end, and compares what they print with what it shows.
// Servers go on until the last command has been run. What differs from run to
// run (ids, times, sizes of a sample) is left out of the comparison, and a line
// "…" stands for any number of lines. The ports of the commands may be
// anybody's, so that they are run apart where that can be.
func TestReadme(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("README's commands are for a POSIX shell")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		missing(t, "curl")
	}
	if ranApart(t) {
		return
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range servers() {
		portIsFree(t, address)
	}
	all := examples(string(readme))
	if len(all) < 5 {
		t.Fatalf("found %d examples", len(all))
	}
	h := newHome(t)
	h.env = append(h.env, "PATH="+filepath.Dir(h.path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	dir := t.TempDir()
	started := map[string]*serving{}
	for _, e := range all {
		name := strings.Join(strings.Fields(e.command)[:min(2, len(strings.Fields(e.command)))], " ")
		address, goesOn := servers()[name]
		if !goesOn {
			out, err := h.shell(t, dir, e.command).CombinedOutput()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatalf("$ %s: %v", e.command, err)
			}
			e.compare(t, string(out))
			continue
		}
		if started[name] != nil {
			t.Fatalf("$ %s: the one before goes on", e.command)
		}
		s := &serving{example: e, cmd: h.shell(t, dir, "exec "+e.command)}
		s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
		if err := s.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		awaitPort(t, address)
		started[name] = s
	}
	for name := range servers() {
		if started[name] == nil {
			t.Fatalf("README starts no %s", name)
		}
		started[name].settled(t)
	}
	for _, s := range started {
		if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("$ %s: %v\n%s", s.command, err, s.said.String())
		}
		s.compare(t, s.said.String())
	}
}

// shell returns a command as a person types it.
func (h home) shell(tb testing.TB, dir, command string) *exec.Cmd {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), patience)
	tb.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Env, cmd.Dir = h.env, dir
	return cmd
}

// settled waits until a server has printed what README shows: what the commands
// brought about may go on behind them. If it never does, compare will say so.
func (s *serving) settled(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !s.prints(s.said.String()) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (e example) compare(tb testing.TB, got string) {
	tb.Helper()
	if !e.prints(got) {
		tb.Errorf("$ %s\nprints\n%s\nREADME shows\n%s", e.command, got, strings.Join(e.output, "\n"))
	}
}

// prints says whether got is what README shows.
func (e example) prints(got string) bool {
	var pattern strings.Builder
	for _, line := range e.output {
		if line == "…" {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		pattern.WriteString(regexp.QuoteMeta(steady(line)) + `\n`)
	}
	return regexp.MustCompile(`^` + pattern.String() + `$`).MatchString(steady(got))
}

// steady replaces what no two runs share.
func steady(s string) string {
	for _, r := range []struct{ re, with string }{
		{`\b(evt|dlv|render|design)_[0-9a-z]{8,}\b`, "ID"},
		{`/renders/[0-9a-v]{24}\b`, "/renders/ID"},
		{`"fileSize":\d+`, "SIZE"},
		{`\b[0-9a-f]{32,}\b`, "HEX"},
		{`\b\d{4}-\d\d-\d\dT[0-9:.]+Z`, "TIME"},
		{`\b127\.0\.0\.1:\d{5}\b`, "ADDRESS"},
		{`\b\d\d:\d\d:\d\d(\.\d+)?\b`, "TIME"},
		{`\b\d+(\.\d+)? (µs|ms|s|B)\b`, "AMOUNT"},
		{`[ \t]+`, " "},
		{` \n`, "\n"},
	} {
		s = regexp.MustCompile(r.re).ReplaceAllString(s, r.with)
	}
	return s
}

func portIsFree(tb testing.TB, address string) {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", address)
	if err != nil {
		missing(tb, "a free port "+address)
	}
	_ = l.Close()
}

// awaitPort waits until something listens.
func awaitPort(tb testing.TB, address string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("nothing listens on %s: %v", address, err)
		case <-tick.C:
		}
	}
}
