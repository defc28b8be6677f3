//go:build !unix

package umasktest

func set(int) {} // there is none
