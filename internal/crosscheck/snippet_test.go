package crosscheck

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A runner runs handlers that hooks snippet writes in one language.
type runner struct {
	lang string
	core bool // it is run for every change, the others before a release
	// start writes what the handler needs besides into dir, and returns the
	// command that runs it there. It skips where the runtime is missing.
	start func(t *testing.T, dir, file, port string) string
	env   []string
}

func runners() []runner {
	return []runner{
		{lang: "node-express", core: true, start: func(t *testing.T, _, file, _ string) string { return nodeWith(t, "express") + " " + file }},
		{lang: "python-flask", core: true, start: func(t *testing.T, _, file, _ string) string { return pythonWithFlask(t) + " " + file }},
		{lang: "go", core: true, start: buildHandler},
		{lang: "node-fastify", start: func(t *testing.T, _, file, _ string) string { return nodeWith(t, "fastify") + " " + file }},
		{lang: "python-fastapi", start: func(t *testing.T, _, _, port string) string {
			return pythonWith(t, "fastapi, uvicorn", "FastAPI with uvicorn for Python 3") + " -m uvicorn app:app --log-level critical --port " + port
		}},
		{lang: "django", start: startDjango},
		{lang: "ruby-sinatra", env: []string{"APP_ENV=production"}, start: func(t *testing.T, _, file, _ string) string {
			return rubyWith(t, "sinatra/base") + " " + file
		}},
		{lang: "php", start: func(t *testing.T, _, file, port string) string {
			return executable(t, "php") + " -S 127.0.0.1:" + port + " " + file
		}},
	}
}

// executable finds a program, or skips.
func executable(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name)
	}
	return path
}

func rubyWith(t *testing.T, library string) string {
	t.Helper()
	path := executable(t, "ruby")
	if exec.CommandContext(t.Context(), path, "-e", "require '"+library+"'").Run() != nil {
		missing(t, library+" for Ruby")
	}
	return path
}

func buildHandler(t *testing.T, dir, file, _ string) string {
	t.Helper()
	path := filepath.Join(dir, "handler")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, filepath.Join(dir, file))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// django is the least project that the handler can be a part of.
const django = `from django.conf import settings

settings.configure(ROOT_URLCONF="urls", SECRET_KEY="not secret", ALLOWED_HOSTS=["*"], DATA_UPLOAD_MAX_MEMORY_SIZE=10 * 1024 * 1024)

import django
from django.core.asgi import get_asgi_application

django.setup()
application = get_asgi_application()
`

const djangoURLs = `from django.urls import include, path

urlpatterns = [path("", include("webhooks"))]
`

func startDjango(t *testing.T, dir, _, port string) string {
	t.Helper()
	write(t, filepath.Join(dir, "project.py"), django)
	write(t, filepath.Join(dir, "urls.py"), djangoURLs)
	return pythonWith(t, "django, uvicorn", "Django with uvicorn for Python 3") + " -m uvicorn project:application --log-level critical --port " + port
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// snippetProviders are whose handlers are run, those of every change first.
// They differ in what is signed, how it is spelled and where an event's id is.
func snippetProviders(core bool) []string {
	list := []string{"canvelete", "stripe", "loopcanvas", "generic", "sketchpen", "github", "slack", "shopify", "standard-webhooks", "twilio"}
	if core {
		return list[:2]
	}
	return list
}

// TestSnippets writes handlers, runs them and has hooks check judge them:
// nothing may fail, and one event that is delivered twice may have one effect
// only. HOOKS_TEST_SNIPPETS=all runs every language for every provider here.
func TestSnippets(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the handlers are started by a POSIX shell")
	}
	all := os.Getenv("HOOKS_TEST_SNIPPETS") == "all"
	for _, r := range runners() {
		if !r.core && !all {
			continue
		}
		for _, provider := range snippetProviders(!all) {
			t.Run(r.lang+" "+provider, func(t *testing.T) {
				t.Parallel()
				r.check(t, provider, all && provider == "canvelete")
			})
		}
	}
}

// A snippet is as much of hooks snippet --json as is needed to run it.
type snippet struct {
	File string `json:"file"`
	Env  string `json:"secret_env"`
	Path string `json:"path"`
	Code string `json:"code"`
}

// check runs the handler of a provider and has it checked.
func (r runner) check(t *testing.T, provider string, slow bool) {
	t.Helper()
	h, port, dir := newHome(t), freePort(t), t.TempDir()
	args := []string{"snippet", provider, "--lang", r.lang, "--json"}
	written := h.run(t, "", args...)
	written.want(t, 0, args...)
	var s snippet
	if err := json.Unmarshal([]byte(written.stdout), &s); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, s.File), s.Code)
	command := r.start(t, dir, s.File, port)

	url := "http://" + net.JoinHostPort("127.0.0.1", port) + s.Path
	key := strings.TrimSpace(h.run(t, "", "secrets", "get", provider).stdout)
	h.env = append(h.env, r.env...)
	h.env = append(h.env, s.Env+"="+key, "PORT="+port, "ADDR=127.0.0.1:"+port, "TMPDIR="+dir, "PYTHONDONTWRITEBYTECODE=1",
		strings.ToUpper(provider)+"_WEBHOOK_URL="+url)
	log := filepath.Join(dir, "log")
	args = []string{"check", url, "--provider", provider, "--secret", "env:" + s.Env, "--json", "--wait", "50s",
		"--probe", "awk '/received/ { n++ } END { print n + 0 }' '" + log + "'"}
	if !slow {
		args = append(args, "--skip", "survives-slow-client")
	}
	args = append(args, "--", "sh", "-c", "cd '"+dir+"' && exec "+command+" > '"+log+"' 2>&1")
	for _, c := range h.checked(t, args...) {
		if c.Status == "failed" || c.ID == "replays-once" && c.Status != "passed" {
			t.Errorf("%s %s: %s", c.ID, c.Status, c.Actual)
		}
	}
	if t.Failed() {
		said, _ := os.ReadFile(log)
		t.Logf("the handler said:\n%s", said[max(0, len(said)-4000):])
	}
}
