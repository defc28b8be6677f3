package relay

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

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
