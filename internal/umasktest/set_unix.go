//go:build unix

package umasktest

import "syscall"

func set(mask int) { syscall.Umask(mask) }
