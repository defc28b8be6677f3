package crosscheck

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/hooks-cli/hooks/internal/cli/root"
)

const actionDir = "../../.github/actions/hooks"

// An action is what action.yml of a composite action says.
type action struct {
	Name        string
	Description string
	Inputs      map[string]struct {
		Description string
		Default     *string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, Shell, Run string
			Env            map[string]string
		}
	}
}

func readYAML(t *testing.T, data []byte, into any) {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// TestActionIsWellFormed holds action.yml to what a runner wants of it, and
// keeps inputs out of what a shell reads.
func TestActionIsWellFormed(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(actionDir, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var a action
	readYAML(t, bytes.Replace(data, []byte("author:"), []byte("# author:"), 1), &a)
	if a.Name == "" || a.Description == "" || a.Runs.Using != "composite" || len(a.Runs.Steps) != 1 {
		t.Fatalf("action.yml = %+v", a)
	}
	step := a.Runs.Steps[0]
	if step.Shell == "" || strings.Contains(step.Run, "${{") {
		t.Errorf("the step has no shell, or puts an input into its script: %+v", step)
	}
	script, err := os.ReadFile(filepath.Join(actionDir, "install.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for name, input := range a.Inputs {
		variable := "INSTALL_" + strings.ToUpper(name)
		if input.Description == "" || input.Default == nil || step.Env[variable] != "${{ inputs."+name+" }}" || !bytes.Contains(script, []byte("INSTALL_"+strings.ToUpper(name))) {
			t.Errorf("the input %s is not described, passed on and read", name)
		}
	}
	for name, output := range a.Outputs {
		if output.Value != "${{ steps."+step.ID+".outputs."+name+" }}" || !bytes.Contains(script, []byte(name+"=%s")) {
			t.Errorf("the output %s is not what the script writes", name)
		}
	}
}

// archive is a release's archive with a program in it.
func archive(t *testing.T, program string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range map[string]string{"LICENSE": "license", "hooks": program} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestActionInstalls runs the script of the action against a server that has
// releases.
func TestActionInstalls(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the runner has bash where Windows has none")
	}
	for _, tool := range []string{"bash", "curl", "tar", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, tool)
		}
	}
	good := archive(t, "#!/bin/sh\necho hooks 1.2.3\n")
	sum := sha256.Sum256(good)
	sums := hex.EncodeToString(sum[:]) + "  hooks_1.2.3_linux_amd64.tar.gz\n" + strings.Repeat("0", 64) + "  hooks_1.2.3_linux_arm64.tar.gz\n"
	mux := http.NewServeMux()
	mux.HandleFunc("/latest", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/tag/v1.2.3", http.StatusFound) })
	mux.HandleFunc("/tag/v1.2.3", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/download/v1.2.3/checksums.txt", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(sums)) })
	mux.HandleFunc("/download/v1.2.3/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(good) })
	releases := httptest.NewServer(mux)
	t.Cleanup(releases.Close)
	for name, c := range map[string]struct{ version, arch, checksum, wrong string }{
		"latest":       {"latest", "X64", "", ""},
		"version":      {"v1.2.3", "X64", "", ""},
		"pinned":       {"1.2.3", "ARM64", strings.ToUpper(hex.EncodeToString(sum[:])), ""},
		"other-bytes":  {"1.2.3", "ARM64", "", "hooks_1.2.3_linux_arm64.tar.gz has the checksum"},
		"wrong-pin":    {"1.2.3", "X64", strings.Repeat("a", 64), "has the checksum"},
		"no-checksum":  {"1.2.3", "X64", "x", "no checksum for hooks_1.2.3_linux_amd64.tar.gz"},
		"no-release":   {"1.2.4", "X64", "", "cannot download"},
		"no-version":   {"../1.2.3", "X64", "", "is no version such as 1.2.3"},
		"no-processor": {"1.2.3", "RISCV", "", "no release for RISCV"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temp := t.TempDir()
			cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(actionDir, "install.sh"))
			cmd.Env = []string{
				"PATH=" + os.Getenv("PATH"), "RUNNER_TEMP=" + temp, "RUNNER_OS=Linux", "RUNNER_ARCH=" + c.arch, "NO_PROXY=*",
				"GITHUB_PATH=" + filepath.Join(temp, "path"), "GITHUB_OUTPUT=" + filepath.Join(temp, "output"),
				"INSTALL_VERSION=" + c.version, "INSTALL_CHECKSUM=" + c.checksum, "INSTALL_BUILD=false", "INSTALL_RELEASES=" + releases.URL + "/",
			}
			out, err := cmd.CombinedOutput()
			bin := filepath.Join(temp, "hooks-bin")
			if c.wrong != "" {
				if err == nil || !strings.Contains(string(out), "::error title=hooks::") || !strings.Contains(string(out), c.wrong) {
					t.Errorf("%v: %s\nwant %s", err, out, c.wrong)
				}
				if _, err := os.Stat(filepath.Join(bin, "hooks")); err == nil {
					t.Error("something was installed")
				}
				return
			}
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			path, _ := os.ReadFile(filepath.Join(temp, "path"))
			output, _ := os.ReadFile(filepath.Join(temp, "output"))
			if string(path) != bin+"\n" || string(output) != "version=hooks 1.2.3\npath="+filepath.Join(bin, "hooks")+"\n" {
				t.Errorf("path %q, output %q", path, output)
			}
		})
	}
}

// A workflow is as much of a workflow as the topic ci shows.
type workflow struct {
	Name        string
	On          []string
	Permissions map[string]string
	Jobs        map[string]struct {
		RunsOn string `yaml:"runs-on"`
		Env    map[string]string
		Steps  []struct {
			Name, Uses, Run, If string
			With                map[string]string
		}
	}
}

// ciJob is the workflow that hooks help ci shows.
func ciJob(t *testing.T) workflow {
	t.Helper()
	i := slices.IndexFunc(root.Topics(), func(topic root.Topic) bool { return topic.Name == "ci" })
	_, text, ok := strings.Cut(root.Topics()[i].Text, "  # .github/workflows/webhooks.yml\n")
	if !ok {
		t.Fatal("the topic ci shows no workflow")
	}
	text, _, _ = strings.Cut(text, "\n\n")
	var w workflow
	readYAML(t, []byte(strings.ReplaceAll("\n"+text, "\n  ", "\n")), &w)
	return w
}

// TestJobOfTheTopic runs the commands of the job that hooks help ci shows, with
// a listener in the place of the app.
func TestJobOfTheTopic(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the job's commands are for a POSIX shell")
	}
	w := ciJob(t)
	job, ok := w.Jobs["webhooks"]
	if !ok || w.Name == "" || len(w.On) == 0 || job.RunsOn == "" || w.Permissions["contents"] != "read" {
		t.Fatalf("workflow = %+v", w)
	}
	h := newHome(t)
	h.env = append(h.env, "PATH="+filepath.Dir(h.path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, value := range job.Env {
		h.env = append(h.env, name+"="+value)
	}
	dir := t.TempDir()
	port := freePort(t)
	if out, err := h.shell(t, dir, "hooks test --init && sed -i.old s/:3000/:"+port+"/ scenario.yaml").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var uses []string
	runs := 0
	for _, step := range job.Steps {
		if step.Uses != "" {
			uses = append(uses, step.Uses)
			continue
		}
		if !strings.HasPrefix(step.Run, "hooks ") {
			continue
		}
		runs++
		line := strings.ReplaceAll(step.Run, ":3000", ":"+port)
		line = strings.Replace(line, "npm start", "hooks listen :"+port+" --provider canvelete --print none", 1)
		if out, err := h.shell(t, dir, line).CombinedOutput(); err != nil {
			t.Errorf("$ %s: %v\n%s", line, err, out)
		}
		report := regexp.MustCompile(`--junit (\S+)`).FindStringSubmatch(line)
		if b, err := os.ReadFile(filepath.Join(dir, report[1])); err != nil || !bytes.Contains(b, []byte("<testsuite ")) {
			t.Errorf("$ %s left no report: %v", line, err)
		}
	}
	if runs != 2 || !slices.ContainsFunc(uses, func(s string) bool { return strings.HasPrefix(s, "hooks-cli/hooks/.github/actions/hooks@") }) {
		t.Errorf("%d commands were run, and the actions are %v", runs, uses)
	}
}
