package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/cli/root"
)

// eachCommand runs check for every command that a person can run, the root
// apart.
func eachCommand(t *testing.T, check func(t *testing.T, cmd *cobra.Command)) {
	t.Helper()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if !cli.IsGroup(sub) && !strings.HasPrefix(sub.Name(), "__") {
				check(t, sub)
			}
			walk(sub)
		}
	}
	walk(root.New(clitest.New(t).Env))
}

func TestCommandsHaveHelp(t *testing.T) {
	t.Parallel()
	n := 0
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		n++
		path := cmd.CommandPath()
		switch {
		case cmd.Short == "" || strings.HasSuffix(cmd.Short, "."):
			t.Errorf("%s: Short %q is not a sentence without its period", path, cmd.Short)
		case cmd.Example == "":
			t.Errorf("%s has no example", path)
		case len(cli.ExitsOf(cmd)) == 0:
			t.Errorf("%s does not say what it exits with: use cli.Exits", path)
		case cmd.RunE == nil:
			t.Errorf("%s has no RunE", path)
		case cmd.Args == nil:
			t.Errorf("%s takes any arguments: say which with cli.NoArgs or cli.Args", path)
		}
	})
	if n < 3 {
		t.Errorf("found %d commands", n)
	}
}

// TestCommandsShowExamplesAndExits looks at what all help has, that of groups and
// of the whole program too: two or three examples, and the exit codes.
func TestCommandsShowExamplesAndExits(t *testing.T) {
	t.Parallel()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.IsAvailableCommand() || !cmd.HasParent() {
			if n := strings.Count("\n"+cmd.Example, "\n  $ "); n < 2 || n > 3 {
				t.Errorf("%s shows %d examples, not two or three", cmd.CommandPath(), n)
			}
			if len(cli.ExitsOf(cmd)) == 0 {
				t.Errorf("%s does not say what it exits with", cmd.CommandPath())
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root.New(clitest.New(t).Env))
}

// TestExamplesParse takes each line of an example that begins with "$ hooks"
// up to the first shell operator, and has the command read it without running.
func TestExamplesParse(t *testing.T) {
	t.Parallel()
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		lines := 0
		for line := range strings.Lines(cmd.Example) {
			words, ok := exampleWords(line)
			if !ok {
				continue
			}
			lines++
			tree := root.New(clitest.New(t).Env) // flags keep what they are set to
			found, rest, err := tree.Find(words)
			if err != nil || found.CommandPath() != cmd.CommandPath() {
				continue // it shows another command beside this one
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
			} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
			}
		}
		if lines == 0 && !strings.Contains(cmd.Example, "hooks "+cmd.Name()) {
			t.Errorf("%s: no line of the example begins with $ hooks", cmd.CommandPath())
		}
	})
}

// exampleWords splits the line as a shell would, up to the first operator.
func exampleWords(line string) ([]string, bool) {
	line, ok := strings.CutPrefix(strings.TrimSpace(line), "$ hooks")
	if !ok {
		return nil, false
	}
	words := []string{}
	for _, m := range regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`).FindAllString(line, -1) {
		if strings.ContainsAny(m[:1], "|<>&;#") {
			break
		}
		words = append(words, strings.Trim(m, `'"`))
	}
	return words, true
}

// TestCommandsHaveScripts wants a script in testdata/script/<command>/ in which
// the command is run.
func TestCommandsHaveScripts(t *testing.T) {
	t.Parallel()
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		words := strings.Fields(cmd.CommandPath())
		scripts, err := filepath.Glob(filepath.Join(repoRoot, "testdata", "script", words[1], "*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		runs := regexp.MustCompile(`(?m)^(\[[^\]]*\] )*(! )?(exec|exits \d+) ` + strings.Join(words, ` `) + `(\s|$)`)
		for _, name := range scripts {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(b), "# ") {
				t.Errorf("%s does not begin with a sentence", name)
			}
			if runs.Match(b) {
				return
			}
		}
		t.Errorf("%s is run by no script in testdata/script/%s", cmd.CommandPath(), words[1])
	})
}
