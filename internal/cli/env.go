// Package cli is the words that all commands share: what they may touch (Env),
// how they end (Error, Status), the flags that mean the same everywhere, how
// values are read from the command line and how results are written.
//
// It knows no command and no provider. Commands live in packages below it, one
// each; cli/root puts them together.
package cli

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"log" //nolint:depguard // to silence it
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/itchyny/gojq"
	"golang.org/x/term"

	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/workspace"
)

// Env is everything a command may touch besides its own arguments. No package
// below cmd/hooks reads os.Stdout, os.Getenv or time.Now; a test replaces what
// it needs.
//
// An Env serves one run of the program and is not safe for concurrent use,
// except for Err, which System makes safe.
type Env struct {
	Args []string // without the name of the program
	In   io.Reader
	Out  io.Writer // results, and nothing else; --output replaces it
	Err  io.Writer // everything said to a person; safe for concurrent use

	// Whether the three streams are terminals: no prompt, no colour of its
	// own accord and no animation where they are not.
	InTerminal, OutTerminal, ErrTerminal bool

	// Width returns the columns of the terminal, 0 if there is none.
	Width func() int

	// ReadSecret asks on the terminal and reads a line without showing it. It
	// is nil where standard input is not a terminal.
	ReadSecret func(prompt string) (string, error)

	Getenv func(string) string
	Now    func() time.Time
	Rand   io.Reader // for secrets and keys
	HTTP   *http.Client
	Dir    string // the working directory, absolute
	Dirs   Dirs
	GOOS   string

	// Exit ends the process at once. Only cli/root calls it, on a second
	// Ctrl-C; everything else returns an error.
	Exit func(status int)

	// Global is filled from the command line before a command runs.
	Global Global

	// Keyring returns the keyring of the system, nil if there is none to be
	// used. A nil function means none.
	Keyring func() *secret.Keyring

	workspace *workspace.Workspace
	stdinRead bool              // a value has been read from standard input
	envFile   map[string]string // of --env-file, once it has been read
	warned    map[string]bool   // what WarnOnce has said
	jq        *gojq.Code        // of --jq, once it has been compiled
}

// System returns the Env of the running process.
func System() *Env {
	// The standard library tells the log of odd answers, on standard error and
	// in its own words. What went wrong is told by whoever made the request.
	log.SetOutput(io.Discard)
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	env := &Env{
		Args:        os.Args[1:],
		In:          os.Stdin,
		Out:         os.Stdout,
		Err:         &locked{File: os.Stderr},
		InTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Width:       width,
		Getenv:      os.Getenv,
		Now:         time.Now,
		Rand:        rand.Reader,
		HTTP:        &http.Client{},
		Dir:         dir,
		Dirs:        SystemDirs(runtime.GOOS, homeDir(), os.Getenv),
		GOOS:        runtime.GOOS,
		Exit:        os.Exit,
	}
	env.Keyring = func() *secret.Keyring {
		return secret.SystemKeyring(secret.Surroundings{GOOS: env.GOOS, Getenv: env.Getenv})
	}
	if env.InTerminal && env.ErrTerminal {
		env.ReadSecret = readSecret
	}
	return env
}

// homeDir is the home of the user: what the environment says, else the system.
func homeDir() string {
	if home, err := os.UserHomeDir(); err == nil {
		return home
	}
	if u, err := user.Current(); err == nil {
		return u.HomeDir
	}
	return ""
}

func width() int {
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return w
		}
	}
	return 0
}

func readSecret(prompt string) (string, error) {
	_, _ = io.WriteString(os.Stderr, prompt)
	line, err := term.ReadPassword(int(os.Stdin.Fd()))
	_, _ = io.WriteString(os.Stderr, "\n")
	return string(line), err
}

// locked keeps lines that are written at the same moment from mixing.
type locked struct {
	*os.File            // for its descriptor
	mu       sync.Mutex // guards writes
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.File.Write(p)
}

// Path returns name as a path that does not depend on the working directory of
// the process: relative names are below Dir, and a leading "~/" is the home
// directory.
func (e *Env) Path(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home := e.home(); home != "" {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(e.Dir, name)
}

// IsFile says whether name is an existing regular file: an argument that is
// one means the file, whatever else it could mean.
func (e *Env) IsFile(name string) bool {
	info, err := os.Stat(e.Path(name))
	return err == nil && info.Mode().IsRegular()
}

// fileError shortens the errors of the os package to what a person needs: the
// name as it was typed, and why.
func fileError(name string, err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return &FileError{Name: name, Err: err}
}

// A FileError says which file could not be read or written. Err is one of the
// errors of package io/fs where it applies.
type FileError struct {
	Name string // as it was typed
	Err  error
}

// Error names the file and says why.
func (e *FileError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *FileError) Unwrap() error { return e.Err }
