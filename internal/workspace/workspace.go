// Package workspace is what one run of the program works with: settings,
// providers, secrets, the store. Each is opened when it is first asked for, so
// that a command pays for what it uses.
//
// It decides where things are and in which order they count; what they do is
// the business of their own packages.
package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/config"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/spelling"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/units"
)

// RelayName is the name under which the token of the relay is kept with the
// secrets of the providers.
const RelayName = "relay"

const apiKeySuffix = "-api-key"

// APIKeyName is the name under which the key of a provider's API is kept with
// the secrets.
func APIKeyName(provider string) string { return provider + apiKeySuffix }

// SignsNothing says whether name is that of something that is kept with the
// signing secrets and is none: the relay's token, the key of an API.
func SignsNothing(name string) bool {
	return name == RelayName || strings.HasSuffix(name, apiKeySuffix)
}

// Options say where the parts are, and what the command line has.
type Options struct {
	Dir                string // the working directory
	Config, Data, Home string // folders of the user
	State              string
	ConfigFile         string // of --config, "" for none
	Profile            string
	Store              string // of --store, "" for none
	ProviderFiles      []File // of --provider-file

	Getenv func(string) string
	Now    func() time.Time
	Rand   io.Reader

	// Lookup returns a variable that a setting names with env:NAME.
	Lookup func(name string) (string, error)
	// Warn tells the person something, once.
	Warn func(message string, hints ...string)
	// Keyring is the keyring of the system, nil for none.
	Keyring func() *secret.Keyring
}

// A File is a file that was named on the command line.
type File struct {
	Name string // as it was typed
	Path string // where it is
}

// A Workspace is what one run works with. Its methods may be called by several
// goroutines at once.
type Workspace struct {
	o Options

	settings  func() (*config.Settings, error)
	catalogue func() (*provider.Catalogue, error)
	keeper    func() *secret.Keeper

	mu    sync.Mutex // guards the following
	store *store.Store
	given []secret.Given
}

// New returns a workspace. It opens nothing.
func New(o Options) *Workspace {
	w := &Workspace{o: o}
	w.settings = sync.OnceValues(w.loadSettings)
	w.catalogue = sync.OnceValues(w.loadCatalogue)
	w.keeper = sync.OnceValue(w.newKeeper)
	return w
}

// Settings returns the settings. If a part of the project's file is left out
// because it is not trusted, the person is told once.
func (w *Workspace) Settings() (*config.Settings, error) { return w.settings() }

func (w *Workspace) loadSettings() (*config.Settings, error) {
	s, err := config.Load(w.configOptions())
	if err != nil {
		return nil, err
	}
	if ignored := s.Ignored(); len(ignored) > 0 {
		w.o.Warn(fmt.Sprintf("%s is not trusted; left out: %s", w.Shown(s.Project()), listIgnored(ignored)),
			"if you trust who wrote it: hooks config trust")
	}
	return s, nil
}

// Reload reads the settings anew, without telling of what is left out.
func (w *Workspace) Reload() (*config.Settings, error) { return config.Load(w.configOptions()) }

// Places returns the user's file of settings, whether or not it exists, and the
// project's, "" if there is none. Both may have mistakes.
func (w *Workspace) Places() (user, project string) {
	o := w.configOptions()
	return o.UserFile(), o.ProjectFile()
}

func (w *Workspace) configOptions() config.Options {
	return config.Options{
		Dir: w.o.Dir, ConfigDir: w.o.Config, StateDir: w.o.State, Home: w.o.Home,
		File: w.o.ConfigFile, Profile: w.o.Profile, Getenv: w.o.Getenv,
	}
}

func listIgnored(ignored []config.Ignored) string {
	parts := make([]string, len(ignored))
	for i, ig := range ignored {
		parts[i] = fmt.Sprintf("%s (line %d)", ig.Key, ig.Line)
	}
	return strings.Join(parts, ", ")
}

// Shown returns a path as a person knows it: relative if it is below the
// working directory, with "~" if it is below the home directory.
func (w *Workspace) Shown(path string) string {
	if rel, err := filepath.Rel(w.o.Dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	if w.o.Home != "" {
		if rel, err := filepath.Rel(w.o.Home, path); err == nil && filepath.IsLocal(rel) {
			return filepath.Join("~", rel)
		}
	}
	return path
}

// Profile returns the name of the profile, "" for none.
func (w *Workspace) Profile() string { return w.o.Profile }

// CheckProfile refuses a profile that no file of settings and no secret knows:
// it is a slip, and what would be used instead is not what is meant.
func (w *Workspace) CheckProfile() error {
	if w.o.Profile == "" {
		return nil
	}
	names, err := w.Profiles()
	if err != nil {
		return err
	}
	if slices.Contains(names, w.o.Profile) {
		return nil
	}
	return &UnknownProfileError{Name: w.o.Profile, Nearest: spelling.Nearest(w.o.Profile, names)}
}

// Profiles returns the names of the profiles there are.
func (w *Workspace) Profiles() ([]string, error) {
	s, err := w.Settings()
	if err != nil {
		return nil, err
	}
	names := s.Profiles()
	kept, err := w.Keeper().List()
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		if k.Profile != "" {
			names = append(names, k.Profile)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// An UnknownProfileError says that there is no such profile.
type UnknownProfileError struct {
	Name    string
	Nearest string // "" if none is near
}

// Error names the profile.
func (e *UnknownProfileError) Error() string { return fmt.Sprintf("there is no profile %q", e.Name) }

// Catalogue returns the providers: those that are built in, and those that the
// user's folder, the settings and the command line define. Of two with the same
// id the later one counts.
func (w *Workspace) Catalogue() (*provider.Catalogue, error) { return w.catalogue() }

// ProvidersDir is the user's folder, each of whose YAML files defines a
// provider. It need not exist.
func (w *Workspace) ProvidersDir() string { return filepath.Join(w.o.Config, "providers") }

// The layers of definitions: what stands later replaces what stands before.
const (
	layerFolder = iota + 1
	layerSettings
	layerCommand
)

func (w *Workspace) loadCatalogue() (*provider.Catalogue, error) {
	s, err := w.Settings()
	if err != nil {
		return nil, err
	}
	sources, err := w.folder()
	if err != nil {
		return nil, err
	}
	for _, d := range s.Definitions() {
		src := provider.Source{Name: w.Shown(d.File), Node: d.Inline, Layer: layerSettings, Weak: d.Untrusted}
		if d.Inline == nil {
			src.Name = w.Shown(d.Path)
			if src.Data, err = readLimited(d.Path); err != nil {
				return nil, fmt.Errorf("provider named in %s:%d: %w", w.Shown(d.File), d.Line, err)
			}
		}
		sources = append(sources, src)
	}
	for _, f := range w.o.ProviderFiles {
		data, err := readLimited(f.Path)
		if err != nil {
			return nil, fmt.Errorf("--provider-file %s: %w", f.Name, err)
		}
		sources = append(sources, provider.Source{Name: f.Name, Data: data, Layer: layerCommand})
	}
	c, err := provider.Load(sources...)
	if err != nil {
		return nil, err
	}
	for _, src := range c.LeftOut() {
		w.o.Warn(fmt.Sprintf("%s redefines a provider that is known already, and is not trusted: its definition is left out", src.Name),
			"if you trust who wrote it: hooks config trust")
	}
	return c, nil
}

// folder reads the definitions in the user's folder.
func (w *Workspace) folder() ([]provider.Source, error) {
	entries, err := os.ReadDir(w.ProvidersDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the folder of providers: %w", err)
	}
	var sources []provider.Source
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".yaml" && ext != ".yml" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(w.ProvidersDir(), e.Name())
		data, err := readLimited(path)
		if err != nil {
			return nil, fmt.Errorf("provider in %s: %w", w.Shown(w.ProvidersDir()), err)
		}
		sources = append(sources, provider.Source{Name: w.Shown(path), Data: data, Layer: layerFolder})
	}
	return sources, nil
}

// maxDefinition is far more than any definition of a provider has.
const maxDefinition = 32 << 20

func readLimited(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDefinition+1))
	if err == nil && len(b) > maxDefinition {
		err = fmt.Errorf("%s is larger than %s", path, units.FormatSize(maxDefinition))
	}
	return b, err
}

// Keeper returns the keeper of secrets.
func (w *Workspace) Keeper() *secret.Keeper { return w.keeper() }

func (w *Workspace) newKeeper() *secret.Keeper {
	k := &secret.Keeper{Dir: filepath.Join(w.o.Config, "secrets"), Now: w.o.Now}
	if w.o.Keyring != nil {
		k.Keyring = w.o.Keyring()
	}
	return k
}

// Give adds secrets of the command line; they go before all others.
func (w *Workspace) Give(given ...secret.Given) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.given = append(w.given, given...)
}

// Secrets returns what finds the secrets of a provider.
func (w *Workspace) Secrets() (*secret.Resolver, error) {
	settings, err := w.Settings()
	if err != nil {
		return nil, err
	}
	catalogue, err := w.Catalogue()
	if err != nil {
		return nil, err
	}
	for _, name := range settings.SecretNames() {
		if name != RelayName && !catalogue.Has(strings.TrimSuffix(name, apiKeySuffix)) {
			w.warnUnknown(settings, catalogue, name)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return &secret.Resolver{
		Given:      w.given,
		Getenv:     w.o.Getenv,
		Configured: func(name string) (secret.Reference, bool) { return w.reference(settings, name) },
		Keeper:     w.Keeper(),
		Profile:    w.o.Profile,
		Development: &secret.Development{
			Dir:  filepath.Join(w.o.Config, "secrets", "development"),
			Rand: w.o.Rand,
			Make: func(id string, random io.Reader) (safetext.Secret, error) { return NewSecret(catalogue, id, random) },
		},
		Now: w.o.Now,
	}, nil
}

// warnUnknown tells of a secret that can never be used.
func (w *Workspace) warnUnknown(s *config.Settings, c *provider.Catalogue, name string) {
	ref, ok := s.Secret(name)
	if !ok {
		return
	}
	var hints []string
	if near := spelling.Nearest(name, c.IDs()); near != "" {
		hints = append(hints, "did you mean "+near+"?")
	}
	w.o.Warn(fmt.Sprintf("%s names a secret for %q, which is no provider", ref.Origin, name), hints...)
}

// reference says where the settings have the secret of a provider.
func (w *Workspace) reference(s *config.Settings, name string) (secret.Reference, bool) {
	ref, ok := s.Secret(name)
	if !ok {
		return secret.Reference{}, false
	}
	origin := ref.Origin
	origin.Name = w.Shown(origin.Name)
	return secret.Reference{Source: origin.String(), Read: func() (safetext.Secret, error) {
		if ref.Variable != "" {
			text, err := w.o.Lookup(ref.Variable)
			return nonEmpty(text, err)
		}
		b, err := readLimited(ref.File)
		return nonEmpty(strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), err)
	}}, true
}

func nonEmpty(text string, err error) (safetext.Secret, error) {
	if err == nil && text == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return safetext.Secret{}, err
	}
	return safetext.NewSecret(text), nil
}

// NewSecret makes a secret in the form of a provider: of a master from random
// where the form allows, else at random.
func NewSecret(c *provider.Catalogue, id string, random io.Reader) (safetext.Secret, error) {
	p, err := c.Get(id)
	if err != nil {
		return safetext.Secret{}, err
	}
	master := make([]byte, 32)
	if _, err := io.ReadFull(random, master); err != nil {
		return safetext.Secret{}, fmt.Errorf("random source: %w", err)
	}
	form := p.SecretForm()
	s, err := form.Derive(master)
	if errors.Is(err, provider.ErrNotDerivable) {
		return form.New()
	}
	return s, err
}

// StorePath returns the file of the store, whether or not it exists.
func (w *Workspace) StorePath() (string, error) {
	if w.o.Store != "" {
		return w.o.Store, nil
	}
	s, err := w.Settings()
	if err != nil {
		return "", err
	}
	if path := s.Store(); path != "" {
		return path, nil
	}
	return filepath.Join(w.o.Data, "captures.db"), nil
}

// Store opens the store, which is made if there is none. Close closes it.
func (w *Workspace) Store(ctx context.Context) (*store.Store, error) {
	return w.OpenStore(ctx, nil)
}

// OpenStore is Store for a command that changes how the store is opened; once
// it is open, change is not asked.
func (w *Workspace) OpenStore(ctx context.Context, change func(*store.Options)) (*store.Store, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.store != nil {
		return w.store, nil
	}
	path, err := w.StorePath()
	if err != nil {
		return nil, err
	}
	settings, err := w.Settings()
	if err != nil {
		return nil, err
	}
	keep, err := Retention(settings.Keep()...)
	if err != nil {
		return nil, err
	}
	options := store.Options{Now: w.o.Now, Retention: keep}
	if change != nil {
		change(&options)
	}
	s, err := store.Open(ctx, path, options)
	if err != nil {
		return nil, err
	}
	if text := s.Warning(); text != "" {
		w.o.Warn(text)
	}
	w.store = s
	return s, nil
}

// Retention puts together what --keep and the setting keep say; see
// config.ParseKeep.
func Retention(texts ...string) (store.Retention, error) {
	var r store.Retention
	for _, text := range texts {
		k, err := config.ParseKeep(text)
		if err != nil {
			return store.Retention{}, err
		}
		r.Age, r.Count, r.Bytes = max(r.Age, k.Age), max(r.Count, k.Count), max(r.Bytes, k.Bytes)
	}
	return r, nil
}

// Close closes what was opened. The workspace cannot be used afterwards.
func (w *Workspace) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.store == nil {
		return nil
	}
	err := w.store.Close()
	w.store = nil
	return err
}
