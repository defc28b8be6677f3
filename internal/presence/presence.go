// Package presence knows which processes listen into a store.
//
// Each keeps a file beside the store, locked for as long as it runs. The lock
// belongs to the operating system, so whatever ends a process, kill -9 or a
// power failure, also ends its presence: a file without a lock says nothing and
// is removed by the next process that comes.
//
// It knows nothing of what is in a store, and decides nothing by process ids,
// which are used again.
package presence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/filelock"
)

// A Listener is a process that captures into a store.
type Listener struct {
	Address string    `json:"address"`
	URL     string    `json:"url"`
	Since   time.Time `json:"since"`
	// From is the position of the store when the process began.
	From int64 `json:"from"`
	PID  int   `json:"pid"`
}

const (
	folder  = ".listeners" // behind the name of the store
	gate    = "gate"       // the file that whoever changes the folder has locked
	suffix  = ".json"
	maxFile = 64 << 10
)

// Announce makes l known to whoever asks for the listeners of the store until
// leave is called or the process ends. The store's own folder must exist.
func Announce(store string, l Listener) (leave func(), err error) {
	dir := store + folder
	open, err := enter(dir)
	if err != nil {
		return nil, fmt.Errorf("announce the listener: %w", err)
	}
	defer open()
	sweep(dir)
	text, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("announce the listener: %w", err)
	}
	f, err := os.CreateTemp(dir, "*"+suffix) // exclusively, 0600
	if err != nil {
		return nil, fmt.Errorf("announce the listener: %w", err)
	}
	if _, err = f.Write(text); err == nil {
		err = filelock.Lock(f)
	}
	leave = func() {
		_ = f.Close() // ends the lock
		_ = os.Remove(f.Name())
	}
	if err != nil {
		leave()
		return nil, fmt.Errorf("announce the listener: %w", err)
	}
	return leave, nil
}

// enter keeps other processes from changing dir, which is made if it is not
// there, until open is called.
func enter(dir string) (open func(), err error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	return filelock.Hold(filepath.Join(dir, gate))
}

// sweep removes what processes left behind that were killed. The caller holds
// the gate, so that no file is taken away between being made and being locked.
func sweep(dir string) {
	for _, name := range files(dir) {
		if _, alive := read(name); !alive {
			_ = os.Remove(name) // in the way of nobody if it stays
		}
	}
}

// Running returns the listeners of the store, the one that began first before
// the others.
func Running(store string) []Listener {
	var out []Listener
	for _, name := range files(store + folder) {
		if l, alive := read(name); alive {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b Listener) int { return int(a.From - b.From) })
	return out
}

func files(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // nobody has ever announced himself
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) && e.Type().IsRegular() {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out
}

// read returns what a file says, and whether the process that made it lives.
func read(name string) (l Listener, alive bool) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return l, false // gone meanwhile
	}
	defer f.Close()
	if !filelock.Locked(f) {
		return l, false
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil || json.Unmarshal(text, &l) != nil {
		return Listener{}, false
	}
	return l, true
}
