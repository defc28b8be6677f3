package archtest

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/cli/completion"
	"github.com/hooks-cli/hooks/internal/cli/manual"
	"github.com/hooks-cli/hooks/internal/cli/root"
)

var update = flag.Bool("update", false, "write completions/ anew")

// TestCompletionsAreFresh compares completions/ with what the program prints.
func TestCompletionsAreFresh(t *testing.T) {
	t.Parallel()
	for shell, name := range map[string]string{"bash": "hooks.bash", "zsh": "hooks.zsh", "fish": "hooks.fish", "powershell": "hooks.ps1"} {
		var want bytes.Buffer
		if err := completion.Write(&want, root.New(clitest.New(t).Env), shell); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(repoRoot, "completions", name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("completions/%s is not what hooks completion %s prints (%v): go test ./internal/archtest -update", name, shell, err)
		}
	}
}

// TestManual has every command and topic in the manual, in a form that the
// formatter takes without a warning.
func TestManual(t *testing.T) {
	t.Parallel()
	var topics []manual.Topic
	for _, topic := range root.Topics() {
		if topic.Short == "" || strings.HasSuffix(topic.Short, ".") || len(topic.Text) < 200 {
			t.Errorf("the topic %s is not a line and a text", topic.Name)
		}
		topics = append(topics, manual.Topic(topic))
	}
	pages := manual.Pages(root.New(clitest.New(t).Env), topics, time.Unix(1_700_000_000, 0))
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		page := pages[strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"]
		for _, section := range []string{".SH NAME\n", ".SH SYNOPSIS\n", ".SH EXAMPLES\n", ".SH EXIT STATUS\n"} {
			if !cmd.Hidden && !strings.Contains(page, section) {
				t.Errorf("the page of %s has no %q", cmd.CommandPath(), section)
			}
		}
	})
	var all strings.Builder
	for name, page := range pages {
		if strings.ContainsFunc(page, func(r rune) bool { return r > '~' }) {
			t.Errorf("%s has what is not plain ASCII", name)
		}
		all.WriteString(page)
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("no groff to format the pages with")
	}
	format := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z")
	format.Stdin = strings.NewReader(all.String())
	if out, err := format.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}
