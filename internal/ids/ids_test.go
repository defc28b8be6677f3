package ids_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
)

// perProcess is how many ids each process of TestProcesses makes.
const perProcess = 100_000

// TestMain makes ids instead of running tests where TestProcesses asks for it.
func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv("HOOKS_TEST_IDS")); err == nil {
		printIDs(n)
		return
	}
	os.Exit(m.Run())
}

func printIDs(n int) {
	w := bufio.NewWriter(os.Stdout)
	defer w.Flush()
	var g ids.Generator
	for range n {
		w.WriteString(g.New(time.Now()) + "\n")
	}
}

func TestNewForm(t *testing.T) {
	t.Parallel()
	var g ids.Generator
	at := time.UnixMilli(1_700_000_000_123)
	id := g.New(at)
	if len(id) != ids.Length || !strings.HasPrefix(id, "dlv_01hf7yat3v") {
		t.Errorf("New = %q, want dlv_01hf7yat3v and 16 more", id)
	}
	raw, err := ids.Parse(id)
	if err != nil || raw.String() != id || !raw.Time().Equal(at) {
		t.Errorf("Parse(%q) = %v at %v, %v, want it back at %v", id, raw, raw.Time(), err, at)
	}
}

func TestSameEntropySameIDs(t *testing.T) {
	t.Parallel()
	make2 := func() []string {
		g := ids.Generator{Entropy: bytes.NewReader(bytes.Repeat([]byte{1, 2, 3}, 10))}
		at := time.UnixMilli(1_700_000_000_000)
		return []string{g.New(at), g.New(at), g.New(at.Add(time.Second))}
	}
	if a, b := make2(), make2(); !slices.Equal(a, b) {
		t.Errorf("%v and then %v from the same entropy", a, b)
	}
}

// TestOrder holds through a clock that steps back an hour, and through 10,000
// ids in one millisecond.
func TestOrder(t *testing.T) {
	t.Parallel()
	var g ids.Generator
	now := time.Now()
	var got []string
	for i := range 30_000 {
		switch {
		case i < 10_000: // all in one millisecond
		case i < 20_000:
			now = now.Add(100 * time.Microsecond)
		case i == 20_000:
			now = now.Add(-time.Hour)
		default:
			now = now.Add(time.Millisecond)
		}
		got = append(got, g.New(now))
	}
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			t.Fatalf("id %d, %s, does not sort after %s", i, got[i], got[i-1])
		}
	}
}

func TestOverflowOfAMillisecond(t *testing.T) {
	t.Parallel()
	g := ids.Generator{Entropy: bytes.NewReader(append(bytes.Repeat([]byte{0xff}, 10), 1, 2, 3, 4))}
	at := time.UnixMilli(1_700_000_000_000)
	first, second := g.New(at), g.New(at)
	if second <= first {
		t.Errorf("%s after %s", second, first)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	var g ids.Generator
	var wg sync.WaitGroup
	lists := make([][]string, 8)
	for i := range lists {
		wg.Go(func() {
			for range 2_000 {
				lists[i] = append(lists[i], g.New(time.Now()))
			}
		})
	}
	wg.Wait()
	distinct(t, slices.Concat(lists...), 16_000)
	for _, list := range lists {
		if !slices.IsSorted(list) {
			t.Error("what one caller got is not in order")
		}
	}
}

// TestProcesses makes ids in eight processes at once: none may meet.
func TestProcesses(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n := perProcess
	if testing.Short() {
		n = 5_000
	}
	outs := make([]bytes.Buffer, 8)
	var wg sync.WaitGroup
	for i := range outs {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), exe)
			cmd.Env = append(os.Environ(), fmt.Sprintf("HOOKS_TEST_IDS=%d", n))
			cmd.Stdout = &outs[i]
			if err := cmd.Run(); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	var all []string
	for i := range outs {
		list := strings.Fields(outs[i].String())
		if !slices.IsSorted(list) {
			t.Errorf("ids of process %d are not in order", i)
		}
		all = append(all, list...)
	}
	distinct(t, all, 8*n)
}

func distinct(t *testing.T, list []string, want int) {
	t.Helper()
	if len(list) != want {
		t.Errorf("%d ids, want %d", len(list), want)
	}
	slices.Sort(list)
	if got := len(slices.Compact(list)); got != want {
		t.Errorf("%d of %d ids are distinct", got, want)
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	var g ids.Generator
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Now(), time.Date(10_900, 1, 1, 0, 0, 0, 0, time.UTC)} {
		a, b := g.At(at), g.At(at)
		if _, err := ids.Parse(a); err != nil || a == b {
			t.Errorf("At(%v) = %q and %q, %v", at, a, b, err)
		}
	}
	at := time.UnixMilli(1_700_000_000_000)
	floor, earlier := ids.Floor(at), ids.Floor(at.Add(-time.Millisecond))
	if id := g.At(at); id < floor.String() || id < earlier.String() {
		t.Errorf("At(%v) = %s sorts before Floor %s", at, id, floor)
	}
	if id := g.At(at.Add(-time.Millisecond)); id >= floor.String() {
		t.Errorf("an id of the millisecond before, %s, does not sort before Floor %s", id, floor)
	}
}

// FuzzParse: what is accepted prints back as itself, and what is refused
// leaves nothing behind.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"dlv_01hf7yat3v0000000000000000", "dlv_7zzzzzzzzzzzzzzzzzzzzzzzzz", "dlv_8zzzzzzzzzzzzzzzzzzzzzzzzz",
		"dlv_01HF7YAT3V0000000000000000", "dlv_01hf7yat3v000000000000000", "dlv_01hf7yat3v000000000000000i", "evt_1", "",
		"dlv_01hf7yat3v00000000000000é", strings.Repeat("dlv_", 1000),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		raw, err := ids.Parse(in)
		switch {
		case err != nil && (raw != ids.Raw{} || !errors.Is(err, ids.ErrMalformed)):
			t.Errorf("Parse(%q) = %v, %v", in, raw, err)
		case err == nil && raw.String() != in:
			t.Errorf("Parse(%q) prints back as %q", in, raw)
		}
	})
}

func BenchmarkNew(b *testing.B) {
	var g ids.Generator
	now := time.Now()
	for b.Loop() {
		g.New(now)
	}
}
