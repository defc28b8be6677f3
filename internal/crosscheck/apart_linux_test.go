package crosscheck

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// noLoopback is what the test says in a network that has none.
const noLoopback = "the network has no loopback: "

// ranApart runs the test as a process of its own in a network of its own, where
// nobody else has a port. It reports false where the caller is that process, or
// where such a network is not to be had.
func ranApart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(builtProgram) != "" {
		if err := loopbackUp(); err != nil {
			t.Skip(noLoopback, err)
		}
		return false
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), builtProgram+"="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Logf("not in a network of its own: %v", err)
		return false
	}
	err = cmd.Wait()
	switch {
	case strings.Contains(said.String(), noLoopback): // a system that gives a network and no right to use it
		return false
	case err != nil || !strings.Contains(said.String(), "--- PASS: "+t.Name()):
		t.Errorf("%v\n%s", err, &said)
	}
	return true
}

// loopbackUp starts the only device that a new network has.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}
