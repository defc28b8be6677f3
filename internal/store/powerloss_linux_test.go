package store_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
)

// TestPowerLoss records what a process writes and syncs, and then opens the
// files as a disk could have kept them if the power had failed at some moment:
// all that was synced, and of the rest any part, in whole or in sectors.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	states := 40
	if os.Getenv("HOOKS_TEST_CRASH_CYCLES") != "" {
		states = 1_000
	}
	path := filepath.Join(t.TempDir(), "events.db")
	s, err := store.Open(t.Context(), path, store.Options{Now: time.Now})
	must(t, err)
	must(t, s.Close())
	before, err := os.ReadFile(path)
	must(t, err)
	calls := recorded(t, path)
	t.Logf("%d calls recorded", len(calls))
	for range states {
		at := rand.IntN(len(calls) + 1)
		disk := newDisk(path, before)
		for _, c := range calls[:at] {
			disk.do(c)
		}
		crashed := filepath.Join(t.TempDir(), "events.db")
		disk.crash(t, path, crashed)
		s, err := store.Open(t.Context(), crashed, store.Options{Now: time.Now})
		if err != nil {
			t.Fatalf("after call %d of %d: %v", at, len(calls), err)
		}
		told := newAccount()
		told.add(disk.said.String())
		told.check(t, s)
		must(t, s.Close())
		if t.Failed() {
			t.Fatalf("after call %d of %d, %d acknowledged", at, len(calls), len(told.sums))
		}
	}
}

// A call is something that a process asked of the disk, or said.
type call struct {
	name    string
	file    string // that it concerns
	data    []byte
	at      int64
	began   int // how many calls had ended when it began
	created bool
}

var callLine = regexp.MustCompile(`^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$`)

// recorded runs a process under strace and returns its calls in the order in
// which they ended.
func recorded(t *testing.T, path string) []call {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace to see what is written: ", err)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	var out bytes.Buffer
	cmd := start(t, path, "churn", 120, &out, strace, "-f", "-qq", "-y", "-xx", "-s", "1000000", "-o", trace,
		"-e", "trace=open,openat,pwrite64,write,ftruncate,fsync,fdatasync,unlink")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	f, err := os.Open(trace)
	must(t, err)
	defer f.Close()
	return parse(t, f, filepath.Dir(path))
}

func parse(t *testing.T, f *os.File, dir string) []call {
	t.Helper()
	var calls []call
	open := map[string]call{} // by thread
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		m := callLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue // a signal
		}
		thread, rest := m[1], m[4]
		c, resumed := open[thread], m[2] != ""
		if !resumed {
			c = parseCall(t, m[3], rest)
			c.began = len(calls)
			if c.name == "say" { // seen by others as soon as it begins
				calls = append(calls, c)
				continue
			}
			if strings.Contains(rest, "<unfinished ...>") {
				open[thread] = c
				continue
			}
		}
		delete(open, thread)
		if c.name == "" || strings.Contains(rest, ") = -1") || !strings.HasPrefix(c.file, dir) || strings.HasSuffix(c.file, "-shm") {
			continue
		}
		calls = append(calls, c)
	}
	must(t, lines.Err())
	return calls
}

// parseCall reads a call from its name and what follows the parenthesis.
func parseCall(t *testing.T, name, rest string) call {
	t.Helper()
	c := call{name: name}
	texts := strings.Split(rest, `"`)
	if i, j := strings.IndexByte(rest, '<'), strings.IndexByte(rest, '>'); i >= 0 && j > i && strings.HasPrefix(rest[i+1:], `\x`) {
		c.file = string(unhex(t, rest[i+1:j]))
	}
	switch name {
	case "pwrite64":
		numbers := strings.FieldsFunc(texts[2], func(r rune) bool { return r < '0' || r > '9' })
		c.data, c.at = unhex(t, texts[1]), number(t, numbers[1])
	case "ftruncate":
		c.at = number(t, strings.FieldsFunc(rest[strings.IndexByte(rest, '>'):], func(r rune) bool { return r < '0' || r > '9' })[0])
	case "write":
		c.name, c.data = "", nil
		if strings.HasPrefix(rest, "1<") {
			c.name, c.data = "say", unhex(t, texts[1])
		}
	case "open", "openat":
		c.name, c.file, c.created = "open", string(unhex(t, texts[1])), strings.Contains(texts[2], "O_CREAT")
	case "unlink":
		c.file = string(unhex(t, texts[1]))
	case "fsync", "fdatasync":
		c.name = "sync"
	}
	return c
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	must(t, err)
	return b
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	must(t, err)
	return n
}

// A disk is what has certainly reached it and what has not.
type disk struct {
	synced  map[string][]byte
	entries map[string]bool // names in the directory
	pending []call          // writes, and changes of the directory
	begins  []int           // when each began
	done    int
	said    bytes.Buffer
}

func newDisk(path string, content []byte) *disk {
	return &disk{synced: map[string][]byte{path: bytes.Clone(content)}, entries: map[string]bool{path: true}}
}

func (d *disk) do(c call) {
	d.done++
	switch c.name {
	case "say":
		d.said.Write(c.data)
	case "sync":
		d.settle(func(p call, ended int) bool {
			inFile := p.name == "pwrite64" || p.name == "ftruncate"
			return ended <= c.began && (inFile && p.file == c.file || !inFile && filepath.Dir(p.file) == c.file)
		})
	case "open":
		if c.created {
			d.pending, d.begins = append(d.pending, c), append(d.begins, d.done)
		}
	case "pwrite64", "ftruncate", "unlink":
		d.pending, d.begins = append(d.pending, c), append(d.begins, d.done)
	}
}

// settle makes some of what is pending certain.
func (d *disk) settle(which func(c call, ended int) bool) {
	var pending []call
	var begins []int
	for i, c := range d.pending {
		if which(c, d.begins[i]) {
			d.apply(c, nil)
			continue
		}
		pending, begins = append(pending, c), append(begins, d.begins[i])
	}
	d.pending, d.begins = pending, begins
}

const sector = 512

// apply does a call to the synced content; of a write only the sectors that
// keep lets through.
func (d *disk) apply(c call, keep func() bool) {
	content := d.synced[c.file]
	switch c.name {
	case "open":
		d.entries[c.file] = true
	case "unlink":
		delete(d.synced, c.file)
		delete(d.entries, c.file)
	case "ftruncate":
		d.synced[c.file] = append(content, make([]byte, max(0, c.at-int64(len(content))))...)[:c.at]
	case "pwrite64":
		if need := c.at + int64(len(c.data)); int64(len(content)) < need {
			content = append(content, make([]byte, need-int64(len(content)))...)
		}
		for i := 0; i < len(c.data); i += sector {
			if keep == nil || keep() {
				copy(content[c.at+int64(i):], c.data[i:min(i+sector, len(c.data))])
			}
		}
		d.synced[c.file] = content
	}
}

// crash writes the files as they may be found: path's under the name of to.
func (d *disk) crash(t *testing.T, path, to string) {
	t.Helper()
	fate := rand.IntN(3) // nothing more, everything in part, each as it comes
	for _, c := range d.pending {
		if c.name == "open" || c.name == "unlink" {
			if rand.IntN(2) == 0 {
				d.apply(c, nil)
			}
			continue
		}
		switch {
		case fate == 0:
		case fate == 1:
			d.apply(c, func() bool { return rand.IntN(4) > 0 })
		default:
			switch rand.IntN(3) {
			case 0:
				d.apply(c, nil)
			case 1:
				d.apply(c, func() bool { return rand.IntN(2) == 0 })
			}
		}
	}
	for name := range d.entries {
		must(t, os.WriteFile(to+strings.TrimPrefix(name, path), d.synced[name], 0o600))
	}
}
