package crosscheck

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hooks-cli/hooks/internal/address/addresstest"
)

// handlers is where the handlers are that hooks check is tried on.
var handlers = filepath.Join("..", "..", "testdata", "handlers")

// An app is one of them: right, or wrong in the one way that FAULT names.
type app struct {
	file     string
	provider string
	path     string
	faults   map[string]string // to the cases that have to fail
}

// Cases that fail together.
const (
	allRejects = "rejects-unsigned rejects-empty-signature rejects-wrong-secret rejects-tampered-body rejects-truncated-signature " +
		"rejects-malformed-signature rejects-wrong-algorithm rejects-swapped-event"
	allTimes   = "rejects-tampered-timestamp rejects-stale-timestamp rejects-future-timestamp"
	allAccepts = "accepts-valid accepts-every-event accepts-raw-body accepts-unicode accepts-chunked accepts-charset accepts-header-case " +
		"accepts-extra-fields accepts-unknown-event accepts-duplicate accepts-out-of-order accepts-large-body answers-burst alive-at-end"
)

// gallery lists the apps. "" is the app as it should be; what stands for "" is
// wrong in a way that no answer shows, or not wrong at all.
func gallery() []app {
	return []app{
		{file: "node-http.js", provider: "stripe", path: "/webhooks/stripe", faults: map[string]string{
			"":                      "",
			"throws-without-header": "rejects-unsigned",
			"throws-on-length":      "rejects-empty-signature rejects-truncated-signature rejects-malformed-signature rejects-wrong-algorithm",
			"no-age":                "rejects-stale-timestamp rejects-future-timestamp",
			"future":                "rejects-future-timestamp",
			"first-signature":       "accepts-rotated-secret",
			"remembers-signatures":  "rejects-swapped-event",
			"half-is-enough":        "rejects-truncated-signature",
			"always-200":            allRejects + " " + allTimes,
			"bad-json-500":          "survives-malformed-json survives-empty-body survives-invalid-utf8",
			"unguarded":             "survives-wrong-shape survives-deep-json",
			"duplicate-409":         "accepts-duplicate",
			"redirects": allAccepts + " accepts-rotated-secret " + allRejects + " " + allTimes +
				" survives-wrong-method answers-without-redirect",
			"says-hello":   "survives-wrong-method",
			"wants-length": "accepts-chunked",
			"no-room":      "answers-burst",
			"slow":         "accepts-valid answers-in-time",
		}},
		{file: "node-express.js", provider: "sketchpen", path: "/webhook", faults: map[string]string{
			"":                  "",
			"compares-as-text":  "",
			"small-limit":       "",
			"keeps-raw-body":    "",
			"tells-signature":   "hides-secret",
			"latin1":            "accepts-raw-body accepts-unicode",
			"wants-plain-type":  "accepts-charset",
			"serialises-again":  "accepts-raw-body survives-deep-json",
			"parses-first":      "survives-malformed-json survives-empty-body survives-invalid-utf8",
			"unguarded":         "survives-wrong-shape survives-deep-json",
			"known-events-only": "accepts-unknown-event",
			"known-fields-only": "accepts-extra-fields",
			"duplicate-409":     "accepts-duplicate",
		}},
		{file: "node-fastify.js", provider: "generic", path: "/webhook", faults: map[string]string{
			"":                 "",
			"throws-on-length": "rejects-unsigned rejects-empty-signature rejects-truncated-signature rejects-malformed-signature rejects-wrong-algorithm",
			"large-500":        "accepts-large-body",
			"parser":           "accepts-raw-body survives-deep-json",
			"in-order-only":    "accepts-out-of-order",
		}},
		{file: "python-http.py", provider: "sketchpen", path: "/webhook", faults: map[string]string{
			"":                 "",
			"header-case":      "accepts-header-case",
			"age-of-event":     "rejects-stale-timestamp rejects-future-timestamp",
			"unsigned-passes":  "rejects-unsigned rejects-empty-signature",
			"also-sha1":        "rejects-wrong-algorithm",
			"also-unkeyed":     "rejects-wrong-algorithm",
			"first-16":         "rejects-truncated-signature",
			"begins-with":      "rejects-unsigned rejects-empty-signature rejects-truncated-signature",
			"no-chunks":        "accepts-chunked",
			"refuses-with-500": allRejects + " " + allTimes,
			"deep-json":        "survives-deep-json",
			"key-error":        "survives-wrong-shape",
		}},
		{file: "python-flask.py", provider: "canvelete", path: "/webhooks/canvelete", faults: map[string]string{
			"":                   "",
			"none-header":        "rejects-unsigned rejects-malformed-signature",
			"ascii-only":         "rejects-malformed-signature",
			"presence-only":      strings.TrimPrefix(allRejects, "rejects-unsigned "),
			"trailing-slash":     allAccepts + " " + allRejects + " answers-without-redirect",
			"serialises-again":   allAccepts + " survives-deep-json",
			"text-first":         "survives-invalid-utf8",
			"tells-secret":       "hides-secret",
			"only-render-events": "accepts-every-event accepts-unknown-event",
		}},
		{file: "python-fastapi.py", provider: "github", path: "/webhooks/github", faults: map[string]string{
			"":          "",
			"key-error": "rejects-unsigned rejects-empty-signature",
			"model":     "accepts-every-event",
		}},
		{file: "go/main.go", provider: "slack", path: "/webhooks/slack", faults: map[string]string{
			"":               "",
			"compares-bytes": "",
			"panics":         "rejects-unsigned",
			"no-age":         "rejects-stale-timestamp rejects-future-timestamp",
			"only-past":      "rejects-future-timestamp",
			"empty-key":      allAccepts,
			"cuts-body":      "accepts-large-body",
			"bad-json-500":   "survives-malformed-json survives-empty-body survives-invalid-utf8",
			"asserts":        "survives-wrong-shape survives-deep-json",
			"impatient":      "survives-slow-client",
		}},
	}
}

// options are what some faults need besides: they are about time.
func options() map[string][]string {
	return map[string][]string{
		"slow":      {"--timeout", "1s", "--only", "answers-in-time"},
		"no-room":   {"--only", "answers-burst", "--only", "accepts-every-event", "--only", "rejects-*"},
		"impatient": {"--only", "survives-slow-client", "--only", "accepts-*"},
	}
}

// TestGallery starts real apps that are right, or wrong in one known way, and
// wants hooks check to find exactly that.
func TestGallery(t *testing.T) {
	t.Parallel()
	faults := 0
	for _, a := range gallery() {
		for fault, want := range a.faults {
			if want != "" {
				faults++
			}
			name := a.file
			if fault != "" {
				name += " " + fault
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				extra := options()[fault]
				if extra == nil {
					extra = []string{"--skip", "survives-slow-client"} // 5 s, and the same for every app
				}
				a.check(t, fault, want, extra...)
			})
		}
	}
	if faults < 25 {
		t.Errorf("the gallery has %d faults", faults)
	}
}

// TestDocumentedHandlers has hooks check judge the seven handlers that the
// providers' documentation shows. What it says is written down beside them.
func TestDocumentedHandlers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(handlers, "seeds", "verdicts.txt"))
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{"canvelete": "/webhooks/canvelete", "loopcanvas": "/webhooks/loopcanvas", "generic": "/webhook", "sketchpen": "/webhook"}
	found := 0
	for line := range strings.Lines(string(text)) {
		file, want, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, " ") {
			continue
		}
		found++
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			provider := strings.TrimSuffix(file, filepath.Ext(file))
			app{file: "seeds/" + file, provider: provider, path: paths[provider]}.check(t, "", want, "--skip", "survives-slow-client")
		})
	}
	if found != 7 {
		t.Errorf("found %d verdicts, want 7", found)
	}
}

// check runs hooks check against the app and compares what fails. It starts
// the app by itself, and again where a request ends it.
func (a app) check(t *testing.T, fault, want string, extra ...string) {
	t.Helper()
	h, port := newHome(t), freePort(t)
	h.env = append(h.env, "FAULT="+fault, "PORT="+port, "WEBHOOK_SECRET="+secret, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1")
	args := []string{"check", "http://127.0.0.1:" + port + a.path, "--provider", a.provider, "--secret", secret, "--json", "--wait", "50s", "--timeout", "30s"}
	args = append(append(args, extra...), "--")
	args = append(args, a.command(t)...)
	cases := h.checked(t, args...)
	var got []string
	for _, c := range cases {
		if c.Status == "failed" {
			got = append(got, c.ID)
		}
	}
	slices.Sort(got)
	wanted := strings.Fields(want)
	slices.Sort(wanted)
	if slices.Equal(got, wanted) {
		return
	}
	t.Errorf("failed: %v\nwant:   %v", got, wanted)
	for _, c := range cases {
		if c.Status == "failed" != slices.Contains(wanted, c.ID) {
			t.Logf("%s %s: %s", c.Status, c.ID, c.Actual)
		}
	}
}

// A checkedCase is as much of a result as these tests look at.
type checkedCase struct {
	ID     string `json:"id"`
	Level  string `json:"level"`
	Status string `json:"status"`
	Actual string `json:"actual"`
}

// checked runs hooks check and returns its results.
func (h home) checked(t *testing.T, args ...string) []checkedCase {
	t.Helper()
	r := h.run(t, "", args...)
	var report struct {
		Passed bool          `json:"passed"`
		Cases  []checkedCase `json:"cases"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || len(report.Cases) == 0 {
		t.Fatalf("hooks %q: exit %d, no report: %v\n%s%s", args, r.status, err, r.stdout, r.stderr)
	}
	required := slices.ContainsFunc(report.Cases, func(c checkedCase) bool { return c.Level == "required" && c.Status == "failed" })
	if report.Passed == required || (r.status == 0) == required || r.status > 1 {
		t.Errorf("exit %d, passed %v, a required case failed: %v", r.status, report.Passed, required)
	}
	return report.Cases
}

// command is how the app is started.
func (a app) command(t *testing.T) []string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(handlers, filepath.FromSlash(a.file)))
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case strings.HasSuffix(file, ".go"):
		path, err := goHandler()
		if err != nil {
			t.Fatal(err)
		}
		return []string{path}
	case strings.HasSuffix(file, "fastapi.py"):
		return []string{pythonWith(t, "fastapi, uvicorn", "FastAPI with uvicorn for Python 3"), file}
	case strings.HasSuffix(file, "http.py"):
		return []string{python(t), file}
	case strings.HasSuffix(file, ".py"):
		return []string{pythonWithFlask(t), file}
	case strings.HasSuffix(file, "fastify.js"):
		return []string{nodeWith(t, "fastify"), file}
	case strings.HasSuffix(file, "http.js"):
		return []string{node(t), file}
	}
	return []string{nodeWith(t, "express"), file}
}

// goHandler is the path of the handler in Go, built once.
var goHandler = sync.OnceValues(func() (string, error) {
	return build("handler", filepath.Join(handlers, "go", "main.go"))
})

func freePort(tb testing.TB) string {
	tb.Helper()
	port, err := addresstest.Port()
	if err != nil {
		tb.Fatal(err)
	}
	return port
}
