package provider

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/scheme"
)

// explained is how hooks help explains the form of a definition.
func explained(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "cli", "root", "topics", "definitions.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFormNamesEveryField that a definition can have, and every algorithm's
// family, filter and generator.
func TestFormNamesEveryField(t *testing.T) {
	t.Parallel()
	text := explained(t)
	has := func(word string) bool {
		return regexp.MustCompile(`(^|[^a-z0-9_-])` + regexp.QuoteMeta(word) + `([^a-z0-9_-]|$)`).MatchString(text)
	}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for f := range typ.Fields() {
			if tag := f.Tag.Get("yaml"); tag != "" {
				if !has(tag + ":") {
					t.Errorf("%s.%s: the form does not name %q", typ, f.Name, tag)
				}
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeFor[definition]())
	for _, name := range scheme.Filters() {
		if !has(name) {
			t.Errorf("the form does not name the filter %s", name)
		}
	}
	for _, name := range []string{"hex", "alnum", "lower", "upper", "letters", "digits", "base64", "base64url", "int", "pick", "uuid", "time"} {
		if !strings.Contains(text, "{{"+name) {
			t.Errorf("the form does not name {{%s}}", name)
		}
	}
}

// TestFormIsAForm: its example is a definition that says nothing wrong but
// what contradicts itself on purpose.
func TestFormIsAForm(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(explained(t), "\n\n  id: acme")
	example, _, _ := strings.Cut("  id: acme"+rest, "\nPLACES")
	var b strings.Builder
	for line := range strings.SplitSeq(example, "\n") {
		b.WriteString(strings.TrimPrefix(line, "  ") + "\n")
	}
	for _, p := range Validate([]byte(b.String())) {
		if !strings.Contains(p.Message, "schemes[0]") {
			t.Errorf("the example: %s", p)
		}
	}
}
