package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/root"
	"github.com/hooks-cli/hooks/internal/umasktest"
	"github.com/hooks-cli/hooks/internal/units"
)

var update = flag.Bool("update", false, "rewrite the expected parts of the scripts")

func TestMain(m *testing.M) {
	programs := map[string]func(){
		"hooks":    func() { os.Exit(root.Main(program())) },
		"endpoint": func() { os.Exit(endpoint(os.Args[1:])) },
		"names":    func() { os.Exit(names(os.Args[1:])) },
	}
	if programs[strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")] == nil {
		forgetSettings()
		umasktest.Usual()
	}
	testscript.Main(m, programs)
}

// forgetSettings takes out of the environment what would lead the tests, and
// the programs that they start, to the settings and proxies of whoever runs
// them.
func forgetSettings() {
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		own := strings.HasPrefix(name, "HOOKS_") && !strings.HasPrefix(name, "HOOKS_TEST_")
		if own || strings.HasSuffix(strings.ToLower(name), "_proxy") {
			_ = os.Unsetenv(name)
		}
	}
}

// program is the real program with only its clock replaced. It stands still at
// 2023-11-14T22:13:20Z, or where a script puts it: `env NOW=…`.
func program() *cli.Env {
	env := cli.System()
	now := time.Unix(1_700_000_000, 0)
	if s := os.Getenv("NOW"); s != "" {
		t, err := units.ParseTime(s, time.Now().UTC())
		if err != nil {
			fmt.Fprintln(os.Stderr, "NOW:", err)
			os.Exit(2)
		}
		now = t
	}
	env.Now = func() time.Time { return now }
	return env
}
