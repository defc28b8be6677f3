package root

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/spelling"
)

// unknownCommand refuses arguments where one of the commands below cmd is
// meant, and names the one that was probably meant.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	word := args[0]
	if !cmd.HasParent() {
		if err := otherWord(cmd, word, args[1:]); err != nil {
			return err
		}
	}
	err := fmt.Errorf("%s has no command %q", cmd.CommandPath(), word)
	if near := spelling.Nearest(word, names(cmd)); near != "" {
		return cli.Usage(err, "did you mean "+cmd.CommandPath()+" "+near+"?")
	}
	return cli.Usage(err, cmd.CommandPath()+" --help shows the commands")
}

// strangeWord refuses a word that stands where a command is meant and is none,
// before the flags behind it are read: they are those of another command.
func strangeWord(root *cobra.Command, args []string) error {
	cmd, rest, err := root.Find(args)
	if err != nil || cmd != root && !cli.IsGroup(cmd) {
		return nil //nolint:nilerr // the execution will say what is wrong
	}
	words := behindFlags(cmd, rest)
	if len(words) == 0 || strings.HasPrefix(words[0], "__") { // cobra's own, for completions
		return nil
	}
	return unknownCommand(cmd, words)
}

// behindFlags returns args from the first that is no flag of cmd on; none where
// a flag comes before that cmd does not have.
func behindFlags(cmd *cobra.Command, args []string) []string {
	cmd.InitDefaultHelpFlag()
	cmd.InheritedFlags() // puts those of its parents to its own
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") {
			return args[i:]
		}
		name, _, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		f := cmd.Flags().Lookup(name)
		if !strings.HasPrefix(arg, "--") && name != "" {
			f, given = cmd.Flags().ShorthandLookup(name[:1]), given || len(name) > 1
		}
		if f == nil {
			return nil
		}
		if !given && f.NoOptDefVal == "" {
			i++ // its value
		}
	}
	return nil
}

// otherWord answers a word that other tools use with ours for it.
func otherWord(root *cobra.Command, word string, args []string) error {
	ours := map[string]string{
		"trigger": "send --event",
		"resend":  "replay",
		"forward": "listen --forward-to",
		"http":    "tunnel",
	}[word]
	name, _, _ := strings.Cut(ours, " ")
	cmd, _, err := root.Find([]string{name})
	if ours == "" || err != nil || cmd == root {
		return nil
	}
	line := "hooks " + ours
	switch {
	case len(args) > 0 && strings.HasPrefix(args[0], "-"):
		line = "hooks " + name + " " + strings.Join(args, " ")
	case len(args) > 0:
		line += " " + strings.Join(args, " ")
	case word == "trigger":
		line += " TYPE"
	case word == "forward":
		line += " URL"
	}
	return cli.Usage(fmt.Errorf("%s is called %s here", word, name), "try: "+line)
}

// names are the commands below cmd that a person may type.
func names(cmd *cobra.Command) []string {
	var list []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			list = append(list, sub.Name())
			list = append(list, sub.Aliases...)
		}
	}
	return list
}

// flagError makes a mistake in the flags one of status 2, and names the flag
// that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return cli.Usage(shorten(err), cmd.CommandPath()+" --help shows how it is used")
	}
	name := unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		return cli.Usage(fmt.Errorf("%s has no flag -%s", cmd.CommandPath(), name), cmd.CommandPath()+" --help shows the flags")
	}
	var flags []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags = append(flags, f.Name)
		}
	})
	err = fmt.Errorf("%s has no flag --%s", cmd.CommandPath(), name)
	if near := spelling.Nearest(name, flags); near != "" {
		return cli.Usage(err, "did you mean --"+near+"?")
	}
	return cli.Usage(err, cmd.CommandPath()+" --help shows the flags")
}

// shorten takes the value out of the error about a flag: it may be a secret.
func shorten(err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if _, ok := errors.AsType[*strconv.NumError](err); ok {
			return fmt.Errorf("--%s: %s", invalid.GetFlag().Name, numberWords(invalid.GetFlag().Value.Type()))
		}
		return fmt.Errorf("--%s: %w", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return err
}

// numberWords says what the value of a flag of this type has to be.
func numberWords(kind string) string {
	switch {
	case kind == "bool":
		return "it is true or false"
	case strings.HasPrefix(kind, "float"):
		return "it is a number"
	}
	return "it is a whole number"
}
