package root

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/config"
	"github.com/hooks-cli/hooks/internal/spelling"
)

// topicFiles are the help topics, one text a file. The first line says what
// the topic is about.
//
//go:embed topics/*.txt
var topicFiles embed.FS

// A Topic is a text that `hooks help NAME` prints and that becomes a man page.
type Topic struct {
	Name  string
	Short string // what it is about, in one line
	Text  string
}

// Topics returns the help topics by name.
func Topics() []Topic {
	var list []Topic
	for _, name := range topicNames() {
		t, err := topic(name)
		must(err)
		list = append(list, t)
	}
	return list
}

func topic(name string) (Topic, error) {
	b, err := topicFiles.ReadFile("topics/" + name + ".txt")
	if err != nil {
		return Topic{}, err
	}
	short, text, _ := strings.Cut(string(b), "\n")
	text = strings.Replace(text, "{settings}", settingsTable(), 1)
	return Topic{Name: name, Short: short, Text: strings.Trim(text, "\n") + "\n"}, nil
}

// settingsTable is the table of settings, from the one that files are checked
// against.
func settingsTable() string {
	var b strings.Builder
	for i, key := range config.Keys() {
		if i > 0 {
			b.WriteString("\n\n")
		}
		fmt.Fprintf(&b, "  %s", key.Name)
		if key.Env != "" {
			fmt.Fprintf(&b, ", %s", key.Env)
		}
		for _, line := range []string{key.Usage, "example: " + key.Example, "default: " + key.Default} {
			if !strings.HasSuffix(line, ": ") {
				b.WriteString("\n      " + wrap(line, 6, 78))
			}
		}
	}
	return b.String()
}

func topicNames() []string {
	entries, err := topicFiles.ReadDir("topics")
	must(err)
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return names
}

func (r *runner) helpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "help [TOPIC|COMMAND]",
		Short:   "Explain a topic or a command",
		Example: "  $ hooks help exit-codes\n  $ hooks help version",
		Hidden:  true, // it is named in the last line of the overview
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return append(topicNames(), names(cmd.Root())...), cobra.ShellCompDirectiveNoFileComp
		},
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return r.explain(cmd.Root(), args) },
	}
	cli.Exits(cmd, cli.Exit{Status: cli.OK, When: "the help was printed"})
	cli.Quick(cmd)
	return cmd
}

// explain prints the topic, else the command, that args name. A topic comes
// first: what a command does is also told by its own --help.
func (r *runner) explain(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return r.help(root)
	}
	if len(args) == 1 && slices.Contains(topicNames(), args[0]) {
		t, err := topic(args[0])
		if err != nil {
			return err
		}
		text := t.Short + ".\n\n" + paragraphs(t.Text, columns(r.env)) + "\n"
		if cmd, _, err := root.Find(args); err == nil && cmd != root {
			text += "\nThe command: " + cmd.CommandPath() + " --help\n"
		}
		return print(r.env, text)
	}
	cmd, rest, err := root.Find(args)
	if err == nil && cmd != root && len(rest) == 0 {
		return r.help(cmd)
	}
	if err := otherWord(root, args[0], nil); err != nil {
		return err
	}
	err = fmt.Errorf("there is no topic or command %q", args[0])
	if near := spelling.Nearest(args[0], append(topicNames(), names(root)...)); near != "" {
		return cli.Usage(err, "did you mean hooks help "+near+"?")
	}
	return cli.Usage(err, "the topics are "+strings.Join(topicNames(), ", "))
}
