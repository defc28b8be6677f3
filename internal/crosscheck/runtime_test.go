package crosscheck

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testdata is where the programs of the other runtimes are.
var testdata = filepath.Join("..", "..", "testdata", "crosscheck")

// missing says that a test cannot run here: a skip, or a failure where the
// tests are known to have everything.
func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("HOOKS_TEST_REQUIRE") == "1" {
		tb.Fatalf("%s is missing, and HOOKS_TEST_REQUIRE=1", what)
	}
	tb.Skipf("%s is missing", what)
}

// An interpreter runs the programs of one language.
type interpreter struct {
	name    string
	path    func(testing.TB) string // or skips
	program func(string) string     // the file that does a job
	web     func(testing.TB) string // the interpreter that has the web framework, or skips
}

func interpreters() []interpreter {
	return []interpreter{
		{
			name:    "node",
			path:    node,
			program: func(job string) string { return job + ".js" },
			web:     nodeWithExpress,
		},
		{
			name:    "python",
			path:    python,
			program: func(job string) string { return job + ".py" },
			web:     pythonWithFlask,
		},
	}
}

func node(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		missing(tb, "node")
	}
	return path
}

func nodeWithExpress(tb testing.TB) string {
	tb.Helper()
	return nodeWith(tb, "express")
}

// nodeWith finds a node that has a package beside the programs (npm ci puts it
// there) or wherever NODE_PATH says.
func nodeWith(tb testing.TB, name string) string {
	tb.Helper()
	path := node(tb)
	cmd := exec.CommandContext(tb.Context(), path, "-e", "require('"+name+"')")
	cmd.Dir = testdata
	if cmd.Run() != nil {
		missing(tb, name+" for node")
	}
	return path
}

func python(tb testing.TB) string {
	tb.Helper()
	return pythonWith(tb, "hmac", "Python 3")
}

func pythonWithFlask(tb testing.TB) string {
	tb.Helper()
	return pythonWith(tb, "flask", "Flask for Python 3")
}

// pythonWith finds a Python that has a module. The first in PATH may be another
// one than the system's, which the system's packages are for.
func pythonWith(tb testing.TB, module, what string) string {
	tb.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3", "python"} {
		path, err := exec.LookPath(name)
		if err == nil && exec.CommandContext(tb.Context(), path, "-c", "import "+module).Run() == nil {
			return path
		}
	}
	missing(tb, what)
	return ""
}

// run starts the program that does a job in this language.
func (i interpreter) run(tb testing.TB, path, job string) *process {
	tb.Helper()
	env := append(os.Environ(), "WEBHOOK_SECRET="+secret, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1")
	return start(tb, env, path, filepath.Join(testdata, i.program(job)))
}

// A request is what the programs of the other runtimes read, one a line.
type request struct {
	Provider  string            `json:"provider"`
	Timestamp string            `json:"timestamp,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"` // names in lower case
	Body      []byte            `json:"body_base64"`
}

// ask sends a request to a program and returns its answer.
func (p *process) ask(tb testing.TB, r request) string {
	tb.Helper()
	line, err := json.Marshal(r)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.stdin, "%s\n", line); err != nil {
		tb.Fatal(err)
	}
	return p.line(tb)
}

// addresses starts a language's web apps and returns where each provider's
// listens.
func (i interpreter) addresses(tb testing.TB) map[string]string {
	tb.Helper()
	var urls map[string]string
	if err := json.Unmarshal([]byte(i.run(tb, i.web(tb), "app").line(tb)), &urls); err != nil {
		tb.Fatal(err)
	}
	return urls
}

// lowerNames returns headers as the web frameworks give them to a handler.
func lowerNames(headers [][2]string) map[string]string {
	lower := make(map[string]string, len(headers))
	for _, h := range headers {
		lower[strings.ToLower(h[0])] = h[1]
	}
	return lower
}
