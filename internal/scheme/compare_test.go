package scheme_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestComparisonsTakeConstantTime: nothing that is a MAC, a token or part of a
// key is compared in a way whose duration tells how much of it is right.
func TestComparisonsTakeConstantTime(t *testing.T) {
	t.Parallel()
	secretive := regexp.MustCompile(`(?i)^(want|got|right)?_?(mac|sum|digest|secret|wanted|signature|token)s?$`)
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range leaky(t, name, src, secretive) {
			t.Error(found)
		}
	}
	if bad := leaky(t, "x.go", []byte("package x\nfunc f() bool { return bytes.Equal(a, b) || sum == b }\n"), secretive); len(bad) != 2 {
		t.Errorf("of two leaky comparisons %d are found", len(bad))
	}
}

func leaky(t *testing.T, name string, src []byte, secretive *regexp.Regexp) []string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	say := func(n ast.Node, what string) { out = append(out, fset.Position(n.Pos()).String()+": "+what) }
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			leaks := n.Sel.Name == "Equal" || n.Sel.Name == "Compare" || n.Sel.Name == "EqualFold"
			if ok && leaks && (pkg.Name == "bytes" || pkg.Name == "strings" && n.Sel.Name == "EqualFold") {
				say(n, pkg.Name+"."+n.Sel.Name+" stops at the first difference")
			}
		case *ast.BinaryExpr:
			if n.Op != token.EQL && n.Op != token.NEQ {
				return true
			}
			for _, side := range []ast.Expr{n.X, n.Y} {
				if id, ok := side.(*ast.Ident); ok && secretive.MatchString(id.Name) && !empty(n.X) && !empty(n.Y) {
					say(n, "== on "+id.Name)
				}
			}
		}
		return true
	})
	return out
}

// empty says whether an operand is nil, a literal or a length.
func empty(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.CallExpr:
		return true
	case *ast.Ident:
		return e.Name == "nil"
	}
	return false
}
