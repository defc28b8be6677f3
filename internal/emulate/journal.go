package emulate

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hooks-cli/hooks/internal/filelock"
)

// The journal is a file of JSON lines, each a change to what is registered; the
// last one about a thing counts. It is written anew when it is opened, so that
// it does not grow from run to run. A last line without its end is what a
// crash left of a change that nobody was told of, and is dropped.
//
//	{"version":1,"key":"…"}           first; key makes ids that cannot be guessed
//	{"endpoint":{…}}                  an endpoint as it is from now on
//	{"deleted":"hook_…"}              an endpoint that is gone
//	{"clock":{"at","shown","scale"}}  what the clock of retries showed, and when

// A line is one change.
type line struct {
	Version  int        `json:"version,omitempty"`
	Key      []byte     `json:"key,omitempty"`
	Endpoint *kept      `json:"endpoint,omitempty"`
	Deleted  string     `json:"deleted,omitempty"`
	Clock    *clockLine `json:"clock,omitempty"`
}

type clockLine struct {
	At    time.Time `json:"at"`    // real time
	Shown time.Time `json:"shown"` // what the clock showed then
	Scale float64   `json:"scale"`
}

const (
	journalVersion = 1
	journalName    = "emulate.journal"
	lockName       = "emulate.lock"
	// longJournal is the size from which it is written anew during a run.
	longJournal = 16 << 20
)

// ErrInUse says that another emulator has the data directory.
var ErrInUse = errors.New("another emulator uses this data directory")

// A journal is open for one process. Its methods are not safe for concurrent
// use.
type journal struct {
	path    string
	file    *os.File
	size    int64
	release func() // of the data directory

	key       []byte
	endpoints []*kept // in the order in which they were made
	clock     clockLine
}

// openJournal opens the journal in dir, which only its owner can write to.
func openJournal(dir string, now time.Time, scale float64) (*journal, error) {
	release, err := filelock.TryHold(filepath.Join(dir, lockName))
	if errors.Is(err, filelock.ErrLocked) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, err
	}
	j := &journal{path: filepath.Join(dir, journalName), release: release}
	err = j.read()
	if err == nil && j.key == nil {
		j.key = make([]byte, 32)
		_, _ = rand.Read(j.key) // never fails
	}
	if err == nil {
		if j.clock.At.IsZero() {
			j.clock = clockLine{At: now, Shown: now, Scale: scale}
		}
		err = j.rewrite()
	}
	if err != nil {
		release()
		return nil, err
	}
	return j, nil
}

func (j *journal) read() error {
	info, err := os.Lstat(j.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", j.path)
	}
	f, err := os.Open(j.path)
	if err != nil {
		return err
	}
	defer f.Close()
	at := map[string]int{}
	lines := bufio.NewReader(f)
	for n := 1; ; n++ {
		text, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil // without what a crash left of a line
		}
		if err != nil {
			return err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return fmt.Errorf("%s:%d: %w", j.path, n, err)
		}
		if n == 1 && l.Version != journalVersion {
			return fmt.Errorf("%s is not a journal that this version reads", j.path)
		}
		j.apply(l, at)
	}
}

// apply takes a line in; at has the places of the endpoints.
func (j *journal) apply(l line, at map[string]int) {
	switch {
	case l.Key != nil:
		j.key = l.Key
	case l.Clock != nil:
		j.clock = *l.Clock
	case l.Deleted != "":
		if i, ok := at[l.Deleted]; ok {
			j.endpoints[i] = nil
			delete(at, l.Deleted)
		}
	case l.Endpoint != nil:
		if i, ok := at[l.Endpoint.ID]; ok {
			j.endpoints[i] = l.Endpoint
			return
		}
		at[l.Endpoint.ID] = len(j.endpoints)
		j.endpoints = append(j.endpoints, l.Endpoint)
	}
}

// rewrite replaces the file by one that says the same in fewer lines.
func (j *journal) rewrite() error {
	f, err := os.CreateTemp(filepath.Dir(j.path), journalName+".*") // exclusively, 0600
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	err = enc.Encode(line{Version: journalVersion, Key: j.key})
	for _, e := range j.endpoints {
		if e != nil && err == nil {
			err = enc.Encode(line{Endpoint: e})
		}
	}
	err = errors.Join(err, enc.Encode(line{Clock: &j.clock}), w.Flush(), f.Sync())
	err = errors.Join(err, f.Close()) // an open file cannot be renamed on every system
	if j.file != nil {
		err = errors.Join(err, j.file.Close())
	}
	if err == nil {
		err = os.Rename(f.Name(), j.path)
	} else {
		_ = os.Remove(f.Name())
	}
	opened, oerr := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0)
	if oerr != nil {
		return errors.Join(err, oerr)
	}
	j.file = opened
	info, serr := opened.Stat()
	if serr == nil {
		j.size = info.Size()
	}
	return errors.Join(err, serr)
}

// write adds a line and returns when it is on disk. After an error the line is
// not there.
func (j *journal) write(l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err = j.file.Write(append(text, '\n')); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(len(text)) + 1
	return nil
}

func (j *journal) close() error {
	defer j.release()
	return j.file.Close()
}
