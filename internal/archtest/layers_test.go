package archtest

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// layers has the packages from the lowest to the highest. A package imports
// those of the lines above its own; packages of one line do not know each
// other. Commands are one line, so commands never import commands.
func layers() [][]string {
	return [][]string{
		{"internal/webhook", "internal/safetext", "internal/spelling", "internal/units", "internal/yamldoc", "internal/inflate", "internal/child", "internal/commit", "internal/build", "internal/filelock"},
		{"internal/address", "internal/junit", "internal/ids", "internal/httptext", "internal/payload", "internal/structured", "internal/keypair", "internal/term", "internal/contract"},
		{"internal/scheme", "internal/match", "internal/difference"},
		{"internal/provider", "internal/deliver"},
		{"internal/store", "internal/secret", "internal/draft"},
		{"internal/config"},
		{"internal/judge", "internal/diagnose", "internal/intake", "internal/wire", "internal/outgoing"},
		{"internal/expect", "internal/presence", "internal/endpoint"},
		{"internal/spool"},
		{"internal/cluster"},
		{"internal/capture"},
		{"internal/tunnel", "internal/relay", "internal/emulate", "internal/check", "internal/scenario", "internal/snippet", "internal/replay"},
		{"internal/check/sender"},
		{"internal/workspace"},
		{"internal/render"},
		{"internal/cli"},
		{"internal/inspect", "internal/tui", "internal/mcp"},
		{"internal/cli/*"},
		{"internal/cli/root"},
		{"internal/cli/manual/generate", "cmd/hooks"},
	}
}

// layerOf returns the layer of a package, -1 if it has none. The exact name
// goes before the pattern.
func layerOf(p string) int {
	for i, layer := range layers() {
		if slices.Contains(layer, p) {
			return i
		}
	}
	for i, layer := range layers() {
		for _, pattern := range layer {
			if ok, err := path.Match(pattern, p); err == nil && ok {
				return i
			}
		}
	}
	return -1
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	eachPackage(t, func(t *testing.T, p *pkg) {
		own := layerOf(p.Path)
		if own < 0 && !forTests(p.Path) {
			t.Errorf("%s has no layer: add it in internal/archtest/layers_test.go", p.Path)
			return
		}
		for file, f := range p.Files {
			used, _ := imports(f)
			for _, dep := range used {
				switch {
				case forTests(p.Path): // may import everything, and is imported by tests only
				case forTests(dep):
					t.Errorf("%s imports %s, which is for tests", file, dep)
				case layerOf(dep) >= own && !within(p.Path, dep):
					t.Errorf("%s: %s imports %s, which is not in a layer below", file, p.Path, dep)
				}
			}
		}
	})
}

// within says whether dep is a part of p, below its folder.
func within(p, dep string) bool {
	return strings.HasPrefix(dep, p+"/") && layerOf(dep) < 0 && p != "internal/cli"
}

func TestForbiddenNames(t *testing.T) {
	t.Parallel()
	forbidden := []string{"util", "utils", "common", "helper", "helpers", "types", "shared", "models", "misc", "base", "lib"}
	eachPackage(t, func(t *testing.T, p *pkg) {
		for _, element := range strings.Split(p.Path, "/") {
			if slices.Contains(forbidden, element) {
				t.Errorf("%s: %q says nothing about what is in it", p.Path, element)
			}
		}
		if base := path.Base(p.Path); p.Name != base && p.Name != "main" {
			t.Errorf("%s: package %s is not named as its folder", p.Path, p.Name)
		}
	})
}

// TestOnlyOnePlaceForAModule keeps what must be replaceable, or is easily
// misused, in one package.
func TestOnlyOnePlaceForAModule(t *testing.T) {
	t.Parallel()
	places := map[string][]string{
		"github.com/fatih/color":                     {"internal/term"},
		"github.com/charmbracelet/lipgloss":          {"internal/render", "internal/tui"},
		"github.com/zalando/go-keyring":              {"internal/secret"},
		"github.com/gorilla/websocket":               {"internal/wire", "internal/tunnel", "internal/relay"},
		"github.com/spf13/cobra/doc":                 {},
		"github.com/nats-io/nats.go":                 {"internal/cluster", "internal/cluster/natstest", "internal/cli/relay"},
		"github.com/nats-io/nats.go/jetstream":       {"internal/cluster", "internal/cluster/natstest"},
		"modernc.org/sqlite":                         {"internal/store", "internal/spool"},
		"github.com/itchyny/gojq":                    {"internal/match", "internal/cli"},
		"charm.land/bubbletea/v2":                    {"internal/tui"},
		"github.com/modelcontextprotocol/go-sdk/mcp": {"internal/mcp"},
	}
	eachPackage(t, func(t *testing.T, p *pkg) {
		for file, f := range p.Files {
			_, others := imports(f)
			for _, name := range others {
				if allowed, ok := places[name]; ok && !slices.Contains(allowed, p.Path) {
					t.Errorf("%s imports %s, which only %v may", file, name, allowed)
				}
			}
		}
	})
}
