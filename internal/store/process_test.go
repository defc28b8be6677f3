//go:build unix

package store_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/umasktest"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// The environment by which a test runs this program again as another process.
const (
	childPath = "HOOKS_TEST_STORE" // the store that it uses
	childWork = "HOOKS_TEST_WORK"  // what it does
	childMax  = "HOOKS_TEST_COUNT" // how often
)

func TestMain(m *testing.M) {
	umasktest.Usual()
	if path := os.Getenv(childPath); path != "" {
		n, _ := strconv.ParseInt(os.Getenv(childMax), 10, 64)
		if err := child(path, os.Getenv(childWork), n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child is the other process. It writes a line for everything that the store
// has acknowledged: "+ ID SHA256" for a delivery, "- ID" for one that it is
// about to delete, "attempt ID" and "pending ID" for what was recorded, "! ID"
// for a delivery that was refused.
func child(path, work string, n int64) error {
	s, err := store.Open(context.Background(), path, store.Options{Now: time.Now})
	if err != nil {
		return err
	}
	out := &lines{w: bufio.NewWriter(os.Stdout)}
	out.say("ready")
	senders := 16
	if work == "read" {
		senders = 1
	}
	if n == 0 {
		n = 1 << 40
	}
	var wg sync.WaitGroup
	var done atomic.Int64
	var failed atomic.Pointer[error]
	for i := range senders {
		wg.Go(func() {
			for done.Add(1) <= n {
				if err := step(s, work, i, out); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return s.Close()
}

// lines writes whole lines at once: what was written is what a parent sees,
// whenever the process dies.
type lines struct {
	mu sync.Mutex
	w  *bufio.Writer
}

func (l *lines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", args...)
	l.w.Flush()
}

func step(s *store.Store, work string, sender int, out *lines) error {
	ctx := context.Background()
	if work == "read" {
		page, err := s.List(ctx, store.Query{Limit: 50, Provider: "canvelete"})
		if err == nil && len(page.Damaged) > 0 {
			err = page.Damaged[0]
		}
		return err
	}
	d := sample(fmt.Sprintf("evt_%d_%d", os.Getpid(), rand.Int64()))
	d.Body = randomBody()
	err := s.Append(ctx, d)
	// The others may have no time to give the lock back: nothing was promised.
	for began := time.Now(); work == "append" && errors.Is(err, store.ErrBusy) && time.Since(began) < 2*time.Minute; {
		out.say("busy")
		err = s.Append(ctx, d)
	}
	if err != nil {
		if work == "stubborn" {
			out.say("! %s %v", d.ID, err)
			return nil
		}
		return err
	}
	sum := sha256.Sum256(d.Body)
	out.say("+ %s %s", d.ID, hex.EncodeToString(sum[:]))
	if work != "churn" || sender%2 == 0 {
		return nil
	}
	if err := s.SetResponse(ctx, d.ID, 200); err != nil {
		return err
	}
	out.say("attempt %s", d.ID)
	if err := s.Enqueue(ctx, store.Redelivery{ID: d.ID, URL: "http://127.0.0.1/", Number: 1, NextAt: time.Now()}); err != nil {
		return err
	}
	out.say("pending %s", d.ID)
	if sender%4 == 1 {
		return nil
	}
	out.say("- %s", d.ID)
	_, err = s.Delete(ctx, d.ID)
	return err
}

// randomBody returns up to 4 kB that no two deliveries share.
func randomBody() []byte {
	b := fmt.Appendf(nil, `{"n":"%x%x","text":"`, rand.Int64(), rand.Int64())
	b = append(b, bytes.Repeat([]byte("lorem ipsum "), rand.IntN(350))...)
	return append(b, `"}`...)
}

// start runs this program again, as an argument of others if any are given.
func start(t *testing.T, path, work string, n int, out io.Writer, under ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := append(under, exe)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), childPath+"="+path, childWork+"="+work, fmt.Sprintf("%s=%d", childMax, n))
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// told is what a child has written. It says when something was acknowledged.
type told struct {
	text         bytes.Buffer
	acknowledged chan struct{}
	once         sync.Once
}

func (o *told) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte("+ ")) || bytes.Contains(b, []byte("\n+ ")) {
		o.once.Do(func() { close(o.acknowledged) })
	}
	return o.text.Write(b)
}

// account is what the children were told.
type account struct {
	sums     map[string]string // of what was acknowledged
	deleted  map[string]bool   // what may be gone
	answered map[string]bool
	pending  map[string]bool
}

func newAccount() *account {
	return &account{map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

func (a *account) add(out string) {
	for _, line := range strings.SplitAfter(out, "\n") {
		f := strings.Fields(line)
		switch {
		case !strings.HasSuffix(line, "\n") || len(f) < 2: // the last one was cut
		case f[0] == "+":
			a.sums[f[1]] = f[2]
		case f[0] == "-":
			a.deleted[f[1]] = true
		case f[0] == "attempt":
			a.answered[f[1]] = true
		case f[0] == "pending":
			a.pending[f[1]] = true
		}
	}
}

// check compares the store with the account: everything acknowledged is there,
// once, byte for byte.
func (a *account) check(t *testing.T, s *store.Store) {
	t.Helper()
	a.listed(t, s)
	if err := s.Consistent(t.Context()); err != nil {
		t.Error(err)
	}
}

func (a *account) acknowledged(d *webhook.Delivery) {
	sum := sha256.Sum256(d.Body)
	a.sums[d.ID] = hex.EncodeToString(sum[:])
}

// listed is check by the list alone.
func (a *account) listed(t *testing.T, s *store.Store) {
	t.Helper()
	page, err := s.List(t.Context(), store.Query{})
	if err != nil || len(page.Damaged) > 0 {
		t.Fatalf("List: %v, damaged %v", err, page.Damaged)
	}
	queue, err := s.Pending(t.Context(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	queued := map[string]bool{}
	for _, r := range queue {
		queued[r.ID] = true
	}
	seen := map[string]bool{}
	for _, d := range page.Deliveries {
		if seen[d.ID] {
			t.Errorf("%s is there twice", d.ID)
		}
		seen[d.ID] = true
		sum := sha256.Sum256(d.Body)
		if want, ok := a.sums[d.ID]; ok && want != hex.EncodeToString(sum[:]) {
			t.Errorf("%s has another body", d.ID)
		}
		if a.answered[d.ID] && (d.Response == nil || d.Response.Status != 200) {
			t.Errorf("%s has lost its answer", d.ID)
		}
		if a.pending[d.ID] && !queued[d.ID] {
			t.Errorf("%s has lost its redelivery", d.ID)
		}
	}
	for id := range a.sums {
		if !seen[id] && !a.deleted[id] {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
}

// TestKill kills a process under load, again and again, at random moments.
// HOOKS_TEST_CRASH_CYCLES says how often.
func TestKill(t *testing.T) {
	t.Parallel()
	cycles, longest := 3, 300*time.Millisecond
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_CRASH_CYCLES")); err == nil {
		cycles, longest = n, 1500*time.Millisecond
	}
	path := filepath.Join(t.TempDir(), "events.db")
	sum := newAccount()
	for cycle := range cycles {
		out := &told{acknowledged: make(chan struct{})}
		cmd := start(t, path, "churn", 0, out)
		if cycle == cycles-1 { // the others may be killed before there was anything
			select {
			case <-out.acknowledged:
			case <-time.After(2 * time.Minute):
				t.Error("nothing is acknowledged")
			}
		}
		timer := time.NewTimer(50*time.Millisecond + rand.N(longest))
		<-timer.C
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		sum.add(out.text.String())
		began := time.Now()
		s, err := store.Open(t.Context(), path, store.Options{Now: time.Now})
		if err != nil {
			t.Fatalf("cycle %d: %v", cycle, err)
		}
		mustAppend(t, s, sample(fmt.Sprintf("evt_after_%d", cycle)))
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("cycle %d: ready after %v", cycle, took)
		}
		// Every cycle while there are few of them, else now and then.
		if cycle%20 == 19 || cycle >= cycles-3 {
			sum.check(t, s)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d cycles, %d acknowledged", cycles, len(sum.sums))
	if len(sum.sums) == 0 {
		t.Error("nothing was acknowledged: the test has tested nothing")
	}
}

// TestProcesses has four processes write and two read at once, while a fifth
// is stopped for a moment with whatever it holds.
func TestProcesses(t *testing.T) {
	t.Parallel()
	each, stopped := 250, 300*time.Millisecond
	if os.Getenv("HOOKS_TEST_CRASH_CYCLES") != "" {
		each, stopped = 5_000, 3*time.Second
	}
	path := filepath.Join(t.TempDir(), "events.db")
	s := openAt(t, path, store.Options{})
	told := newAccount()
	outs := make([]bytes.Buffer, 7)
	var cmds []*exec.Cmd
	for i := range outs {
		work, n := "append", each
		if i >= 5 {
			work, n = "read", each/5
		}
		cmds = append(cmds, start(t, path, work, n, &outs[i]))
	}
	pause(t, cmds[4], stopped)
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
		told.add(outs[i].String())
	}
	if want := 5 * each; len(told.sums) != want {
		t.Errorf("%d acknowledged, want %d", len(told.sums), want)
	}
	told.check(t, s)
}

// pause stops a process for a while in which it holds a lock or does not.
func pause(t *testing.T, cmd *exec.Cmd, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(150 * time.Millisecond)
	<-timer.C
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	timer.Reset(d)
	<-timer.C
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}
