package root_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/cli/root"
	"github.com/hooks-cli/hooks/internal/config"
)

// TestFilesInTopics writes each file that a topic shows, beginning with a line
// "# NAME", and has hooks read it.
func TestFilesInTopics(t *testing.T) {
	t.Parallel()
	found := 0
	for _, topic := range root.Topics() {
		w := clitest.New(t, "providers", "list", "--json")
		for _, block := range strings.Split(topic.Text, "\n\n") {
			m := regexp.MustCompile(`^  # (\S+\.yaml)\n`).FindStringSubmatch(block + "\n")
			if m == nil {
				continue
			}
			found++
			text := strings.ReplaceAll(block, "\n  ", "\n")
			if err := os.WriteFile(filepath.Join(w.Dir, m[1]), []byte(text[2:]+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if topic.Name == "config" { // its hooks.yaml names a file that is only told of
			if err := os.MkdirAll(filepath.Join(w.Dir, "webhooks"), 0o700); err != nil {
				t.Fatal(err)
			}
			acme := "id: acme\nname: Acme\n"
			if err := os.WriteFile(filepath.Join(w.Dir, "webhooks", "acme.yaml"), []byte(acme), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if status := root.Run(context.Background(), w.Env); status != 0 {
			t.Errorf("with the files of %s: %s", topic.Name, w.Stderr)
		}
		if topic.Name == "providers" && !strings.Contains(w.Stdout.String(), `"acme"`) {
			t.Errorf("the provider that the topic defines is not known")
		}
	}
	if found < 3 {
		t.Errorf("found %d files in the topics", found)
	}
}

// TestTopicsNameEverySetting keeps the table of settings in the topic.
func TestTopicsNameEverySetting(t *testing.T) {
	t.Parallel()
	for _, topic := range root.Topics() {
		if strings.Contains(topic.Text, "{settings}") {
			t.Errorf("%s has a table that was not filled in", topic.Name)
		}
		for _, key := range config.Keys() {
			if topic.Name == "config" && !strings.Contains(topic.Text, "  "+key.Name) {
				t.Errorf("the topic does not name the setting %s", key.Name)
			}
		}
	}
}

// TestCommandsInTopics takes each line of a topic that begins with "$ hooks",
// or names a command in the text, and looks for the command.
func TestCommandsInTopics(t *testing.T) {
	t.Parallel()
	tree := root.New(clitest.New(t).Env)
	for _, topic := range root.Topics() {
		for _, m := range regexp.MustCompile(`\bhooks ([a-z]+(?: [a-z]+)?)`).FindAllStringSubmatch(topic.Text, -1) {
			if verb, _, _ := strings.Cut(m[1], " "); slices.Contains([]string{"knows", "does", "takes", "refuses", "can", "start"}, verb) {
				continue // what hooks does, in prose
			}
			cmd, rest, err := tree.Find(strings.Fields(m[1]))
			if err == nil && cmd == tree {
				err = os.ErrNotExist
			}
			if err == nil && len(rest) > 0 && cmd.HasSubCommands() {
				err = os.ErrNotExist
			}
			if err != nil {
				t.Errorf("%s names %q, which is no command", topic.Name, m[0])
			}
		}
	}
}
