package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	module   = "github.com/hooks-cli/hooks"
	repoRoot = "../.."
)

// A pkg is one package of the repository, as written.
type pkg struct {
	Path  string // below the module: "internal/cli", "cmd/hooks"
	Name  string
	Fset  *token.FileSet
	Files map[string]*ast.File // by path below the repository; no tests
	Tests map[string]*ast.File
}

// packages reads all packages of the repository once.
var packages = sync.OnceValues(func() ([]*pkg, error) {
	found := map[string]*pkg{}
	fset := token.NewFileSet()
	err := filepath.WalkDir(repoRoot, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != repoRoot && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules" || base == "dist") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(base, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(name, repoRoot+string(filepath.Separator)))
		dir := path.Dir(rel)
		p := found[dir]
		if p == nil {
			p = &pkg{Path: dir, Fset: fset, Files: map[string]*ast.File{}, Tests: map[string]*ast.File{}}
			found[dir] = p
		}
		if strings.HasSuffix(base, "_test.go") {
			p.Tests[rel] = f
		} else {
			p.Files[rel], p.Name = f, f.Name.Name
		}
		return nil
	})
	var list []*pkg
	for _, p := range found {
		list = append(list, p)
	}
	if err == nil && len(list) < 5 {
		err = fmt.Errorf("found only %d packages below %s", len(list), repoRoot)
	}
	return list, err
})

// eachPackage runs check for every package that has files besides tests.
func eachPackage(t *testing.T, check func(t *testing.T, p *pkg)) {
	t.Helper()
	list, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if len(p.Files) > 0 {
			check(t, p)
		}
	}
}

func (p *pkg) pos(n ast.Node) string {
	at := p.Fset.Position(n.Pos())
	rel, err := filepath.Rel(repoRoot, at.Filename)
	if err != nil {
		rel = at.Filename
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(rel), at.Line)
}

// imports returns the packages of the repository that f imports, and the paths
// of all others.
func imports(f *ast.File) (own, others []string) {
	for _, spec := range f.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if rest, ok := strings.CutPrefix(name, module+"/"); ok {
			own = append(own, rest)
		} else {
			others = append(others, name)
		}
	}
	return own, others
}

// forTests says whether a package exists for tests only: its name says so, unless
// it is the command hooks test.
func forTests(p string) bool {
	return strings.HasSuffix(p, "test") && p != "internal/cli/test" || p == "internal/crosscheck"
}

// listed reads testdata/name: on each line a name, white space and the reason.
func listed(t *testing.T, name string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, reason, _ := strings.Cut(line, " ")
		switch {
		case strings.TrimSpace(reason) == "":
			t.Errorf("%s:%d: %q has no reason", name, i+1, line)
		case list[key] != "":
			t.Errorf("%s:%d: %q is there twice", name, i+1, key)
		}
		list[key] = strings.TrimSpace(reason)
	}
	return list
}
