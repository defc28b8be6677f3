package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestNoInit: what runs before main runs in every command.
func TestNoInit(t *testing.T) {
	t.Parallel()
	eachPackage(t, func(t *testing.T, p *pkg) {
		for _, f := range p.Files {
			for _, decl := range f.Decls {
				if d, ok := decl.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s: init", p.pos(d))
				}
			}
		}
	})
}

// TestNoMutablePackageVariables allows error values, embedded files, values
// computed on first use, tables that nothing in the package writes to, and
// assertions that a type has an interface. Nothing else is computed before
// main, and nothing is shared between two runs in one process.
func TestNoMutablePackageVariables(t *testing.T) {
	t.Parallel()
	eachPackage(t, func(t *testing.T, p *pkg) {
		written := p.written()
		for _, f := range p.Files {
			for _, decl := range f.Decls {
				d, ok := isVar(decl)
				if !ok {
					continue
				}
				for _, spec := range d.Specs {
					checkVar(t, p, d, spec.(*ast.ValueSpec), written)
				}
			}
		}
	})
}

func checkVar(t *testing.T, p *pkg, d *ast.GenDecl, s *ast.ValueSpec, written map[string]bool) {
	t.Helper()
	embedded := strings.Contains(directives(d), "//go:embed")
	for i, name := range s.Names {
		switch {
		case name.Name == "_" || embedded:
		case written[name.Name]:
			t.Errorf("%s: the package variable %s is written to", p.pos(name), name.Name)
		case i >= len(s.Values):
			t.Errorf("%s: the package variable %s has no value: something must write to it", p.pos(name), name.Name)
		case !constant(s.Values[i], name.Name):
			t.Errorf("%s: the package variable %s is computed before main: make it a function or use sync.OnceValue", p.pos(name), name.Name)
		case name.IsExported() && !isError(s.Values[i]):
			t.Errorf("%s: the package variable %s can be changed by other packages", p.pos(name), name.Name)
		}
	}
}

func directives(d *ast.GenDecl) string {
	if d.Doc == nil {
		return ""
	}
	var b strings.Builder
	for _, c := range d.Doc.List {
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

func isError(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, _ := selector(call.Fun)
	return name == "errors.New" || name == "fmt.Errorf"
}

// constant says whether e costs nothing before main, or is an error value.
func constant(e ast.Expr, name string) bool {
	if isError(e) {
		return strings.HasPrefix(name, "err") || strings.HasPrefix(name, "Err")
	}
	ok := true
	ast.Inspect(e, func(n ast.Node) bool {
		call, isCall := n.(*ast.CallExpr)
		if _, isFunc := n.(*ast.FuncLit); isFunc {
			return false
		}
		if isCall && !conversion(call) {
			ok = false
		}
		return ok
	})
	return ok
}

// conversion says whether a call only looks like one, costs nothing, or puts
// work off until its result is used.
func conversion(call *ast.CallExpr) bool {
	if _, ok := call.Fun.(*ast.ArrayType); ok {
		return true
	}
	fun := call.Fun
	if index, ok := fun.(*ast.IndexExpr); ok {
		fun = index.X
	}
	name, _ := selector(fun)
	return slices.Contains([]string{"sync.OnceValue", "sync.OnceValues", "sync.OnceFunc", "reflect.TypeFor"}, name)
}

// written returns the names of package-level variables that some function of p
// assigns to, takes the address of, or changes an element of. Names that a
// function declares for itself may be among them only if they shadow one.
func (p *pkg) written() map[string]bool {
	vars := map[string]bool{}
	for _, f := range p.Files {
		for _, decl := range f.Decls {
			if d, ok := isVar(decl); ok {
				for _, spec := range d.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						vars[name.Name] = true
					}
				}
			}
		}
	}
	found := map[string]bool{}
	mark := func(e ast.Expr) {
		if name := rootName(e); vars[name] {
			found[name] = true
		}
	}
	for _, f := range p.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						mark(e)
					}
				}
			case *ast.IncDecStmt:
				mark(n.X)
			case *ast.UnaryExpr:
				if _, isRange := n.X.(*ast.CompositeLit); n.Op == token.AND && !isRange {
					mark(n.X)
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (id.Name == "delete" || id.Name == "clear") {
					mark(n.Args[0])
				}
			}
			return true
		})
	}
	return found
}

// rootName is the variable that an assignable expression changes.
func rootName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return rootName(e.X)
	case *ast.SelectorExpr:
		return rootName(e.X)
	case *ast.StarExpr:
		return rootName(e.X)
	case *ast.ParenExpr:
		return rootName(e.X)
	}
	return ""
}

// TestTheWorldComesInThroughEnv: what a command touches besides its arguments
// comes in through cli.Env, so that a test can replace it.
func TestTheWorldComesInThroughEnv(t *testing.T) {
	t.Parallel()
	process := []string{
		"os.Stdin", "os.Stdout", "os.Stderr", "os.Args", "os.Exit", "os.Getenv", "os.LookupEnv", "os.Environ",
		"os.Setenv", "os.UserHomeDir", "os.Getwd", "log.Fatal", "log.Fatalf", "log.Print", "log.Printf", "log.Println",
		"fmt.Print", "fmt.Printf", "fmt.Println", "http.DefaultClient", "signal.Notify",
	}
	clock := listed(t, "clock.txt")
	eachPackage(t, func(t *testing.T, p *pkg) {
		if forTests(p.Path) || p.Name == "main" {
			return
		}
		for file, f := range p.Files {
			if file == "internal/cli/env.go" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch name, _ := selector(n); {
				case slices.Contains(process, name):
					t.Errorf("%s: %s; take it from cli.Env, or as an argument", p.pos(n), name)
				case (name == "time.Now" || name == "time.Since" || name == "time.Until") && clock[p.Path] == "":
					t.Errorf("%s: %s; take the time as an argument, or give the reason in testdata/clock.txt", p.pos(n), name)
				case name == "signal.NotifyContext" && p.Path != "internal/cli/root":
					t.Errorf("%s: signals are handled in internal/cli/root only", p.pos(n))
				}
				return true
			})
		}
	})
}

// TestSecretsAreComparedInConstantTime: where signatures and secrets are
// handled, nothing is compared in a time that tells how much of it was right.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	eachPackage(t, func(t *testing.T, p *pkg) {
		if !slices.Contains([]string{"internal/scheme", "internal/secret"}, p.Path) {
			return
		}
		for _, f := range p.Files {
			ast.Inspect(f, func(n ast.Node) bool {
				if name, _ := selector(n); slices.Contains([]string{"bytes.Equal", "bytes.Compare", "reflect.DeepEqual"}, name) {
					t.Errorf("%s: %s; compare with crypto/hmac or crypto/subtle", p.pos(n), name)
				}
				return true
			})
		}
	})
}
