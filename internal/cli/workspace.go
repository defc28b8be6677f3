package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/config"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/spelling"
	"github.com/hooks-cli/hooks/internal/term"
	"github.com/hooks-cli/hooks/internal/workspace"
)

// Workspace returns what the run works with: settings, providers, secrets, the
// store. It is always the same one, and nothing of it is opened before it is
// used.
func (e *Env) Workspace() *workspace.Workspace {
	if e.workspace == nil {
		o := workspace.Options{
			Dir: e.Dir, Config: e.Dirs.Config, Data: e.Dirs.Data, State: e.Dirs.State, Home: e.home(),
			Profile: e.Global.Profile,
			Getenv:  e.Getenv, Now: e.Now, Rand: e.Rand,
			Lookup: e.Lookup, Warn: e.WarnOnce, Keyring: e.Keyring,
		}
		if e.Global.Config != "" {
			o.ConfigFile = e.Path(e.Global.Config)
		}
		if e.Global.Store != "" {
			o.Store = e.Path(e.Global.Store)
		}
		for _, name := range e.Global.ProviderFiles {
			o.ProviderFiles = append(o.ProviderFiles, workspace.File{Name: name, Path: e.Path(name)})
		}
		e.workspace = workspace.New(o)
	}
	return e.workspace
}

// CheckProfile refuses a --profile that cmd has no use for: one that does not
// exist, unless cmd makes it, and a text that is no name.
func (e *Env) CheckProfile(cmd *cobra.Command) error {
	name := e.Global.Profile
	switch {
	case name == "":
		return nil
	case !config.ValidProfile(name):
		return Usagef("%q is not a name for a profile: letters, digits, - and _", name)
	case cmd.Annotations[profileKey] != "":
		return nil
	}
	return e.Workspace().CheckProfile()
}

// Close closes what the run has opened. Only cli/root calls it.
func (e *Env) Close() error {
	if e.workspace == nil {
		return nil
	}
	if err := e.workspace.Close(); err != nil {
		return Failed(fmt.Errorf("close: %w", err))
	}
	return nil
}

// SecretFlag declares --secret, which may be repeated.
func SecretFlag(cmd *cobra.Command, p *[]string) {
	cmd.Flags().StringArrayVar(p, "secret", nil, "sign and verify with secret `S`: env:NAME, @FILE, -, or the text; P=S for provider P only (repeatable)")
}

// SecretWords repeats values of --secret for a command line that others may
// see: a secret that was typed as it is becomes the variable that hooks reads.
func SecretWords(values []string) string {
	var out []string
	for _, v := range values {
		name, text, ok := strings.Cut(v, "=")
		if !ok || IsLiteral(text) {
			name, text = "", v
		}
		if IsLiteral(text) || text == "-" {
			text = "env:HOOKS_SECRET"
		}
		if name != "" {
			text = name + "=" + text
		}
		out = append(out, "--secret "+httptext.Word(text))
	}
	return strings.Join(out, " ")
}

// GiveSecrets reads the values of --secret and makes them the first that
// count. A secret that was typed as it is on a terminal brings a warning: other
// users can read command lines.
func (e *Env) GiveSecrets(values []string) error {
	if len(values) == 0 {
		return nil
	}
	catalogue, err := e.Workspace().Catalogue()
	if err != nil {
		return err
	}
	for _, value := range values {
		name, text, ok := strings.Cut(value, "=")
		if !ok || !catalogue.Has(name) {
			if ok && !IsLiteral(text) {
				return unknownProvider(name, catalogue.IDs())
			}
			name, text = "", value
		}
		s, err := e.Secret(text)
		if err != nil {
			return WithHints(fmt.Errorf("--secret: %w", err))
		}
		if IsLiteral(text) && (e.InTerminal || e.ErrTerminal) {
			e.WarnOnce("other users of this machine can read --secret in the list of processes",
				"give --secret env:NAME or --secret @FILE, or keep it once: hooks secrets set PROVIDER")
		}
		e.Workspace().Give(secret.Given{Provider: name, Secret: s})
	}
	return nil
}

// unknownProvider answers P=env:NAME where P is no provider: taken as a secret
// of its own it would be an unlikely one.
func unknownProvider(name string, ids []string) error {
	err := fmt.Errorf("--secret: %q is no provider", name)
	if near := spelling.Nearest(name, ids); near != "" {
		return Usage(err, "did you mean "+near+"?")
	}
	return Usage(err, "hooks providers list shows them")
}

// View returns how results are to be rendered: for a person at a terminal, or
// for a program.
func (e *Env) View() render.View {
	return e.view(e.Out, e.OutTerminal)
}

// ErrView is View for what goes to Err.
func (e *Env) ErrView() render.View {
	return e.view(e.Err, e.ErrTerminal)
}

func (e *Env) view(stream any, terminal bool) render.View {
	v := render.View{Palette: term.NewPalette(e.color(stream, terminal)), Now: e.Now()}
	if terminal {
		v.Width = e.Width()
	}
	return v
}

// color decides by --color, then HOOKS_COLOR and the settings, then what is
// usual. Settings that cannot be read are told elsewhere.
func (e *Env) color(stream any, terminal bool) bool {
	text := e.Global.Color
	if !e.Global.given("color") {
		if s, err := e.Workspace().Settings(); err == nil {
			text = s.Color()
		}
	}
	mode, err := term.ParseMode(text)
	return err == nil && term.Color(mode, terminal, e.Getenv) && (!terminal || term.EnableColor(stream))
}

// Animate says whether a line of Err may be drawn again and again.
func (e *Env) Animate() bool {
	return !e.Global.Quiet && !e.Global.WantsJSON() && term.Animate(e.ErrTerminal, e.Getenv)
}

func (e *Env) home() string {
	if e.GOOS == "windows" {
		return e.Getenv("USERPROFILE")
	}
	return e.Getenv("HOME")
}
