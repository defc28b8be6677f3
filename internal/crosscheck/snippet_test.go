package crosscheck

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// apps is where the rest of the apps is that some handlers are a part of.
var apps = filepath.Join(testdata, "apps")

// A runner runs handlers that hooks snippet writes in one language.
type runner struct {
	lang string
	core bool   // it is run for every change, the others before a release
	app  string // the folder of what the handler needs besides, "" if nothing
	env  []string
	// command returns what runs the handler in dir. It skips where the runtime
	// is missing.
	command func(t *testing.T, dir, port string) string
}

func runners() []runner {
	return []runner{
		{lang: "node-express", core: true, command: func(t *testing.T, _, _ string) string { return nodeWith(t, "express") + " server.js" }},
		{lang: "python-flask", core: true, command: func(t *testing.T, _, _ string) string { return pythonWithFlask(t) + " app.py" }},
		{lang: "go", core: true, command: func(t *testing.T, dir, _ string) string {
			return compiled(t, dir, "go", "build", "-trimpath", "-o", "handler", "main.go") + "./handler"
		}},
		{lang: "node-fastify", command: func(t *testing.T, _, _ string) string { return nodeWith(t, "fastify") + " server.js" }},
		{lang: "python-fastapi", command: func(t *testing.T, _, port string) string {
			return pythonWith(t, "fastapi, uvicorn", "FastAPI with uvicorn for Python 3") + " -m uvicorn app:app --log-level critical --port " + port
		}},
		{lang: "django", app: "django", command: func(t *testing.T, _, port string) string {
			return pythonWith(t, "django, uvicorn", "Django with uvicorn for Python 3") + " -m uvicorn project:application --log-level critical --port " + port
		}},
		{lang: "ruby-sinatra", env: []string{"APP_ENV=production"}, command: func(t *testing.T, _, _ string) string {
			return rubyWith(t, "sinatra/base") + " app.rb"
		}},
		{lang: "rails", app: "rails", command: func(t *testing.T, _, port string) string {
			rubyWith(t, "action_controller/railtie")
			return executable(t, "rackup") + " -s webrick -E production -o 127.0.0.1 -p " + port
		}},
		{lang: "php", command: func(t *testing.T, _, port string) string {
			return executable(t, "php") + " -S 127.0.0.1:" + port + " webhook.php"
		}},
		{lang: "laravel", app: "laravel", command: func(t *testing.T, _, port string) string {
			exists(t, "/usr/share/php/Illuminate/Foundation/Application.php", "php-laravel-framework")
			return executable(t, "php") + " -S 127.0.0.1:" + port + " index.php"
		}},
		{lang: "java-spring", app: "spring", command: spring},
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

func exists(t *testing.T, file, what string) {
	t.Helper()
	if _, err := os.Stat(file); err != nil {
		missing(t, what)
	}
}

func rubyWith(t *testing.T, library string) string {
	t.Helper()
	path := executable(t, "ruby")
	if exec.CommandContext(t.Context(), path, "-e", "require '"+library+"'").Run() != nil {
		missing(t, library+" for Ruby")
	}
	return path
}

// compiled runs a compiler in dir. It returns nothing: what it makes is what
// is run.
func compiled(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), executable(t, name), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return ""
}

// spring compiles a controller for the Spring MVC and the Jetty of Debian.
func spring(t *testing.T, dir, _ string) string {
	t.Helper()
	const jars = "/usr/share/java/"
	exists(t, jars+"spring3-web.servlet.jar", "libspring-web-servlet-java")
	exists(t, jars+"jetty9-servlet.jar", "libjetty9-java")
	var path []string
	for _, jar := range []string{
		"spring3-aop", "spring3-beans", "spring3-context", "spring3-core", "spring3-expression", "spring3-web", "spring3-web.servlet",
		"jackson-annotations", "jackson-core", "jackson-databind", "commons-logging", "servlet-api",
		"jetty9-http", "jetty9-io", "jetty9-security", "jetty9-server", "jetty9-servlet", "jetty9-util", "jetty9-util-ajax",
	} {
		path = append(path, jars+jar+".jar")
	}
	classes := strings.Join(append(path, "."), ":")
	compiled(t, dir, "javac", "-nowarn", "-d", ".", "-cp", classes, "Main.java", "src/main/java/WebhookController.java")
	return executable(t, "java") + " --add-opens java.base/java.lang=ALL-UNNAMED -cp " + classes + " Main"
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// snippetProviders are whose handlers are run, those of every change first.
// They differ in what is signed, how it is spelled and where an event's id is;
// slack, zoom and dropbox want a handshake.
func snippetProviders(core bool) []string {
	list := []string{"canvelete", "stripe", "loopcanvas", "generic", "sketchpen", "github", "slack", "shopify", "standard-webhooks", "twilio", "zoom", "dropbox"}
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

// snippet writes a handler into dir.
func (h home) snippet(t *testing.T, dir, provider, lang string) snippet {
	t.Helper()
	args := []string{"snippet", provider, "--lang", lang, "--json"}
	written := h.run(t, "", args...)
	written.want(t, 0, args...)
	var s snippet
	if err := json.Unmarshal([]byte(written.stdout), &s); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, filepath.FromSlash(s.File)), s.Code)
	return s
}

// key is the secret with which provider signs in this home.
func (h home) key(t *testing.T, provider string) string {
	t.Helper()
	return strings.TrimSpace(h.run(t, "", "secrets", "get", provider).stdout)
}

// check runs the handler of a provider and has it checked.
func (r runner) check(t *testing.T, provider string, slow bool) {
	t.Helper()
	h, port, dir := newHome(t), freePort(t), t.TempDir()
	if r.app != "" {
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(apps, r.app))); err != nil {
			t.Fatal(err)
		}
	}
	s := h.snippet(t, dir, provider, r.lang)
	command := r.command(t, dir, port)
	url := "http://127.0.0.1:" + port + s.Path
	h.env = append(h.env, r.env...)
	h.env = append(h.env, s.Env+"="+h.key(t, provider), "PORT="+port, "ADDR=127.0.0.1:"+port, "TMPDIR="+dir, "PYTHONDONTWRITEBYTECODE=1",
		strings.ToUpper(provider)+"_WEBHOOK_URL="+url, "HOOK_PATH="+s.Path, "HOOK_PROVIDER="+provider, "HOOK_SECRET="+s.Env)
	log := filepath.Join(dir, "log")
	args := []string{"check", url, "--provider", provider, "--secret", "env:" + s.Env, "--json", "--wait", "50s", "--timeout", "30s"}
	if !slow {
		args = append(args, "--skip", "survives-slow-client")
	}
	app := []string{"--", "sh", "-c", "cd '" + dir + "' && exec " + command + " > '" + log + "' 2>&1"}
	h.flawless(t, log, append(append(args, "--probe", probe(log)), app...)...)
	if slices.Contains([]string{"slack", "zoom", "dropbox"}, provider) {
		args = []string{"send", url, "--handshake", "--provider", provider, "--secret", "env:" + s.Env, "--wait", "50s", "--timeout", "30s"}
		h.run(t, "", append(args, app...)...).want(t, 0, args...)
	}
}

// probe counts what a handler says that it has received.
func probe(log string) string { return "awk '/received/ { n++ } END { print n + 0 }' '" + log + "'" }

// flawless wants nothing to fail, and one event that is delivered twice to have
// one effect.
func (h home) flawless(t *testing.T, log string, args ...string) {
	t.Helper()
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

// TestSnippetsNext builds one app of Next.js with the handlers of all providers
// as its routes. HOOKS_TEST_NEXT is a folder in which Next.js is installed.
func TestSnippetsNext(t *testing.T) {
	t.Parallel()
	if os.Getenv("HOOKS_TEST_SNIPPETS") != "all" {
		t.Skip("HOOKS_TEST_SNIPPETS=all runs it")
	}
	node, root := node(t), os.Getenv("HOOKS_TEST_NEXT")
	next := filepath.Join(root, "node_modules", "next", "dist", "bin", "next")
	exists(t, next, "Next.js in HOOKS_TEST_NEXT")
	dir, err := os.MkdirTemp(root, "app-") //nolint:usetesting // it finds its modules in the folder above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	write(t, filepath.Join(dir, "package.json"), "{}\n")
	h, port := newHome(t), freePort(t)
	h.env = append(h.env, "NEXT_TELEMETRY_DISABLED=1")
	all := map[string]snippet{}
	for _, provider := range snippetProviders(false) {
		if provider == "generic" {
			continue // it has the path of sketchpen
		}
		s := h.snippet(t, dir, provider, "next")
		h.env = append(h.env, s.Env+"="+h.key(t, provider), strings.ToUpper(provider)+"_WEBHOOK_URL=http://127.0.0.1:"+port+s.Path)
		all[provider] = s
	}
	built := exec.CommandContext(t.Context(), node, next, "build")
	built.Dir, built.Env = dir, h.env
	if out, err := built.CombinedOutput(); err != nil {
		t.Fatalf("next build: %v\n%s", err, out)
	}
	log := filepath.Join(dir, "log")
	served := exec.CommandContext(t.Context(), "sh", "-c", "exec '"+node+"' '"+next+"' start -H 127.0.0.1 -p "+port+" > log 2>&1")
	served.Dir, served.Env = dir, h.env
	if err := served.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = served.Process.Kill()
		_ = served.Wait()
	})
	for provider, s := range all { // one after the other: they share a log
		t.Run(provider, func(t *testing.T) {
			h.flawless(t, log, "check", "http://127.0.0.1:"+port+s.Path, "--provider", provider, "--secret", "env:"+s.Env, "--json",
				"--wait", "50s", "--timeout", "30s", "--skip", "survives-slow-client", "--probe", probe(log))
		})
	}
}
