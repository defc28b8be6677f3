//go:build !unix

package child

import "os/exec"

func ownGroup(*exec.Cmd) {}

// terminate ends the child at once: there is no way to ask it.
func terminate(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
