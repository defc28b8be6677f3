package archtest

import (
	"bytes"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPackageComments(t *testing.T) {
	t.Parallel()
	eachPackage(t, func(t *testing.T, p *pkg) {
		var docs []string
		for file, f := range p.Files {
			if f.Doc == nil {
				continue
			}
			docs = append(docs, file)
			text := f.Doc.Text()
			if p.Name != "main" && !strings.HasPrefix(text, "Package "+p.Name+" ") {
				t.Errorf("%s: the comment does not begin with Package %s", file, p.Name)
			}
		}
		if len(docs) != 1 {
			t.Errorf("%s has %d package comments %v, want one", p.Path, len(docs), docs)
		}
	})
}

func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	eachPackage(t, func(t *testing.T, p *pkg) {
		for _, f := range p.Files {
			for _, decl := range f.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					checkFunc(t, p, d)
				case *ast.GenDecl:
					checkDecl(t, p, d)
				}
			}
		}
	})
}

func checkFunc(t *testing.T, p *pkg, d *ast.FuncDecl) {
	t.Helper()
	if !d.Name.IsExported() || d.Recv != nil && !ast.IsExported(receiver(d.Recv.List[0].Type)) {
		return
	}
	if !strings.HasPrefix(d.Doc.Text(), d.Name.Name+" ") && !strings.HasPrefix(d.Doc.Text(), "Deprecated:") {
		t.Errorf("%s: the comment of %s does not begin with its name", p.pos(d), d.Name.Name)
	}
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func checkDecl(t *testing.T, p *pkg, d *ast.GenDecl) {
	t.Helper()
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			doc := s.Doc.Text()
			if doc == "" {
				doc = d.Doc.Text()
			}
			if s.Name.IsExported() && !beginsWithName(doc, s.Name.Name) {
				t.Errorf("%s: the comment of %s does not begin with its name", p.pos(s), s.Name.Name)
			}
		case *ast.ValueSpec:
			if d.Doc == nil && s.Doc == nil && s.Comment == nil && s.Names[0].IsExported() {
				t.Errorf("%s: %s has no comment", p.pos(s), s.Names[0].Name)
			}
		}
	}
}

func beginsWithName(doc, name string) bool {
	for _, article := range []string{"", "A ", "An ", "The "} {
		if strings.HasPrefix(doc, article+name+" ") {
			return true
		}
	}
	return false
}

// maxLines is how long a file may be and still be read in one sitting.
const maxLines = 600

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	eachPackage(t, func(t *testing.T, p *pkg) {
		for file := range p.Files {
			b, err := os.ReadFile(filepath.Join(repoRoot, file))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(b, []byte("\n")); n > maxLines {
				t.Errorf("%s has %d lines, want at most %d", file, n, maxLines)
			}
		}
	})
}

// TestNoSleepInTests: a test that sleeps is slow on a fast machine and fails on
// a slow one. Wait for what is expected, or use testing/synctest.
func TestNoSleepInTests(t *testing.T) {
	t.Parallel()
	list, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		for _, f := range p.Tests {
			if usesSynctest(f) {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := selector(n); ok && sel == "time.Sleep" {
					t.Errorf("%s: time.Sleep in a test", p.pos(n))
				}
				return true
			})
		}
	}
}

// usesSynctest: in its bubbles time.Sleep takes no time.
func usesSynctest(f *ast.File) bool {
	_, others := imports(f)
	for _, name := range others {
		if name == "testing/synctest" {
			return true
		}
	}
	return false
}

// selector returns "name.Sel" for an expression of that form.
func selector(n ast.Node) (string, bool) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	return x.Name + "." + sel.Sel.Name, true
}

// isVar says whether d declares package-level variables.
func isVar(d ast.Decl) (*ast.GenDecl, bool) {
	g, ok := d.(*ast.GenDecl)
	return g, ok && g.Tok == token.VAR
}
