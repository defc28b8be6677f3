package root

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
)

// columns is how wide help is: the terminal, but never so wide that it cannot
// be read, nor so narrow that it cannot be laid out.
func columns(env *cli.Env) int {
	if w := env.Width(); w > 0 {
		return min(max(w, 40), 100)
	}
	return 80
}

// overview is what bare `hooks` prints: the commands to begin with, then the
// rest in groups.
func (r *runner) overview(cmd *cobra.Command) error {
	return print(r.env, sentence+r.commandGroups(cmd))
}

// sentence is what hooks is for.
const sentence = "hooks sends, receives, verifies and replays webhooks.\n"

// commandGroups lists the commands in their groups.
func (r *runner) commandGroups(cmd *cobra.Command) string {
	var b strings.Builder
	width := nameWidth(cmd)
	for _, group := range cmd.Groups() {
		var list []*cobra.Command
		for _, sub := range r.order {
			if sub.GroupID == group.ID && sub.IsAvailableCommand() {
				list = append(list, sub)
			}
		}
		if len(list) > 0 {
			fmt.Fprintf(&b, "\n%s:\n", group.Title)
			listCommands(&b, list, width, columns(r.env))
		}
	}
	b.WriteString("\nhooks COMMAND --help shows a command with examples, hooks help TOPIC one of\n")
	b.WriteString(wrap(strings.Join(topicNames(), ", ")+".", 0, columns(r.env)) + "\n")
	return b.String()
}

// help prints what a person needs to use cmd: examples first, exit codes last.
func (r *runner) help(cmd *cobra.Command) error {
	cmd.InitDefaultHelpFlag() // not done yet when another command asks
	if !cmd.HasParent() {
		return print(r.env, r.rootHelp(cmd))
	}
	return print(r.env, helpText(cmd, columns(r.env)))
}

func print(env *cli.Env, text string) error {
	if _, err := io.WriteString(env.Out, text); err != nil {
		return cli.Failed(fmt.Errorf("write help: %w", err))
	}
	return nil
}

// rootHelp is the overview in the form of all help.
func (r *runner) rootHelp(cmd *cobra.Command) string {
	cols := columns(r.env)
	return sentence + examples(cmd) + r.commandGroups(cmd) +
		"\nFlags:\n" + cmd.LocalNonPersistentFlags().FlagUsagesWrapped(cols) +
		"\nFlags of every command:\n" + cmd.PersistentFlags().FlagUsagesWrapped(cols) + exitCodes(cmd, cols)
}

func examples(cmd *cobra.Command) string {
	if cmd.Example == "" {
		return ""
	}
	return "\nExamples:\n" + strings.TrimRight(cmd.Example, "\n") + "\n"
}

func exitCodes(cmd *cobra.Command, cols int) string {
	exits := cli.ExitsOf(cmd)
	if len(exits) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nExit codes:\n")
	for _, e := range exits {
		fmt.Fprintf(&b, "  %-3d  %s\n", e.Status, wrap(e.When, 7, cols))
	}
	return b.String()
}

func helpText(cmd *cobra.Command, cols int) string {
	var b strings.Builder
	b.WriteString(cmd.Short + ".\n" + examples(cmd))
	b.WriteString("\nUsage:\n  " + cmd.UseLine() + "\n")
	if cmd.Long != "" {
		b.WriteString("\n" + paragraphs(cmd.Long, cols) + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		var list []*cobra.Command
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				list = append(list, sub)
			}
		}
		b.WriteString("\nCommands:\n")
		listCommands(&b, list, nameWidth(cmd), cols)
	}
	if f := cmd.LocalNonPersistentFlags(); f.HasAvailableFlags() {
		b.WriteString("\nFlags:\n" + f.FlagUsagesWrapped(cols))
	}
	if f := cmd.InheritedFlags(); f.HasAvailableFlags() {
		b.WriteString("\nFlags of every command:\n" + f.FlagUsagesWrapped(cols))
	}
	if formats := cli.FormatsOf(cmd); len(formats) > 2 {
		b.WriteString("\nFormats:\n  " + strings.Join(formats, ", ") + "\n")
	}
	b.WriteString(exitCodes(cmd, cols))
	return b.String()
}

func nameWidth(cmd *cobra.Command) int {
	width := 0
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			width = max(width, len(sub.Name()))
		}
	}
	return width
}

func listCommands(b *strings.Builder, list []*cobra.Command, width, cols int) {
	for _, sub := range list {
		fmt.Fprintf(b, "  %-*s  %s\n", width, sub.Name(), wrap(sub.Short, width+4, cols))
	}
}

// paragraphs wraps each paragraph of text; lines that are indented stay as
// they are.
func paragraphs(text string, cols int) string {
	var out []string
	for _, p := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if !strings.HasPrefix(p, " ") {
			p = wrap(p, 0, cols)
		}
		out = append(out, p)
	}
	return strings.Join(out, "\n\n")
}

// wrap breaks text between words so that no line is longer than cols; all but
// the first line are indented by indent, and the first one is taken to stand
// behind as many columns.
func wrap(text string, indent, cols int) string {
	var b strings.Builder
	used := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case used+1+n > cols:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}
