// Package config is the settings: from the environment, from the project's
// hooks.yaml, from the user's own file, and where none of them has a value, the
// defaults. It says of each value where it came from.
//
// A project's file is found by walking up from the working directory, so it may
// be somebody else's: until it is trusted, what could do harm is left out (see
// Settings.Ignored). The package runs nothing and opens no connection; secrets
// are names of variables and files here, never values.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ProjectFile is the name of a project's settings.
const ProjectFile = "hooks.yaml"

// maxFile is how large a file of settings may be.
const maxFile = 1 << 20

// Options say where settings come from.
type Options struct {
	Dir       string // the working directory, from which ProjectFile is searched upwards
	ConfigDir string // of the user, for config.yaml
	StateDir  string // of the user, for what is trusted
	Home      string // what "~/" means in a path; "" if unknown
	File      string // the only file to read, if not ""; it is trusted
	Profile   string // the section of the files that goes before the rest; "" for none
	Getenv    func(string) string
}

// Settings are the settings of one run. The zero value has the defaults only.
type Settings struct {
	options Options
	files   []*file // from the one that counts most
	project *file   // nil if there is none, or it was not searched
	ignored []Ignored
}

// An Ignored is a setting that an untrusted project's file is not listened to.
type Ignored struct {
	Key  string
	Line int
}

// Load reads the settings. An error in a file or in the value of a variable is
// an *Error; any other error means that a file could not be read.
func Load(o Options) (*Settings, error) {
	s := &Settings{options: o}
	if o.File != "" {
		f, err := readFile(o.File, kindGiven)
		if err != nil {
			return nil, fmt.Errorf("read settings: %w", err)
		}
		s.files = []*file{f}
		return s, s.checkEnvironment()
	}
	if path := findProject(o.Dir); path != "" {
		f, err := readFile(path, kindProject)
		if err != nil {
			return nil, fmt.Errorf("read settings: %w", err)
		}
		f.root = projectRoot(filepath.Dir(path))
		f.trusted = trusts(o.StateDir, f)
		s.project = f
		s.files = append(s.files, f)
	}
	f, err := readFile(s.UserFile(), kindUser)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read settings: %w", err)
	default:
		s.files = append(s.files, f)
	}
	s.leaveOut()
	return s, s.checkEnvironment()
}

// UserFile is where the user's own settings are, whether or not they exist.
func (s *Settings) UserFile() string { return s.options.UserFile() }

// UserFile is where the user's own settings are, whether or not they exist.
func (o Options) UserFile() string { return filepath.Join(o.ConfigDir, "config.yaml") }

// ProjectFile is the project's file that counts, "" if there is none. It may
// have a mistake.
func (o Options) ProjectFile() string { return findProject(o.Dir) }

// Project returns the project's file that was found, "" if none was.
func (s *Settings) Project() string {
	if s.project == nil {
		return ""
	}
	return s.project.path
}

// Trusted says whether everything in the project's file counts.
func (s *Settings) Trusted() bool { return s.project != nil && s.project.trusted }

// Ignored returns what was left out of the project's file because it is not
// trusted, in the order of the file.
func (s *Settings) Ignored() []Ignored { return slices.Clone(s.ignored) }

// Profiles returns the names of the profiles that the files have, sorted.
func (s *Settings) Profiles() []string {
	var names []string
	for _, f := range s.files {
		for name := range f.profiles {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A Value is a setting and where it came from.
type Value struct {
	Key    string
	Texts  []string // one, or several where the key is a list; none if it is unset
	Origin Origin

	dir string // what relative paths in it are below
}

// Set says whether the value came from somewhere else than the defaults.
func (v Value) Set() bool { return v.Origin.Kind != FromDefault }

// Text returns the first text, "" if there is none.
func (v Value) Text() string {
	if len(v.Texts) == 0 {
		return ""
	}
	return v.Texts[0]
}

// Kind tells where a value came from.
type Kind string

// The places, the first that has a value counts.
const (
	FromEnvironment Kind = "environment"
	FromProject     Kind = "project"
	FromUser        Kind = "user"
	FromFile        Kind = "file" // of --config
	FromDefault     Kind = "default"
)

// Origin is where a value came from.
type Origin struct {
	Kind    Kind
	Name    string // of the variable, or the path of the file
	Line    int    // in the file
	Profile string // the section of the file, "" for none
}

// String tells a person: "HOOKS_TO", "/p/hooks.yaml:3", "default".
func (o Origin) String() string {
	switch {
	case o.Kind == FromDefault || o.Kind == "":
		return string(FromDefault)
	case o.Kind == FromEnvironment:
		return o.Name
	case o.Profile != "":
		return fmt.Sprintf("%s:%d (profile %s)", o.Name, o.Line, o.Profile)
	}
	return fmt.Sprintf("%s:%d", o.Name, o.Line)
}

// Get returns the value of a key of Keys or of "secrets.NAME". A key that does
// not exist is an *UnknownKeyError.
func (s *Settings) Get(name string) (Value, error) {
	key, err := lookupKey(name)
	if err != nil {
		return Value{}, err
	}
	if text := s.getenv(key.Env); text != "" {
		return Value{Key: name, Texts: key.split(text), Origin: Origin{Kind: FromEnvironment, Name: key.Env}, dir: s.options.Dir}, nil
	}
	if name == "providers" {
		return s.providers(), nil
	}
	for _, f := range s.files {
		if v, ok := f.find(name, s.options.Profile); ok {
			return v, nil
		}
	}
	v := Value{Key: name, Origin: Origin{Kind: FromDefault}}
	if key.Default != "" {
		v.Texts = strings.Fields(key.Default)
	}
	return v, nil
}

// providers sums up the definitions of all files; its origin is that of the
// first.
func (s *Settings) providers() Value {
	v := Value{Key: "providers", Origin: Origin{Kind: FromDefault}}
	for _, f := range s.files {
		for _, d := range f.definitions {
			if !v.Set() {
				v.Origin = Origin{Kind: f.kind, Name: f.path, Line: d.Line}
			}
			text := d.Path
			if d.Inline != nil {
				text = fmt.Sprintf("%s:%d", f.path, d.Line)
			}
			v.Texts = append(v.Texts, text)
		}
	}
	return v
}

// List returns the values of all keys in the order of Keys, and of the secrets
// that the files name.
func (s *Settings) List() []Value {
	var list []Value
	for _, key := range Keys() {
		if key.Name == secretsPrefix+"NAME" {
			for _, name := range s.SecretNames() {
				list = append(list, s.must(secretsPrefix+name))
			}
			continue
		}
		list = append(list, s.must(key.Name))
	}
	return list
}

// SecretNames returns the providers for which a file names a secret, sorted.
func (s *Settings) SecretNames() []string {
	var names []string
	for _, f := range s.files {
		for _, section := range []section{f.profiles[s.options.Profile], f.top} {
			for key := range section {
				if name, ok := strings.CutPrefix(key, secretsPrefix); ok {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// must is Get for a key that is known to exist.
func (s *Settings) must(name string) Value {
	v, err := s.Get(name)
	if err != nil {
		panic(err)
	}
	return v
}

func (s *Settings) getenv(name string) string {
	if name == "" || s.options.Getenv == nil {
		return ""
	}
	return s.options.Getenv(name)
}

// checkEnvironment refuses values of variables as values in files are refused.
func (s *Settings) checkEnvironment() error {
	for _, key := range Keys() {
		text := s.getenv(key.Env)
		if text == "" || key.check == nil {
			continue
		}
		for _, item := range key.split(text) {
			if err := key.check(item); err != nil {
				return &Error{File: key.Env, Err: err}
			}
		}
	}
	return nil
}

// leaveOut removes from the project's file what an untrusted one may not set.
func (s *Settings) leaveOut() {
	f := s.project
	if f == nil || f.trusted {
		return
	}
	remove := func(sec section) {
		for name, v := range sec {
			if key, err := lookupKey(name); err == nil && !f.harmless(key, v) {
				s.ignored = append(s.ignored, Ignored{Key: name, Line: v.Origin.Line})
				delete(sec, name)
			}
		}
	}
	remove(f.top)
	for _, sec := range f.profiles {
		remove(sec)
	}
	f.definitions = slices.DeleteFunc(f.definitions, func(d Definition) bool {
		if d.Inline != nil || f.inside(d.Path) {
			return false
		}
		s.ignored = append(s.ignored, Ignored{Key: "providers", Line: d.Line})
		return true
	})
	slices.SortFunc(s.ignored, func(a, b Ignored) int { return a.Line - b.Line })
}

// findProject walks up from dir to the root of the repository and returns the
// first ProjectFile, "" if there is none. Outside of a repository only dir
// itself counts: a folder above it may belong to anybody.
func findProject(dir string) string {
	if dir == "" {
		return ""
	}
	top := projectRoot(dir)
	for {
		path := filepath.Join(dir, ProjectFile)
		if _, err := os.Lstat(path); err == nil {
			return path
		}
		if dir == top || dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

// projectRoot is the root of the repository that dir is in, dir itself if it
// is in none.
func projectRoot(dir string) string {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			return d
		}
		if d == filepath.Dir(d) {
			return dir
		}
	}
}

// readFile reads and checks a file of settings. It opens nothing but a regular
// file, so that a pipe of that name cannot make it wait.
func readFile(path string, kind Kind) (*file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, shorter(path, err)
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case kind == kindUser && writableByAll(info):
		return nil, fmt.Errorf("%s can be written by every user of this machine: chmod go-w it", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s is larger than 1 MiB", path)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, shorter(path, err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return nil, err
	}
	return parse(path, kind, text)
}

// shorter leaves out of an error which call failed.
func shorter(path string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

func writableByAll(info fs.FileInfo) bool {
	return filepath.Separator == '/' && info.Mode().Perm()&0o002 != 0
}
