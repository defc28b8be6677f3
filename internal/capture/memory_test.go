package capture

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/intake"
)

// serveAlone is the pipeline in a process of its own, whose memory is its own.
// It says where it listens and ends when its standard input does.
func serveAlone(t *testing.T) {
	debug.SetMemoryLimit(HeapLimit)
	_, in, end := pipeline(t)
	defer end()
	in.Limits.Memory = BodyMemory
	ls, err := intake.Bind(context.Background(), listenAnywhere())
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = in.Serve(ls...) }()
	fmt.Printf("listening http://%s\n", ls[0].Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = in.Close()
}

const aloneVariable = "HOOKS_TEST_ALONE"

// Many great bodies at once are taken one after the other: what is in memory
// stays within bounds, and whoever cannot be served in time is told so.
// HOOKS_TEST_BODIES says how many; alone, it is a short form.
func TestMemory(t *testing.T) {
	t.Parallel()
	if os.Getenv(aloneVariable) != "" {
		serveAlone(t)
		return
	}
	if runtime.GOOS != "linux" || underRace {
		t.Skip("the memory of another process is read from /proc, and only that of the program counts")
	}
	bodies := 10
	if s := os.Getenv("HOOKS_TEST_BODIES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		bodies = n
	}
	url, pid := startAlone(t)
	var taken, busy int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range bodies {
		wg.Go(func() {
			resp, err := http.Post(url, "application/octet-stream", io.LimitReader(endless{}, 25<<20))
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			switch resp.StatusCode {
			case 200:
				taken++
			case 503:
				busy++
			default:
				t.Errorf("answer = %d", resp.StatusCode)
			}
		})
	}
	wg.Wait()
	peak := peakMemory(t, pid)
	t.Logf("%d bodies of 25 MiB at once: %d taken, %d told to come again, %d MiB at most", bodies, taken, busy, peak>>20)
	if taken == 0 || peak > 256<<20 {
		t.Errorf("%d taken, %d MiB at most, want at most 256", taken, peak>>20)
	}
}

func startAlone(t *testing.T) (url string, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestMemory$")
	cmd.Env = append(os.Environ(), aloneVariable+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
		cancel()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if err != nil || !ok {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	return url, cmd.Process.Pid
}

// endless is a body without end that is not JSON.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i)
	}
	return len(p), nil
}

// peakMemory is the most that a process has had in memory, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("the system does not say")
	return 0
}
