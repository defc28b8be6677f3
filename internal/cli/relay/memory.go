package relay

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/units"
)

// memoryBudget reads --memory: a size, a share of what this machine or
// container has, or off. It is 0 where nothing bounds it.
func memoryBudget(text string) (int64, error) {
	share, isShare := strings.CutSuffix(text, "%")
	switch {
	case text == "off":
		return 0, nil
	case isShare:
		n, err := strconv.Atoi(share)
		if err != nil || n < 1 || n > 100 {
			return 0, cli.Usagef("--memory is a size such as 512MiB, a share such as 75%%, or off")
		}
		return memoryLimit(os.ReadFile) / 100 * int64(n), nil
	}
	n, err := units.ParseSize(text)
	if err != nil || n < 32<<20 {
		return 0, cli.Usagef("--memory is a size of at least 32MiB, a share such as 75%%, or off")
	}
	return n, nil
}

// memoryLimit is how much memory there is for this process, 0 if that cannot
// be known: what its control group may have, else what the machine has.
func memoryLimit(read func(string) ([]byte, error)) int64 {
	limit := int64(0)
	consider := func(n int64, err error) {
		if err == nil && n > 0 && (limit == 0 || n < limit) {
			limit = n
		}
	}
	if text, err := read("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
				n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				consider(n<<10, err)
			}
		}
	}
	files := []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}
	if text, err := read("/proc/self/cgroup"); err == nil {
		for line := range strings.Lines(string(text)) {
			if group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
				files = append(files, filepath.Join("/sys/fs/cgroup", filepath.Clean("/"+group), "memory.max"))
			}
		}
	}
	for _, name := range files {
		if text, err := read(name); err == nil {
			consider(strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)) // "max" is no bound
		}
	}
	return limit
}

// boundHeap has garbage collected in time for the budget.
func boundHeap(budget int64, getenv func(string) string) {
	if budget > 0 && getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(budget)
	}
}

// tidyEvery is how long nothing may have been collected before a relay tidies up.
const tidyEvery = 10 * time.Second

// tidyUp gives back what is not used any more while there is little to do. A
// relay holds thousands of idle links, which make so little garbage that what
// their greetings left would stay for minutes, and memory is what it runs out
// of first. A busy one collects its garbage anyway.
func tidyUp(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for last := readHeap(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := readHeap()
		if now.untidy(last) {
			debug.FreeOSMemory()
			now = readHeap()
		}
		last = now
	}
}

// A heap is how it stands with the memory of this process.
type heap struct {
	collections uint64
	live, held  uint64 // bytes that were in use when garbage was last collected, and that objects take now
}

func readHeap() heap {
	s := []metrics.Sample{
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
	}
	metrics.Read(s)
	return heap{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64()}
}

// untidy says that garbage has piled up and nothing was collected since before.
func (h heap) untidy(before heap) bool {
	return h.collections == before.collections && h.held > h.live+max(h.live/8, 1<<20)
}
