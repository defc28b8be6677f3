package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxModules is how many modules of others the program is made of at most.
const maxModules = 60

// TestDependencies compares the modules in the program, on each system that it
// is released for, with the checked list: a new one needs a reason, and one that
// is gone needs none.
func TestDependencies(t *testing.T) {
	t.Parallel()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	list := listed(t, "dependencies.txt")
	all := map[string]bool{}
	for _, system := range []string{"linux", "darwin", "windows"} {
		used := modules(t, goTool, system)
		for _, m := range used {
			all[m] = true
			if list[m] == "" {
				t.Errorf("%s is in the program for %s and not in testdata/dependencies.txt: add it with the reason", m, system)
			}
		}
		if len(used) > maxModules {
			t.Errorf("the program for %s is made of %d modules, want at most %d", system, len(used), maxModules)
		}
	}
	for m := range list {
		if !all[m] {
			t.Errorf("testdata/dependencies.txt names %s, which is in no program", m)
		}
	}
}

// modules are the modules of others that the program is made of.
func modules(t *testing.T, goTool, system string) []string {
	t.Helper()
	cmd := exec.Command(goTool, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/hooks")
	cmd.Dir = repoRoot
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off", "CGO_ENABLED=0", "GOOS="+system)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	used := strings.Fields(string(out))
	slices.Sort(used)
	return slices.DeleteFunc(slices.Compact(used), func(m string) bool { return m == module })
}

// TestGoModCanBeInstalled: `go install module@version` refuses a module with
// these.
func TestGoModCanBeInstalled(t *testing.T) {
	t.Parallel()
	gomod, err := os.ReadFile(filepath.Join(repoRoot, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, directive := range []string{"replace", "exclude"} {
		if strings.Contains(string(gomod), "\n"+directive+" ") {
			t.Errorf("go.mod has %s", directive)
		}
	}
}
