package relay

import (
	"io/fs"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	const machine = "MemTotal:        8000000 kB\nMemFree: 1 kB\n"
	for name, tt := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing-known": {nil, 0},
		"machine":       {map[string]string{"/proc/meminfo": machine}, 8_000_000 << 10},
		"container":     {map[string]string{"/proc/meminfo": machine, "/sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"unbounded":     {map[string]string{"/proc/meminfo": machine, "/sys/fs/cgroup/memory.max": "max\n"}, 8_000_000 << 10},
		"service": {map[string]string{
			"/proc/meminfo": machine, "/proc/self/cgroup": "0::/system.slice/hooks-relay.service\n",
			"/sys/fs/cgroup/system.slice/hooks-relay.service/memory.max": "1073741824\n",
		}, 1 << 30},
		"old-container": {map[string]string{"/proc/meminfo": machine, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n"}, 256 << 20},
	} {
		got := memoryLimit(func(name string) ([]byte, error) {
			if text, ok := tt.files[name]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		})
		if got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestMemoryBudget(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"off": 0, "512MiB": 512 << 20} {
		if got, err := memoryBudget(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0%", "101%", "x%", "1MiB", "lots"} {
		if _, err := memoryBudget(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestUntidy(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	before := heap{collections: 7, live: 40 * mib, held: 41 * mib}
	for _, c := range []struct {
		why  string
		now  heap
		want bool
	}{
		{"little has come since", heap{7, 40 * mib, 44 * mib}, false},
		{"much has come and nobody collected it", heap{7, 40 * mib, 60 * mib}, true},
		{"it was collected meanwhile", heap{8, 40 * mib, 60 * mib}, false},
		{"a small heap", heap{7, mib, 2*mib - 1}, false},
	} {
		if got := c.now.untidy(before); got != c.want {
			t.Errorf("%s: untidy = %v", c.why, got)
		}
	}
	if h := readHeap(); h.held == 0 {
		t.Errorf("readHeap = %+v", h)
	}
}
