// Package manual writes the man pages: one for each command and one for each
// help topic, from what their help says. It is part of a release, not of the
// program.
package manual

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hooks-cli/hooks/internal/cli"
)

// A Topic is a text of `hooks help NAME`.
type Topic struct{ Name, Short, Text string }

// Pages returns the man pages by the names of their files: hooks.1,
// hooks-send.1, hooks-help-config.1. The same input gives the same bytes.
func Pages(root *cobra.Command, topics []Topic, date time.Time) map[string]string {
	pages := map[string]string{}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		pages[name(cmd)+".1"] = command(cmd, topics, date)
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for _, t := range topics {
		pages["hooks-help-"+t.Name+".1"] = topic(t, date)
	}
	return pages
}

// name is the name of the page of a command: "hooks-events-list".
func name(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// page collects the lines of a page.
type page struct{ strings.Builder }

func newPage(title string, date time.Time) *page {
	p := &page{}
	fmt.Fprintf(p, ".TH %q 1 %q hooks \"Manual of hooks\"\n.nh\n.ad l\n", strings.ToUpper(title), date.UTC().Format(time.DateOnly))
	return p
}

func (p *page) section(title string) { p.WriteString(".SH " + title + "\n") }

// line writes text as roff reads it back: nothing in it is a command.
func (p *page) line(text string) {
	text = strings.NewReplacer(`\`, `\(rs`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	for _, r := range text {
		if r > 0x7e {
			fmt.Fprintf(p, `\[u%04X]`, r)
		} else {
			p.WriteRune(r)
		}
	}
	p.WriteByte('\n')
}

// text writes paragraphs; those that are indented keep their lines.
func (p *page) text(text string) {
	for i, part := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			p.WriteString(".PP\n")
		}
		if strings.HasPrefix(part, " ") {
			p.block(part)
			continue
		}
		p.line(strings.Join(strings.Fields(part), " "))
	}
}

// block writes lines as they are.
func (p *page) block(text string) {
	p.WriteString(".nf\n")
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		p.line(strings.TrimRight(line, "\n"))
	}
	p.WriteString(".fi\n")
}

func topic(t Topic, date time.Time) string {
	p := newPage("hooks-help-"+t.Name, date)
	p.section("NAME")
	p.line("hooks-help-" + t.Name + " - " + t.Short)
	p.section("DESCRIPTION")
	p.text(t.Text)
	p.section("SEE ALSO")
	p.line("hooks(1)")
	return p.String()
}

func command(cmd *cobra.Command, topics []Topic, date time.Time) string {
	p := newPage(name(cmd), date)
	p.section("NAME")
	p.line(name(cmd) + " - " + cmd.Short)
	p.section("SYNOPSIS")
	usage := cmd.UseLine()
	if !cmd.HasParent() || cli.IsGroup(cmd) {
		usage = cmd.CommandPath() + " COMMAND"
	}
	p.line(usage)
	if cmd.Long != "" {
		p.section("DESCRIPTION")
		p.text(cmd.Long)
	}
	if cmd.Example != "" {
		p.section("EXAMPLES")
		p.block(cmd.Example)
	}
	commands(p, cmd)
	flags(p, "OPTIONS", cmd.LocalNonPersistentFlags())
	if cmd.HasParent() {
		flags(p, "OPTIONS OF EVERY COMMAND", cmd.InheritedFlags())
	} else {
		flags(p, "OPTIONS OF EVERY COMMAND", cmd.PersistentFlags())
	}
	if formats := cli.FormatsOf(cmd); len(formats) > 2 {
		p.section("FORMATS")
		p.line(strings.Join(formats, ", "))
	}
	if exits := cli.ExitsOf(cmd); len(exits) > 0 {
		p.section("EXIT STATUS")
		for _, e := range exits {
			fmt.Fprintf(p, ".TP\n%d\n", e.Status)
			p.line(e.When)
		}
	}
	seeAlso(p, cmd, topics)
	return p.String()
}

func commands(p *page, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	p.section("COMMANDS")
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			p.WriteString(".TP\n")
			p.line(name(sub) + "(1)")
			p.line(sub.Short)
		}
	}
}

func flags(p *page, title string, fs *pflag.FlagSet) {
	if !fs.HasAvailableFlags() {
		return
	}
	p.section(title)
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		text := "--" + f.Name
		if f.Shorthand != "" {
			text = "-" + f.Shorthand + ", " + text
		}
		if value != "" {
			text += " " + value
		}
		p.WriteString(".TP\n")
		p.line(text)
		p.line(usage)
	})
}

func seeAlso(p *page, cmd *cobra.Command, topics []Topic) {
	p.section("SEE ALSO")
	var pages []string
	if cmd.HasParent() {
		pages = append(pages, name(cmd.Parent())+"(1)")
	}
	for _, t := range topics {
		if !cmd.HasParent() || t.Name == cmd.Name() {
			pages = append(pages, "hooks-help-"+t.Name+"(1)")
		}
	}
	p.line(strings.Join(pages, ", "))
}
