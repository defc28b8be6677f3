// Package clitest makes an Env for tests of commands: buffers for streams, a
// clock that stands still, folders that are the test's own, and no environment.
// It is imported by tests only.
package clitest

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/cli"
)

// Time is what an Env of New has as now.
func Time() time.Time { return time.Unix(1_700_000_000, 0).UTC() }

// A World is an Env with a view on what was written.
type World struct {
	*cli.Env
	Stdout, Stderr *Buffer
	Vars           map[string]string // the environment; may be changed before a run
}

// New returns the world of a run with the given arguments, in folders that are
// removed with the test.
func New(t testing.TB, args ...string) *World {
	t.Helper()
	home := t.TempDir()
	w := &World{Stdout: &Buffer{}, Stderr: &Buffer{}, Vars: map[string]string{"HOME": home}}
	w.Env = &cli.Env{
		Args:   args,
		In:     strings.NewReader(""),
		Out:    w.Stdout,
		Err:    w.Stderr,
		Width:  func() int { return 0 },
		Getenv: func(name string) string { return w.Vars[name] },
		Now:    Time,
		Rand:   rand.Reader,
		HTTP:   &http.Client{Transport: &http.Transport{}},
		Dir:    t.TempDir(),
		Dirs: cli.Dirs{
			Config: filepath.Join(home, "config"),
			Data:   filepath.Join(home, "data"),
			State:  filepath.Join(home, "state"),
		},
		GOOS:   "linux",
		Global: cli.Global{Color: "auto"},
	}
	return w
}

// A Buffer is a bytes.Buffer that is safe for concurrent use.
type Buffer struct {
	mu  sync.Mutex // guards the following
	buf bytes.Buffer
}

// Write appends p.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what has been written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
