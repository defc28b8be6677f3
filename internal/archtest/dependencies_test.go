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

// TestDependencies compares the modules in the program with the checked list:
// a new one needs a reason.
func TestDependencies(t *testing.T) {
	t.Parallel()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	cmd := exec.Command(goTool, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/hooks")
	cmd.Dir = repoRoot
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	used := strings.Fields(string(out))
	slices.Sort(used)
	used = slices.DeleteFunc(slices.Compact(used), func(m string) bool { return m == module })
	list := listed(t, "dependencies.txt")
	for _, m := range used {
		if list[m] == "" {
			t.Errorf("%s is in the program and not in testdata/dependencies.txt: add it with the reason", m)
		}
	}
	if len(used) > maxModules {
		t.Errorf("the program is made of %d modules, want at most %d", len(used), maxModules)
	}
	gomod, err := os.ReadFile(filepath.Join(repoRoot, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for m := range list {
		if !strings.Contains(string(gomod), m+" v") {
			t.Errorf("testdata/dependencies.txt names %s, which go.mod does not", m)
		}
	}
	for _, line := range []string{"\nreplace ", "\nexclude "} {
		if strings.Contains(string(gomod), line) {
			t.Errorf("go.mod has a%sdirective: go install module@version would refuse it", line)
		}
	}
}
