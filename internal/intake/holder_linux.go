package intake

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// holder names the program that listens on a port, as far as this user may
// see: the kernel lists sockets by inode, and every process its open files.
func holder(port int) string {
	inodes := listening(port)
	if len(inodes) == 0 {
		return ""
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !inodes[target] {
			continue
		}
		pid := strings.Split(link, "/")[2]
		name, err := os.ReadFile("/proc/" + pid + "/comm")
		if err != nil {
			continue
		}
		return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), pid)
	}
	return "a program of another user"
}

// listening returns the sockets that listen on a port, as the links of
// /proc/PID/fd name them.
func listening(port int) map[string]bool {
	found := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			// sl local_address rem_address st … inode: fields 1, 3 and 9
			cols := strings.Fields(lines.Text())
			if len(cols) < 10 || cols[3] != "0A" {
				continue
			}
			_, hex, _ := strings.Cut(cols[1], ":")
			if n, err := strconv.ParseUint(hex, 16, 16); err == nil && int(n) == port {
				found["socket:["+cols[9]+"]"] = true
			}
		}
		_ = f.Close()
	}
	return found
}
