package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hooks-cli/hooks/internal/spelling"
)

// Global is the flags that every command has. Root binds them once; a command
// reads them from its Env.
type Global struct {
	JSON    bool
	JQ      string // implies JSON
	Format  string // one of the names that the command declared with Formats
	Output  string // root has put a file in the place of Env.Out
	Color   string // "auto", "always" or "never"
	Quiet   bool
	Verbose bool
	Config  string
	Profile string
	Store   string
	EnvFile string

	ProviderFiles []string // definitions of providers

	flags *pflag.FlagSet
}

// given says whether a flag is on the command line.
func (g *Global) given(name string) bool { return g.flags != nil && g.flags.Changed(name) }

// FromEnvironment takes the values of flags that are not on the command line
// from their variables: HOOKS_CONFIG, HOOKS_PROFILE, HOOKS_ENV_FILE, and
// HOOKS_PROVIDER_FILE, which lists files as PATH does. What can also stand in a
// file of settings is read with the settings.
func (g *Global) FromEnvironment(getenv func(string) string) {
	for name, p := range map[string]*string{"config": &g.Config, "profile": &g.Profile, "env-file": &g.EnvFile} {
		if !g.given(name) {
			*p = getenv("HOOKS_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
		}
	}
	if files := getenv("HOOKS_PROVIDER_FILE"); files != "" && !g.given("provider-file") {
		g.ProviderFiles = filepath.SplitList(files)
	}
}

// Bind declares the flags on fs.
func (g *Global) Bind(fs *pflag.FlagSet) {
	fs.BoolVar(&g.JSON, "json", false, "print JSON")
	fs.StringVar(&g.JQ, "jq", "", "shape the JSON with a jq `EXPR`")
	fs.StringVar(&g.Format, "format", "", "print in another form, by `NAME`")
	fs.StringVarP(&g.Output, "output", "o", "", "write to `FILE` instead of standard output")
	fs.Var(&choice{value: &g.Color, allowed: []string{"auto", "always", "never"}}, "color", "colour the output: auto, always or never")
	fs.BoolVarP(&g.Quiet, "quiet", "q", false, "say nothing but results and errors")
	fs.BoolVarP(&g.Verbose, "verbose", "v", false, "say more about what happens")
	fs.StringVar(&g.Config, "config", "", "read settings from `FILE` instead of hooks.yaml and the user's file")
	fs.StringVar(&g.Profile, "profile", "", "use the settings and secrets of profile `NAME`")
	fs.StringVar(&g.Store, "store", "", "keep captures in `FILE`")
	fs.StringArrayVar(&g.ProviderFiles, "provider-file", nil, "know the provider that `FILE` defines too (repeatable)")
	fs.StringVar(&g.EnvFile, "env-file", "", "read variables for env:NAME from `FILE`")
	g.Color = "auto"
	g.flags = fs
}

// WantsJSON says whether results, and errors, are to be printed as JSON.
func (g *Global) WantsJSON() bool { return g.JSON || g.JQ != "" || g.Format == "json" }

// Formats declares the names that --format takes for cmd, besides "json" and
// "text", which every command has.
func Formats(cmd *cobra.Command, names ...string) {
	annotate(cmd, formatsKey, strings.Join(names, ","))
}

// FormatsOf returns what --format takes for cmd.
func FormatsOf(cmd *cobra.Command) []string {
	names := []string{"text", "json"}
	if s := cmd.Annotations[formatsKey]; s != "" {
		for n := range strings.SplitSeq(s, ",") {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

// Check refuses values of the global flags that cmd has no use for.
func (g *Global) Check(cmd *cobra.Command) error {
	if g.Format == "" {
		return nil
	}
	names := FormatsOf(cmd)
	if slices.Contains(names, g.Format) {
		if g.Format != "json" && (g.JSON || g.JQ != "") {
			return Usagef("--format %s and JSON exclude each other", g.Format)
		}
		return nil
	}
	err := fmt.Errorf("%s has no format %q: it has %s", cmd.CommandPath(), g.Format, strings.Join(names, ", "))
	if near := spelling.Nearest(g.Format, names); near != "" {
		return Usage(err, "did you mean --format "+near+"?")
	}
	return Usage(err)
}

const (
	formatsKey = "hooks:formats"
	exitsKey   = "hooks:exits"
	streamsKey = "hooks:streams"
	groupKey   = "hooks:group"
	profileKey = "hooks:profile"
	quickKey   = "hooks:quick"
)

func annotate(cmd *cobra.Command, key, value string) {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[key] = value
}

// A choice is a flag that takes one of a few words.
type choice struct {
	value   *string
	allowed []string
}

func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c *choice) Type() string { return strings.Join(c.allowed, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		if near := spelling.Nearest(s, c.allowed); near != "" {
			return fmt.Errorf("it is one of %s (did you mean %s?)", strings.Join(c.allowed, ", "), near)
		}
		return fmt.Errorf("it is one of %s", strings.Join(c.allowed, ", "))
	}
	*c.value = s
	return nil
}

// Choice declares a flag that takes one of the words of allowed, which
// completions offer.
func Choice(cmd *cobra.Command, p *string, name, value, usage string, allowed ...string) {
	*p = value
	cmd.Flags().Var(&choice{value: p, allowed: allowed}, name, usage)
	CompleteFlag(cmd, name, allowed...)
}
